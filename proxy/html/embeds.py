"""Which embed of a page is which, so that a visitor who allows one comes back to the same spot.

Rules of this file: embeds are counted in the order of the page, from 1, whatever is granted; an id that an element has
of its own is used and never changed. Where nothing else is put into a page, what is kept gets no id either. A document
in a document has no spots: no fragment leads there.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from proxy.html.page import Page

#: What may be a way back's fragment; other ids lead to the top of the page.
_PLAIN_ID = re.compile(r"[A-Za-z0-9][\w.:-]{0,99}\Z", re.A)
#: Language tags are shorter than this many characters (RFC 5646, 4.4.1).
_LONGEST_LANG = 35


class Spot(NamedTuple):
    """One embed. `query` is what its placeholder is asked with; `mark` is the id attribute that a placeholder gets, and
    `kept_mark` the one that the embed itself gets, with a space before it; empty where it gets none."""

    query: str
    mark: bytes
    kept_mark: bytes


class Embeds:
    """Counts the embeds of one page."""

    def __init__(self, page: Page, *, inner: bool = False) -> None:
        parts = urlsplit(page.url)
        self._way_back = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        self._marks_kept = page.banner is not None or page.footer is not None
        self._inner = inner
        #: How many there were.
        self.count = 0

    def next(self, own_id: str | None, lang: str | None) -> Spot:
        """The embed that comes next; `own_id` is its element's id, if it has one, `lang` the page's language."""
        self.count += 1
        fragment, mark = "", b""
        if self._inner:
            pass
        elif own_id is None:
            fragment = f"consentry-embed-{self.count}"
            mark = f' id="{fragment}"'.encode()
        elif _PLAIN_ID.match(own_id):
            fragment = own_id
        way_back = f"{self._way_back}#{fragment}" if fragment else self._way_back
        language = f"&lang={quote(lang, safe='')}" if lang and lang.isascii() and len(lang) < _LONGEST_LANG else ""
        return Spot(f"return_to={quote(way_back, safe='')}{language}", mark, mark if self._marks_kept else b"")
