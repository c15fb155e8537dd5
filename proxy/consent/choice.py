"""Whether a choice counts, and the consent that it makes. The rules against forged grants are here and only here.

Rules of this file: a grant must be a person's click on a form of ours (a script on the page acts as the shop's origin,
but cannot set `Sec-Fetch-*`; what these headers do not tell apart is a script that waits for some other click of the
visitor and submits a form in its wake). A refusal needs less, since it gives nothing away; but a foreign site may not
change a visitor's choice either way. What is granted is never more than what the visitor was shown and ticked. Pure:
the day and the record id are handed in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from proxy.catalogue.schema import Vendor
from proxy.consent.cookie import fit
from proxy.consent.form import Form, NotTaken, Why
from proxy.model import Category, Consent, How, Law, Standing

#: What robots call themselves: they are no visitors, so nothing that they send is a choice. (Cubot makes phones.)
_ROBOT = re.compile(rb"(?<!cu)bot\b|crawl|spider|slurp|lighthouse", re.I)


def is_robot(headers: Sequence[tuple[bytes, bytes]]) -> bool:
    """Whether the request says that it is a robot's, or is made ahead of any visitor's wish (Sec-Purpose)."""
    return any(
        (name.lower() == b"user-agent" and _ROBOT.search(value) is not None)
        or (name.lower() in (b"sec-purpose", b"purpose") and b"prefetch" in value.lower())
        for name, value in headers
    )


class Sender(StrEnum):
    """Who sent the form, as far as the browser's own headers prove it."""

    PERSON = "a click on a form of ours"
    UNPROVEN = "unproven: only refusals count"
    FOREIGN = "another site: nothing counts"


def sender(headers: Sequence[tuple[bytes, bytes]], origin: str) -> Sender:
    """Who sent the form (Fetch Metadata Request Headers, W3C; Origin, RFC 6454).

    Where any `Sec-Fetch-*` is there, all four must be exactly right and single. Older browsers send none: then an
    `Origin` equal to ours will do. `Origin: null` (a page with `no-referrer`, a sandbox) proves nothing either way.
    """
    fetch: dict[bytes, list[bytes]] = {}
    origins: list[bytes] = []
    for name, value in headers:
        lower = name.lower()
        if lower.startswith(b"sec-fetch-"):
            fetch.setdefault(lower, []).append(value.strip(b" \t"))
        elif lower == b"origin":
            origins.append(value.strip(b" \t"))
    ours = origin.encode("ascii")
    if any(value not in (ours, b"null") for value in origins):
        return Sender.FOREIGN
    if fetch:
        if not set(fetch.get(b"sec-fetch-site", ())) <= {b"same-origin", b"none"}:
            return Sender.FOREIGN
        clicked = all(fetch.get(name) == [value] for name, value in _CLICK.items())
        return Sender.PERSON if clicked else Sender.UNPROVEN
    return Sender.PERSON if origins == [ours] else Sender.UNPROVEN


_CLICK = {
    b"sec-fetch-site": b"same-origin",
    b"sec-fetch-mode": b"navigate",
    b"sec-fetch-dest": b"document",
    b"sec-fetch-user": b"?1",
}


@dataclass(frozen=True, slots=True)
class Occasion:
    """What a choice is made upon: the vendors in use, the categories that visitors are asked about for them, their
    policy version, what held before, the law that holds, and the signals."""

    vendors: Mapping[str, Vendor]
    asked: frozenset[Category]
    version: int
    standing: Standing
    law: Law
    gpc: bool
    today: date


def choose(form: Form, who: Sender, occasion: Occasion, record: str) -> Consent:
    """The consent that this form makes. `record` is a fresh random id, used only where something is granted and nothing
    was before: a consent that is changed keeps the id of its proof.

    `NotTaken(403)` where the form may not count: from another site, or a grant that no click is behind.
    """
    if who is Sender.FOREIGN:
        raise NotTaken(403, Why.FOREIGN)
    if form.asks_for_a_grant and who is not Sender.PERSON:
        raise NotTaken(403, Why.NO_CLICK)
    before = occasion.standing.consent
    return fit(_made(form, occasion, (before and before.record) or record))


def takes_another_step(form: Form, occasion: Occasion) -> bool:
    """Whether a grant is to be confirmed first: of what the visitor had objected to, by a choice or by the signal,
    where the law asks for two steps (California Code of Regulations, title 11, section 7028(a))."""
    if occasion.law.steps < 2 or form.confirmed or not form.asks_for_a_grant:
        return False
    before = occasion.standing.consent
    objected = before is not None and before.refuses_any(occasion.asked)
    return objected or (occasion.gpc and not (before and before.signal))


def _made(form: Form, occasion: Occasion, record: str) -> Consent:
    before = occasion.standing.consent
    if not form.asks_for_a_grant:
        return _consent(form, occasion, record)
    if form.how is How.ACCEPT:
        return _consent(form, occasion, record, granted=occasion.asked)
    if not form.categories and before is not None:
        return _added(form, occasion, before, record)
    gone = before.refused - occasion.vendors.keys() if before else frozenset()
    return _consent(
        form,
        occasion,
        record,
        granted=form.categories & occasion.asked,
        allowed=form.vendors - form.refuse,
        refused=form.refuse | gone,
    )


def _consent(
    form: Form,
    occasion: Occasion,
    record: str,
    *,
    granted: frozenset[Category] = frozenset(),
    allowed: frozenset[str] = frozenset(),
    refused: frozenset[str] = frozenset(),
) -> Consent:
    anything = bool(granted or allowed)
    return Consent(
        policy=_policy(form, occasion),
        day=occasion.today,
        granted=granted,
        allowed=allowed,
        refused=refused,
        regime=occasion.law.regime,
        how=form.how,
        signal=occasion.gpc and anything,
        record=record if anything else None,
    )


def _policy(form: Form, occasion: Occasion) -> int:
    """The version the visitor saw: never newer than ours; a form that does not say counts as the oldest."""
    return min(form.shown or 1, occasion.version)


def _added(form: Form, occasion: Occasion, before: Consent, record: str) -> Consent:
    """One vendor more (a placeholder's button): every other answer stays as it was, and as old as it was.

    The cookie holds one flag for the whole, so older grants that the signal denies end here.
    """
    stays = under_signal(before, occasion.vendors, occasion.law) if occasion.gpc else before
    return replace(
        stays,
        allowed=(stays.allowed | form.vendors) - form.refuse,
        refused=(before.refused - form.vendors) | form.refuse,
        regime=occasion.law.regime,
        how=form.how,
        signal=occasion.gpc,
        record=record,
    )


def under_signal(consent: Consent, vendors: Mapping[str, Vendor], law: Law) -> Consent:
    """What is left of a consent while Sec-GPC is on: only grants made while it was on outweigh it."""
    if consent.signal:
        return consent
    kept = {key for key in consent.allowed if key in vendors and vendors[key].needs.isdisjoint(law.signal)}
    return replace(consent, granted=consent.granted - law.signal, allowed=frozenset(kept))
