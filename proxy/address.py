"""A visitor's IP address: shortened for vendors, and found wherever it is written.

Rules of this file: `truncate` fails to nothing. What it cannot read, what is nobody's public address and what would
carry a whole address inside a shorter one gives None, never the text that came. Documentation networks count as public:
they are nobody's, and stand for public addresses in every example. `spellings` knows the ways to write one address that
a request may use; what it finds is replaced by the shortened address where the spelling allows it. Pure.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import unquote_to_bytes

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


@dataclass(frozen=True, slots=True)
class Spellings:
    """How one address may be written. `written` can be replaced in place; `coded` cannot: what holds it is dropped.

    `written` pairs a pattern with what is put in its place, None where there is no shortened address. `packed` is the
    address as bytes on the wire, looked for in binary bodies only.
    """

    written: tuple[tuple[re.Pattern[bytes], bytes | None], ...]
    coded: tuple[re.Pattern[bytes], ...]
    packed: tuple[bytes, ...]
    number: int

    def replace(self, text: bytes) -> bytes | None:
        """`text` with every spelling shortened; None where one is there that cannot be."""
        if self._coded_in(text):
            return None
        for pattern, short in self.written:
            if short is None:
                if pattern.search(text):
                    return None
            else:
                text = pattern.sub(short, text)
        return text

    def in_text(self, text: bytes) -> bool:
        return any(pattern.search(text) for pattern, _ in self.written) or self._coded_in(text)

    def in_bytes(self, content: bytes) -> bool:
        """Whether content that may be binary holds it: as text, as UTF-16 text, or as bytes on the wire."""
        return (
            self.in_text(content)
            or (b"\0" in content and self.in_text(content.replace(b"\0", b"")))
            or any(packed in content for packed in self.packed)
        )

    def _coded_in(self, text: bytes) -> bool:
        return any(pattern.search(layer) for layer in _layers(text) for pattern in self.coded)


def _layers(text: bytes) -> Iterator[bytes]:
    """`text` as it is, and with each layer of percent-encoding taken off (three at the most)."""
    yield text
    for _ in range(3):
        peeled = unquote_to_bytes(text)
        if peeled == text:
            return
        yield (text := peeled)


@lru_cache(maxsize=4096)
def spellings(text: str | None, shorten: bool = True) -> Spellings | None:
    """The spellings of the address that `text` names; None where it names none, or a loopback one (nobody's).

    Plain in either case, expanded or compressed IPv6, percent-encoded (more than once too), JSON- or HTML-escaped,
    IPv4-mapped and its relatives; hex, decimal and base64 in the three alignments. `shorten` False: none can be
    replaced.
    """
    address = parse(text)
    if address is None or address.is_loopback or address.is_unspecified:
        return None
    short = truncate(str(address)) if shorten else None
    inside = address if isinstance(address, IPv4Address) else embedded(address)
    written: list[tuple[re.Pattern[bytes], bytes | None]] = []
    if isinstance(address, IPv6Address):
        written.append((_compiled(_ipv6_pattern(address)), short.encode() if short else None))
    if inside is not None:
        short4 = short if isinstance(address, IPv4Address) else None
        pair = None if short4 is None else "{:x}:{:x}".format(*_halves(IPv4Address(short4)))
        written.append((_compiled(_dotted(inside)), short4.encode() if short4 else None))
        written.append((_compiled(_pair(inside)), pair.encode() if pair else None))
    whole: list[Address] = [address, inside] if inside is not None and inside is not address else [address]
    return Spellings(
        tuple(written),
        tuple(pattern for one in whole for pattern in _coded(one)),
        tuple(one.packed for one in whole),
        int(address),
    )


@lru_cache(maxsize=256)
def _unit(char: str) -> str:
    """One ASCII character plain, percent-encoded (five times over at the most), `\\u00XX`- or `&#NN;`-escaped."""
    codes = sorted({ord(char.lower()), ord(char.upper())})
    hexes = "|".join(f"{code:02x}" for code in codes)
    decimals = "|".join(str(code) for code in codes)
    percent = "%(?:25){0,4}"  # every repetition is bounded, so that hostile text costs linear time
    backslash = rf"(?:\\|{percent}5c){{1,8}}"
    reference = rf"&\#(?:0{{0,4}}(?:{decimals})|x0{{0,4}}(?:{hexes}));"
    return rf"(?:{re.escape(char)}|{percent}(?:{hexes})|{backslash}(?:u00|x)(?:{hexes})|{reference})"


def _units(text: str) -> str:
    return "".join(map(_unit, text))


def _compiled(pattern: str) -> re.Pattern[bytes]:
    return re.compile(pattern.encode("ascii"), re.IGNORECASE)


def _dotted(address: IPv4Address) -> str:
    """203.0.113.7, octets with leading zeros too."""
    return _unit(".").join(_unit("0") + "{0,2}" + _units(octet) for octet in str(address).split("."))


def _halves(address: IPv4Address) -> tuple[int, int]:
    return int(address) >> 16, int(address) & 0xFFFF


def _pair(address: IPv4Address) -> str:
    """cb00:7107: the end of an IPv4-mapped address, the middle of a 6to4 one."""
    high, low = _halves(address)
    return _group(high) + _unit(":") + _group(low)


def _group(value: int) -> str:
    digits = f"{value:x}" if value else "0"
    return _unit("0") + f"{{0,{4 - len(digits)}}}" + _units(digits)


def _ipv6_pattern(address: IPv6Address) -> str:
    """Every way to compress and pad it, its last 32 bits written as IPv4 too (RFC 4291, 2.2)."""
    groups = [int(group, 16) for group in address.exploded.split(":")]
    dotted = _dotted(IPv4Address(int(address) & 0xFFFF_FFFF))
    return f"(?:{_groups(groups[:6])}{_unit(':')}{dotted}|{_groups(groups)})"


def _groups(groups: list[int]) -> str:
    """A run of zero groups may be written out, shortened anywhere, or left out."""
    colon, zero = _unit(":"), _unit("0")
    parts: list[str] = []
    at = 0
    while at < len(groups):
        run = at
        while run < len(groups) and groups[run] == 0:
            run += 1
        if run > at:
            opening = "" if parts else f"(?:{zero}{{1,4}})?"
            parts.append(opening + f"(?:{colon}{zero}{{0,4}}){{1,{run - at + 1}}}")
            at = run
        else:
            separator = colon if parts else ""
            parts.append(separator + _group(groups[at]))
            at += 1
    return "".join(parts)


def _coded(address: Address) -> Iterator[re.Pattern[bytes]]:
    """Hex and decimal of the number; hex and base64 of the text and of the bytes."""
    texts = _texts(address)
    hexes = {address.packed.hex(), *(text.encode().hex() for text in texts)}
    yield re.compile("|".join(sorted(hexes)).encode(), re.IGNORECASE)
    yield re.compile(rf"(?<!\d){int(address)}(?!\d)".encode())
    cores = {
        core for content in (address.packed, *(text.encode() for text in texts)) for core in _base64_cores(content)
    }
    yield re.compile(b"|".join(re.escape(core) for core in sorted(cores) if len(core) >= _SHORTEST_CORE))


#: Shorter runs of base64 would be found in any id: the four bytes of an IPv4 address give 5, 4 and 5 characters.
_SHORTEST_CORE = 5


def _texts(address: Address) -> set[str]:
    """The texts that are looked for in hex and base64; what stands before or after them there does not matter."""
    if isinstance(address, IPv4Address):
        high, low = _halves(address)
        plain = {str(address), f"{high:x}:{low:x}", f"{high:04x}:{low:04x}"}
    else:
        unpadded = ":".join(f"{int(group, 16):x}" for group in address.exploded.split(":"))
        plain = {address.compressed, address.exploded, unpadded}
    return plain | {text.upper() for text in plain}


_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def _base64_cores(content: bytes) -> Iterator[bytes]:
    """The characters that base64 of anything with `content` in it must hold, at each of the three alignments."""
    for offset in range(3):
        coded = base64.b64encode(b"\0" * offset + content + b"\0" * 2)
        first, last = -(-offset * 8 // 6), (offset + len(content)) * 8 // 6
        core = coded[first:last]
        yield core
        yield core.translate(_URL_SAFE)
