"""Where to listen: addresses read, sockets bound, and whether two addresses are one place.

Rules of this file: sockets are bound before anything else is started, so that a taken port starts nothing; what cannot
be bound is told with the option that asked for it. Port 0 takes a free one.
"""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from proxy.errors import Problem, Refused

#: Connections that may wait to be accepted.
BACKLOG = 2048


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """Where to listen. `str()` is how it is written: 127.0.0.1:8000, [::1]:8000."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """The address as somebody on this machine would open it."""
        return f"http://{ListenAddress(_ANY.get(self.host, self.host), self.port)}"


_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  (read, not bound)


def read_address(text: str) -> ListenAddress:
    """HOST:PORT, [IPv6]:PORT or :PORT (this machine only). Raises ValueError with what would be right."""
    host, colon, port = text.rpartition(":")
    right = f"{text!r} is not HOST:PORT; write 127.0.0.1:8000, [::1]:8000 or 0.0.0.0:8000"
    if not colon or not port.isascii() or not port.isdigit():
        raise ValueError(right)
    if int(port) > 65535:
        raise ValueError(f"{port} is not a port; ports run from 0 (any free one) to 65535")
    if host.startswith("[") and host.endswith("]"):
        try:
            return ListenAddress(str(IPv6Address(host[1:-1])), int(port))
        except ValueError:
            raise ValueError(right) from None
    if ":" in host or "[" in host or "/" in host or host != host.strip() or " " in host:
        raise ValueError(right)
    return ListenAddress(host or "127.0.0.1", int(port))


def bind(address: ListenAddress, option: str) -> socket.socket:
    """A listening socket. Raises `Refused`, naming the option, where the address cannot be had."""
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise _not_bound(option, f"{address.host} is no address of this machine: {_said(error)}.") from None
    family, _, _, _, place = found[0]
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(address.host != "::"))
        listener.bind(place)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        why = _WHY.get(error.errno or 0, "{} cannot be listened on: {}.")
        raise _not_bound(option, why.format(address, _said(error))) from None
    listener.setblocking(False)
    return listener


_WHY = {
    errno.EADDRINUSE: "{} is in use by another process.",
    errno.EACCES: "{} may not be listened on by this user (ports below 1024 need a privilege).",
    errno.EADDRNOTAVAIL: "{} is no address of this machine.",
}


def _said(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _not_bound(option: str, message: str) -> Refused:
    return Refused(
        [Problem(option, None, "", message, f"Choose another with {option} HOST:PORT, or :0 for any free port.")]
    )


def address_of(listener: socket.socket) -> ListenAddress:
    """The address a socket is bound to, with its real port."""
    host, port, *_ = listener.getsockname()
    return ListenAddress(str(host), int(port))


def same_place(url_host: str, url_port: int, address: ListenAddress) -> bool:
    """Whether a URL's host and port lead to this address: a proxy must not be put in front of itself."""
    if url_port != address.port or address.port == 0:
        return False
    ours, theirs = _numbers(address.host), _numbers(url_host)
    if any(number.is_unspecified for number in ours):
        return any(number.is_loopback or number.is_unspecified for number in theirs)
    return not ours.isdisjoint(theirs)


def _numbers(host: str) -> frozenset[IPv4Address | IPv6Address]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return frozenset()
    return frozenset(ip_address(str(place[0]).partition("%")[0]) for *_, place in found)
