"""HTML's tokens as byte patterns (WHATWG HTML 13.2.5), each linear in what it reads.

Rules of this file: every pattern is matched at the cursor, never searched for; every repetition is possessive, so that
nothing is read twice on the way back; a pattern that needs to look ahead fails at the end of the buffer, so that what
matches cannot become something else when more bytes arrive. The `SKIP_…` patterns run over everything that can neither
contact anybody nor change the state of the scanner; they accept only what is written in the plain way (lower-case
names, double or single quotes) and leave all that is odd to `TAG` and `ATTRIBUTE`, which are exact.
"""

from __future__ import annotations

import re

#: White space inside tags: no vertical tab, which `\s` would include.
SPACE = rb"\t\n\f\r "


def _pattern(text: bytes, flags: int = 0) -> re.Pattern[bytes]:
    return re.compile(text, flags)


def _with(text: bytes, **parts: bytes) -> bytes:
    for name, part in parts.items():
        text = text.replace(b"<<" + name.encode() + b">>", part)
    return text.replace(b"<<_>>", SPACE)


#: A whole start or end tag, exactly as browsers read it. Group 1: the name.
TAG = _pattern(
    _with(
        rb"""</?([a-zA-Z][^<<_>>/>]*+)"""
        rb"""(?:[<<_>>/]*+[^<<_>>/>][^<<_>>/>=]*+"""
        rb"""(?:[<<_>>]*+=[<<_>>]*+(?:"[^"]*+"|'[^']*+'|(?=>)|[^<<_>>>"'][^<<_>>>]*+)|(?![<<_>>]*+=)))*+"""
        rb"""[<<_>>/]*+>"""
    )
)
#: One attribute in a whole tag. Groups: name, then the value in double quotes, in single quotes, without quotes.
ATTRIBUTE = _pattern(
    _with(
        rb"""([^<<_>>/>][^<<_>>/>=]*+)"""
        rb"""(?:[<<_>>]*+=[<<_>>]*+(?:"([^"]*+)"|'([^']*+)'|([^<<_>>>"'][^<<_>>>]*+)|))?+"""
    )
)
#: Text: `<` is text where no letter, `/`, `!` or `?` follows.
TEXT = _pattern(rb"(?:[^<]++|<(?=[^a-zA-Z/!?]))*+")

# Attributes that can make a browser contact somebody on whatever element they stand: on…, style, src, srcset,
# background, ping, poster, http-equiv, lowsrc, attributionsrc, data-… (Elements with further ones are stopped at by
# name.)
_HARMLESS_NAME = (
    rb"(?![oO][nN]|[sS](?:[rR][cC]|[tT][yY])|[bB][aA]|[pP](?:[iI]|[oO][sS])|[hH][tT]|[lL][oO][wW]|[aA][tT][tT]"
    rb"|[dD][aA][tT][aA]-)[^<<_>>\"'<>/=]++"
)
_PLAIN_ATTRIBUTES = (
    rb"""(?:[<<_>>]++(?:<<name>>(?:="[^"]*+"|='[^']*+'|=[^<<_>>"'<>`]++)?+|<<calm>>|<<data>>))*+[<<_>>]*+/?+>"""
)
# A value of `data-…` that cannot be a third party's whole URL: without two slashes, however they are written.
_NO_URL = rb"""(?:[^<<quote>>/\\&]++|/(?![/\\])|&(?=amp;|quot;|#39;|#0?34;|nbsp;|[lg]t;))*+"""
_DOUBLE, _SINGLE = _NO_URL.replace(b"<<quote>>", b'"'), _NO_URL.replace(b"<<quote>>", b"'")
_DATA = rb"""data-[^<<_>>"'<>/=]*+(?:="<<double>>"|='<<single>>'|=[^<<_>>"'<>`/\\&]++)?+"""
# A value of `on…` without a dot names no host; nor can it hide one without a character reference or an escape. One of
# `style` has no functions but those that load nothing.
_CALM = (
    rb"""on[a-z]++="[^"&\\.]*+\""""
    rb"""|style="(?:[^"(&\\@]++|(?:(?<=rgb)|(?<=rgba)|(?<=calc)|(?<=var)|(?<=translate)|(?<=rotate))\()*+\""""
)
_REST = _with(_PLAIN_ATTRIBUTES, calm=_CALM, data=_DATA, name=_HARMLESS_NAME, double=_DOUBLE, single=_SINGLE)

#: A comment from its `<!--` to its end, where both are in the buffer (13.2.5.43 and following).
_COMMENT = rb"<!--(?!-?>)(?:[^-]++|-(?!-!?>))*+--!?>"

# Elements at which the scanner must stop by name: what changes its state, and what loads by attributes of its own.
_STOP = (
    rb"(?!s(?:cript|tyle|ource|vg)[^a-z0-9-]|t(?:itle|extarea|emplate)[^a-z0-9-]|xmp[^a-z0-9-]|link[^a-z0-9-]"
    rb"|i(?:frame|mg|mage)[^a-z0-9-]|no(?:embed|frames|script)[^a-z0-9-]|plaintext[^a-z0-9-]|math[^a-z0-9-]"
    rb"|base[^a-z0-9-]|video[^a-z0-9-]|audio[^a-z0-9-]|frame(?:set)?[^a-z0-9-]|object[^a-z0-9-]|embed[^a-z0-9-]"
    rb"|html[^a-z0-9-]|param[^a-z0-9-]|applet[^a-z0-9-])"
)
_PLAIN_START = rb"<" + _STOP + rb"[a-z][a-z0-9-]*+" + _REST
_PLAIN_END = rb"</(?!body|html|template)[a-z][a-z0-9-]*+[<<_>>]*+>"
_SHAPE = (
    rb"(?:path|g|circle|rect|line|polygon|polyline|ellipse|defs|stop|linearGradient|radialGradient|clipPath|mask"
    rb"|symbol|use)"
)
# The attributes of shapes, none of which holds a whole URL (in `fill="url(…)"`, say) or leads out of the document.
_DRAWN_ATTRIBUTES = (
    rb"""(?:[<<_>>]++(?:xmlns[:a-z]*+="[^"]*+"|(?:xlink:)?href="#[^"]*+"|<<calm>>|<<data>>"""
    rb"""|(?!(?:[xX][lL][iI][nN][kK]:)?[hH][rR][eE][fF])<<name>>(?:="<<double>>"|='<<single>>')?+))*+[<<_>>]*+/?+>"""
)
_DRAWN = _with(_DRAWN_ATTRIBUTES, calm=_CALM, data=_DATA, name=_HARMLESS_NAME, double=_DOUBLE, single=_SINGLE)
_SHAPES = rb"(?:[<<_>>]++|<<<shape>>(?=[<<_>>/>])<<drawn>>|</<<shape>>>)"
_ICON = rb"<svg(?=[<<_>>>])<<drawn>><<shapes>>*+</svg>"


def _skip(*alternatives: bytes) -> re.Pattern[bytes]:
    joined = b"(?:" + b"|".join(alternatives) + b")*+"
    return _pattern(_with(joined, shapes=_SHAPES, shape=_SHAPE, drawn=_DRAWN, rest=_REST))


_NOT_MARKUP = rb"<(?=[^a-zA-Z/!?])"
#: In the body of a document: text, tags that load nothing, comments, whole icons.
SKIP_BODY = _skip(rb"[^<]++", _PLAIN_END, _PLAIN_START, _NOT_MARKUP, _COMMENT, _ICON)
#: Where the body is not open yet: white space, comments, plain `<meta>`. Text and all other tags are stopped at.
SKIP_HEAD = _skip(rb"[<<_>>]++", rb"<meta(?=[<<_>>/>])<<rest>>", _COMMENT)
#: Inside `<svg>` and `<math>`: text, comments, shapes that close themselves.
SKIP_FOREIGN = _skip(
    rb"[^<]++",
    _NOT_MARKUP,
    rb"<(?:path|circle|rect|line|polygon|polyline|ellipse|stop|use)(?=[<<_>>/>])<<drawn>>(?<=/>)",
    _COMMENT,
)
#: Nothing is skipped but text: every tag is stopped at.
SKIP_TEXT = _skip(rb"[^<]++", _NOT_MARKUP, _COMMENT)
#: Nothing is skipped: text is told of too.
SKIP_NOTHING = _pattern(b"")

#: A comment's text up to what could be its end, from behind its opening.
COMMENT_RUN = _pattern(rb"(?:[^-]++|-(?!-!?>|-!?\Z|\Z))*+")


def raw_run(name: bytes) -> re.Pattern[bytes]:
    """Raw text up to what could be the end tag of `name`."""
    first = b"[" + name[:1] + name[:1].upper() + b"]"
    return _pattern(rb"(?:[^<]++|<(?!/|\Z)|</(?!" + first + rb"|\Z))*+")


def raw_end(name: bytes) -> re.Pattern[bytes]:
    """The beginning of an appropriate end tag."""
    return _pattern(rb"</" + name + rb"[" + SPACE + rb"/>]", re.I)


# Script data, and its escaped and double escaped states (13.2.5.15 to 13.2.5.31).
SCRIPT_RUN = _pattern(rb"(?:[^<]++|<(?![/!]|\Z)|</(?![sS]|\Z)|<!(?!-|\Z))*+")
ESCAPED_RUN = _pattern(rb"(?:[^<-]++|-(?!->|-?\Z)|<(?![sS/]|\Z)|</(?![sS]|\Z))*+")
DOUBLE_RUN = _pattern(rb"(?:[^<-]++|-(?!->|-?\Z)|<(?!/|\Z)|</(?![sS]|\Z))*+")
SCRIPT_START = _pattern(rb"<script[" + SPACE + rb"/>]", re.I)

# The pieces of a tag, for one that arrives in pieces.
NAME_RUN = _pattern(rb"[^" + SPACE + rb"/>]*+")
BETWEEN_RUN = _pattern(rb"[" + SPACE + rb"/]*+")
ATTRIBUTE_RUN = _pattern(rb"[^" + SPACE + rb"/>=]*+")
SPACE_RUN = _pattern(rb"[" + SPACE + rb"]*+")
UNQUOTED_RUN = _pattern(rb"[^" + SPACE + rb">]*+")


def end(found: re.Match[bytes] | None) -> int:
    """Where a pattern that matches anywhere (it may match nothing) ended."""
    assert found is not None
    return found.end()
