"""Every way in which one IP address may be written in a request: found, and shortened where the spelling allows it.

Plain in either case, expanded or compressed IPv6, percent-encoded (more than once too), JSON- or HTML-escaped,
IPv4-mapped and its relatives: these are shortened in place. Hex, decimal and base64 in the three alignments cannot be:
what holds them is not passed on. Rules of this file: every visitor has another address, so nothing is compiled for one
before a text holds what each of its spellings must hold. Time is linear in the text, whatever the text is. Pure.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from functools import cached_property, lru_cache
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import unquote_to_bytes

from proxy.address import Address, embedded, parse, truncate


@lru_cache(maxsize=4096)
def spellings(text: str | None, shorten: bool = True) -> Spellings | None:
    """The spellings of the address that `text` names; None where it names none, or a loopback one (nobody's).
    `shorten` False: none can be replaced."""
    address = parse(text)
    if address is None or address.is_loopback or address.is_unspecified:
        return None
    return Spellings(address, truncate(str(address)) if shorten else None)


class Spellings:
    """How one address may be written, and the shortened address that stands in its place, None where there is none.
    `number`: the address as the number that it is."""

    def __init__(self, address: Address, short: str | None) -> None:
        self.number = int(address)
        self._address = address
        self._short = short
        self._inside = inside = address if isinstance(address, IPv4Address) else embedded(address)
        whole = [address, inside] if inside is not None and inside is not address else [address]
        self._packed = tuple(one.packed for one in whole)
        self._marks = _marks(address, inside)
        self._coded = tuple(map(_Coded, whole))

    def replace(self, text: bytes) -> bytes | None:
        """`text` with every spelling shortened; None where one is there that cannot be."""
        if self._coded_in(text):
            return None
        if not self._may_be_written_in(text):
            return text
        for pattern, short in self._written:
            if short is None:
                if pattern.search(text):
                    return None
            else:
                text = pattern.sub(short, text)
        return text

    def in_text(self, text: bytes) -> bool:
        if self._coded_in(text):
            return True
        return self._may_be_written_in(text) and any(pattern.search(text) for pattern, _ in self._written)

    def in_bytes(self, content: bytes) -> bool:
        """Whether content that may be binary holds it: as text, as UTF-16 text, or as bytes on the wire."""
        return (
            self.in_text(content)
            or (b"\0" in content and self.in_text(content.replace(b"\0", b"")))
            or any(packed in content for packed in self._packed)
        )

    def _coded_in(self, text: bytes) -> bool:
        return any(coded.is_in(layer) for layer in _layers(text) for coded in self._coded)

    def _may_be_written_in(self, text: bytes) -> bool:
        if self._marks is None:
            return True
        bare = _bare(text)
        return any(mark in bare for mark in self._marks)

    @cached_property
    def _written(self) -> tuple[tuple[re.Pattern[bytes], bytes | None], ...]:
        """Patterns, each with what is put in the place of what it finds; None where nothing can be."""
        short, inside = self._short, self._inside
        written: list[tuple[re.Pattern[bytes], bytes | None]] = []
        if isinstance(self._address, IPv6Address):
            written.append((_compiled(_ipv6_pattern(self._address)), short.encode() if short else None))
        if inside is not None:
            short4 = short if isinstance(self._address, IPv4Address) else None
            pair = None if short4 is None else "{:x}:{:x}".format(*_halves(IPv4Address(short4)))
            written.append((_compiled(_dotted(inside)), short4.encode() if short4 else None))
            written.append((_compiled(_pair(inside)), pair.encode() if pair else None))
        return tuple(written)


# ── what is not worth a closer look ──────────────────────────────────────────────────────────────────────────────────

#: One character escaped, as `_unit` has it: its code is the group that is there.
_ESCAPED = re.compile(
    rb"(?:\\|%(?:25){0,4}5c){1,8}(?:u00|x)([0-9a-f]{2})"
    rb"|%(?:25){0,4}([0-9a-f]{2})"
    rb"|&\#(?:x0{0,4}([0-9a-f]{1,2})|0{0,4}([0-9]{1,3}));"
)
_PADDING = re.compile(rb"(?<=\.)0+(?=[0-9])|(?<=:)0+(?=[0-9a-f])")


def _bare(text: bytes) -> bytes:
    """`text` in lower case, without escapes and without the zeros that pad what follows a point or a colon."""
    text = text.lower()
    if b"%" in text or b"\\" in text or b"&#" in text:
        text = _ESCAPED.sub(_unescaped, text).lower()
    return _PADDING.sub(b"", text)


def _unescaped(found: re.Match[bytes]) -> bytes:
    coded = found[1] or found[2] or found[3]
    code = int(coded, 16) if coded else int(found[4])
    return b"%c" % code if code < 128 else b"?"


def _marks(address: Address, inside: IPv4Address | None) -> tuple[bytes, ...] | None:
    """Of which one is in the bare text wherever the address is written in place; None where nothing sure is.

    They leave out its beginning, which may look like the end of an escape (`%2203.0.113.7` is a quote and `03.0.113.7`,
    or `%2` and `203.0.113.7`), and what may be zero: a padding of what follows.
    """
    marks: list[bytes] = []
    if inside is not None:
        low = _halves(inside)[1]
        if low == 0:
            return None
        marks += [b".%d.%d." % tuple(inside.packed[1:3]), b":%x" % low]
    if isinstance(address, IPv6Address):
        groups = [int(group, 16) for group in address.exploded.split(":")]
        longest = max(groups[1:6])  # the last two may be written as IPv4
        if longest == 0:
            return None
        marks.append(b":%x" % longest)
    return tuple(marks)


# ── what cannot be replaced ──────────────────────────────────────────────────────────────────────────────────────────


class _Coded:
    """Hex and decimal of an address's number; hex and base64 of its text and of its bytes."""

    def __init__(self, address: Address) -> None:
        texts = [text.encode() for text in _texts(address)]
        self._hexes = tuple({address.packed.hex().encode(), *(text.hex().encode() for text in texts)})
        self._number = str(int(address)).encode()
        cores = {core for content in (address.packed, *texts) for core in _base64_cores(content)}
        self._cores = tuple(core for core in cores if len(core) >= _SHORTEST_CORE)

    def is_in(self, text: bytes) -> bool:
        lower = text.lower()
        return (
            any(one in lower for one in self._hexes)
            or any(core in text for core in self._cores)
            or (self._number in text and any(found[0] == self._number for found in _NUMBER.finditer(text)))
        )


_NUMBER = re.compile(rb"[0-9]+")


def _layers(text: bytes) -> Iterator[bytes]:
    """`text` as it is, and with each layer of percent-encoding taken off (three at the most)."""
    yield text
    for _ in range(3):
        peeled = unquote_to_bytes(text)
        if peeled == text:
            return
        yield (text := peeled)


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


# ── what can ─────────────────────────────────────────────────────────────────────────────────────────────────────────


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
