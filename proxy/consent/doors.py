"""What the paths of consent are given: whatever they must not have of their own, clock, chance and store among it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from starlette.types import Scope

from proxy.consent.cookie import Seal
from proxy.consent.records import Entry, Kept
from proxy.consent.site import Site
from proxy.decide import Grounds


class Expire(Protocol):
    """Set-Cookie values that make the browser forget vendors' cookies that this request carried, but for the cookies of
    vendors that are allowed on these grounds."""

    def __call__(self, scope: Scope, grounds: Grounds) -> list[bytes]: ...


class Records(Protocol):
    """Where the proof of each choice is kept."""

    async def keep(self, entry: Entry) -> None:
        """Returns once it is durable. Raises `NotKept`."""
        ...

    async def of_visitor(self, visitor: str) -> Sequence[Kept] | None:
        """What is kept under that id, oldest first; None while the store does not answer."""
        ...


@dataclass(frozen=True)
class Doors:
    """What the app is given: who the site of a request is, how cookies are sealed and expired, the inert script of
    a vendor by key (whatever the key is), the time (UTC), a fresh record id (>= 128 random bits), where records are
    kept, how receipts are signed (canonical JSON -> signature), who hears browsers' reports of our policy, and what
    removes the events that wait of a visitor who has withdrawn, by their proof."""

    site: Callable[[Scope], Site]
    seal: Seal
    expire: Expire
    stub: Callable[[str], bytes]
    now: Callable[[], datetime]
    new_record: Callable[[], str]
    records: Records
    sign: Callable[[str], str]
    hear: Callable[[bytes], None]
    forget: Callable[[str], None] = lambda _: None
