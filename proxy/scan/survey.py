"""One scan from its first request to its last: the first page, the sitemaps, then page after page.

Rules of this file: after the first page no other origin is asked for anything, and nothing that robots.txt forbids.
What cannot be read is told of with its reason and does not end the scan; a site that stops answering does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import urljoin

from proxy.html.page import CannotRewrite, TagReport
from proxy.http.charset import CannotRead
from proxy.http.cookies import VendorCookies
from proxy.scan.about import about_in
from proxy.scan.address import origin_of, page_at
from proxy.scan.fetch import CannotFetch, Fetched
from proxy.scan.findings import Cookie, PageFound
from proxy.scan.links import links_in
from proxy.scan.manners import Get, Manners
from proxy.scan.sitemap import LARGEST as LARGEST_SITEMAP
from proxy.scan.sitemap import CannotReadSitemap, read_sitemap
from proxy.scan.walk import Frontier

#: Bytes of a page that are read.
LARGEST_PAGE = 8 * 1024 * 1024

#: Pages asked for, for each one that may be read: redirects and dead links do not use up what a scan may read.
ASKED_FOR_ONE = 3

#: Sitemaps read, failures in a row that end a scan, and forbidden addresses that are counted.
SITEMAPS = 20
FAILURES = 4
FORBIDDEN_COUNTED = 10_000


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many pages, for how many seconds in all, with how many seconds between two requests."""

    pages: int
    seconds: float
    pause: float
    ignore_robots: bool = False


@dataclass
class Survey:
    """A scan. `tags_of` rewrites a page with nothing granted (it may raise `CannotRead` and `CannotRewrite`); `owners`
    knows vendors' first-party cookies. Nothing under `prefix` is asked for: it would be ours. `notes` says afterwards
    what kept the scan from seeing more.
    """

    get: Get
    tags_of: Callable[[str, Fetched], tuple[TagReport, ...]]
    owners: VendorCookies
    bounds: Bounds
    prefix: str = "/_consent"
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.frontier = Frontier(self.bounds.pages)
        self._site = Manners(self.get, self.sleep, self.bounds.pause, self.bounds.ignore_robots, notes=self.notes)
        self._forbidden: set[str] = set()
        self._ends = self.clock() + self.bounds.seconds

    @property
    def origin(self) -> str:
        """The site's, once the first page was read."""
        return self._site.origin

    def pages(self, start: str) -> Iterator[PageFound]:
        """Page after page, as they are read. Raises `CannotScan` where the first one cannot be had."""
        address, first = self._site.arrive(start, LARGEST_PAGE)
        self.frontier.offer(address)
        self.frontier.take()
        yield self._found(address, first)
        if self.bounds.pages > 1:
            self._read_sitemaps()
        failed = 0
        while failed < FAILURES and (page := self._next()) is not None:
            found = self._ask(page)
            failed = failed + 1 if found.status in (None, 429, 503) else 0
            if not found.was_read:
                self.frontier.allow_another(most=ASKED_FOR_ONE * self.bounds.pages)
            yield found
        if failed == FAILURES:
            self.notes.append(f"{FAILURES} pages in a row did not answer: the scan stopped there.")
        if self._forbidden:
            self.notes.append(f"Left out because robots.txt forbids it: {_pages(len(self._forbidden))}.")

    def _next(self) -> str | None:
        if self.clock() >= self._ends:
            self.notes.append(f"The scan ended after {self.bounds.seconds:g} seconds; --seconds allows more.")
            return None
        page = self.frontier.take()
        if page is None and self.frontier.left:
            self.notes.append(f"Known and not read: {_pages(self.frontier.left)}; --pages allows more.")
        return page

    def _read_sitemaps(self) -> None:
        """Those that robots.txt names, or the one where most sites have it; of this origin alone."""
        named = [urljoin(f"{self.origin}/", address) for address in self._site.robots.sitemaps]
        waiting = list(named) or [f"{self.origin}/sitemap.xml"]
        read: set[str] = set()
        while waiting and len(read) < SITEMAPS and self.clock() < self._ends:
            address = waiting.pop(0)
            if address in read or not self._is_ours(address):
                continue
            read.add(address)
            try:
                fetched = self._site.ask(address, LARGEST_SITEMAP)
                if fetched.status != 200:
                    raise CannotReadSitemap(f"it answers {fetched.status}")
                sitemap = read_sitemap(fetched.body)
            except (CannotFetch, CannotReadSitemap) as error:
                if named:
                    self.notes.append(f"{address} cannot be read: {error}.")
                continue
            waiting += sitemap.further
            for page in sitemap.pages:
                self._offer(page)

    def _is_ours(self, address: str) -> bool:
        try:
            return origin_of(address) == self.origin and self._site.may(address)
        except ValueError:
            return False

    def _offer(self, link: str) -> None:
        page = page_at(link, self.origin)
        if page is None or f"{page.partition('?')[0]}/".startswith(f"{self.origin}{self.prefix}/"):
            return
        if self._site.may(page):
            self.frontier.offer(page)
        elif len(self._forbidden) < FORBIDDEN_COUNTED:
            self._forbidden.add(page)

    def _ask(self, address: str) -> PageFound:
        try:
            fetched = self._site.ask(address, LARGEST_PAGE)
        except CannotFetch as error:
            return PageFound(address, None, problem=f"does not answer: {error}", was_read=False)
        return self._found(address, fetched)

    def _found(self, address: str, fetched: Fetched) -> PageFound:
        """What is to be told of an answer. The page's links are noted for later."""
        cookies = tuple(self._cookies(fetched))
        problem = _unreadable(address, fetched)
        if fetched.leads_to is not None:
            self._offer(urljoin(address, fetched.leads_to))
        tags: tuple[TagReport, ...] = ()
        if problem is None:
            try:
                tags = self.tags_of(address, fetched)
            except (CannotRead, CannotRewrite) as error:
                problem = f"cannot be rewritten: {error}"
        if problem is not None:
            return PageFound(address, fetched.status, (), cookies, problem, was_read=False)
        for link in links_in(fetched.body, address, fetched.header(b"content-type")):
            self._offer(link)
        cut = f"is larger than {LARGEST_PAGE >> 20} MiB: what follows was not read" if fetched.cut else None
        about = about_in(fetched.body, address, fetched.header(b"content-type"))
        return PageFound(address, fetched.status, tags, cookies, cut, about=about)

    def _cookies(self, fetched: Fetched) -> Iterator[Cookie]:
        for value in fetched.all(b"set-cookie"):
            name = value.partition(b";")[0].partition(b"=")[0].strip().decode("latin-1")
            yield Cookie(name, tuple(sorted(self.owners.owners(name))))


def _unreadable(address: str, fetched: Fetched) -> str | None:
    """Why there is no page to read in an answer."""
    if fetched.leads_to is not None:
        return f"leads to {urljoin(address, fetched.leads_to)}"
    if fetched.status != 200:
        return f"answers {fetched.status}"
    kind = fetched.header(b"content-type").partition(b";")[0].strip().lower().decode("latin-1")
    if kind in ("text/html", "application/xhtml+xml") or (not kind and fetched.body.lstrip()[:1] == b"<"):
        return None
    return f"is no HTML ({kind or 'no Content-Type'})"


def _pages(count: int) -> str:
    return "1 page" if count == 1 else f"{count} pages"
