from __future__ import annotations

from dataclasses import replace

import pytest

from proxy.catalogue.known import Known
from proxy.catalogue.load import load
from proxy.html.page import TagReport
from proxy.model import Action, Category, Reason
from proxy.scan.findings import Cookie, Found, Kind, PageFound, host_of, is_literal, numbers, parties

CATALOGUE = load()
ADS = (Category.ADVERTISING,)


def _tag(
    url: str, vendor: str | None = None, element: str = "script src", reason: Reason = Reason.UNDECIDED
) -> TagReport:
    return TagReport(0, element, url, vendor, ADS if vendor else (), Action.CUT, reason)


def _page(path: str, *tags: TagReport, cookies: tuple[Cookie, ...] = ()) -> PageFound:
    return PageFound(f"https://shop.example{path}", 200, tags, cookies)


def test_parties_by_vendor_or_host() -> None:
    pages = [
        _page("/", _tag("https://connect.facebook.net/a.js", "meta-pixel"), _tag("https://new.example/x")),
        _page("/b", _tag("https://www.facebook.com/tr", "meta-pixel", "img src"), _tag("https://new.example/y")),
        _page("/c", _tag("https://connect.facebook.net/a.js", "meta-pixel")),
    ]
    pixel, new = parties(pages, CATALOGUE)
    assert (pixel.key, pixel.name, pixel.kind, pixel.categories) == ("meta-pixel", "Meta Pixel", Kind.DESCRIBED, ADS)
    assert pixel.hosts == ("connect.facebook.net", "www.facebook.com")
    assert len(pixel.pages) == 3
    assert pixel.elements == (("script src", 2), ("img src", 1))
    assert (new.key, new.name, new.label, new.kind) == (None, "new.example", "new.example", Kind.UNKNOWN)
    assert new.actions == ((Action.CUT, 2),)


def test_known_companies_are_told_apart_from_described_ones() -> None:
    tail = Known("tail-ads", "Tail Ads", "Tail Ltd", ADS, ("tail.example",))
    catalogue = replace(CATALOGUE, known={"tail-ads": tail})
    (party,) = parties([_page("/", _tag("https://tail.example/", "tail-ads"))], catalogue)
    assert (party.kind, party.name) == (Kind.KNOWN, "Tail Ads")


def test_an_unknown_host_has_a_category_where_it_looks_like_a_tracker() -> None:
    looks = TagReport(0, "img src", "https://new.example/pixel", None, ADS, Action.CUT, "a pixel's path")
    (party,) = parties([_page("/", _tag("https://new.example/a.js"), looks)], CATALOGUE)
    assert (party.kind, party.categories) == (Kind.UNKNOWN, ADS)
    assert party.reasons == (Reason.UNDECIDED, "a pixel's path")


@pytest.mark.parametrize(
    ("url", "element", "host"),
    [
        ("https://Cdn.Example:8443/a", "img src", "cdn.example"),
        ("//cdn.example/a", "img src", "cdn.example"),
        (r"https:\/\/cdn.example\/a", "script text", "cdn.example"),
        (r"https:\x2f\x2fcdn.example\x2fa", "script text", "cdn.example"),
        (r"\u002f\u002fcdn.example/a", "button onclick", "cdn.example"),
        (".google-analytics.com/ga.js", "script text", "google-analytics.com"),
        ("www.googletagmanager.com", "script text", "www.googletagmanager.com"),
        ("/", "script text", "/"),
    ],
)
def test_hosts(url: str, element: str, host: str) -> None:
    assert host_of(_tag(url, element=element)) == host


@pytest.mark.parametrize(
    ("element", "literal"),
    [
        ("script text", True),
        ("style text", True),
        ("div style", True),
        ("body onload", True),
        ("img src", False),
        ("video poster", False),
    ],
)
def test_literals_stand_in_code(element: str, literal: bool) -> None:
    assert is_literal(_tag("https://a.example/", element=element)) is literal


def test_the_numbers_of_a_page() -> None:
    page = _page(
        "/",
        _tag("https://a.example/1"),
        _tag("https://a.example/2", element="script text"),
        _tag("https://www.facebook.com/tr", "meta-pixel"),
        cookies=(Cookie("session", ()),),
    )
    assert numbers(page) == (2, 1, 1, 1)


def test_cookies_are_counted_by_pages() -> None:
    session, ga = Cookie("session", ()), Cookie("_ga", ("google-analytics",))
    pages = (_page("/", cookies=(session, ga, session)), _page("/a", cookies=(session,)))
    assert Found("", "block", pages, (), ()).cookies == ((session, 2), (ga, 1))
