"""The one decision function, as tables and as sentences that hold for every input."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.catalogue.schema import Vendor
from proxy.decide import Grounds, decide, decide_all
from proxy.model import ASKED, DENIED_BY_SIGNAL, Category, Consent, Doubt, How, Law, Reason, Regime, Standing
from tests.laws import LAWS, NOTICE, OPT_IN, OPT_OUT


def vendor(*categories: str, key: str = "acme", since: int = 1, loads: frozenset[Category] = frozenset()) -> Vendor:
    return Vendor.model_validate(
        {
            "key": key,
            "name": "Acme",
            "company": "Acme Ltd",
            "categories": categories,
            "purposes": ["measure-visits"],
            "data": ["page"],
            "role": "processor",
            "transfer": {"to": ["US"], "basis": "scc"},
            "retention": "1 year",
            "policy": "https://acme.example/privacy",
            "since": since,
            "checked": date(2026, 1, 1),
            "essential_because": "payment" if categories == ("essential",) else None,
            "technical": {"match": ["acme.example"]},
            "loads": loads,
        }
    )


def consent(*granted: str, **more: object) -> Standing:
    fields: dict[str, object] = {
        "policy": 1,
        "day": date(2026, 11, 1),
        "granted": frozenset(map(Category, granted)),
        "allowed": frozenset(),
        "refused": frozenset(),
        "regime": Regime.OPT_IN,
        "how": How.SAVE,
    }
    return Standing(Consent(**(fields | more)))  # type: ignore[arg-type]


NOTHING_YET = Standing()
DOUBTED = Standing(doubt=Doubt.SIGNATURE)
BOTH = vendor("social", "advertising")
STATS = vendor("analytics")
ADS = vendor("advertising")
PAYMENT = vendor("essential")


@pytest.mark.parametrize(
    ("who", "grounds", "allowed", "reason"),
    [
        (PAYMENT, Grounds(), True, Reason.ESSENTIAL),
        (PAYMENT, Grounds(DOUBTED, OPT_IN, True), True, Reason.ESSENTIAL),
        (STATS, Grounds(), False, Reason.UNDECIDED),
        (STATS, Grounds(NOTHING_YET, OPT_OUT), True, Reason.DEFAULT),
        (STATS, Grounds(NOTHING_YET, NOTICE), True, Reason.DEFAULT),
        (ADS, Grounds(NOTHING_YET, OPT_OUT, gpc=True), False, Reason.SIGNAL),
        (STATS, Grounds(NOTHING_YET, OPT_OUT, gpc=True), True, Reason.DEFAULT),
        (STATS, Grounds(DOUBTED, NOTICE), False, Reason.DOUBT),
        (STATS, Grounds(consent("analytics")), True, Reason.GRANTED),
        (STATS, Grounds(consent()), False, Reason.REFUSED),
        (STATS, Grounds(consent(), OPT_OUT), False, Reason.REFUSED),
        (BOTH, Grounds(consent("social")), False, Reason.REFUSED),
        (BOTH, Grounds(consent("social", "advertising")), True, Reason.GRANTED),
        (STATS, Grounds(consent("analytics", refused=frozenset({"acme"}))), False, Reason.REFUSED),
        (BOTH, Grounds(consent(allowed=frozenset({"acme"}))), True, Reason.GRANTED),
        (ADS, Grounds(consent("advertising"), gpc=True), False, Reason.SIGNAL),
        (ADS, Grounds(consent("advertising", signal=True), gpc=True), True, Reason.GRANTED),
        (STATS, Grounds(consent("analytics"), gpc=True), True, Reason.GRANTED),
        (vendor("analytics", since=2), Grounds(consent("analytics")), False, Reason.NEWER),
        (vendor("analytics", since=2), Grounds(consent("analytics"), OPT_OUT), True, Reason.DEFAULT),
        (
            vendor("analytics", loads=frozenset({Category.ADVERTISING})),
            Grounds(consent("analytics")),
            False,
            Reason.REFUSED,
        ),
    ],
)
def test_table(who: Vendor, grounds: Grounds, allowed: bool, reason: Reason) -> None:
    decision = decide(who, grounds)
    assert (decision.allowed, decision.reason) == (allowed, reason)


grounds_strategy = st.builds(
    Grounds,
    st.one_of(
        st.just(NOTHING_YET),
        st.builds(Standing, st.none(), st.sampled_from(Doubt)),
        st.builds(
            lambda granted, allowed, refused, signal: consent(
                *granted, allowed=frozenset(allowed), refused=frozenset(refused - allowed), signal=signal
            ),
            st.sets(st.sampled_from(ASKED)),
            st.sets(st.just("acme")),
            st.sets(st.just("acme")),
            st.booleans(),
        ),
    ),
    st.sampled_from(LAWS),
    st.booleans(),
)
vendors_strategy = st.builds(
    lambda categories, since: vendor(*categories, since=since),
    st.sets(st.sampled_from(ASKED), min_size=1),
    st.integers(1, 2),
)


@given(vendors_strategy, grounds_strategy)
def test_nothing_is_allowed_on_a_doubt_or_before_a_choice_under_opt_in(who: Vendor, grounds: Grounds) -> None:
    standing = grounds.standing
    if standing.doubt or (standing.consent is None and grounds.law is OPT_IN):
        assert not decide(who, grounds).allowed


@given(vendors_strategy, grounds_strategy)
def test_a_signal_outweighs_every_grant_made_without_it(who: Vendor, grounds: Grounds) -> None:
    chosen = grounds.standing.consent
    if grounds.gpc and not (chosen and chosen.signal) and not who.needs.isdisjoint(DENIED_BY_SIGNAL):
        assert not decide(who, grounds).allowed


@given(vendors_strategy, grounds_strategy)
def test_a_grant_is_whole_or_named(who: Vendor, grounds: Grounds) -> None:
    chosen = grounds.standing.consent
    if chosen is not None and decide(who, grounds).allowed and grounds.law is OPT_IN:
        assert who.key in chosen.allowed or who.needs <= chosen.granted


def test_decide_all_names_every_vendor() -> None:
    decisions = decide_all([STATS, vendor("essential", key="bank")], Grounds())
    assert {key: one.allowed for key, one in decisions.items()} == {"acme": False, "bank": True}


@pytest.mark.parametrize(
    ("how", "granted", "law", "reason"),
    [
        (How.ACCEPT, {"analytics"}, OPT_IN, Reason.NEWER),  # all that was asked about then
        (How.SAVE, {"analytics"}, OPT_IN, Reason.NEWER),
        (How.SAVE, {"analytics"}, OPT_OUT, Reason.REFUSED),  # where it would run, it is taken for a no
        (How.ACCEPT, {"analytics"}, OPT_OUT, Reason.DEFAULT),
        (How.REJECT, set(), OPT_IN, Reason.REFUSED),
        (How.WITHDRAW, set(), OPT_OUT, Reason.REFUSED),
    ],
)
def test_a_newer_vendor_of_a_category_that_nobody_was_asked_about(
    how: How, granted: set[str], law: Law, reason: Reason
) -> None:
    old, newer = vendor("analytics", key="stats"), vendor("social", key="clips", since=2)
    chosen = Consent(
        1, date(2026, 11, 22), frozenset(map(Category, granted)), frozenset(), frozenset(), law.regime, how
    )
    decided = decide_all([old, newer], Grounds(Standing(chosen), law))
    assert decided["clips"].reason is reason
    asked_then = vendor("social", key="posts")
    decided = decide_all([old, asked_then, newer], Grounds(Standing(chosen), law))
    if how is not How.ACCEPT:
        assert decided["clips"].reason is Reason.REFUSED
