"""What browsers report: read, held to what it can be, counted without anything of a visitor."""

from __future__ import annotations

import json

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from proxy.csp.heard import MOST_HOSTS, PER_SECOND, Heard
from proxy.csp.reports import LARGEST, Violation, read_reports
from proxy.csp.seen import Seen
from tests.html.pages import everything


def old(blocked: object, directive: object = "script-src-elem", **more: object) -> bytes:
    """As `report-uri` gets it."""
    told = {"document-uri": "https://shop.example/account?token=1", "blocked-uri": blocked}
    return json.dumps({"csp-report": told | {"effective-directive": directive, **more}}).encode()


def new(*blocked: str) -> bytes:
    """As the Reporting API sends it."""
    return json.dumps(
        [
            {"type": "csp-violation", "body": {"blockedURL": url, "effectiveDirective": "img-src"}, "url": "https://x/"}
            for url in blocked
        ]
    ).encode()


@pytest.mark.parametrize(
    ("body", "violations"),
    [
        (old("https://T.example.org/a?b=1"), (Violation("script-src-elem", "t.example.org"),)),
        (old("wss://t.example.org"), (Violation("script-src-elem", "t.example.org"),)),
        (old("inline"), (Violation("script-src-elem", None),)),
        (old("data"), (Violation("script-src-elem", None),)),
        (old("https://127.0.0.1/"), (Violation("script-src-elem", None),)),
        (old("https://[::1/"), (Violation("script-src-elem", None),)),
        (old("https://t.example.org/", "made-up"), (Violation("other", "t.example.org"),)),
        (old("https://t.example.org/", None), (Violation("other", "t.example.org"),)),
        (old(7), (Violation("script-src-elem", None),)),
        (old("chrome-extension://abc/x.js"), ()),
        (old("moz-extension"), ()),
        (old("about"), ()),
        (old("https://t.example.org/", **{"source-file": "chrome-extension"}), ()),
        (new("https://a.example.org/", "eval"), (Violation("img-src", "a.example.org"), Violation("img-src", None))),
        (b"[]", None),
        (b"{}", None),
        (b'{"csp-report": 1}', None),
        (b"\xff\xfe", None),
        (b"[" * 100_000, None),
    ],
)
def test_what_is_read_of_a_report(body: bytes, violations: tuple[Violation, ...] | None) -> None:
    assert read_reports(body) == violations


@given(
    st.binary()
    | st.recursive(st.text() | st.none(), lambda inner: st.dictionaries(st.text(), inner)).map(
        lambda told: json.dumps({"csp-report": told}).encode()
    )
)
def test_whatever_comes_nothing_breaks(body: bytes) -> None:
    read_reports(body)


def count(host: str, directive: str, vendor: str) -> float:
    labels = {"host": host, "directive": directive, "vendor": vendor}
    return REGISTRY.get_sample_value("consentry_csp_violations_total", labels) or 0.0


def dropped(reason: str) -> float:
    return REGISTRY.get_sample_value("consentry_csp_reports_dropped_total", {"reason": reason}) or 0.0


def test_hosts_are_counted_and_told_of_once_without_anything_of_a_visitor() -> None:
    heard = Heard(everything(), Seen())
    with structlog.testing.capture_logs() as lines:
        for _ in range(3):
            heard.hear(old("https://tags.nobody-knows.example/a.js?visitor=7"))
    assert count("tags.nobody-knows.example", "script-src-elem", "unknown") == 3
    assert [(line["host"], line["vendor"]) for line in lines] == [("tags.nobody-knows.example", "unknown")]
    assert "visitor" not in str(lines)
    assert "token" not in str(lines)
    heard.hear(old("https://www.google-analytics.com/g/collect", "connect-src"))
    assert count("www.google-analytics.com", "connect-src", "google-analytics") == 1


def test_a_vendors_host_that_was_stopped_is_admitted_from_then_on_where_it_is_allowed() -> None:
    seen = Seen()
    Heard(everything(), seen).hear(old("https://js.stripe.com/v3/"))
    assert seen.vendors == {"stripe": ("js.stripe.com",)}
    Heard(everything(), seen).hear(old("https://www.google-analytics.com/g/collect"))
    Heard(everything(), seen).hear(old("https://tags.nobody-knows.example/"))
    assert seen.vendors == {"stripe": ("js.stripe.com",), "google-analytics": ("www.google-analytics.com",)}


def test_reports_are_bounded_in_number_size_and_kinds() -> None:
    now = 0.0
    heard = Heard(everything(), Seen(), lambda: now)
    before = {reason: dropped(reason) for reason in ("rate", "size", "unreadable", "stranger")}
    heard.hear(b"x" * (LARGEST + 1))
    heard.hear(b"x")
    heard.hear(old("about"))
    assert {reason: dropped(reason) - count for reason, count in before.items()} == {
        "rate": 0,
        "size": 1,
        "unreadable": 1,
        "stranger": 1,
    }
    for _ in range(5 * PER_SECOND):
        heard.hear(b"x")
    assert dropped("rate") > before["rate"]
    now = 1e6
    others = count("other", "img-src", "unknown")
    for number in range(MOST_HOSTS + 7):
        now += 1
        heard.hear(new(f"https://h{number}.nobody-knows.example/"))
    assert count("other", "img-src", "unknown") == others + 7
