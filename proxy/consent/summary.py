"""What the vendors in use come to, for the first layer: purposes by category, what they receive, and where. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from proxy.catalogue.schema import Vendor
from proxy.catalogue.words import Datum, Purpose
from proxy.model import ASKED, Category, Reach


@dataclass(frozen=True, slots=True)
class Summary:
    """Of the vendors that a visitor is asked about. `direct` is how many of them see the full IP address."""

    partners: int
    purposes: tuple[tuple[Category, tuple[Purpose, ...]], ...]
    received: tuple[Datum, ...]
    countries: frozenset[str]
    direct: int


def summary(vendors: Iterable[Vendor]) -> Summary:
    """The sum of the optional vendors among `vendors`; a vendor's purposes stand under the first category it names."""
    asked = [vendor for vendor in vendors if not vendor.essential]
    used: dict[Category, set[Purpose]] = {}
    for vendor in asked:
        used.setdefault(vendor.categories[0], set()).update(vendor.purposes)
    received = {datum for vendor in asked for datum in vendor.data}
    return Summary(
        partners=len(asked),
        purposes=tuple(
            (category, tuple(purpose for purpose in Purpose if purpose in used[category]))
            for category in ASKED
            if category in used
        ),
        received=tuple(datum for datum in Datum if datum in received),
        countries=frozenset(country for vendor in asked for country in vendor.transfer.to),
        direct=sum(map(sees_full_ip, asked)),
    )


def sees_full_ip(vendor: Vendor) -> bool:
    """Whether the visitor's browser would contact it, if only for its frames, or its file says that it gets the whole
    address."""
    return vendor.reach is Reach.DIRECT or Datum.FULL_IP in vendor.data or only_in_frames(vendor)


def only_in_frames(vendor: Vendor) -> bool:
    """Whether the visitor's browser would contact it for what it shows in a page, and for nothing else."""
    return vendor.reach is not Reach.DIRECT and bool(vendor.technical.embed)
