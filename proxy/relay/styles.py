"""Style sheets of granted vendors: every URL in them goes through the relay, or nowhere.

Rules of this file: a URL in `url()` or `@import` becomes the relay's if its vendor is allowed and lists the request,
and `about:invalid` if it is denied or not listed; unknown hosts go by the shop's setting. Comments and other strings
stay as they are, but for a string that is a whole URL of a vendor's. Escapes in a URL are read as what they spell (CSS
Syntax 3). Pure.
"""

from __future__ import annotations

import re

from proxy.catalogue.match import Destination, relays
from proxy.catalogue.url import split_url
from proxy.html.escaped import unescaped
from proxy.html.page import Page
from proxy.model import Reach

_TOKENS = re.compile(
    rb"""/\*.*?(?:\*/|\Z)
    |(?P<import>@import\s*)(?P<quoted>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    |url\(\s*(?P<inside>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|(?:[^\s"'()\\]|\\[0-9a-f]{1,6}\s?|\\.)*)\s*\)
    |(?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
_WHOLE_URL = re.compile(rb"""["']\s*(?:https?:)?//""", re.IGNORECASE)  # in image-set(), say
_NOWHERE = b"about:invalid"
_SOURCE_MAP = re.compile(rb"/\*[#@]\s*sourceMappingURL=[^*]*\*/\s*\Z")

#: What a style sheet's URLs are loaded as, in the order in which a vendor's lists are asked.
_LOADED_AS = (Destination.FONT, Destination.IMAGE, Destination.STYLE)


def rewrite_style(source: bytes, base: str, page: Page) -> bytes:
    """The style sheet that `base` (its absolute URL) answered with, as one visitor may get it."""
    return _TOKENS.sub(lambda found: _token(found, base, page), _SOURCE_MAP.sub(b"", source))


def _token(found: re.Match[bytes], base: str, page: Page) -> bytes:
    written: bytes | None = found["quoted"] or found["inside"] or found["string"]
    if written is None or (found["string"] and not _WHOLE_URL.match(written)):
        return found[0]
    place = _place(written, base, page, text=bool(found["string"]))
    if place is None:
        return found[0]
    if found["inside"]:
        return b'url("' + place + b'")'
    return (found["import"] or b"") + b'"' + place + b'"'


def _place(written: bytes, base: str, page: Page, *, text: bool) -> bytes | None:
    """Where the URL goes instead; None to leave it. `text`: it may be mere text, and is left if no vendor is named."""
    plain = written.decode(errors="surrogateescape")
    url = unescaped(plain[1:-1] if plain[0] in "'\"" else plain).strip()
    if not url or url.startswith("#"):
        return None
    split = split_url(url, base)
    if split is None or not split.target.isascii():
        return None if url.lower().startswith(("data:", "about:")) else _NOWHERE
    if page.use.is_shop(split, page.first_party):
        return None
    vendor, decision = page.use.judge(split.host, split.target, page.decisions)
    if vendor is None and text:
        return None
    if not decision.allowed:
        return _NOWHERE
    if vendor is None:
        return None if url.startswith(("http:", "https:", "//")) else _absolute(split.host, split.target)
    if vendor.reach is Reach.DIRECT:
        return _absolute(split.host, split.target)
    if vendor.reach is Reach.SERVER or not any(relays(vendor, one, split.host, split.target) for one in _LOADED_AS):
        return _NOWHERE
    return _quoted(f"{page.origin}{page.prefix}/v/{vendor.key}/{split.host}{split.target}")


def _absolute(host: str, target: str) -> bytes:
    return _quoted(f"https://{host}{target}")


def _quoted(url: str) -> bytes:
    """Safe between double quotes."""
    return url.replace("\\", "%5C").replace('"', "%22").replace("\n", "%0A").encode("ascii", "replace")
