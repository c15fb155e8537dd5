"""Where a connection to a vendor may go: its name is resolved once, every address checked, one of them connected to.

Rules of this file: the address that is checked is the address that is connected to (no second look-up, so no
rebinding). One address of a name that is not public condemns the name. TLS still asks for, and is verified against, the
name.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable
from ipaddress import ip_address

import httpcore

from proxy.address import is_public, parse

#: Looks a name up: (host, port) -> addresses as text, best first. Raises OSError where there are none.
Resolve = Callable[[str, int], Awaitable[list[str]]]


class NotPublic(httpcore.ConnectError):
    """The name stands for an address that no vendor has: private, loopback, link-local, multicast or reserved."""


async def resolve(host: str, port: int) -> list[str]:
    """The system's answer for a name."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


def checked(addresses: Iterable[str]) -> list[str]:
    """The addresses, if all of them are public (IPv4-mapped, 6to4 and NAT64 ones by what they carry)."""
    kept = list(dict.fromkeys(addresses))
    for text in kept:
        address = parse(text)
        if address is None or not is_public(address):
            raise NotPublic(f"{text} is no public address")
    if not kept:
        raise httpcore.ConnectError("the name has no address")
    return [str(ip_address(text)) for text in kept]


class Pinned(httpcore.AsyncNetworkBackend):
    """A network backend that connects to checked addresses only."""

    def __init__(self, resolve: Resolve = resolve) -> None:
        self._resolve = resolve
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  (httpcore's interface)
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            async with asyncio.timeout(timeout):
                addresses = checked(await self._resolve(host, port))
        except TimeoutError:
            raise httpcore.ConnectTimeout(f"looking {host} up took longer than {timeout} s") from None
        except OSError as error:
            raise httpcore.ConnectError(f"{host} cannot be looked up: {error}") from None
        for number, address in enumerate(addresses, start=1):
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if number == len(addresses) or number == _TRIED:
                    raise
        raise AssertionError("checked() never gives an empty list")

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)


#: How many of a name's addresses are tried before giving up.
_TRIED = 3
