"""Scans of a real site on this machine; only the pause between two requests is not waited for."""

from __future__ import annotations

from itertools import count

import pytest

from proxy.catalogue.load import load
from proxy.html.page import CannotRewrite, TagReport
from proxy.http.cookies import VendorCookies
from proxy.model import Action, Reason
from proxy.scan.fetch import Fetched, Fetcher
from proxy.scan.findings import Cookie, PageFound
from proxy.scan.manners import CannotScan
from proxy.scan.survey import LARGEST_PAGE, Bounds, Survey
from tests.scan.site import Answer, Site, serving

OWNERS = VendorCookies(load().vendors.values())


def _tags(address: str, fetched: Fetched) -> tuple[TagReport, ...]:
    if b"unreadable" in fetched.body:
        raise CannotRewrite("a tag without end")
    return (TagReport(0, "img src", f"{address}#{len(fetched.body)}", None, (), Action.KEEP, Reason.UNKNOWN_ALLOWED),)


class Scan:
    """One scan that was made: its pages by path, its notes, and how long each pause was."""

    def __init__(self, site: Site, bounds: Bounds, start: str, seconds_a_request: float = 0) -> None:
        self.pauses: list[float] = []
        ticks = count()
        with Fetcher() as fetcher:
            survey = Survey(
                fetcher.get,
                _tags,
                OWNERS,
                bounds,
                clock=lambda: next(ticks) * seconds_a_request,
                sleep=self.pauses.append,
            )
            self.found: list[PageFound] = list(survey.pages(site.url + start))
        self.notes = [note.replace(site.url, "") for note in survey.notes]
        self.pages = {page.address.removeprefix(site.url): page for page in self.found}


def _scan(
    answers: dict[str, str | Answer],
    *,
    start: str = "/",
    pages: int = 50,
    seconds: float = 300,
    ignore_robots: bool = False,
    drop: frozenset[str] = frozenset(),
    seconds_a_request: float = 0,
) -> tuple[Scan, Site]:
    with serving(answers, drop) as site:
        return Scan(site, Bounds(pages, seconds, 0.5, ignore_robots), start, seconds_a_request), site


def test_links_are_followed_on_the_same_origin_alone() -> None:
    scan, site = _scan(
        {
            "/": '<a href="/a#top">A</a> <a href="https://elsewhere.invalid/">out</a> <a href="/a">again</a>',
            "/a": '<a href="b">B</a><a href="mug.jpg">picture</a><a href="/_consent?x">ours</a>',
            "/b": '<a href="/">home</a>',
        }
    )
    assert list(scan.pages) == ["/", "/a", "/b"]
    assert site.asked == ["/robots.txt", "/", "/sitemap.xml", "/a", "/b"]
    assert scan.pauses == [0.5] * 4
    assert scan.notes == []
    assert all(len(page.tags) == 1 and page.was_read for page in scan.found)


def test_sitemaps_that_robots_names_are_read() -> None:
    both = "".join(f"<sitemap><loc>{{site}}/{name}.xml</loc></sitemap>" for name in ("one", "gone"))
    index = f"<sitemapindex>{both}</sitemapindex>"
    urls = "<urlset><url><loc>{site}/deep/page</loc></url><url><loc>https://elsewhere.invalid/</loc></url></urlset>"
    scan, site = _scan(
        {
            "/robots.txt": Answer(
                "Sitemap: {site}/index.xml\nSitemap: https://elsewhere.invalid/s.xml", kind="text/plain"
            ),
            "/": "home",
            "/index.xml": Answer(index, kind="application/xml"),
            "/one.xml": Answer(urls, kind="application/xml"),
            "/deep/page": "deep",
        }
    )
    assert list(scan.pages) == ["/", "/deep/page"]
    assert scan.notes == ["/gone.xml cannot be read: it answers 404."]
    assert "/sitemap.xml" not in site.asked


def test_what_robots_forbids_is_left_out_and_told() -> None:
    answers: dict[str, str | Answer] = {
        "/robots.txt": Answer(
            "User-agent: *\nDisallow: /*?sort=\nDisallow: /account\nCrawl-delay: 3", kind="text/plain"
        ),
        "/": '<a href="/list?sort=up"><a href="/account/me"><a href="/list">',
        "/list": "list",
        "/list?sort=up": "sorted",
        "/account/me": "me",
    }
    scan, _ = _scan(answers)
    assert list(scan.pages) == ["/", "/list"]
    assert scan.notes == ["Left out because robots.txt forbids it: 2 pages."]
    assert set(scan.pauses) == {3.0}
    ignoring, site = _scan(answers, ignore_robots=True)
    assert len(ignoring.pages) == 4
    assert "/robots.txt" not in site.asked


@pytest.mark.parametrize("robots", [Answer("User-agent: *\nDisallow: /"), Answer("busy", 503)])
def test_a_site_that_robots_forbids(robots: Answer) -> None:
    with pytest.raises(CannotScan, match=r"robots\.txt of .* forbids") as refused:
        _scan({"/robots.txt": robots, "/": "home"})
    assert "--ignore-robots" in refused.value.mend


def test_the_bounds_hold_and_are_told() -> None:
    many: dict[str, str | Answer] = {"/": "".join(f'<a href="/p{number}">' for number in range(9))}
    many |= {f"/p{number}": "page" for number in range(9)}
    scan, _ = _scan(many, pages=4)
    assert len(scan.found) == 4
    assert scan.notes == ["Known and not read: 6 pages; --pages allows more."]
    scan, _ = _scan(many, seconds=5, seconds_a_request=1)
    assert 1 < len(scan.found) < 9
    assert scan.notes == ["The scan ended after 5 seconds; --seconds allows more."]
    scan, site = _scan(many, pages=1)
    assert site.asked == ["/robots.txt", "/"]


def test_dead_links_do_not_use_up_the_pages() -> None:
    links = "".join(f'<a href="/dead{number}">' for number in range(99)) + '<a href="/live">'
    home: dict[str, str | Answer] = {"/": links.replace("/dead0", "/alive"), "/alive": "a", "/live": "b"}
    scan, _ = _scan(home, pages=3)
    assert sum(page.was_read for page in scan.found) == 2
    assert len(scan.found) == 9


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (Answer("x", 404), "answers 404"),
        (Answer("{}", kind="application/json"), "is no HTML (application/json)"),
        (Answer("x", kind=""), "is no HTML (no Content-Type)"),
        (Answer("unreadable"), "cannot be rewritten: a tag without end"),
        (Answer("", 302, (("Location", "https://elsewhere.invalid/"),)), "leads to https://elsewhere.invalid/"),
        (Answer(b"x", headers=(("Content-Encoding", "gzip"),)), "does not answer: "),
    ],
)
def test_what_cannot_be_read_is_told_and_the_scan_goes_on(answer: Answer, problem: str) -> None:
    scan, _ = _scan({"/": '<a href="/odd"><a href="/b">', "/odd": answer, "/b": "b"})
    assert (scan.pages["/odd"].problem or "").startswith(problem)
    assert not scan.pages["/odd"].was_read
    assert scan.pages["/b"].was_read


def test_html_without_a_content_type_is_read() -> None:
    scan, _ = _scan({"/": Answer(" <!doctype html>", kind="")})
    assert scan.pages["/"].was_read


def test_a_redirect_within_the_site_is_followed_as_a_page_of_its_own() -> None:
    moved = Answer("", 301, (("Location", "/new"), ("Set-Cookie", "_ga=GA1.1.1; Path=/")))
    scan, _ = _scan({"/": '<a href="/old">', "/old": moved, "/new": "new"})
    assert list(scan.pages) == ["/", "/old", "/new"]
    assert scan.pages["/old"].cookies == (Cookie("_ga", ("google-analytics",)),)


def test_a_page_larger_than_the_bound_is_read_so_far() -> None:
    scan, _ = _scan({"/": "x" * (LARGEST_PAGE + 1)})
    page = scan.pages["/"]
    assert page.was_read
    assert page.problem == "is larger than 8 MiB: what follows was not read"


def test_a_site_that_stops_answering_is_left_alone() -> None:
    links = "".join(f'<a href="/p{number}">' for number in range(9))
    scan, _ = _scan({"/": links}, drop=frozenset(f"/p{number}" for number in range(9)))
    assert len(scan.found) == 5
    assert scan.notes == ["4 pages in a row did not answer: the scan stopped there."]


def test_the_first_page_must_be_had() -> None:
    with pytest.raises(CannotScan, match="does not answer"):
        _scan({}, drop=frozenset({"/"}))
    with pytest.raises(CannotScan, match="another site"):
        _scan({"/": Answer("", 302, (("Location", "https://elsewhere.invalid/"),))})
    with pytest.raises(CannotScan, match="on and on"):
        _scan({"/": Answer("", 302, (("Location", "/"),))})


def test_the_first_page_may_lead_elsewhere_on_the_site() -> None:
    scan, _ = _scan({"/": Answer("", 302, (("Location", "/de/#top"),)), "/de/": "heim"})
    assert list(scan.pages) == ["/de/"]


def test_robots_may_be_elsewhere_on_the_site_too() -> None:
    there = Answer("", 301, (("Location", "/there.txt"),))
    with pytest.raises(CannotScan, match="forbids"):
        _scan({"/robots.txt": there, "/there.txt": "User-agent: consentry\nDisallow: /", "/": "home"})
