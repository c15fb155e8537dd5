r"""URLs in style sheets that cannot be seen as they stand: written with CSS's escapes, or relative (CSS Syntax 3, 4.3).

Rules of this file: an escape counts where it could spell a part of a URL, in a string or in `url(…)`, whose own name
may be escaped, too. A token is looked at from its opening to its end, `REACH` bytes at most, and its URL is what
browsers make of it: `\68 ttps:\2f/host` is `https://host`. What a string holds is a URL only if it is a whole one, or
imported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

#: Bytes before an escape among which its token opens, and bytes by which a token is judged.
CONTEXT, REACH = 256, 4096

_SPACE = rb"[ \t\n\r\f]"
_ANY = rb"\\(?:[0-9a-fA-F]{1,6}(?:\r\n|" + _SPACE + rb")?+|\r\n|[^0-9a-fA-F])"
#: Escapes of what a URL is made of: ASCII characters, and line ends, which mean nothing.
_TELLING = re.compile(rb"\\(?:0{4}[2-7][0-9a-fA-F]|0{0,3}[2-7][0-9a-fA-F](?![0-9a-fA-F])|[^0-9a-fA-F])", re.S)
_OPENING = re.compile(rb"""(?:url\(|@import(?=[\s"']))""" + _SPACE + rb"""*+["']?""", re.I)
# Read backwards: what may stand between an escape and the opening of its token.
_BEFORE = re.compile(rb"""[^\s"'();{}]*+""" + _SPACE + rb"""*+["'(]""")
_NAME = re.compile(rb"(?:[\w-]|" + _ANY + rb")++\Z", re.S)
_QUOTED = {
    quote: re.compile(_SPACE + rb"*+((?:[^\\\n\r\f" + quote + rb"]++|" + _ANY + rb")*+)", re.S)
    for quote in (b'"', b"'")
}
_BARE = re.compile(_SPACE + rb"*+((?:[^\s\"'()\\]++|" + _ANY + rb")*+)", re.S)
_WHOLE = re.compile(r"[a-z]+:|[/\\][\t\n\r]*[/\\]", re.I)
_IMPORT = re.compile(rb"@import" + _SPACE + rb"*+\Z|url\(" + _SPACE + rb"*+\Z", re.I)
_ESCAPE = re.compile(r"\\(?:([0-9A-Fa-f]{1,6})(?:\r\n|[ \t\n\r\f])?|(\r\n|.))", re.S)


class Token(NamedTuple):
    """A URL's text at `start:end`, without its quotes, and what it spells. `end` is None if more text is needed."""

    start: int
    end: int | None
    url: str


def escapes(text: bytes) -> Iterator[int]:
    """Where an escape stands that could be a part of a URL."""
    return (found.start() for found in _TELLING.finditer(text)) if b"\\" in text else iter(())


def openings(before: bytes, text: bytes) -> Iterator[int]:
    """Where a token begins in the text that is a URL for certain; it may have been opened in what stands `before`."""
    behind = len(before)
    return (found.end() - behind for found in _OPENING.finditer(before + text) if found.end() >= behind)


def token_at(text: bytes, at: int, *, last: bool) -> Token | None:
    """The token around the escape, or behind the opening, at `at`; None if it is in none that could be a URL."""
    found = _BEFORE.match(text[max(0, at - CONTEXT) : at][::-1])
    if found is None:
        return None
    opened = at - found.end()
    mark, before = text[opened : opened + 1], text[max(0, opened - 40) : opened]
    if mark == b"(" and not _names_url(before):
        return None
    inside = (_BARE if mark == b"(" else _QUOTED[mark]).match(text, opened + 1, opened + REACH)
    assert inside is not None
    start, end = inside.span(1)
    if not last and end < opened + REACH - 8 and end >= len(text) - text.endswith(b"\\"):
        return Token(start, None, "")
    url = unescaped(text[start:end].decode("utf-8", "surrogateescape")).strip()
    if not url or url.startswith("#"):
        return None
    whole = mark == b"(" or _WHOLE.match(url) or _IMPORT.search(before)
    return Token(start, end, url) if whole else None


def _names_url(text: bytes) -> bool:
    name = _NAME.search(text)
    return name is not None and unescaped(name[0].decode("latin-1")).lower() == "url"


def unescaped(text: str) -> str:
    """What a part of a style sheet spells."""
    return _ESCAPE.sub(_character, text)


def _character(found: re.Match[str]) -> str:
    if found[1] is None:
        return "" if found[2] in ("\n", "\r\n", "\r", "\f") else found[2]
    code = int(found[1], 16)
    return chr(code) if 0 < code < 0xD800 or 0xDFFF < code < 0x110000 else "\ufffd"
