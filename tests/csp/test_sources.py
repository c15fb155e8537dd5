"""A vendor's patterns as host sources: narrow where the policy's language allows it, wide where it must be."""

from __future__ import annotations

import pytest

from proxy.csp.sources import Lodgers, covered, host_sources, own_sources, reached_by_browsers, vendor_sources
from proxy.model import Decision, Reason
from tests.consent.shop import use, vendor

YES, NO = Decision(True, Reason.GRANTED), Decision(False, Reason.UNDECIDED)


def sources(*match: str, category: str = "analytics", others: dict[str, bool] | None = None) -> tuple[str, ...]:
    """The sources of a vendor with these patterns, beside others with one host each, granted or not."""
    because = "payment" if category == "essential" else None
    one = vendor("one", category, reach="direct", essential_because=because, technical={"match": match})
    rest = [vendor(f"other{place}", "social", technical={"match": [host]}) for place, host in enumerate(others or {})]
    granted = {f"other{place}": YES if allowed else NO for place, allowed in enumerate((others or {}).values())}
    return vendor_sources(one, {"one": YES, **granted}, Lodgers(use(one, *rest)))


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        (["pay.example"], ["pay.example", "*.pay.example"]),
        (["pay.example", "js.pay.example"], ["pay.example", "*.pay.example"]),
        (["js.pay.example", "pay.example/v3"], None),
        (["pay.example/tr"], ["pay.example/tr", "*.pay.example/tr", "pay.example/tr/", "*.pay.example/tr/"]),
        (["pay.example/js/"], ["pay.example/js/", "*.pay.example/js/"]),
        (["pay.example/a.js?id=G-*"], ["pay.example/a.js", "*.pay.example/a.js"]),
        (["pay.example/a$"], ["pay.example/a", "*.pay.example/a"]),
        (["pay.example/$"], ["pay.example/", "*.pay.example/"]),
        (["pay.example/p/*/embed"], ["pay.example/p/", "*.pay.example/p/"]),
        (["pay.example/v*"], ["pay.example", "*.pay.example"]),
        (["pay.example?id"], ["pay.example", "*.pay.example"]),
        (["pay.example/a,b;c"], None),
        (["myshopify.com"], ["myshopify.com"]),
    ],
)
def test_patterns_become_sources(match: list[str], expected: list[str] | None) -> None:
    found = sources(*match)
    if expected is not None:
        assert list(found) == expected
    assert not any(mark in source for source in found for mark in ";, '?$")
    assert not any("*" in source.removeprefix("*.") for source in found)


def test_below_a_host_where_a_denied_vendor_lives_only_www_is_admitted() -> None:
    assert sources("pay.example", others={"t.pay.example": False}) == ("pay.example", "www.pay.example")
    assert sources("pay.example", others={"t.pay.example": True}) == ("pay.example", "*.pay.example")


def test_what_is_below_a_named_subdomain_is_left_out_for_essential_vendors() -> None:
    assert sources("js.pay.example", category="essential") == ("js.pay.example",)
    assert sources("js.pay.example") == ("js.pay.example", "*.js.pay.example")


@pytest.mark.parametrize(
    ("reach", "expected"),
    [("direct", ("v.example",)), ("relay", ("v.example/embed",)), ("server", ())],
)
def test_what_browsers_ask_for_themselves(reach: str, expected: tuple[str, ...]) -> None:
    embed = ["v.example/embed"] if reach != "server" else []
    one = vendor("one", "social", reach=reach, technical={"match": ["v.example"], "embed": embed})
    assert reached_by_browsers(one) == expected


def test_essential_vendors_are_asked_for_whatever_their_reach() -> None:
    assert reached_by_browsers(vendor("pay", "essential")) == ("pay.example",)


def test_own_hosts_are_admitted_on_any_port() -> None:
    assert own_sources(["shop.example"]) == ("shop.example:*", "*.shop.example:*")
    assert own_sources(["127.0.0.1"]) == ("127.0.0.1:*",)
    assert own_sources(["[::1]"]) == ()


def test_the_operators_hosts() -> None:
    assert host_sources(["a.example"]) == ("a.example", "*.a.example")


@pytest.mark.parametrize(
    ("source", "admitted", "expected"),
    [
        ("a.example", ["a.example"], True),
        ("*.a.example", ["a.example"], False),
        ("a.example", ["*.a.example"], False),
        ("b.a.example", ["*.a.example"], True),
        ("*.b.a.example", ["*.a.example"], True),
        ("b.a.example/x", ["*.a.example"], True),
        ("a.example/x", ["a.example"], True),
        ("*.a.example/x", ["*.a.example"], True),
        ("a.example", ["a.example/x"], False),
        ("ba.example", ["*.a.example"], False),
    ],
)
def test_covered(source: str, admitted: list[str], expected: bool) -> None:
    assert covered(source, admitted) is expected
