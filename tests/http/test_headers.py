"""The two tables: a verdict a name, and what the verdicts do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proxy.http.headers import (
    PROTECTED,
    REQUEST,
    RESPONSE,
    Asked,
    Circles,
    Given,
    HeaderList,
    Verdict,
    passed,
    to_browser,
    to_storefront,
)

ASKED = Asked(
    host=b"shop.example",
    send_host=b"shop.example",
    peer="203.0.113.9",
    visitor="203.0.113.9",
    proto=b"https",
    http_version=b"1.1",
    trusted=False,
    page=True,
    conditions=False,
    whole=False,
    cookie=None,
    consent=b"analytics=0",
    if_none_match=None,
)


def coded(_: object) -> bytes:
    return b"gzip"


def sent(*headers: tuple[bytes, bytes], asked: Asked = ASKED) -> dict[bytes, list[bytes]]:
    grouped: dict[bytes, list[bytes]] = {}
    for name, value in to_storefront([(b"host", b"shop.example"), *headers], asked, coded):
        grouped.setdefault(name, []).append(value)
    return grouped


#: Every name with a verdict in requests, and whether it reaches the storefront as it came: from a stranger, and from a
#: trusted network.
STAYS = {
    Verdict.HOP: (False, False),
    Verdict.NEVER: (False, False),
    Verdict.PEER: (False, True),
    Verdict.COOKIE: (False, False),
    Verdict.CODING: (False, False),
    Verdict.CONDITION: (False, False),
    Verdict.RANGE: (True, True),
    Verdict.VIA: (False, False),
}


@pytest.mark.parametrize("trusted", [False, True])
@pytest.mark.parametrize("name", sorted(name for name in REQUEST if REQUEST[name] is not Verdict.WRITTEN))
def test_each_name_has_its_verdict_on_the_way_to_the_storefront(name: bytes, trusted: bool) -> None:
    got = sent((name, b"bytes=canary"), asked=replace(ASKED, trusted=trusted))
    assert (b"bytes=canary" in got.get(name, [])) is STAYS[REQUEST[name]][trusted]


def test_what_has_no_verdict_passes_in_order_with_duplicates() -> None:
    headers = [(b"user-agent", b"x"), (b"x-a", b"1"), (b"sec-gpc", b"1"), (b"x-a", b"2"), (b"authorization", b"y")]
    got = to_storefront([(b"host", b"h"), *headers], ASKED, coded)
    assert [header for header in got if header in headers] == headers
    assert got[0] == (b"host", b"shop.example")


def test_a_length_gives_way_to_chunks() -> None:
    assert b"content-length" not in sent((b"content-length", b"5"), (b"transfer-encoding", b"chunked"))
    assert sent((b"content-length", b"5"))[b"content-length"] == [b"5"]


def test_names_with_underscores_are_dropped() -> None:
    assert (
        sent((b"x_forwarded_for", b"6.6.6.6"), (b"content_length", b"5"))
        .keys()
        .isdisjoint({b"x_forwarded_for", b"content_length"})
    )


@pytest.mark.parametrize("name", sorted(PROTECTED | {b"cookie", b"host", b"x-forwarded-for", b"consentry-consent"}))
def test_what_others_rely_on_cannot_be_named_away(name: bytes) -> None:
    asked = replace(ASKED, cookie=b"a=1")
    with_it = sent((b"connection", b"close, " + name.upper()), (name, b"1"), asked=asked)
    without = sent((name, b"1"), asked=asked)
    assert with_it == without
    assert name in with_it


def test_what_connection_names_is_dropped() -> None:
    got = sent((b"connection", b"X-Hop , keep-alive"), (b"connection", b"x-two"), (b"x-hop", b"1"), (b"x-two", b"2"))
    assert got.keys().isdisjoint({b"x-hop", b"x-two", b"connection"})


@pytest.mark.parametrize(
    ("te", "out"), [(b"trailers", [b"trailers"]), (b"gzip, Trailers", [b"trailers"]), (b"gzip", [])]
)
def test_te_says_trailers_or_nothing(te: bytes, out: list[bytes]) -> None:
    got = sent((b"te", te))
    assert got.get(b"te", []) == out
    assert got.get(b"connection", []) == [b"te"] * len(out)


def test_a_stranger_says_nothing_of_the_visitor() -> None:
    forged = [(name, b"6.6.6.6") for name in REQUEST if REQUEST[name] in (Verdict.PEER, Verdict.WRITTEN)]
    got = sent(*forged)
    assert b"6.6.6.6" not in b" ".join(value for values in got.values() for value in values)
    assert got[b"x-forwarded-for"] == [b"203.0.113.9"]
    assert got[b"x-forwarded-proto"] + got[b"x-forwarded-host"] == [b"https", b"shop.example"]
    assert got[b"forwarded"] == [b'for=203.0.113.9;host="shop.example";proto=https']


@pytest.mark.parametrize("name", [b"client-ip", b"x-remote-addr", b"x-originating-ip", b"x-scheme", b"x-host"])
def test_what_frameworks_believe_of_the_visitor_is_no_strangers_to_say(name: bytes) -> None:
    assert name not in sent((name, b"6.6.6.6"))


def test_a_trusted_peer_is_added_to_what_it_says() -> None:
    trusted = replace(ASKED, trusted=True, peer="10.0.0.1", visitor="2001:db8::1")
    got = sent(
        (b"x-forwarded-for", b"6.6.6.6"),
        (b"x-forwarded-for", b"2001:db8::1"),
        (b"x-forwarded-proto", b"HTTP"),
        (b"x-forwarded-host", b"www.shop.example"),
        asked=trusted,
    )
    assert got[b"x-forwarded-for"] == [b"6.6.6.6, 2001:db8::1, 10.0.0.1"]
    assert got[b"forwarded"] == [b'for="[2001:db8::1]";host="www.shop.example";proto=http']


def test_a_forwarded_host_that_is_none_is_not_put_into_forwarded() -> None:
    got = sent((b"x-forwarded-host", b'a";for=1'), asked=replace(ASKED, trusted=True))
    assert b"forwarded" not in got


def test_the_storefront_may_want_a_name_of_its_own() -> None:
    got = sent(asked=replace(ASKED, send_host=b"inside.example"))
    assert got[b"host"] + got[b"x-forwarded-host"] == [b"inside.example", b"shop.example"]


def test_via_is_added_to_and_our_own_stops_the_request() -> None:
    assert sent((b"via", b"1.0 edge"), (b"via", b"1.1 b"))[b"via"] == [b"1.0 edge, 1.1 b, 1.1 consentry"]
    with pytest.raises(Circles):
        sent((b"via", b"1.0 edge, 1.1 Consentry (x)"))


def test_conditions_and_codings_where_no_page_can_come_back() -> None:
    picture = replace(ASKED, page=False, conditions=True)
    headers = [
        (b"if-none-match", b'"a"'),
        (b"if-modified-since", b"b"),
        (b"if-range", b"c"),
        (b"accept-encoding", b"x"),
    ]
    got = sent(*headers, (b"range", b"d"), asked=picture)
    assert [got[name] for name, _ in headers] == [[value] for _, value in headers]
    assert got[b"range"] == [b"d"]


def test_where_a_page_may_come_back() -> None:
    got = sent((b"accept-encoding", b"x"), (b"range", b"d"), asked=replace(ASKED, whole=True, if_none_match=b'"v"'))
    assert got[b"accept-encoding"] == [b"gzip"]
    assert got[b"if-none-match"] == [b'"v"']
    assert b"range" not in got


def test_cookies_and_the_consent_are_what_we_say() -> None:
    got = sent(
        (b"cookie", b"a"),
        (b"cookie", b"b"),
        (b"consentry-consent", b"analytics=1"),
        asked=replace(ASKED, cookie=b"c=1"),
    )
    assert got[b"cookie"] + got[b"consentry-consent"] == [b"c=1", b"analytics=0"]


# -- to the browser ----------------------------------------------------------------------------------------------------

GIVEN = Given(
    page=True,
    bodiless=False,
    etag=lambda value: b"W/salted-" + value if value != b"bad" else None,
    policy=lambda policy: policy + b"; edited",
    may_contact=lambda url: b"vendor" not in url,
    may_follow=lambda url: not url.startswith((b"https://vendor", b"//vendor")),
    cookie_denied=lambda value: value.startswith(b"_ga"),
)
OTHER = replace(GIVEN, page=False)

#: Every name with a verdict in answers, and whether it reaches the browser as it came: of a page, and of anything else.
SHOWN = {
    Verdict.HOP: (False, False),
    Verdict.NEVER: (False, False),
    Verdict.PAGE: (False, True),
    Verdict.ETAG: (False, True),
    Verdict.LENGTH: (False, True),
    Verdict.SET_COOKIE: (True, True),
    Verdict.LINK: (True, True),
    Verdict.REPORTS: (False, False),
    Verdict.POLICY: (False, True),
    Verdict.ONWARD: (True, True),
    Verdict.VIA: (False, False),
}


@pytest.mark.parametrize("kind", ["page", "other"])
@pytest.mark.parametrize("name", sorted(RESPONSE))
def test_each_name_has_its_verdict_on_the_way_to_the_browser(name: bytes, kind: str) -> None:
    out = to_browser([(name, b"canary=1")], GIVEN if kind == "page" else OTHER)
    assert ((name, b"canary=1") in out) is SHOWN[RESPONSE[name]][kind == "other"]


def test_what_has_no_verdict_passes_in_order() -> None:
    headers = [(b"x-a", b"1"), (b"location", b"/"), (b"refresh", b"5"), (b"x-a", b"2")]
    assert to_browser(headers, GIVEN) == [*headers, (b"via", b"1.1 consentry")]


@pytest.mark.parametrize(
    ("name", "value", "stays"),
    [
        (b"location", b"/own?u=https://vendor/", True),
        (b"location", b"https://vendor/x", False),
        (b"location", b" //vendor", False),
        (b"refresh", b"5", True),
        (b"refresh", b"0;url=/own", True),
        (b"refresh", b"0;url=https://vendor/", False),
        (b"refresh", b"0; URL = 'https://vendor/'", False),
        (b"refresh", b"0,//vendor", False),
    ],
)
def test_a_part_of_a_page_is_not_sent_where_it_may_not_come_from(name: bytes, value: bytes, stays: bool) -> None:
    assert ((name, value) in to_browser([(name, value)], OTHER)) is stays


def test_one_date_and_one_via() -> None:
    out = to_browser([(b"date", b"a"), (b"via", b"1.0 x"), (b"date", b"b"), (b"via", b"y")], OTHER)
    assert out == [(b"date", b"a"), (b"via", b"1.0 x, y, 1.1 consentry")]


def test_set_cookies_are_never_joined() -> None:
    out = to_browser([(b"set-cookie", b"a=1"), (b"set-cookie", b"_ga=2"), (b"set-cookie", b"b=3")], OTHER)
    assert out[:2] == [(b"set-cookie", b"a=1"), (b"set-cookie", b"b=3")]
    assert len(out) == 3


def test_a_page_has_our_validator_and_each_policy_is_edited() -> None:
    out = to_browser([(b"etag", b"x"), (b"content-security-policy", b"a"), (b"content-security-policy", b"b")], GIVEN)
    assert out[:3] == [
        (b"etag", b"W/salted-x"),
        (b"content-security-policy", b"a; edited"),
        (b"content-security-policy", b"b; edited"),
    ]
    assert b"etag" not in dict(to_browser([(b"etag", b"bad")], GIVEN))


def test_what_we_add_comes_last() -> None:
    out = to_browser([(b"a", b"1")], replace(GIVEN, extra=[(b"cache-control", b"private")]))
    assert out[-1] == (b"cache-control", b"private")


def test_what_a_header_would_contact_is_dropped_or_taken_back() -> None:
    headers: HeaderList = [
        (b"report-to", b'{"group":"v","max_age":9,"endpoints":[{"url":"https://vendor/"}]}'),
        (b"nel", b'{"report_to":"v","max_age":9}'),
        (b"content-security-policy", b"default-src 'self'; report-uri https://vendor/"),
        (b"speculation-rules", b'"https://vendor/rules.json"'),
    ]
    assert to_browser(headers, OTHER)[:-1] == [
        (b"report-to", b'{"max_age":0,"endpoints":[]}'),
        (b"nel", b'{"report_to":"default","max_age":0}'),
        (b"content-security-policy", b"default-src 'self';"),
    ]


def test_a_log_of_network_errors_goes_where_its_group_may_go() -> None:
    headers: HeaderList = [
        (b"nel", b'{"report_to":"own","max_age":9}'),
        (b"report-to", b'{"group":"own","max_age":9,"endpoints":[{"url":"https://own/"}]}'),
    ]
    assert to_browser(headers, OTHER)[:2] == headers


def test_passing_everything_is_still_hop_by_hop() -> None:
    headers: HeaderList = [
        (b"connection", b"x-hop, set-cookie"),
        (b"x-hop", b"1"),
        (b"transfer-encoding", b"chunked"),
        (b"content-length", b"3"),
        (b"set-cookie", b"_ga=1"),
        (b"link", b"<https://vendor>; rel=preconnect"),
    ]
    kept = [*headers[4:], (b"via", b"1.1 consentry")]
    assert passed(headers, bodiless=True) == kept
    assert passed(headers, bodiless=False) == [headers[3], *kept]
