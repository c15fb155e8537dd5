"""The policy composed for a visit: who is in it, in which order, and how long it gets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.catalogue.use import InUse
from proxy.csp.compose import AMPLE, LONGEST, Composed, compose
from proxy.csp.sources import Lodgers
from proxy.model import Decision, Reason
from tests.consent.shop import use, vendor
from tests.html.pages import decisions, everything

REPORTS = "https://shop.example/_consent/csp"


def composed(made: InUse, granted: set[str], seen: Mapping[str, tuple[str, ...]] | None = None) -> Composed:
    found = {
        key: Decision(one.essential or key in granted, Reason.ESSENTIAL if one.essential else Reason.GRANTED)
        for key, one in made.vendors.items()
    }
    return compose(made, Lodgers(made), found, own=["shop.example"], seen=seen or {}, report_to=REPORTS)


def sources(policy: bytes) -> list[str]:
    name, *words = policy.decode().split(" ")
    assert name == "default-src"
    return words


FILM = vendor("film", "social", reach="direct")
STATS = vendor("stats", "analytics", reach="relay")
PAY = vendor("pay", "essential")
LIBRARY = vendor("library", "essential", essential_because="delivery")


def test_hosts_alone_are_forbidden() -> None:
    words = sources(composed(use(), set()).policy)
    assert words[:6] == ["'self'", "'unsafe-inline'", "'unsafe-eval'", "'wasm-unsafe-eval'", "data:", "blob:"]
    assert words[6:] == ["shop.example:*", "*.shop.example:*"]


def test_granted_vendors_are_in_it_where_browsers_reach_them() -> None:
    made = use(FILM, STATS)
    assert "film.example" not in sources(composed(made, set()).policy)
    words = sources(composed(made, {"film", "stats"}).policy)
    assert {"film.example", "*.film.example"} <= set(words)
    assert not any("stats" in word for word in words)


def test_essential_vendors_are_in_it_once_seen_and_before_that_where_a_checkout_needs_them() -> None:
    made = use(PAY, LIBRARY)
    words = sources(composed(made, set()).policy)
    assert "pay.example" in words
    assert "library.example" not in words
    words = sources(composed(made, set(), {"library": ("files.cdn.library.example", "cdn.elsewhere.example")}).policy)
    assert "library.example" in words
    assert "cdn.elsewhere.example" in words
    assert "files.cdn.library.example" not in words  # *.library.example is there
    assert words.index("library.example") < words.index("pay.example")


def test_what_the_operator_allows_is_in_it() -> None:
    words = sources(composed(replace(use(), allow=frozenset({"own-cdn.example"})), set()).policy)
    assert words[-2:] == ["own-cdn.example", "*.own-cdn.example"]


def test_a_vendor_of_which_only_seen_hosts_are_left_is_not_admitted_when_it_is_not_in_use() -> None:
    assert "gone.example" not in composed(use(PAY), set(), {"gone": ("gone.example",)}).policy.decode()


def test_many_of_one_kind_leave_room_for_the_others() -> None:
    many = [vendor(f"a-payment-service-of-many-{place:03}", "essential") for place in range(80)]
    made = use(*many, vendor("riddle", "essential", essential_because="captcha"))
    result = composed(made, set())
    assert "riddle.example" in sources(result.policy)
    assert AMPLE - 100 < len(result.reporting_to(REPORTS)) <= AMPLE
    assert result.left_out == ()


def test_who_has_no_room_is_named_and_a_smaller_one_still_gets_in() -> None:
    large = vendor(
        "large", "social", reach="direct", technical={"match": [f"{'x' * 40}{n}.example" for n in range(60)]}
    )
    made, granted = use(FILM, large, vendor("tiny", "social", reach="direct")), {"film", "large", "tiny"}
    result = composed(made, granted, {"large": ("x.example",)})
    assert result.left_out == ("large",)
    assert "tiny.example" in sources(result.policy)
    assert composed(made, granted).left_out == (), "a vendor that the shop was not seen to need is not missed"


def test_granted_vendors_that_were_seen_come_first() -> None:
    many = [vendor(f"a-film-service-of-many-{place:03}", "social", reach="direct") for place in range(99)]
    result = composed(use(FILM, *many), {one.key for one in (FILM, *many)}, {"film": ("film.example",)})
    assert "film.example" in sources(result.policy)
    assert LONGEST - 100 < len(result.reporting_to(REPORTS)) <= LONGEST


def test_reports_go_to_us_and_nothing_else_changes() -> None:
    result = composed(use(PAY), set())
    assert result.reporting_to(REPORTS) == result.policy + b"; report-uri " + REPORTS.encode()


@pytest.mark.parametrize("all_granted", [False, True])
def test_the_whole_catalogue_fits(all_granted: bool) -> None:
    made = everything()
    seen = {
        key: one.technical.match
        for key, one in made.vendors.items()
        if one.essential and "/" not in one.technical.match[0]
    }
    found = decisions(made, lambda _: all_granted)
    result = compose(made, Lodgers(made), found, own=["shop.example"], seen=seen, report_to=REPORTS)
    whole = result.reporting_to(REPORTS)
    assert len(whole) <= LONGEST
    assert whole.count(b";") == 1
    assert b"," not in whole
    assert whole.isascii()


KEYS = [key for key, one in everything().vendors.items() if not one.essential]


@given(st.sets(st.sampled_from(KEYS), max_size=40))
def test_no_denied_vendor_has_a_source_of_its_own(granted: set[str]) -> None:
    made = everything()
    found = decisions(made, lambda one: one.key in granted)
    words = sources(compose(made, Lodgers(made), found, own=["shop.example"], seen={}, report_to=REPORTS).policy)
    for word in words[8:]:
        host, slash, path = word.removeprefix("*.").removeprefix("www.").partition("/")
        match = made.matcher.find(host, slash + path or "/")
        allowed = [one.vendor.key for one in made.matcher.under(host) if made.decision(one.vendor, found).allowed]
        assert allowed or (match is not None and made.decision(match.vendor, found).allowed), word
