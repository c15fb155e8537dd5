"""(consent, regime, signals, vendor) -> allowed or not, with the reason. The one decision function.

Rules: essential is always allowed. A doubted cookie denies all else in every regime (fail closed). All listed
categories must be granted. Sec-GPC denies advertising, marketing and social unless the grant was made while the signal
was on. A vendor newer than the answer is undecided, unless it needs a category that was refused then; and the undecided
follow the law: denied under opt-in, allowed under opt-out and notice, for the categories that the law says. Pure: no
clock, no I/O, no settings.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from proxy.catalogue.schema import Vendor
from proxy.model import ASKED, STRICTEST, Category, Consent, Decision, How, Law, Reason, Standing


@dataclass(frozen=True, slots=True)
class Grounds:
    """All that a decision rests on besides the vendor: the visit's standing, the law that holds and its signals, and
    the categories that the visitor had been asked about when they chose (by the vendors in use that are not newer)."""

    standing: Standing = field(default_factory=Standing)
    law: Law = STRICTEST
    gpc: bool = False
    asked: frozenset[Category] = frozenset(ASKED)


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
        newer, refused = vendor.since > consent.policy, vendor.needs - consent.granted
        if refused and not (newer and _unasked(refused, consent, grounds)):
            return Decision(False, Reason.REFUSED)
        if not newer:
            return Decision(True, Reason.GRANTED)
        return _undecided(vendor, grounds.law, Reason.NEWER, signalled)
    return _undecided(vendor, grounds.law, Reason.UNDECIDED, signalled)


def _unasked(categories: frozenset[Category], consent: Consent, grounds: Grounds) -> bool:
    """Whether categories that are not granted were never asked about, rather than refused. Who accepted all refused
    none. Of who chose among them, it is taken only where that lets nobody run."""
    if consent.how is How.ACCEPT:
        return True
    return consent.how is How.SAVE and grounds.asked.isdisjoint(categories) and not grounds.law.allowed


def _undecided(vendor: Vendor, law: Law, reason: Reason, signalled: bool) -> Decision:
    if signalled:
        return Decision(False, Reason.SIGNAL)
    if vendor.needs <= law.allowed or (law.statistics and vendor.statistics_only):
        return Decision(True, Reason.DEFAULT)
    return Decision(False, reason)


def decide_all(vendors: Iterable[Vendor], grounds: Grounds) -> Mapping[str, Decision]:
    """One decision a vendor, by key."""
    vendors = list(vendors)
    consent = grounds.standing.consent
    if consent is not None:
        then = frozenset(category for vendor in vendors if vendor.since <= consent.policy for category in vendor.needs)
        grounds = replace(grounds, asked=then)
    return {vendor.key: decide(vendor, grounds) for vendor in vendors}
