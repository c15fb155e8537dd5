"""What a request's headers say that the browser wants: a page, a document, a part of one, or something ahead.

Rules of this file: Sec-Fetch-Dest is believed where it is there (browsers send it to https and localhost only);
elsewhere Accept, and what scripts of old browsers add, tell as much as they can.
"""

from __future__ import annotations

import re

from proxy.html.verdict import Other, Use
from proxy.http.visit import Headers, values

#: What Sec-Fetch-Dest or the first member of Accept says of a request whose answer is never parsed as a page.
_NO_PAGE = frozenset(
    {
        b"audio",
        b"audioworklet",
        b"font",
        b"image",
        b"json",
        b"manifest",
        b"paintworklet",
        b"report",
        b"script",
        b"serviceworker",
        b"sharedworker",
        b"style",
        b"track",
        b"video",
        b"webidentity",
        b"worker",
        b"xslt",
    }
)
_NO_PAGE_ACCEPT = re.compile(rb"\s*(?:image/|audio/|video/|font/|text/css\b)", re.I)
_NAVIGATES = frozenset({b"document", b"iframe", b"frame", b"embed", b"object", b"fencedframe"})


def may_be_html(headers: Headers) -> bool:
    """Whether a page may come back: always, unless the browser says that it wants something else.

    Fetched fragments (`Sec-Fetch-Dest: empty`) are pages. Browsers send Sec-Fetch-Dest to https and localhost only;
    elsewhere Accept tells pictures, media, fonts and style sheets from the rest.
    """
    destinations = [value for name, value in headers if name == b"sec-fetch-dest"]
    if destinations:
        return not all(value in _NO_PAGE for value in destinations)
    accepts = [value for name, value in headers if name == b"accept"]
    return not accepts or not _NO_PAGE_ACCEPT.match(accepts[0]) or b"html" in b",".join(accepts).lower()


def navigates(headers: Headers) -> bool:
    """Whether a browser wants to show what comes back as a document (framed or not)."""
    destinations = [value for name, value in headers if name == b"sec-fetch-dest"]
    if destinations:
        return any(value in _NAVIGATES for value in destinations)
    return accepts_html(headers)


def accepts_html(headers: Headers) -> bool:
    return any(name == b"accept" and b"text/html" in value.lower() for name, value in headers)


def is_document(headers: Headers) -> bool:
    """Whether the answer is shown as a page of its own: not fetched by a script, not framed.

    Robots and command lines get the same page as a person; what scripts of old browsers fetch has a Referer.
    """
    destinations = values(headers, b"sec-fetch-dest")
    if destinations:
        return destinations == [b"document"]
    if values(headers, b"x-requested-with"):
        return False
    return accepts_html(headers) or not (values(headers, b"referer") or values(headers, b"origin"))


def prefetches(headers: Headers) -> bool:
    """Sec-Purpose, and what browsers said before it (Fetch standard; `X-Moz` in Firefox)."""
    purposes = [value for name, value in headers if name in (b"sec-purpose", b"purpose", b"x-moz")]
    return any(b"prefetch" in value.lower() for value in purposes)


def use_of(headers: Headers) -> Use | None:
    """What the browser wants the answer for, where it is certain that it is no document."""
    destinations = values(headers, b"sec-fetch-dest")
    if destinations and b"document" not in destinations:
        return Other.FRAME if navigates(headers) else Other.REST
    return None if may_be_html(headers) else Other.REST
