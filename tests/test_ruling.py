"""Rulings: what follows from a visit's decisions, remembered without anything of the visitor."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from proxy import ruling
from proxy.decide import Grounds
from proxy.model import ASKED, Category, Consent, Doubt, How, Regime, Standing, Visit
from proxy.ruling import Rulings, told
from tests.http.shop import in_development
from tests.laws import NOTICE, OPT_IN, OPT_OUT

CONSENT = Consent(
    99,
    date(2026, 11, 1),
    frozenset({Category.ANALYTICS}),
    frozenset(),
    frozenset(),
    Regime.OPT_IN,
    How.SAVE,
    record="r",
)
VISIT = Visit(Standing(CONSENT), OPT_IN, False, "203.0.113.9", ("de",), "/")


@pytest.mark.parametrize(
    ("grounds", "expected"),
    [
        (Grounds(), "analytics=0, advertising=0, marketing=0, social=0, gpc=0, regime=opt-in"),
        (Grounds(Standing(CONSENT)), "analytics=1, advertising=0, marketing=0, social=0, gpc=0, regime=opt-in"),
        (
            Grounds(law=OPT_OUT, gpc=True),
            "analytics=1, advertising=0, marketing=0, social=0, gpc=1, regime=opt-out",
        ),
        (
            Grounds(Standing(replace(CONSENT, granted=frozenset(ASKED), signal=True)), gpc=True),
            "analytics=1, advertising=1, marketing=1, social=1, gpc=1, regime=opt-in",
        ),
        (
            Grounds(Standing(doubt=Doubt.SIGNATURE), NOTICE),
            "analytics=0, advertising=0, marketing=0, social=0, gpc=0, regime=notice",
        ),
    ],
)
def test_the_storefront_is_told_the_choice(grounds: Grounds, expected: str) -> None:
    assert told(grounds) == expected.encode()


def test_a_ruling_follows_the_decisions() -> None:
    granted = Rulings(in_development()).of(VISIT)
    assert "google-analytics" in granted.allowed
    assert "meta-pixel" not in granted.allowed
    assert (granted.granted, granted.ask) == (True, False)
    undecided = Rulings(in_development()).of(replace(VISIT, standing=Standing()))
    assert (undecided.granted, undecided.ask) == (False, True)
    essential = {key for key, vendor in in_development().vendors.items() if vendor.essential}
    assert undecided.allowed == essential


def test_visits_alike_share_a_ruling_whoever_they_are() -> None:
    rulings = Rulings(in_development())
    other = replace(CONSENT, record="another", day=date(2026, 10, 1))
    assert rulings.of(VISIT) is rulings.of(replace(VISIT, standing=Standing(other), address=None, path="/x"))
    assert rulings.of(VISIT) is not rulings.of(replace(VISIT, gpc=True))
    assert all(grounds.standing.consent.record is None for grounds in rulings._known if grounds.standing.consent)


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ruling, "REMEMBERED", 3)
    rulings = Rulings(in_development())
    for policy in range(6):
        rulings.of(replace(VISIT, standing=Standing(replace(CONSENT, policy=policy))))
    assert len(rulings._known) == 3
