"""Pages for what goes wrong: what happened, and that it is not the visitor's fault; nothing of our insides.

Rules of this file: a page needs nothing but a status and the visitor's languages, since it is also shown where no site,
no storefront and no visit could be made out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from proxy.consent.form import Why
from proxy.consent.language import choose_language, words
from proxy.consent.pages import page_headers, shipped

Status = Literal[400, 403, 404, 405, 421, 502, 503, 504]


def failure_page(
    status: Status, languages: Iterable[str] = (), *, prefix: str = "/_consent", why: Why | None = None
) -> bytes:
    """The page for `status` as UTF-8, in the best of `languages` (lower-case BCP 47 tags, best first).

    `why` says more where a choice was not taken over; the page then leads back to the preferences.
    """
    t = words(choose_language(None, languages))
    return shipped().render("failure", t, base=prefix, status=status, why=why).encode()


def failure_headers(languages: Iterable[str] = ()) -> list[tuple[bytes, bytes]]:
    """The headers that go with it. The status, Content-Length and Proxy-Status are the caller's."""
    return page_headers(words(choose_language(None, languages)))
