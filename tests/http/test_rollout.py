"""Which visitors are in a rollout: a share of them, each always on the same side."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.http.rollout import Rollout
from proxy.model import Consent, Doubt, How, Regime, Standing, Visit
from tests.laws import OPT_IN

KEY = b"k" * 32
SITE = "https://shop.example"


def visit(address: str | None = "203.0.113.9", standing: Standing = Standing()) -> Visit:  # noqa: B008
    return Visit(standing, OPT_IN, False, address, (), "/")


def addresses() -> list[str]:
    return [f"{a}.{b}.7.9" for a in range(20, 60) for b in range(100)]


@pytest.mark.parametrize("percent", [1, 10, 50, 99])
def test_the_share_is_what_it_says(percent: int) -> None:
    rollout = Rollout(percent, KEY, SITE)
    found = sum(rollout.includes(visit(address), b"Firefox") for address in addresses())
    assert found / 4000 == pytest.approx(percent / 100, abs=0.03)
    assert rollout.partial


@given(st.floats(0, 100), st.ip_addresses().map(str), st.binary(max_size=40))
def test_a_visitor_stays_on_their_side_and_comes_in_as_the_share_grows(
    percent: float, address: str, agent: bytes
) -> None:
    there = Rollout(percent, KEY, SITE).includes(visit(address), agent)
    assert Rollout(percent, KEY, SITE).includes(visit(address), agent) is there
    if there:
        assert Rollout(100, KEY, SITE).includes(visit(address), agent)
        assert Rollout(min(100, percent + 10), KEY, SITE).includes(visit(address), agent)


def test_all_or_nobody() -> None:
    assert all(Rollout(100, KEY, SITE).includes(visit(address), b"") for address in addresses()[:50])
    assert not any(Rollout(0, KEY, SITE).includes(visit(address), b"") for address in addresses()[:50])
    assert not Rollout(100, KEY, SITE).partial
    assert not Rollout(0, KEY, SITE).partial


def test_who_has_a_consent_cookie_is_in() -> None:
    chosen = Consent(1, date(2026, 11, 22), frozenset(), frozenset(), frozenset(), Regime.OPT_IN, How.REJECT)
    for standing in (Standing(chosen), Standing(doubt=Doubt.SIGNATURE)):
        assert Rollout(0, KEY, SITE).includes(visit(standing=standing), b"")


def test_the_side_is_by_the_shortened_address_the_user_agent_the_key_and_the_site() -> None:
    def sides(rollout: Rollout, agent: bytes = b"Firefox") -> list[bool]:
        return [rollout.includes(visit(address), agent) for address in addresses()[:200]]

    ours = Rollout(50, KEY, SITE)
    assert ours.includes(visit("203.0.113.9"), b"") is ours.includes(visit("203.0.113.200"), b"")
    assert sides(ours) != sides(ours, b"Chromium")
    assert sides(ours) != sides(Rollout(50, b"z" * 32, SITE))
    assert sides(ours) != sides(Rollout(50, KEY, "https://other.example"))
    assert ours.includes(visit(None), b"") is ours.includes(visit("not an address"), b"")
