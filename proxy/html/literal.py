r"""Where a URL that holds a vendor's host begins and ends in the text of a script or style sheet.

Rules of this file: what counts is what stands before the URL: a quote (a string's own, or an inner one: JSON or HTML in
a string, as `\"`, `\x22`, `%22` or `&quot;`), `url(`, an attribute's `=`, a list's comma, `${…}`. A host in the middle
of a sentence, of a comment or of another URL begins no literal. Escapes are read as JavaScript reads them (`\/`,
`\x2f`, `\u002f`), however often they are escaped again. Looks at most `CONTEXT` bytes back and `REACH` bytes on.
"""

from __future__ import annotations

import html
import re
from typing import NamedTuple

#: Nobody has a longer name (RFC 1035, 2.3.4), so nobody is contacted by one.
LONGEST_HOST = 254
#: Bytes before a host that say what it stands in.
CONTEXT = 320
#: Bytes behind a host by which its URL is judged; what follows them is left as it is.
REACH = 4096

# Everything that is read backwards has its letters reversed: /  \/  \x2f  \u002f, then : and the scheme.
_SLASH = rb"(?:/\\*+|[fF]2[xX]\\++|[fF]200[uU]\\++)"
_ESCAPED_QUOTE = rb"[27]2(?:(?:[xX]|00[uU])\\++|%)"
_SCHEME = (
    rb"(?::|[aA]3[xX]\\++|[aA]300[uU]\\++)(?:[sS]?[pP][tT][tT][hH]|[sS]?[sS][wW])(?!(?!"
    + _ESCAPED_QUOTE
    + rb")[\w+.-])"
)
_BEFORE = re.compile(
    rb"((?:(?![fF](?:2[xX]|200[uU])\\)[\w.-]){0,253}+)(?:((?:" + _SLASH + rb"){2,8}+)(" + _SCHEME + rb")?+)?+"
)
_QUOTE = rb"""(?:["'`]\\*+|""" + _ESCAPED_QUOTE + rb"""|;touq&|;(?:43|93)0?\#&)"""
_OPENER = re.compile(
    rb"[ \t]*+" + _QUOTE + rb"|[ \t\n]*+\((?i:lru)|=[a-zA-Z-]{3,24}+[\s\"'/]|[,|;](?=\S)|[ \t\n]++,[wxWX][0-9]|\}"
)
_STYLE_OPENER = re.compile(rb"[ \t\n]*+" + _QUOTE + rb"|[ \t\n]*+\((?:(?i:lru)|(?=[\w \t\n]{0,24}\\))")
_PARTIAL_OPENER = re.compile(rb"(?:" + _SLASH + rb")?+" + _QUOTE + rb"|\}(?=.)", re.S)
# A scheme that the script puts before it: `p + '://host/'`, `location.protocol + '//host/'`, `${p}//host/`.
_AFTER_SCHEME = re.compile(rb":?+(?:" + _QUOTE + rb"[ \t\r\n]*+\+|\})")
_COLON_OPENER = re.compile(rb":(?:" + _QUOTE + rb"|\})")
_LINK = re.compile(_QUOTE + rb"?+[ \t]*+(?:=|[dD]3(?:[xX]|00[uU])\\++)(?i:ferh|noitca)\s")
_TAG = re.compile(rb"<|[cC]3(?:[xX]|00[uU])\\|;tl&")
_LINK_TAG = re.compile(rb"(?:<|\\(?:x|u00)3c|&lt;)(?:a|area|form)[\s/]", re.I)

# Quotes and angles end a URL however they are written; an `&`, `%` or `\` that is none of theirs goes on with it.
_ESCAPED = rb"\\++(?:/|[xX](?!2[27]|3[cCeE])[0-9a-fA-F]{2}|[uU](?!00(?:2[27]|3[cCeE]))[0-9a-fA-F]{4})"
_REFERENCE = rb"&(?!(?:quot|apos|[lg]t|#0?3[49]|#[xX]2[27]);)|%(?!2[27])"
_MORE = _ESCAPED + rb"|" + _REFERENCE + rb"|\$(?!\{))*+"
_AFTER = re.compile(rb"(?:[^\s\"'`<>\\$&%]++|" + _MORE)
_AFTER_IN_URL = re.compile(rb"(?:[^\s\"'`<>\\$&%)]++|" + _MORE)
_ESCAPE = re.compile(r"\\+(?:/|[xX]([0-9a-fA-F]{2})|[uU]([0-9a-fA-F]{4}))")
_JOINED = re.compile(rb"[ \t\r\n]*+\+")
_GOES_ON = re.compile(rb"""["'`][ \t\r\n]{0,16}+(?:\+|\.c)|\$\{""")
# A text that ends where more of it could go on with the URL, or with the expression that the literal is a part of.
_UNDECIDED = re.compile(rb"""(?:["'`][ \t\r\n]{0,16}+\.?+|\$|\\*+(?:[xX][0-9a-fA-F]?+|[uU][0-9a-fA-F]{0,3}+)?+)\Z""")
_LABEL = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
_DOT, _OPENING = b".("


class Literal(NamedTuple):
    """A URL, or (not `whole`) a part of one, that starts at `start`; its host stands at `host_start:host_end`.

    `linked`: it is where an `<a>` in a string leads. `in_url`: it stands in CSS's `url(…)` without quotes. `joined`:
    something is put before it when the script runs; `relative`: its scheme is.
    """

    start: int
    host_start: int
    host_end: int
    host: str
    whole: bool
    linked: bool
    in_url: bool
    joined: bool
    relative: bool = False


def literal_at(text: bytes, start: int, end: int, *, style: bool = False) -> Literal | None:
    """The literal around a host's name at `text[start:end]`, None if it is none. Needs one byte behind `end`.

    `style`: the text is a style sheet's, where only a whole URL in `url(…)` or quotes means anything.
    """
    after = text[end] if end < len(text) else 0
    if after in _LABEL or (after == _DOT and end + 1 < len(text) and text[end + 1] in _LABEL):
        return None
    back = text[max(0, start - CONTEXT) : start][::-1]
    found = _BEFORE.match(back)
    assert found is not None
    if found[1] and found[1][0] in _LABEL:
        return None
    host_start = start - found.end(1)
    if end - host_start > LONGEST_HOST:
        return None
    host = text[host_start:end].decode("latin-1").lower()
    whole = found[2] is not None
    if style and not whole:
        return None
    opener = (_STYLE_OPENER if style else _OPENER if whole else _PARTIAL_OPENER).match(back, found.end())
    relative = whole and not style and found[3] is None and _AFTER_SCHEME.match(back, found.end()) is not None
    if opener is None and whole and not style:
        opener = _COLON_OPENER.match(back, found.end())
    if opener is None or (not whole and opener[0][:1] == b"}" and not host.startswith(".")):
        return None
    linked = _LINK.match(back, found.end()) is not None and _in_link_tag(back)
    joined = _JOINED.match(back, opener.end()) is not None
    return Literal(start - found.end(), host_start, end, host, whole, linked, b"(" in opener[0], joined, relative)


def _in_link_tag(back: bytes) -> bool:
    tag = _TAG.search(back)
    return tag is not None and _LINK_TAG.match(back[tag.end() - 1 :: -1]) is not None


def end_of(text: bytes, literal: Literal, *, last: bool) -> int | None:
    """Where the literal's URL ends, REACH bytes behind its host at most; None if more text is needed to tell."""
    limit = literal.host_end + REACH
    found = (_AFTER_IN_URL if literal.in_url else _AFTER).match(text, literal.host_end, limit)
    assert found is not None
    end = found.end()
    if last or len(text) >= limit + 32:
        return end
    return None if _UNDECIDED.match(text, end) else end


def goes_on(text: bytes, end: int) -> bool:
    """Whether something is put behind the literal when the script runs: only its beginning is known."""
    return _GOES_ON.match(text, end) is not None


def unescaped(text: bytes) -> str:
    """What the escapes in a part of a literal stand for (those that a URL is written with)."""
    decoded = _ESCAPE.sub(_character, text.decode("utf-8", "surrogateescape"))
    return html.unescape(decoded) if "&amp;" in decoded or "&#" in decoded else decoded


def _character(found: re.Match[str]) -> str:
    digits = found[1] or found[2]
    return chr(int(digits, 16)) if digits else "/"
