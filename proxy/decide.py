"""(consent, regime, signals, vendor) -> allowed or not, with the reason. The one decision function.

Rules: essential is always allowed. A doubted cookie denies all else in every regime (fail closed). All listed
categories must be granted. Sec-GPC denies advertising, marketing and social unless the grant was made while the signal
was on. A vendor newer than the answer is undecided, and the undecided follow the regime: denied under opt-in, allowed
under opt-out and notice. Pure: no clock, no I/O, no settings.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from proxy.catalogue.schema import Vendor
from proxy.model import DENIED_BY_SIGNAL, Decision, Reason, Regime, Standing


@dataclass(frozen=True, slots=True)
class Grounds:
    """All that a decision rests on besides the vendor: the visit's standing, its regime and its signals."""

    standing: Standing = field(default_factory=Standing)
    regime: Regime = Regime.OPT_IN
    gpc: bool = False


def decide(vendor: Vendor, grounds: Grounds) -> Decision:
    """Whether this vendor may learn of this visit (ePrivacy 5(3), GDPR 7, GPC specification)."""
    if vendor.essential:
        return Decision(True, Reason.ESSENTIAL)
    if grounds.standing.doubt is not None:
        return Decision(False, Reason.DOUBT)
    consent = grounds.standing.consent
    signalled = grounds.gpc and not vendor.needs.isdisjoint(DENIED_BY_SIGNAL)
    if consent is not None:
        if vendor.key in consent.refused:
            return Decision(False, Reason.REFUSED)
        if signalled and not consent.signal:
            return Decision(False, Reason.SIGNAL)
        if vendor.key in consent.allowed:
            return Decision(True, Reason.GRANTED)
        if not vendor.needs <= consent.granted:
            return Decision(False, Reason.REFUSED)
        if vendor.since <= consent.policy:
            return Decision(True, Reason.GRANTED)
        return _undecided(grounds.regime, Reason.NEWER, signalled)
    return _undecided(grounds.regime, Reason.UNDECIDED, signalled)


def _undecided(regime: Regime, reason: Reason, signalled: bool) -> Decision:
    if signalled:
        return Decision(False, Reason.SIGNAL)
    if regime is Regime.OPT_IN:
        return Decision(False, reason)
    return Decision(True, Reason.DEFAULT)


def decide_all(vendors: Iterable[Vendor], grounds: Grounds) -> Mapping[str, Decision]:
    """One decision a vendor, by key."""
    return {vendor.key: decide(vendor, grounds) for vendor in vendors}
