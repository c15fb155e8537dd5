"""What holds for one visit, from its decisions: made once for visits alike, and remembered within bounds.

Rules: every answer comes from `decide`; nothing of one visitor (day, record id) is kept or tells two visits apart.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from proxy.catalogue.schema import Vendor
from proxy.catalogue.use import InUse
from proxy.consent.site import must_ask
from proxy.decide import Grounds, decide, decide_all
from proxy.model import ASKED, Category, Decision, Standing, Visit

#: Different rulings remembered. There are a few for each visitor state that is common.
REMEMBERED = 1024


@dataclass(frozen=True, slots=True)
class Ruling:
    """`allowed` are the keys of vendors that may learn of the visit; `granted`: some that are not essential;
    `advertises`: some that are for advertising.

    `ask`: a banner is due. `categories` are those that are allowed as such, and `told` is the value of
    Consentry-Consent, for the storefront, that says them.
    """

    decisions: Mapping[str, Decision]
    allowed: frozenset[str]
    granted: bool
    advertises: bool
    ask: bool
    categories: frozenset[Category]
    told: bytes


class Rulings:
    """The rulings of one shop, for the vendors that it has in use: one for all rooms, since visits are alike in all."""

    def __init__(self, use: InUse) -> None:
        self.use = use
        self._known: OrderedDict[Grounds, Ruling] = OrderedDict()

    def of(self, visit: Visit) -> Ruling:
        return self.by(Grounds(visit.standing, visit.law, visit.gpc))

    def by(self, grounds: Grounds) -> Ruling:
        grounds = replace(grounds, standing=_anonymous(grounds.standing))
        known = self._known.get(grounds)
        if known is None:
            known = self._known[grounds] = rule(self.use, grounds)
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(grounds)
        return known


def rule(use: InUse, grounds: Grounds) -> Ruling:
    decisions = decide_all(use.vendors.values(), grounds)
    allowed = frozenset(key for key, decision in decisions.items() if decision.allowed)
    return Ruling(
        decisions,
        allowed,
        granted=any(not use.vendors[key].essential for key in allowed),
        advertises=any(Category.ADVERTISING in use.vendors[key].needs for key in allowed),
        ask=must_ask(use, grounds.standing, grounds.law, grounds.gpc),
        categories=categories(grounds),
        told=told(grounds),
    )


def categories(grounds: Grounds) -> frozenset[Category]:
    """The categories that are allowed: each as a vendor of it alone would be."""
    return frozenset(category for category in ASKED if decide(_ONLY[category], grounds).allowed)


def told(grounds: Grounds) -> bytes:
    """`analytics=1, advertising=0, …, gpc=1, regime=opt-in`."""
    allowed = categories(grounds)
    bits = [f"{category}={category in allowed:d}" for category in ASKED]
    return ", ".join([*bits, f"gpc={grounds.gpc:d}", f"regime={grounds.law.regime}"]).encode()


def _only(category: Category) -> Vendor:
    fields: dict[str, Any] = {
        "categories": (category,),
        "essential_because": None,
        "since": 1,
        "loads": frozenset(),
        "statistics_only": False,
    }
    return Vendor.model_construct(key=category.value, **fields)


_ONLY: Mapping[Category, Vendor] = {category: _only(category) for category in ASKED}


def _anonymous(standing: Standing) -> Standing:
    consent = standing.consent
    return standing if consent is None else Standing(replace(consent, day=date.min, record=None))
