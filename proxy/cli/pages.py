"""The page rewriting as the command line uses it: whose page, which grants, which decisions. Pure.

A grant on the command line is turned into the consent that a visitor would have given, and goes through the one
decision function; nothing is allowed here.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import chain
from urllib.parse import SplitResult, urlsplit

from proxy.catalogue.url import split_url
from proxy.catalogue.use import InUse
from proxy.consent.banner import banner, footer
from proxy.consent.pages import look_of
from proxy.consent.site import must_ask, site_of
from proxy.decide import Grounds, decide_all
from proxy.html.page import Page, TagReport
from proxy.html.rewrite import Rewriter
from proxy.http.charset import ASCII_LIKE, PRESCAN, Recoded, Rewrites, encoding_of
from proxy.http.cookies import domains
from proxy.model import ASKED, STRICTEST, Category, Consent, How, Regime, Standing, Visit
from proxy.scan.address import origin_of
from proxy.scan.tags import tags_in
from proxy.settings import Settings

#: Whose page it is where nobody says (RFC 2606: nobody's).
DEFAULT_SITE = "https://shop.example"

#: `--site` value: each page says itself whose it is.
CANONICAL = "canonical"


def read_grant(text: str, use: InUse, today: date) -> Standing:
    """The standing of a visitor who granted this: all, none, or CATEGORY and vendor:KEY with commas between them.

    "none" is a visitor who has not chosen yet. Raises ValueError with what would be right.
    """
    wanted = [item.strip() for item in text.split(",") if item.strip()]
    if wanted == ["none"]:
        return Standing()
    if wanted == ["all"]:
        return Standing(_consent(use, today, How.ACCEPT, ASKED))
    if not wanted:
        raise ValueError(f"{text!r} grants nothing; write all, none, {', '.join(ASKED)} or vendor:KEY")
    granted = [Category(item) for item in wanted if item in ASKED]
    keys = [item.removeprefix("vendor:") for item in wanted if item.startswith("vendor:")]
    for item in wanted:
        if item not in ASKED and not item.startswith("vendor:"):
            raise ValueError(f"{item!r} cannot be granted; write all, none, {', '.join(ASKED)} or vendor:KEY")
    for key in keys:
        if key not in use.vendors:
            near = difflib.get_close_matches(key, use.vendors, 1)
            raise ValueError(f"no vendor {key!r} is in use" + (f"; did you mean vendor:{near[0]}?" if near else ""))
    return Standing(_consent(use, today, How.SAVE, granted, keys))


def _consent(use: InUse, today: date, how: How, granted: Iterable[Category], keys: Iterable[str] = ()) -> Consent:
    return Consent(
        policy=use.version,
        day=today,
        granted=frozenset(granted),
        allowed=frozenset(keys),
        refused=frozenset(),
        regime=Regime.OPT_IN,
        how=how,
    )


def web_address(text: str) -> SplitResult:
    """An absolute http(s) URL, taken apart. Raises ValueError for anything else, as browsers would refuse it."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{text!r} is not an http:// or https:// address")
    parts.port  # noqa: B018  (reading it is the check)
    split_url("/", text)
    return parts


def first_party(host: str) -> frozenset[str]:
    """The host suffixes that are the shop itself: its registrable domain by the Public Suffix List, or the host alone
    where there is none (an address, localhost, a public suffix).
    """
    host = host.rstrip(".").lower()
    return frozenset({(domains(host) or (host,))[-1]})


#: Read once: a command looks at many pages.
_look = lru_cache(8)(look_of)


@dataclass(frozen=True, slots=True)
class Rewriting:
    """What is the same for every page of a run. `with_banner`: the banner or, after a choice, the footer goes in."""

    settings: Settings
    use: InUse
    standing: Standing
    gpc: bool = False
    with_banner: bool = True

    def page(self, address: str, report: Callable[[TagReport], None] | None = None) -> Page:
        """One visitor's copy of the document at this absolute address."""
        parts = urlsplit(address)
        origin = origin_of(address)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        visit = Visit(self.standing, STRICTEST, self.gpc, None, (), path)
        site = site_of(self.settings, self.use, _look(self.settings.consent.looks), origin)
        asks = self.with_banner and must_ask(self.use, self.standing, visit.law, visit.gpc)
        links = self.with_banner and not asks and self.settings.consent.link == "auto"
        return Page(
            origin=origin,
            url=address,
            use=self.use,
            decisions=decide_all(self.use.vendors.values(), Grounds(self.standing, visit.law, visit.gpc)),
            first_party=first_party(parts.hostname or ""),
            prefix=self.settings.consent.prefix,
            banner=(lambda lang: banner(site, visit, lang)) if asks else None,
            footer=(lambda lang: footer(site, visit, lang)) if links else None,
            report=report,
        )


def rewritten(pieces: Iterable[bytes], page: Page, content_type: bytes | None = None) -> Iterator[bytes]:
    """The page rewritten, as it comes; `content_type` is what its header says, where there is one.

    Raises `CannotRead` before anything came, or `CannotRewrite`: what came before is then no whole page.
    """
    left = iter(pieces)
    first = list(_until(left, PRESCAN))
    encoding = encoding_of(content_type, b"".join(first))
    rewriter: Rewrites = Rewriter(page)
    if encoding != ASCII_LIKE:
        rewriter = Recoded(rewriter, encoding)
    for piece in chain(first, left):
        yield rewriter.feed(piece)
    yield rewriter.close()


def _until(pieces: Iterator[bytes], size: int) -> Iterator[bytes]:
    """As many pieces as it takes to have `size` bytes."""
    while size > 0 and (piece := next(pieces, b"")):
        size -= len(piece)
        yield piece


def site_of_page(content: bytes) -> str | None:
    """The absolute address that a page gives for itself: its canonical link, else its og:url. None if it gives none.

    Raises `CannotRead`.
    """
    og_url = None
    for name, values in tags_in(content, (b"link", b"meta")):
        if name == b"link" and "canonical" in values.get(b"rel", "").lower().split():
            canonical = _usable(values.get(b"href", ""))
            if canonical:
                return canonical
        elif values.get(b"property", values.get(b"name", "")).lower() == "og:url":
            og_url = og_url or _usable(values.get(b"content", ""))
    return og_url


def _usable(text: str) -> str | None:
    text = text.strip()
    address = f"https:{text}" if text.startswith("//") else text
    try:
        web_address(address)
    except ValueError:
        return None
    return address
