"""(consent, regime, signals, vendor) -> allowed or not, with the reason. The one decision function.

Rules: essential is always allowed. A doubted cookie denies all else in every regime (fail closed). All listed
categories must be granted. Sec-GPC denies advertising, marketing and social unless the grant was made while the signal
was on. A vendor newer than the answer is undecided, and the undecided follow the law: denied under opt-in, allowed
under opt-out and notice, for the categories that the law says. Pure: no clock, no I/O, no settings.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from proxy.catalogue.schema import Vendor
from proxy.model import STRICTEST, Decision, Law, Reason, Standing


@dataclass(frozen=True, slots=True)
class Grounds:
    """All that a decision rests on besides the vendor: the visit's standing, the law that holds and its signals."""

    standing: Standing = field(default_factory=Standing)
    law: Law = STRICTEST
    gpc: bool = False


def decide(vendor: Vendor, grounds: Grounds) -> Decision:
    """Whether this vendor may learn of this visit (ePrivacy 5(3), GDPR 7, GPC specification)."""
    if vendor.essential:
        return Decision(True, Reason.ESSENTIAL)
    if grounds.standing.doubt is not None:
        return Decision(False, Reason.DOUBT)
    consent = grounds.standing.consent
    signalled = grounds.gpc and not vendor.needs.isdisjoint(grounds.law.signal)
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
        return _undecided(vendor, grounds.law, Reason.NEWER, signalled)
    return _undecided(vendor, grounds.law, Reason.UNDECIDED, signalled)


def _undecided(vendor: Vendor, law: Law, reason: Reason, signalled: bool) -> Decision:
    if signalled:
        return Decision(False, Reason.SIGNAL)
    if vendor.needs <= law.allowed or (law.statistics and vendor.statistics_only):
        return Decision(True, Reason.DEFAULT)
    return Decision(False, reason)


def decide_all(vendors: Iterable[Vendor], grounds: Grounds) -> Mapping[str, Decision]:
    """One decision a vendor, by key."""
    return {vendor.key: decide(vendor, grounds) for vendor in vendors}
