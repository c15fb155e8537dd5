"""Where events wait until they are delivered: the same for every store (`sqlite.py`, `jetstream.py`).

Rules of this file: what `put` has taken is durable, already minimised, and stays until it is settled: sent, withdrawn,
or among the dead, which only a person removes. A taken event comes back by itself once its lease is over, `again`:
nobody knows what became of it. Nothing else is known of an event here than whose it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Waiting:
    """One event for one vendor. `site` is the shop's identity, `proof` the visitor's consent record, None where there
    is none; `at` is when it happened, in milliseconds since 1970. `facts` are JSON.
    `named`: its id was given by the shop, who may state it twice."""

    id: str
    site: str
    vendor: str
    at: int
    facts: Mapping[str, Any]
    proof: str | None = None
    named: bool = False


@dataclass(frozen=True, slots=True)
class Taken:
    """An event that is this process's until its lease is over. `tries`: how often it was tried before. `again`: it was
    taken before, and not given back: it may have been sent. `handle` is the store's own."""

    waiting: Waiting
    handle: Any = field(repr=False)
    tries: int = 0
    again: bool = False


@dataclass(frozen=True, slots=True)
class Dead:
    """An event that a person must look at. `number` names it; `why` says what happened, `died` when."""

    number: int
    waiting: Waiting
    why: str
    died: int


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits for one vendor: how many, since when the oldest (milliseconds since 1970), how many dead."""

    waiting: int = 0
    oldest: int | None = None
    dead: int = 0


class Full(Exception):
    """There is no room for more: the oldest must be delivered first."""


class Outbox(Protocol):
    """One store. Every method raises `proxy.database.Down` where it cannot be reached."""

    @property
    def fresh(self) -> bool:
        """Whether nothing can be in it yet."""
        ...

    async def put(self, events: Sequence[Waiting]) -> int:
        """Keep them, durably; how many were new. Raises `Full`."""
        ...

    async def take(self, vendor: str, most: int) -> list[Taken]:
        """The oldest that are due for a vendor, for as long as a lease is."""
        ...

    async def settle(
        self,
        *,
        gone: Sequence[Taken] = (),
        back: Sequence[tuple[Taken, float]] = (),
        dead: Sequence[tuple[Taken, str]] = (),
    ) -> None:
        """What became of taken ones: `gone` for good, `back` to wait so many seconds more, or `dead` of a reason."""
        ...

    async def erase(self, site: str, proof: str) -> int:
        """Remove all of one visitor's; how many that were."""
        ...

    async def backlog(self) -> Mapping[str, Backlog]:
        """What waits, by vendor."""
        ...

    async def dead(self, vendor: str | None = None, most: int = 100) -> list[Dead]:
        """The dead, newest first."""
        ...

    async def retry(self, vendor: str | None = None, number: int | None = None) -> int:
        """Let dead ones wait again: all, a vendor's, or one; how many that were."""
        ...

    async def bury(self, vendor: str | None = None, number: int | None = None) -> int:
        """Remove dead ones for good; how many that were."""
        ...

    async def aclose(self) -> None: ...
