"""URL -> vendor: each rule of a pattern in a table, then everything against a reference that knows no index."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.catalogue.match import Destination, Match, Matcher, embeds, matches, pattern_parts, relays
from proxy.catalogue.url import split_url
from tests.catalogue.vendors import vendor


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        # Hosts, on label boundaries.
        (
            "youtube.com",
            "youtube.com/ www.youtube.com/x a.b.youtube.com/",
            "notyoutube.com/ youtube.com.evil.example/ com/",
        ),
        ("www.youtube.com", "www.youtube.com/", "youtube.com/"),
        # A path is a prefix; one that ends in a letter or digit ends a segment.
        (
            "facebook.com/tr",
            "facebook.com/tr facebook.com/tr/ facebook.com/tr/x www.facebook.com/tr?id=1 facebook.com/tr;x",
            "facebook.com/travel facebook.com/tr.js facebook.com/ facebook.com/x/tr facebook.com/TR",
        ),
        ("facebook.com/tr*", "facebook.com/tr facebook.com/travel", "facebook.com/t"),
        ("facebook.com/tr/", "facebook.com/tr/ facebook.com/tr/x", "facebook.com/tr facebook.com/tr?x"),
        ("hotjar.com/c/hotjar-", "hotjar.com/c/hotjar-1.js", "hotjar.com/c/hotjar"),
        ("a.example/x$", "a.example/x a.example/x?y=1", "a.example/x/ a.example/xy"),
        ("a.example/$", "a.example/ a.example/?y", "a.example/x"),
        ("a.example/", "a.example/ a.example/x?y", "b.example/"),
        # `*` is any run of characters of the path, never of the query.
        (
            "connect.facebook.net/*/fbevents.js",
            "connect.facebook.net/en_US/fbevents.js?v=1 connect.facebook.net/a/b/fbevents.js",
            "connect.facebook.net/fbevents.js connect.facebook.net/en/fbevents.json connect.facebook.net/?/fbevents.js",
        ),
        ("a.example/*.js", "a.example/x.js a.example/.js a.example/x.js/y.js", "a.example/x.json a.example/x?.js"),
        ("a.example/*.js$", "a.example/x.js a.example/x.js/y.js a.example/x.js?z", "a.example/x.js/y"),
        ("a.example/ab*ba$", "a.example/abba a.example/abxba", "a.example/aba"),
        ("a.example/*x*y*", "a.example/xy a.example/axbyc", "a.example/yx"),
        # Percent-encoded letters are letters; an encoded slash is no slash.
        ("a.example/track", "a.example/%74rac%6B a.example/track?%", "a.example/track%2Fx a.example/%2574rack"),
        # The query: some parameter of that name has such a value.
        (
            "g.example/js?id=G-*",
            "g.example/js?id=G-1 g.example/js?l=x&id=G-1&c=2 g.example/js?id=UA-1&id=G-1 g.example/js/?id=G-",
            "g.example/js g.example/jss?id=G-1 g.example/js?id=UA-1 g.example/js?xid=G-1 g.example/js?id=xG-1",
        ),
        (
            "g.example/js?id=G-*",
            "g.example/js?id=G%2D1 g.example/js?%69d=G-1",
            "g.example/js?a=id=G-1x g.example/js?a%26id=G-1 g.example/js#id=G-1",
        ),
        ("g.example?id=1", "g.example/?id=1 g.example/x?id=1", "g.example/?id=12 g.example/?id"),
        ("g.example?id", "g.example/?id g.example/?x&id=3", "g.example/?idx=1 g.example/id"),
        ("g.example?a=1&b=*x", "g.example/?b=yx&a=1 g.example/?a=1&b=x", "g.example/?a=1 g.example/?a=1&b=xy"),
        ("g.example?u=https://a/", "g.example/?u=https%3A%2F%2Fa%2F", "g.example/?u=https"),
    ],
)
def test_a_pattern(pattern: str, yes: str, no: str) -> None:
    for url in yes.split():
        assert matches((pattern,), *_at(url)), url
    for url in no.split():
        assert not matches((pattern,), *_at(url)), url


def _at(url: str) -> tuple[str, str]:
    split = split_url(f"https://{url}", "https://shop.invalid/")
    assert split is not None
    return split


GTM = vendor("gtm", ["googletagmanager.com", "googletagmanager.com/gtm.js"])
ANALYTICS = vendor("analytics", ["googletagmanager.com/gtag/js?id=G-*", "analytics.google.com"])
ADS = vendor(
    "ads", ["googletagmanager.com/gtag/js?id=AW-*", "google.com/pagead", "googletagmanager.com/gtag/js?id=G-ADS*"]
)
TUBE = vendor(
    "tube",
    ["youtube.com", "youtube.com/embed"],
    {"links": ["youtube.com/", "youtube.com/embed/about$"], "embed": ["youtube.com/embed"]},
)
MATCHER = Matcher([TUBE, ADS, ANALYTICS, GTM])


@pytest.mark.parametrize(
    ("url", "key", "link"),
    [
        ("www.googletagmanager.com/gtag/js?id=G-1", "analytics", False),
        ("www.googletagmanager.com/gtag/js?id=AW-1", "ads", False),
        ("www.googletagmanager.com/gtag/js?id=G-ADS1", "ads", False),
        ("www.googletagmanager.com/gtag/js", "gtm", False),
        ("www.googletagmanager.com/gtm.js?id=G-1", "gtm", False),
        ("analytics.google.com/g/collect", "analytics", False),
        ("www.google.com/pagead/x", "ads", False),
        ("www.google.com/maps", None, False),
        ("www.youtube.com/embed/x", "tube", False),
        ("www.youtube.com/embed/about", "tube", True),
        ("www.youtube.com/watch?v=x", "tube", True),
        ("example.com/", None, False),
    ],
)
def test_the_most_specific_pattern_wins(url: str, key: str | None, link: bool) -> None:
    match = MATCHER.find(*_at(url))
    assert (match and match.vendor.key) == key
    assert match is None or match.link is link


def test_a_pattern_beats_a_link_of_the_same_length() -> None:
    match = Matcher([vendor("a", ["a.example/x"], {"links": ["a.example/x"]})]).find("a.example", "/x")
    assert match == Match(vendor("a", ["a.example/x"], {"links": ["a.example/x"]}), "a.example/x", False)


@pytest.mark.parametrize(
    ("url", "link"),
    [
        ("www.acme.example/legal/privacy", True),
        ("www.acme.example/legal/privacy/?lang=de", True),
        ("www.acme.example/legal/privacy.js", False),
        ("www.acme.example/x.js", False),
        ("optout.acme.example/", True),
        ("optout.acme.example/x.js", False),
    ],
)
def test_where_a_vendor_speaks_of_itself_is_a_link(url: str, link: bool) -> None:
    pages = {"policy": "https://www.acme.example/legal/privacy/#top", "opt_out": "https://optout.acme.example"}
    match = Matcher([vendor("acme", **pages)]).find(*_at(url))
    assert match is not None
    assert match.link is link


def test_a_policy_elsewhere_makes_no_host_a_vendors() -> None:
    assert Matcher([vendor("a", policy="https://notacme.example/privacy")]).hosts == ("a.example",)


def test_every_host_that_a_pattern_names_is_told_once() -> None:
    assert MATCHER.hosts == ("analytics.google.com", "google.com", "googletagmanager.com", "youtube.com")


@pytest.mark.parametrize(
    ("host", "patterns"),
    [
        (
            "www.googletagmanager.com",
            {*GTM.technical.match, "googletagmanager.com/gtag/js?id=G-*", *ADS.technical.match[::2]},
        ),
        ("x.analytics.google.com", {"analytics.google.com", "google.com/pagead"}),
        ("google.com", {"google.com/pagead"}),
        ("youtube.com", {*TUBE.technical.match, *TUBE.technical.links}),
        ("com", set()),
    ],
)
def test_all_that_a_host_can_be_is_told(host: str, patterns: set[str]) -> None:
    assert {match.pattern for match in MATCHER.under(host)} == patterns


def test_what_is_relayed_is_told_by_destination() -> None:
    one = vendor("a", ["a.example"], {"relay": {"script": ["a.example/*.js"], "beacon": ["a.example/collect"]}})
    assert relays(one, Destination.SCRIPT, "cdn.a.example", "/x.js?v=1")
    assert relays(one, Destination.BEACON, "a.example", "/collect")
    assert not relays(one, Destination.IMAGE, "a.example", "/collect")
    assert not relays(one, Destination.SCRIPT, "a.example", "/collect")
    assert not relays(one, Destination.SCRIPT, "b.example", "/x.js")


def test_destinations_are_the_lists_of_the_schema() -> None:
    lists = type(vendor("a").technical.relay).model_fields.keys() - {"fields", "signals"}
    assert lists == set(Destination)


def test_embeds() -> None:
    assert embeds(TUBE, "www.youtube.com", "/embed/x")
    assert not embeds(TUBE, "www.youtube.com", "/watch")
    assert not embeds(GTM, "www.youtube.com", "/embed/x")


@pytest.mark.parametrize(
    ("pattern", "same"),
    [("a.example/*", "a.example/"), ("a.example?b&a=1", "a.example?a=1&b"), ("a.example/x?", "a.example/x")],
)
def test_patterns_that_match_the_same_have_the_same_parts(pattern: str, same: str) -> None:
    assert pattern_parts(pattern) == pattern_parts(same)


@pytest.mark.parametrize("url", ["/" + "ab" * 100_000, "/a?" + "&id=G-" * 50_000 + "x", "/" + "%61b" * 50_000])
def test_long_urls_cost_no_more_than_their_length(url: str) -> None:
    """Quadratic matching would run into the suite's time limit here."""
    patterns = ("a.example/*a*b*c$", "a.example/a*?id=*z&x=*y", "a.example/*a*b*a*b*x.js", "a.example?id=G-*q&id=*r")
    assert not matches(patterns, "a.example", url)


# The reference: no index, no regular expression, the rules of match.py's opening as they stand.


def _glob(pattern: str, text: str, *, prefix: bool) -> bool:
    if not pattern:
        return prefix or not text
    if pattern[0] == "*":
        return any(_glob(pattern[1:], text[skip:], prefix=prefix) for skip in range(len(text) + 1))
    return text[:1] == pattern[0] and _glob(pattern[1:], text[1:], prefix=prefix)


def _path_fits(pattern: str, path: str) -> bool:
    if pattern.endswith("$"):
        return _glob(pattern[:-1], path, prefix=False)
    if pattern[-1:].isalnum():
        return any(
            _glob(pattern, path[:end], prefix=False)
            for end in range(len(path) + 1)
            if path[end : end + 1] in ("", "/", ";")
        )
    return _glob(pattern, path, prefix=True)


def _fits(pattern: str, host: str, target: str) -> bool:
    of, path_pattern, tests = pattern_parts(pattern)
    path, _, query = target.partition("?")
    parameters = [part.partition("=") for part in query.split("&")] if "?" in target else []
    return (
        f".{host}".endswith(f".{of}")
        and _path_fits(path_pattern, path)
        and all(any(_parameter_fits(test, *one) for one in parameters) for test in tests)
    )


def _parameter_fits(test: str, name: str, equals: str, value: str) -> bool:
    wanted, needs_value, pattern = test.partition("=")
    return name == wanted and (not needs_value or (bool(equals) and _glob(pattern, value, prefix=False)))


def _specificity(pattern: str) -> tuple[int, int, int]:
    host, path, tests = pattern_parts(pattern)
    return len(host), len(path.replace("*", "")), sum(len(test.replace("*", "")) for test in tests)


_HOSTS = st.sampled_from(["a.ex", "b.ex", "x.a.ex", "y.x.a.ex", "xa.ex", "ex.ex"])
_PATHS = st.lists(st.sampled_from(["/", "a", "b", "-", "/a", "ab", ";"]), max_size=5).map("".join)
_QUERIES = st.lists(st.sampled_from(["a=1", "a", "b=12", "b=", "ab=a", "a=-1"]), max_size=3).map("&".join)
_PATTERN_PATHS = st.builds(
    str.__add__,
    st.lists(st.sampled_from(["*", "a", "b", "/", "-"]), max_size=5).map("".join),
    st.sampled_from(["", "", "$"]),
)
_TESTS = st.lists(st.sampled_from(["a", "a=1", "a=*", "b=1*", "b=*2", "ab=a*a"]), max_size=2).map("&".join)


def _pattern(host: str, path: str, query: str) -> str:
    return host + (f"/{path}" if path else "") + (f"?{query}" if query else "")


@given(
    st.lists(st.builds(_pattern, _HOSTS, _PATTERN_PATHS, _TESTS), min_size=1, max_size=8, unique_by=pattern_parts),
    _HOSTS,
    _PATHS,
    st.none() | _QUERIES,
)
def test_like_the_reference(patterns: list[str], host: str, path: str, query: str | None) -> None:
    target = f"/{path}" + (f"?{query}" if query is not None else "")
    found = Matcher([vendor(f"v{index}", [pattern]) for index, pattern in enumerate(patterns)]).find(host, target)
    fitting = [pattern for pattern in patterns if _fits(pattern, host, target)]
    assert (found is None) == (not fitting)
    if found is not None:
        assert found.pattern in fitting
        assert _specificity(found.pattern) == max(map(_specificity, fitting))
