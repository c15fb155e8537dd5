from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.catalogue.match import Destination
from proxy.relay.gate import NotRelayed, Place, Refusal, destination_of, read_place
from tests.relay.vendors import ORIGIN, a_vendor

VENDOR = a_vendor()
PREFIX = "/_consent"


def place(target: str, host: str = "tracker.example") -> Place:
    return Place("tracker", host, target)


def asked(target: str, method: str = "GET", host: str = "tracker.example", **headers: str) -> Destination | Refusal:
    """The destination of a request of a page of ours, or why it is refused. Header names with `_` for `-`."""
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    try:
        return destination_of(VENDOR, place(target, host), method, pairs, ORIGIN)
    except NotRelayed as refused:
        return refused.refusal


@pytest.mark.parametrize(
    ("path", "host", "target"),
    [
        ("tracker/tracker.example/tag.js", "tracker.example", "/tag.js"),
        ("tracker/tracker.example/", "tracker.example", "/"),
        ("tracker/a.b-c.tracker.example/x?y=1&z=%2F..%2F?", "a.b-c.tracker.example", "/x?y=1&z=%2F..%2F?"),
        ("tracker/_dmarc.tracker.example/a;b=1//c/%E4%7e", "_dmarc.tracker.example", "/a;b=1//c/%E4%7e"),
        ("tracker/tracker.example/...", "tracker.example", "/..."),
    ],
)
def test_a_path_names_vendor_host_and_target_byte_for_byte(path: str, host: str, target: str) -> None:
    assert read_place(f"{PREFIX}/v/{path}", PREFIX) == Place("tracker", host, target)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tracker",
        "tracker/",
        "tracker/tracker.example",
        "Tracker/tracker.example/",
        "tracker/TRACKER.example/",
        "tracker/tracker.example./",
        "tracker/tracker..example/",
        "tracker/.tracker.example/",
        "tracker/-tracker.example/",
        "tracker/localhost/",
        "tracker/tracker.example:80/",
        "tracker/user@tracker.example/",
        "tracker/user:pw@tracker.example/",
        "tracker/tracker.example%2F/",
        "tracker/tracker.example%00/",
        "tracker/127.0.0.1/",
        "tracker/2130706433/",
        "tracker/0x7f.1/",
        "tracker/0177.0.0.1/",
        "tracker/1.2.3.0x4/",
        "tracker/[::1]/",
        "tracker/[::ffff:169.254.169.254]/",
        "tracker/169.254.169.254/",
        "tracker/\u00e4.example/",
        "tracker/" + "a." * 130 + "example/",
        "tracker/tracker.example/a/../b",
        "tracker/tracker.example/..",
        "tracker/tracker.example/./b",
        "tracker/tracker.example/a/%2e%2e/b",
        "tracker/tracker.example/a/.%2E/b",
        "tracker/tracker.example/a/%252e%252e/b",
        "tracker/tracker.example/a/%25252e%25252e/b",
        "tracker/tracker.example/a%2f..%2fb",
        "tracker/tracker.example/a/..;x=1/b",
        "tracker/tracker.example/a/..%20/b",
        "tracker/tracker.example/a\\..\\b",
        "tracker/tracker.example/a%5c..%5cb",
        "tracker/tracker.example/a%00b",
        "tracker/tracker.example/a%0d%0ab",
        "tracker/tracker.example/a#b",
        "tracker/tracker.example/a%23b",
        "tracker/tracker.example/a b",
        "tracker/tracker.example/a\r\nHost: evil.example",
        "tracker/tracker.example/\u00e4",
    ],
)
def test_a_path_that_could_be_read_in_two_ways_is_refused(path: str) -> None:
    with pytest.raises(NotRelayed) as refused:
        read_place(f"{PREFIX}/v/{path}", PREFIX)
    assert refused.value.refusal is Refusal.MALFORMED


@given(st.text())
def test_any_path_is_a_place_or_refused(path: str) -> None:
    try:
        found = read_place(f"{PREFIX}/v/tracker/tracker.example/{path}", PREFIX)
    except NotRelayed:
        return
    assert found.target == f"/{path}"
    assert found.target.isascii()


@pytest.mark.parametrize(
    ("target", "method", "said", "destination"),
    [
        ("/tag.js", "GET", "script", Destination.SCRIPT),
        ("/tag.js?id=1", "HEAD", "script", Destination.SCRIPT),
        ("/css?family=A", "GET", "style", Destination.STYLE),
        ("/font/a.woff2", "GET", "font", Destination.FONT),
        ("/pixel?x=1", "GET", "image", Destination.IMAGE),
        ("/collect", "GET", "empty", Destination.BEACON),
        ("/collect", "POST", "empty", Destination.BEACON),
        ("/both", "GET", "image", Destination.IMAGE),
        ("/both", "GET", "empty", Destination.BEACON),
        ("/both", "POST", "empty", Destination.BEACON),
        ("/tag.js", "GET", "image", Refusal.NOT_LISTED),
        ("/tag.js", "GET", "empty", Refusal.NOT_LISTED),
        ("/pixel", "GET", "script", Refusal.NOT_LISTED),
        ("/collect", "GET", "script", Refusal.NOT_LISTED),
        ("/elsewhere", "GET", "script", Refusal.NOT_LISTED),
        ("/tag.json", "GET", "script", Refusal.NOT_LISTED),
        ("/tag.js", "POST", "script", Refusal.METHOD),
        ("/pixel", "POST", "image", Refusal.METHOD),
        ("/collect", "HEAD", "empty", Refusal.METHOD),
        ("/collect", "PUT", "empty", Refusal.METHOD),
        ("/collect", "DELETE", "empty", Refusal.METHOD),
        ("/collect", "OPTIONS", "empty", Refusal.METHOD),
        ("/tag.js", "CONNECT", "script", Refusal.METHOD),
    ],
)
def test_method_and_path_go_by_destination(
    target: str, method: str, said: str, destination: Destination | Refusal
) -> None:
    assert asked(target, method, sec_fetch_dest=said, sec_fetch_site="same-origin") is destination


@pytest.mark.parametrize(
    "said",
    "document iframe frame object embed worker sharedworker serviceworker xslt audioworklet paintworklet manifest "
    "report track video audio json fencedframe speculationrules webidentity nonsense SCRIPT script,script ,".split(),
)
def test_no_other_destination_is_answered(said: str) -> None:
    for target in ("/tag.js", "/css", "/font", "/pixel", "/collect", "/both"):
        assert asked(target, sec_fetch_dest=said, sec_fetch_site="same-origin") is Refusal.DESTINATION


@pytest.mark.parametrize("mode", ["navigate", "nested-navigate", "websocket", "webtransport", ""])
def test_a_navigation_is_never_answered(mode: str) -> None:
    assert asked("/tag.js", sec_fetch_mode=mode, sec_fetch_site="same-origin") is Refusal.DESTINATION


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "none"},
        {"sec_fetch_site": "nonsense"},
        {"sec_fetch_site": ""},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://shop.example"},
        {"origin": "https://shop.example:8443"},
        {"sec_fetch_site": "same-origin", "origin": "https://evil.example"},
        {"referer": "https://evil.example/"},
        {"referer": "https://shop.example.evil.example/"},
        {"referer": "https://shop.example@evil.example/"},
    ],
)
def test_no_other_site_is_answered(headers: dict[str, str]) -> None:
    assert asked("/tag.js", sec_fetch_dest="script", **headers) is Refusal.CROSS_SITE


def test_a_page_without_referrers_is_still_ours() -> None:
    headers = {"sec_fetch_dest": "empty", "sec_fetch_site": "same-origin", "origin": "null"}
    assert asked("/collect", "POST", **headers) is Destination.BEACON


def test_a_header_sent_twice_counts_as_no_other() -> None:
    twice = [(b"sec-fetch-site", b"same-origin"), (b"sec-fetch-site", b"cross-site")]
    with pytest.raises(NotRelayed):
        destination_of(VENDOR, place("/tag.js"), "GET", twice, ORIGIN)


@pytest.mark.parametrize(
    ("target", "method", "destination"),
    [
        ("/tag.js", "GET", Destination.SCRIPT),
        ("/css", "GET", Destination.STYLE),
        ("/both", "GET", Destination.IMAGE),
        ("/both", "POST", Destination.BEACON),
        ("/collect", "GET", Destination.BEACON),
        ("/elsewhere", "GET", Refusal.NOT_LISTED),
    ],
)
def test_without_fetch_metadata_the_lists_tell_the_destination(
    target: str, method: str, destination: Destination | Refusal
) -> None:
    assert asked(target, method) is destination
    assert asked(target, method, referer=f"{ORIGIN}/cart", origin=ORIGIN) is destination


@pytest.mark.parametrize("host", ["nottracker.example", "tracker.example.evil.example", "example", "evil.example"])
def test_only_the_vendors_hosts_are_reached(host: str) -> None:
    assert asked("/tag.js", host=host) is Refusal.NOT_LISTED


def test_hosts_below_the_vendors_are_its_own() -> None:
    assert asked("/tag.js", host="eu.tracker.example") is Destination.SCRIPT


@pytest.mark.parametrize(
    ("query", "refused"),
    [
        ("callback=alert", True),
        ("x=1&callback=parent.alert", True),
        ("jsonp=f", True),
        ("JSONP=f", True),
        ("cb=$f", True),
        ("%63allback=%61lert", True),
        ("a=1;callback=f", True),
        ("callback=1%3Balert()//", True),
        ("callback=(alert)", True),
        ("callback=%0Aalert", True),
        ("callback=1..constructor", True),
        ("cb=1-alert", True),
        ("cb=0.8125", False),
        ("cb=1f0c", False),
        ("callback=", False),
        ("cb=1732270000", False),
        ("callbacks=f", False),
        ("id=callback", False),
    ],
)
def test_scripts_that_call_what_the_caller_names_are_refused(query: str, refused: bool) -> None:
    assert asked(f"/tag.js?{query}", sec_fetch_dest="script") is (Refusal.CALLBACK if refused else Destination.SCRIPT)
