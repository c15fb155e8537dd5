"""A tag's attributes as browsers read them, and values as they may be written back (WHATWG HTML 13.2.5.32-40, 72-80).

Rules of this file: names are lower case, the first of two attributes of one name holds, a later one is nothing to a
browser. Values are decoded only to be read; what is written is escaped for the quotes it stands in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.entities import html5
from typing import NamedTuple

from proxy.html import grammar


class Attribute(NamedTuple):
    """One attribute of a tag, at `tag[start:end]`, its value, after the quote if any, from `value_start`.

    `quote` is the byte around the value, b"" for none; `raw` is the value as it stands, `first` is False for a repeated
    name, which browsers ignore.
    """

    name: bytes
    start: int
    end: int
    value_start: int
    quote: bytes
    raw: bytes
    first: bool


_QUOTES = (b"", b"", b'"', b"'", b"")


def parse(tag: bytes) -> list[Attribute]:
    """The attributes of a whole start or end tag, in order."""
    found: list[Attribute] = []
    seen: set[bytes] = set()
    for match in grammar.ATTRIBUTE.finditer(tag, name_end(tag), len(tag) - 1):
        name = match[1].lower()
        group = match.lastindex or 1
        start, end = match.span(group) if group > 1 else (match.end(), match.end())
        found.append(
            Attribute(name, match.start(), match.end(), start, _QUOTES[group], tag[start:end], name not in seen)
        )
        seen.add(name)
    return found


def name_end(tag: bytes) -> int:
    """Where the name of a tag ends."""
    return grammar.NAME_RUN.match(tag, 2).end()  # type: ignore[union-attr]


def closes_itself(tag: bytes) -> bool:
    """Whether a whole start tag ends in `/>` (and not in an unquoted value that ends in `/`)."""
    if not tag.endswith(b"/>"):
        return False
    last = None
    for last in grammar.ATTRIBUTE.finditer(tag, name_end(tag), len(tag) - 1):  # noqa: B007
        pass
    return last is None or last.end() < len(tag) - 1


# A reference without `;` is one only for the names that have always been; in an attribute not before `=` or a letter.
_REFERENCE = re.compile(
    r"&(?:#[xX]([0-9a-fA-F]+);?|#([0-9]+);?|([A-Za-z][A-Za-z0-9]*;)|("
    + "|".join(sorted((name for name in html5 if not name.endswith(";")), key=len, reverse=True))
    + r")(?![A-Za-z0-9=]))"
)


def decode(raw: bytes, charset: str = "utf-8") -> str:
    """An attribute's value: bytes to text (what is no UTF-8 survives as lone surrogates), references resolved."""
    text = raw.decode(charset, "surrogateescape")
    return _REFERENCE.sub(_resolve, text) if "&" in text else text


def _resolve(match: re.Match[str]) -> str:
    hexadecimal, decimal, named, bare = match.groups()
    if named:
        # `&notit;` is no name, and in an attribute the `not` in it is none either, for a letter follows.
        return html5.get(named, match[0])
    if bare:
        return html5[bare]
    digits, base = (hexadecimal, 16) if hexadecimal else (decimal, 10)
    digits = digits.lstrip("0") or "0"
    return character(int(digits, base) if len(digits) < 9 else 0x110000)


def character(number: int) -> str:
    """What a numeric character reference stands for (WHATWG HTML 13.2.5.80)."""
    if 0x80 <= number <= 0x9F:
        return bytes([number]).decode("cp1252", "ignore") or chr(number)
    if number == 0 or number > 0x10FFFF or 0xD800 <= number <= 0xDFFF:
        return "\ufffd"
    return chr(number)


_ESCAPES = str.maketrans({"&": "&amp;", '"': "&quot;", "'": "&#39;", "<": "&lt;", ">": "&gt;"})


def encode(value: str, quote: bytes) -> bytes:
    """A value as it may stand between these quotes. Unquoted values need none of what this escapes but quotes."""
    encoded = value.translate(_ESCAPES).encode("utf-8", "surrogateescape")
    return encoded if quote else b'"' + encoded + b'"'


def pieces(tag: bytes, edits: list[tuple[int, int, bytes]]) -> Iterator[bytes]:
    """The tag with `edits` (start, end, replacement; in order, not overlapping) made."""
    at = 0
    for start, end, replacement in edits:
        yield tag[at:start]
        yield replacement
        at = end
    yield tag[at:]
