"""A visitor's IP address: read, and shortened for vendors. Where it may be written is `proxy.spellings`.

Rules of this file: `truncate` fails to nothing. What it cannot read, what is nobody's public address and what would
carry a whole address inside a shorter one gives None, never the text that came. Documentation networks count as public:
they are nobody's, and stand for public addresses in every example. Pure.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
_Network = IPv4Network | IPv6Network

#: How much of an address a vendor may get (`[privacy] ip = "truncate"`).
KEPT_BITS = {4: 24, 6: 48}

#: RFC 5737, RFC 3849, RFC 9637.
_DOCUMENTATION: tuple[_Network, ...] = tuple(
    ip_network(text) for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20")
)
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052
_SIX_TO_FOUR = IPv6Network("2002::/16")  # RFC 3056

_WITH_PORT = re.compile(r"\[(?P<inside>[^\[\]]+)\](?::\d{1,5})?\Z|(?P<v4>[\d.]+):\d{1,5}\Z")


def parse(text: str | None) -> Address | None:
    """The address that a header or a field names, white space and quotes around it taken off (RFC 7239), or None."""
    if text is None or len(text) > 100:
        return None
    return parse_exact(text.strip().strip('"').strip())


@lru_cache(4096)
def parse_exact(text: str) -> Address | None:
    """The address that a text is, or None.

    Ports, brackets and zone ids are taken off (`[2001:db8::1%25en0]:443`), IPv4-mapped addresses are unwrapped. Octets
    with leading zeros are refused: readers disagree on whether they are octal.
    """
    found = _WITH_PORT.match(text)
    bare = (found["inside"] or found["v4"] if found else text).partition("%")[0]
    try:
        address = ip_address(bare)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def embedded(address: Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address carries in it: IPv4-mapped, 6to4 or NAT64; else None."""
    if isinstance(address, IPv4Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _SIX_TO_FOUR:
        return address.sixtofour
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return None


def is_public(address: Address) -> bool:
    """Whether this is a unicast address of the public Internet (the IANA special-purpose registries)."""
    if (inside := embedded(address)) is not None:
        return is_public(inside)
    return address.is_global and not address.is_multicast and not address.is_reserved


def truncate(text: str | None) -> str | None:
    """IPv4 cut to /24, IPv6 to /48, IPv4-mapped unwrapped first; None for all that is no public address.

    6to4 and NAT64 addresses give None: their first 48 bits carry a whole IPv4 address, or say nothing.
    """
    address = parse(text)
    if address is None or embedded(address) is not None:
        return None
    if not is_public(address) and not any(
        network.version == address.version and address in network for network in _DOCUMENTATION
    ):
        return None
    drop = address.max_prefixlen - KEPT_BITS[address.version]
    return str(type(address)(int(address) >> drop << drop))
