"""Style sheets of granted vendors: every URL in them goes through the relay, or nowhere.

Rules of this file: a URL in `url()` or `@import` becomes the relay's if its vendor is allowed and lists the request,
and `about:invalid` if it is denied or not listed; unknown hosts go by the shop's setting. Comments and other strings
stay as they are. (CSS Syntax 3; escapes in a URL are read as what they spell.) Pure.
"""

from __future__ import annotations

import re

from proxy.catalogue.match import Destination, relays
from proxy.catalogue.url import split_url
from proxy.html.page import Page
from proxy.model import Reach

_TOKENS = re.compile(
    rb"""/\*.*?(?:\*/|\Z)
    |(?P<import>@import\s*)(?P<quoted>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    |url\(\s*(?P<inside>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|(?:[^\s"'()\\]|\\.)*)\s*\)
    |"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(?:([0-9A-Fa-f]{1,6})\s?|(.))", re.DOTALL)
_NOWHERE = b"about:invalid"
_SOURCE_MAP = re.compile(rb"/\*[#@]\s*sourceMappingURL=[^*]*\*/\s*\Z")

#: What a style sheet's URLs are loaded as, in the order in which a vendor's lists are asked.
_LOADED_AS = (Destination.FONT, Destination.IMAGE, Destination.STYLE)


def rewrite_style(source: bytes, base: str, page: Page) -> bytes:
    """The style sheet that `base` (its absolute URL) answered with, as one visitor may get it."""
    return _TOKENS.sub(lambda found: _token(found, base, page), _SOURCE_MAP.sub(b"", source))


def _token(found: re.Match[bytes], base: str, page: Page) -> bytes:
    written = found["quoted"] if found["quoted"] is not None else found["inside"]
    if written is None:
        return found[0]
    place = _place(written, base, page)
    if place is None:
        return found[0]
    if found["quoted"] is not None:
        return found["import"] + b'"' + place + b'"'
    return b'url("' + place + b'")'


def _place(written: bytes, base: str, page: Page) -> bytes | None:
    """Where the URL goes instead; None to leave it."""
    text = written.decode(errors="surrogateescape")
    url = _ESCAPE.sub(_unescaped, text[1:-1] if text[:1] in ("'", '"') else text)
    split = split_url(url, base)
    if split is None or not split.target.isascii():
        return None if not url or url.lower().startswith(("data:", "#", "about:")) else _NOWHERE
    vendor, decision = page.use.judge(split.host, split.target, page.decisions)
    if not decision.allowed:
        return _NOWHERE
    if vendor is None:
        return None if url.startswith(("http:", "https:", "//")) else _absolute(split.host, split.target)
    if vendor.reach is Reach.DIRECT:
        return _absolute(split.host, split.target)
    if not any(relays(vendor, one, split.host, split.target) for one in _LOADED_AS):
        return _NOWHERE
    return _quoted(f"{page.origin}{page.prefix}/v/{vendor.key}/{split.host}{split.target}")


def _absolute(host: str, target: str) -> bytes:
    return _quoted(f"https://{host}{target}")


def _quoted(url: str) -> bytes:
    """Safe between double quotes."""
    return url.replace("\\", "%5C").replace('"', "%22").replace("\n", "%0A").encode("ascii", "replace")


def _unescaped(found: re.Match[str]) -> str:
    if found[1] is None:
        return "" if found[2] == "\n" else found[2]
    code = int(found[1], 16)
    return chr(code) if 0 < code < 0xD800 or 0xDFFF < code < 0x110000 else "\ufffd"
