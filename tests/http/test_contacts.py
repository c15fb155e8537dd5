"""Headers that make browsers contact somebody: what stays of each."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.html.elements import LINK_USES
from proxy.http.contacts import contacts, nel

NAMES = (
    b"link speculation-rules report-to reporting-endpoints expect-ct x-xss-protection content-security-policy".split()
)
FORGET = b'{"max_age":0,"endpoints":[]}'
FORGET_NEL = b'{"report_to":"default","max_age":0}'
OWN_GROUP = b'{"group":"own","max_age":9,"endpoints":[{"url":"https://own/r"}]}'
VENDORS_GROUP = b'{"group":"v","max_age":9,"endpoints":[{"url":"https:\\/\\/vendor\\/r"}]}'


def may(url: bytes) -> bool:
    return b"vendor" not in url


@pytest.mark.parametrize("rel", sorted(LINK_USES))
def test_every_relation_that_loads_in_a_page_loads_in_a_header(rel: str) -> None:
    assert contacts(b"link", b"<https://vendor/x>; rel=%b" % rel.encode(), may) is None


@pytest.mark.parametrize(
    ("value", "out"),
    [
        (b"<https://vendor/x>; rel=preconnect", None),
        (b'<https://vendor/x>; rel="preload dns-prefetch"; as=script', None),
        (b"<https://vendor/x>;REL=Preload", None),
        (b"< https://vendor/x >; rel=stylesheet", None),
        (b"<https://vendor/x>; rel=canonical", b"<https://vendor/x>; rel=canonical"),
        (b"<https://vendor/x>", b"<https://vendor/x>"),
        (b"</a,b>; rel=preload, <//vendor>; rel=preconnect, </c>; rel=next", b"</a,b>; rel=preload, </c>; rel=next"),
        (
            b'</a>; rel=preload; title="x, <//vendor>; rel=preconnect"',
            b'</a>; rel=preload; title="x, <//vendor>; rel=preconnect"',
        ),
        (b"</a>;  rel=preload ,  </b>", b"</a>;  rel=preload ,  </b>"),
        (b'</b>, </a>; title="unclosed, <https://vendor/>; rel=preload', b"</b>"),
    ],
)
def test_link_values_that_would_contact_somebody_are_dropped_one_by_one(value: bytes, out: bytes | None) -> None:
    assert contacts(b"link", value, may) == out


@pytest.mark.parametrize(
    ("name", "value", "out"),
    [
        (
            b"link",
            b'</a>; rel=preload; as=image; imagesrcset="https://vendor/b 2x, /c 3x", </d>; rel=icon',
            b"</d>; rel=icon",
        ),
        (b"link", b'<>; rel=preload; as=image; imagesrcset="/c 3x"', b'<>; rel=preload; as=image; imagesrcset="/c 3x"'),
        (b"speculation-rules", b'"https://vendor/rules.json", "/own.json"', b'"/own.json"'),
        (b"reporting-endpoints", b'a="https://vendor/r", b="/own"', b'b="/own"'),
        (b"reporting-endpoints", b'b="/own"', b'b="/own"'),
        (b"reporting-endpoints", b'a="https://vendor/r";x=1', None),
        (b"report-to", VENDORS_GROUP, FORGET),
        (b"report-to", OWN_GROUP, OWN_GROUP),
        (
            b"report-to",
            b'{"group":"own","max_age":9,"endpoints":[]}, ' + VENDORS_GROUP,
            b'{"group": "own", "max_age": 9, "endpoints": []}',
        ),
        (b"report-to", b"https://vendor/ is no JSON", FORGET),
        (b"report-to", b'{"endpoints":[{"url":7}]}', FORGET),
        (b"report-to", b"[" * 50_000, FORGET),
        (b"content-security-policy", b"img-src *; report-uri https://vendor/r", b"img-src *;"),
        (b"content-security-policy", b"report-uri /own https://vendor/r; img-src *", b" report-uri /own; img-src *"),
        (b"content-security-policy", b"a;REPORT-URI //vendor, b; report-to v", b"a;, b; report-to v"),
        (b"content-security-policy", b"img-src https://vendor;; x", b"img-src https://vendor;; x"),
        (b"expect-ct", b'max-age=1, enforce, report-uri="https://vendor/r"', b"max-age=1, enforce"),
        (b"public-key-pins-report-only", b'pin-sha256="x"; report-uri="https://vendor/r"', b'pin-sha256="x"'),
        (b"x-xss-protection", b"1; mode=block; report=https://vendor/r", b"1; mode=block"),
        (b"x-xss-protection", b"1; report=/own", b"1; report=/own"),
        (b"x-xss-protection", b"0", b"0"),
    ],
)
def test_reports_and_rules_go_to_nobody_who_is_denied(name: bytes, value: bytes, out: bytes | None) -> None:
    assert contacts(name, value, may) == out


@pytest.mark.parametrize(
    ("value", "groups", "out"),
    [
        (b'{"report_to":"own","max_age":9}', [OWN_GROUP], b'{"report_to":"own","max_age":9}'),
        (b'{"report_to":"own","max_age":9}', [VENDORS_GROUP + b", " + OWN_GROUP], b'{"report_to":"own","max_age":9}'),
        (b'{"report_to":"v","max_age":9}', [VENDORS_GROUP], FORGET_NEL),
        (b'{"report_to":"v","max_age":9}', [OWN_GROUP], FORGET_NEL),
        (b'{"report_to":"own","max_age":9}', [], FORGET_NEL),
        (b"no JSON", [OWN_GROUP], FORGET_NEL),
        (b'{"report_to":["own"]}', [OWN_GROUP], FORGET_NEL),
    ],
)
def test_network_errors_are_told_where_the_group_may_be_contacted(
    value: bytes, groups: list[bytes], out: bytes
) -> None:
    assert nel(value, groups, may) == out


@given(st.sampled_from(NAMES), st.binary(max_size=300))
def test_any_value_is_read_and_what_stays_stays(name: bytes, value: bytes) -> None:
    once = contacts(name, value, may)
    assert once is None or contacts(name, once, may) == once
    nel(value, [value], may)


@given(st.sampled_from(NAMES), st.binary(max_size=300))
def test_where_everybody_may_be_contacted_nothing_changes(name: bytes, value: bytes) -> None:
    assert name in (b"link", b"report-to") or (contacts(name, value, lambda _: True) or b"") == value


def test_a_hostile_value_is_read_in_linear_time() -> None:
    started = time.process_time()
    for hostile in (b"<" * 60_000, b'"' * 60_001, b"<a>;" * 15_000, b'"\\' * 30_000, b"<x>; rel" + b" " * 60_000):
        for name in NAMES:
            contacts(name, hostile, may)
    assert time.process_time() - started < 10
