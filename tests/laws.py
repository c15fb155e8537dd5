"""Laws for tests: one of each regime, and California's as shipped."""

from __future__ import annotations

from proxy.consent.regime import regimes_of
from proxy.model import ASKED, STRICTEST, Law, Regime
from proxy.settings import Settings

OPT_IN = STRICTEST
OPT_OUT = Law("opt-out", Regime.OPT_OUT, allowed=frozenset(ASKED), banner=False)
NOTICE = Law("notice", Regime.NOTICE, allowed=frozenset(ASKED), banner=False)
LAWS = (OPT_IN, OPT_OUT, NOTICE)


def law_in(region: str | None) -> Law:
    """The shipped law of a region."""
    return regimes_of(Settings()).of(region)
