"""What is kept of a choice: when, what, under which law and text, how it was given (GDPR 7(1); CNIL 2020-092, §48).

Rules of this file: no address, no user agent, nothing that tells one visitor from another but the random id of a
grant's own proof; a refusal has none. A record is written as canonical JSON: one record has one text. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from proxy.model import ASKED, Category, Consent, How, Law, Regime, Standing


class Event(StrEnum):
    """What a choice did."""

    GRANT = "grant"
    REFUSAL = "refusal"
    CHANGE = "change"
    WITHDRAWAL = "withdrawal"
    #: A grant that was made while the browser's Global Privacy Control said no.
    OVERRIDE = "override"
    #: The visitor had their records erased. What is left of it is that it was asked.
    ERASURE = "erasure"


@dataclass(frozen=True, slots=True)
class Record:
    """One event in the life of a consent.

    `at`: milliseconds since 1970 (UTC). `visitor`: the id of the proof in the visitor's cookie; None where nothing is
    granted. `before` is what held until then. `proven` says what showed that a person chose: `click` (Sec-Fetch-User),
    `origin`, or nothing, which is enough for a refusal. `notice` is the digest of what the visitor was shown, None
    where that was an older version. `erased` names, in an erasure, the records (chain, number) whose text it took.
    """

    site: str
    at: int
    event: Event
    how: str
    granted: tuple[Category, ...] = ()
    allowed: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    before: tuple[Category, ...] | None = None
    policy: int = 1
    notice: str | None = None
    language: str = ""
    law: str = ""
    regime: str = ""
    region: str | None = None
    gpc: bool = False
    proven: str = ""
    visitor: str | None = None
    erased: tuple[tuple[int, int], ...] = ()

    def payload(self) -> str:
        """Canonical JSON: keys in order, no space, ASCII; what is empty is left out."""
        said = {name: getattr(self, name) for name in self.__slots__}
        return canonical({name: value for name, value in said.items() if value not in (None, "", ())} | self._always())

    def _always(self) -> dict[str, Any]:
        """What says something by being empty."""
        return {"gpc": self.gpc} if self.event is Event.ERASURE else {"gpc": self.gpc, "granted": list(self.granted)}


@dataclass(frozen=True, slots=True)
class Said:
    """What a visitor said, as a record has it: their consent, under which law, and whether their browser said no."""

    standing: Standing
    law: str
    gpc: bool


def said_in(payload: Mapping[str, Any]) -> Said:
    """What the visitor said by a record's payload."""
    consent = Consent(
        policy=payload.get("policy", 1),
        day=datetime.fromtimestamp(payload["at"] / 1000, UTC).date(),
        granted=frozenset(map(Category, payload.get("granted", ()))),
        allowed=frozenset(payload.get("allowed", ())),
        refused=frozenset(payload.get("refused", ())),
        regime=Regime(payload.get("regime") or Regime.OPT_IN),
        how=How(payload["how"]) if payload.get("how") in set(How) else How.SAVE,
        signal=payload.get("event") == Event.OVERRIDE,
        record=payload.get("visitor"),
    )
    return Said(Standing(consent), payload.get("law", ""), bool(payload.get("gpc")))


def canonical(value: Mapping[str, Any]) -> str:
    """A JSON object's one text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def event_of(before: Standing, consent: Consent) -> Event:
    """What a choice did, by what held before it."""
    if consent.grants_anything:
        if consent.signal:
            return Event.OVERRIDE
        return Event.CHANGE if before.consent is not None else Event.GRANT
    held = before.consent is not None and before.consent.grants_anything
    return Event.WITHDRAWAL if held else Event.REFUSAL


def says_nothing_new(before: Standing, consent: Consent) -> bool:
    """Whether it repeats a refusal of the same day: the cookie is the same to the byte, and nothing happened."""
    return before.consent == consent and not consent.grants_anything


def record_of(
    site: str,
    at: int,
    consent: Consent,
    before: Standing,
    law: Law,
    *,
    gpc: bool,
    region: str | None,
    language: str,
    notice: str | None,
    proven: str,
) -> Record:
    """The record of a choice."""
    held = before.consent
    return Record(
        site=site,
        at=at,
        event=event_of(before, consent),
        how=consent.how,
        granted=_in_order(consent.granted),
        allowed=tuple(sorted(consent.allowed)),
        refused=tuple(sorted(consent.refused)),
        before=None if held is None else _in_order(held.granted),
        policy=consent.policy,
        notice=notice,
        language=language,
        law=law.key,
        regime=law.regime,
        region=region,
        gpc=gpc,
        proven=proven,
        visitor=consent.record or (held.record if held is not None and not consent.grants_anything else None),
    )


def _in_order(categories: frozenset[Category]) -> tuple[Category, ...]:
    return tuple(category for category in ASKED if category in categories)
