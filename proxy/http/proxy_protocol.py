"""Who a connection is from, as the server in front says it before the first byte of HTTP (PROXY protocol, versions 1
and 2 of HAProxy's specification). Pure: it decides nothing on whom to believe.

Rules: what begins like a preface must be one, whole and well-formed; what cannot begin one is HTTP. Addresses of other
families than IPv4 and IPv6, and the server's own health checks (UNKNOWN, LOCAL), say nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

_SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
_LINE = re.compile(
    rb"PROXY (?:UNKNOWN(?: [^\r\n]*)?|(TCP[46]) ([0-9A-Fa-f.:]+) ([0-9A-Fa-f.:]+) (\d{1,5}) (\d{1,5}))\r\n"
)
_LONGEST_LINE = 107
#: Bytes that may follow version 2's fixed part: addresses and what a load balancer adds (TLS facts, ids).
_LONGEST_REST = 4096
_FAMILIES = {0x11: (IPv4Address, 4), 0x21: (IPv6Address, 16)}


class NotPreface(ValueError):
    """It begins like a preface and is none."""


@dataclass(frozen=True, slots=True)
class Preface:
    """`length`: its bytes, before the HTTP. `client`: address and port of who connected; None where it says nothing."""

    length: int
    client: tuple[str, int] | None


def read_preface(came: bytes) -> Preface | None:
    """The preface that a connection begins with, of length 0 where it begins with something else; None while more must
    come. Raises `NotPreface`."""
    if came.startswith(_SIGNATURE):
        return _binary(came)
    if came.startswith(b"PROXY "):
        return _line(came)
    return None if _SIGNATURE.startswith(came) or b"PROXY ".startswith(came) else Preface(0, None)


def _line(came: bytes) -> Preface | None:
    end = came.find(b"\r\n", 0, _LONGEST_LINE) + 2
    if end < 2:
        if len(came) >= _LONGEST_LINE:
            raise NotPreface("a line that does not end")
        return None
    found = _LINE.fullmatch(came, 0, end)
    if found is None:
        raise NotPreface("an unreadable line")
    if found[1] is None:
        return Preface(end, None)
    try:
        address = ip_address(found[2].decode())
        ip_address(found[3].decode())
    except ValueError:
        raise NotPreface("an unreadable address") from None
    port = int(found[4])
    if f"TCP{address.version}" != found[1].decode() or port > 65535 or int(found[5]) > 65535:
        raise NotPreface("an address of another family, or no port")
    return Preface(end, (str(address), port))


def _binary(came: bytes) -> Preface | None:
    if len(came) < 16:
        return None
    command, family, rest = came[12], came[13], int.from_bytes(came[14:16], "big")
    if command not in (0x20, 0x21) or rest > _LONGEST_REST:
        raise NotPreface("an unknown version or command, or too long")
    if len(came) < 16 + rest:
        return None
    if command == 0x20 or family not in _FAMILIES:
        return Preface(16 + rest, None)
    kind, size = _FAMILIES[family]
    if rest < 2 * size + 4:
        raise NotPreface("addresses that break off")
    source = kind(came[16 : 16 + size])
    port = int.from_bytes(came[16 + 2 * size : 18 + 2 * size], "big")
    return Preface(16 + rest, (str(source), port))
