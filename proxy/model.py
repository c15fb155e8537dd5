"""The words of the design as frozen types. No I/O, no clock, no behaviour beyond what a word means.

A visitor's *standing* is what their consent cookie says of them: a consent, nothing yet, or a doubt. `Decision` is what
follows from it for one vendor; it is made in `decide.py` and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Category(StrEnum):
    """What a vendor is for. Essential is never asked about and never cut."""

    ESSENTIAL = "essential"
    ANALYTICS = "analytics"
    ADVERTISING = "advertising"
    MARKETING = "marketing"
    SOCIAL = "social"


#: The categories that a visitor is asked about, in the order in which every page and header names them.
ASKED: tuple[Category, ...] = (Category.ANALYTICS, Category.ADVERTISING, Category.MARKETING, Category.SOCIAL)

#: What a Sec-GPC signal denies: a sale or sharing of what is learnt (GPC specification; California Code of Regulations
#: title 11, section 7025).
DENIED_BY_SIGNAL: frozenset[Category] = frozenset({Category.ADVERTISING, Category.MARKETING, Category.SOCIAL})


class Reach(StrEnum):
    """How a granted vendor is reached: through us, only server to server, or from the browser."""

    RELAY = "relay"
    SERVER = "server"
    DIRECT = "direct"


class Regime(StrEnum):
    """The law that holds for a visit. An unknown region is opt-in."""

    OPT_IN = "opt-in"
    OPT_OUT = "opt-out"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True)
class Law:
    """What a regime is in one region: a table of `consent/regimes.toml`, by its key.

    `allowed` are the categories that run while nothing is chosen; `statistics`: so do vendors that are used for the
    shop's own statistics and nothing else. `signal` are the categories that Sec-GPC denies. `banner`: who has not
    chosen is asked at the top of the page, not by a link alone. `lapses`: a refusal ends when its time does, and the
    visitor is asked again. `steps`: clicks that it takes to allow again what was objected to. `sale`: the law's own
    words for objecting ("Do Not Sell or Share …"). `remember_days` and `policy` (the address of another privacy
    policy): None where they are the shop's.
    """

    key: str = "elsewhere"
    regime: Regime = Regime.OPT_IN
    allowed: frozenset[Category] = frozenset()
    statistics: bool = False
    signal: frozenset[Category] = DENIED_BY_SIGNAL
    banner: bool = True
    lapses: bool = True
    steps: int = 1
    sale: bool = False
    remember_days: int | None = None
    policy: str | None = None
    rights: tuple[str, ...] = ()

    def limits(self, standing: Standing) -> bool:
        """Whether a vendor is told to limit what it does with what it learns: a sale that nobody has agreed to yet."""
        return self.sale and standing.consent is None


#: The strictest: what holds where nobody knows the visitor's region.
STRICTEST = Law()


class Action(StrEnum):
    """The four things that can happen to a tag."""

    KEEP = "keep"
    CUT = "cut"
    RELAY = "relay"
    PLACEHOLDER = "placeholder"


class How(StrEnum):
    """How a choice was given: the button that was pressed."""

    ACCEPT = "accept"
    REJECT = "reject"
    SAVE = "save"
    WITHDRAW = "withdraw"


class Doubt(StrEnum):
    """Why a consent cookie that is there cannot be believed: all is denied, in every regime, and asked again."""

    UNREADABLE = "unreadable"
    SIGNATURE = "signature"
    SEVERAL = "several"
    FUTURE = "future"


class Reason(StrEnum):
    """Why a decision, and so a tag's action, is what it is: a closed set, shown in reports."""

    ESSENTIAL = "essential"
    GRANTED = "granted"
    DEFAULT = "allowed by default here"
    UNDECIDED = "not asked yet"
    REFUSED = "refused"
    SIGNAL = "Sec-GPC"
    DOUBT = "consent cookie not believed"
    NEWER = "vendor newer than the answer"
    NOT_IN_USE = "vendor not in use"
    KNOWN = "known, not described"
    SHAPE = "looks like a tracker"
    FIRST_PARTY = "first party"
    OPERATOR = "allowed by the operator"
    NOT_RELAYED = "not among the vendor's relayed requests"
    SERVER_ONLY = "reached from the server only"
    LINK = "a page that visitors open themselves"
    UNKNOWN_ALLOWED = "unknown, allowed"
    UNKNOWN_BLOCKED = "unknown, blocked"


@dataclass(frozen=True, slots=True)
class Consent:
    """What one visitor chose, under which policy version, when.

    `granted` never holds `essential`. `allowed` and `refused` are vendor keys excepted from their categories, one each
    way. `signal` says whether Sec-GPC was on when the choice was made: only then does a grant outweigh the signal.
    `record` is the random id of their proof; None where nothing is granted: two like refusals are the same bytes.
    """

    policy: int
    day: date
    granted: frozenset[Category]
    allowed: frozenset[str]
    refused: frozenset[str]
    regime: Regime
    how: How
    signal: bool = False
    record: str | None = None

    @property
    def grants_anything(self) -> bool:
        return bool(self.granted or self.allowed)

    def refuses_any(self, asked: frozenset[Category]) -> bool:
        """Whether it refuses anything of what the shop asks about."""
        return bool(self.refused) or not asked <= self.granted


@dataclass(frozen=True, slots=True)
class Standing:
    """What the cookie of a visit says: a consent, a doubt, or (both None) nothing yet."""

    consent: Consent | None = None
    doubt: Doubt | None = None

    @property
    def record(self) -> str | None:
        """The id of the visitor's proof, where they have one."""
        return None if self.consent is None else self.consent.record


@dataclass(frozen=True, slots=True)
class Decision:
    """Allowed or not, and why."""

    allowed: bool
    reason: Reason


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of a browser, read once at the top and handed down.

    `address` is the visitor's IP as text, None where it is not known. `path` is the target's path and query as they
    came (percent-encoding kept). `languages` are lower-case BCP 47 tags, best first. `region` is ISO 3166-2 or None.
    """

    standing: Standing
    law: Law
    gpc: bool
    address: str | None
    languages: tuple[str, ...]
    path: str
    region: str | None = None
