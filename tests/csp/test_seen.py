"""What is remembered of the vendors that a site needs: bounded, and nothing that could bend a header."""

from __future__ import annotations

import pytest

from proxy.csp.seen import REMEMBERED, Seen


def test_hosts_are_kept_by_vendor_in_a_steady_order() -> None:
    seen = Seen()
    for host in ("b.pay.example", "a.pay.example", "cdn.example", "b.pay.example"):
        seen.note(host, "cdn" if host.startswith("cdn") else "pay")
    assert seen.vendors == {"pay": ("a.pay.example", "b.pay.example"), "cdn": ("cdn.example",)}


def test_nothing_changes_until_somebody_new_is_noted() -> None:
    seen = Seen()
    seen.note("a.example", "a")
    before = seen.vendors
    seen.note("a.example", "a")
    assert seen.vendors is before
    seen.note("b.example", "b")
    assert seen.vendors is not before


def test_what_was_not_needed_for_longest_is_forgotten() -> None:
    seen = Seen()
    for place in range(REMEMBERED):
        seen.note(f"h{place}.example", "a")
    seen.note("h0.example", "a")
    seen.note("one-more.example", "a")
    assert len(seen.vendors["a"]) == REMEMBERED
    assert "h0.example" in seen.vendors["a"]
    assert "h1.example" not in seen.vendors["a"]


def test_reports_make_nobody_forgotten() -> None:
    seen = Seen()
    for place in range(REMEMBERED + 9):
        seen.hear(f"h{place}.example", "a")
    assert "h0.example" in seen.vendors["a"]
    assert len(seen.vendors["a"]) == REMEMBERED
    seen.note("page.example", "b")
    assert seen.vendors["b"] == ("page.example",)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "x",
        "a.example;script-src",
        "a.example,x",
        "a.example 'unsafe-inline'",
        "*.example",
        "a.example/x",
        "A.example",
    ],
)
def test_what_could_bend_a_header_is_no_host(host: str) -> None:
    seen = Seen()
    seen.note(host, "a")
    assert seen.vendors == {}
