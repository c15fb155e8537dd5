"""The store: records appended to chains, found, erased, purged, verified. The same for every database.

Rules of this file: nothing is ever changed but by erasing a text or purging the oldest; each happens in one
transaction, with its proof. A transaction is written as the statements that it yields (`database.py`). Of several
writers each takes a chain that no other one holds, so that none waits for another.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from typing import Any

from proxy.consent.records.chain import (
    SALT_BYTES,
    START,
    ChainKeys,
    Checkpoint,
    Fault,
    Linked,
    Place,
    Walk,
    commitment,
)
from proxy.consent.records.record import Event, Record
from proxy.database import Ask, Database, Row, Steps

#: Rows that are read, or purged, at once.
PAGE = 1000


@dataclass(frozen=True, slots=True)
class Entry:
    """A record on its way into the store. `id` is its own random name, by which it is known to be there already.

    `notice`: what the visitor was shown, by its digest in the record, where the store may not have it yet. `erases`:
    the visitor whose records it erases.
    """

    id: str
    record: Record
    notice: bytes | None = None
    erases: str | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """A record as it is found. `payload` is None where its text was erased."""

    site: str
    chain: int
    seq: int
    at: int
    payload: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Verified:
    """What `verify` found: how many records there are, every fault, where each chain ends, and how many were made with
    keys that are not given any more."""

    records: int
    faults: tuple[Fault, ...]
    heads: tuple[Place, ...]
    unverified: Mapping[str, int]


class Store:
    """The records of every site, in one database."""

    def __init__(self, database: Database, keys: Callable[[str], ChainKeys]) -> None:
        """`keys`: those of a site."""
        self._database = database
        self._keys = keys

    @property
    def fresh(self) -> bool:
        """Whether nothing can be in it yet."""
        return self._database.fresh

    async def append(self, entries: Sequence[Entry], now: int, *, again: bool = False) -> None:
        """Put them in, in their order; durable when it returns. `now` (milliseconds) is when they come in; `again`:
        some of them may be there already. Raises `Down`."""
        await self._database.run(partial(self._append, entries, now, again))

    async def of_visitor(self, visitor: str) -> list[Kept]:
        """What is kept under a visitor's id, oldest first. Ids are random, and no two sites have the same."""
        found = [_kept(row) for row in await self._read(f"{_KEPT} WHERE visitor=$1", visitor)]
        return sorted(found, key=lambda kept: (kept.at, kept.chain, kept.seq))

    async def latest_of(self, visitors: Sequence[str]) -> Mapping[str, dict[str, Any] | None]:
        """What is on record last under each of these ids; None where it was erased. Those of whom nothing is known are
        not in it."""
        gone = {_gone(visitor): visitor for visitor in visitors}
        asked = (
            f"SELECT visitor, chain, seq, payload FROM consentry_records WHERE visitor IN ({self._database.members})"
        )
        latest: dict[str, tuple[tuple[int, int, int], dict[str, Any]]] = {}
        erased: set[str] = set()
        for visitor, chain, seq, payload in await self._read(asked, json.dumps([*visitors, *gone])):
            if visitor in gone:
                erased.add(gone[visitor])
            elif payload:
                said = json.loads(payload)
                order = (said["at"], chain, seq)
                if visitor not in latest or latest[visitor][0] < order:
                    latest[visitor] = (order, said)
        return {visitor: said for visitor, (_, said) in latest.items()} | dict.fromkeys(erased)

    async def export(self, since: int, until: int, sites: Sequence[str] | None = None) -> AsyncIterator[Kept]:
        """Every record from `since` to before `until` (milliseconds), chain by chain."""
        for place in await self._chains():
            if sites is not None and place.site not in sites:
                continue
            seq = 0
            while rows := await self._page(place, seq):
                seq = rows[-1][2]
                for kept in map(_kept, rows):
                    if since <= kept.at < until:
                        yield kept

    async def notice(self, digest: str) -> bytes | None:
        """What was shown, by its digest; None where it is not known."""
        rows = await self._read("SELECT body FROM consentry_notices WHERE digest=$1", digest)
        return bytes(rows[0][0]) if rows else None

    async def purge(self, before: int, now: int) -> int:
        """Remove what was recorded before `before` (milliseconds), leaving a signed checkpoint. Returns how many."""
        removed = 0
        for place in await self._chains():
            while count := await self._database.run(partial(self._purge, place, before, now)):
                removed += count
        return removed

    async def verify(self, noted: Sequence[Place] = (), seen: Callable[[int], None] = lambda _: None) -> Verified:
        """Walk every chain. `noted` are heads of an earlier time, kept elsewhere; `seen` is told how many records more
        were read."""
        chains = await self._chains(all_traces=True)
        there = {_key(place) for place in chains}
        faults = [
            Fault(head.site, head.chain, head.seq, "removed: the whole chain is gone, and this record of it was noted")
            for head in noted
            if _key(head) not in there
        ]
        walks = []
        for place in chains:
            links = {head.seq: head.link for head in noted if _key(head) == _key(place)}
            walk, found = await self._walk(place, links, seen)
            walks.append(walk)
            faults += found
        unverified = sum((walk.unverified for walk in walks), Counter[str]())
        return Verified(
            sum(walk.records for walk in walks), tuple(faults), tuple(walk.place for walk in walks), unverified
        )

    async def aclose(self) -> None:
        await self._database.aclose()

    # -- transactions ---------------------------------------------------------------------------------------------

    def _append(self, entries: Sequence[Entry], now: int, again: bool) -> Steps[None]:
        late = (yield from self._late(entries)) if again else frozenset()
        noticed: set[str | None] = set()
        for site, group in groupby(entries, key=lambda entry: entry.record.site):
            place = yield from self._take(site)
            writing = _Writing(place, self._keys(site), now)
            for entry in group:
                if entry.id in late or _gone(entry.record.visitor) in late:
                    continue
                record = entry.record
                if entry.notice is not None and record.notice not in noticed:
                    noticed.add(record.notice)
                    yield Ask(_INSERT_NOTICE, (record.notice, site, record.policy, record.at, entry.notice))
                if entry.erases is None:
                    writing.add(entry.id, entry.record, entry.record.visitor)
                    continue
                yield from writing.flush()
                gone = yield Ask(_FIND, (site, entry.erases))
                yield Ask(_ERASE, (site, entry.erases))
                erasure = replace(entry.record, erased=tuple((chain, seq) for chain, seq in gone), visitor=None)
                writing.add(entry.id, erasure, _gone(entry.erases))
            yield from writing.flush()
            yield Ask(_ADVANCE, (site, place.chain, writing.place.seq, writing.place.link))

    def _late(self, entries: Sequence[Entry]) -> Steps[frozenset[str]]:
        """Which of their ids came in before, and which of their visitors had everything erased since."""
        ids = json.dumps([entry.id for entry in entries])
        visitors = json.dumps([_gone(entry.record.visitor) for entry in entries if entry.record.visitor])
        there = yield Ask(_IDS_THERE.format(self._database.members), (ids,))
        gone = yield Ask(_VISITORS_GONE.format(self._database.members), (visitors,))
        return frozenset(found for (found,) in (*there, *gone))

    def _take(self, site: str) -> Steps[Place]:
        """A chain that no other writer holds; a new one where there is none."""
        while True:
            free = yield Ask(_FREE + self._database.skip_locked, (site,))
            if free:
                chain, seq, link = free[0]
                return Place(site, chain, seq, bytes(link))
            highest = yield Ask("SELECT COALESCE(MAX(chain), 0) FROM consentry_chains WHERE site=$1", (site,))
            yield Ask(_NEW_CHAIN, (site, highest[0][0] + 1, START))

    def _purge(self, place: Place, before: int, now: int) -> Steps[int]:
        yield Ask(_HOLD, _key(place))  # until the end: neither a writer nor another purge comes between
        rows = yield Ask(
            "SELECT seq, at, link FROM consentry_records WHERE site=$1 AND chain=$2 ORDER BY seq LIMIT $3",
            (place.site, place.chain, PAGE),
        )
        last: Row | None = None
        count = 0
        for row in rows:
            if row[1] >= before:
                break
            last, count = row, count + 1
        if last is None:
            return 0
        keys = self._keys(place.site)
        until = Place(place.site, place.chain, last[0], bytes(last[2]))
        yield Ask("DELETE FROM consentry_records WHERE site=$1 AND chain=$2 AND seq<=$3", (*_key(place), until.seq))
        seal = keys.seal(keys.current, until, now)
        yield Ask("DELETE FROM consentry_checkpoints WHERE site=$1 AND chain=$2", _key(place))
        yield Ask(_CHECKPOINT, (*_key(place), until.seq, until.link, now, keys.current, seal))
        return count

    # -- reading --------------------------------------------------------------------------------------------------

    async def _chains(self, *, all_traces: bool = False) -> list[Place]:
        """Every chain, as it says of itself where it stands. `all_traces`: also what only records tell of."""
        rows = await self._read("SELECT site, chain, seq, link FROM consentry_chains ORDER BY site, chain")
        found = [Place(site, chain, seq, bytes(link)) for site, chain, seq, link in rows]
        if all_traces:
            known = {_key(place) for place in found}
            traces = await self._read("SELECT DISTINCT site, chain FROM consentry_records ORDER BY site, chain")
            found += [Place(site, chain) for site, chain in traces if (site, chain) not in known]
        return found

    async def _walk(
        self, place: Place, noted: Mapping[int, bytes], seen: Callable[[int], None]
    ) -> tuple[Walk, list[Fault]]:
        while True:
            erased = await self._erased(place.site)
            checkpoint = await self._checkpoint(place)
            faults = self._of_checkpoint(checkpoint, noted) if checkpoint else []
            start = checkpoint.place if checkpoint else Place(*_key(place))
            later = {seq: link for seq, link in noted.items() if seq > start.seq}
            walk = Walk(start, self._keys(place.site), erased, later)
            while rows := await self._page(place, walk.place.seq if walk.records else -1):
                for row in rows:
                    faults += [*walk.step(_linked(row)), *_misleading(row)]
                seen(len(rows))
            faults += walk.end(place)
            if (await self._checkpoint(place), await self._erased(place.site)) == (checkpoint, erased):
                return walk, faults  # nothing was purged or erased under our feet

    async def _checkpoint(self, place: Place) -> Checkpoint | None:
        for seq, link, at, key, seal in await self._read(_CHECKPOINT_OF, *_key(place)):
            return Checkpoint(Place(*_key(place), seq, bytes(link)), at, key, bytes(seal))
        return None

    def _of_checkpoint(self, found: Checkpoint, noted: Mapping[int, bytes]) -> list[Fault]:
        """What is wrong with it."""
        place, keys = found.place, self._keys(found.place.site)
        wrong = partial(Fault, *_key(place), place.seq)
        if found.key not in keys:
            return [wrong(f"not verified: its checkpoint was made with the key {found.key}, not among the secret keys")]
        if not hmac.compare_digest(keys.seal(found.key, place, found.at), found.seal):
            return [wrong("forged: its checkpoint, which stands for the records before it, is not ours")]
        if noted.get(place.seq, place.link) != place.link:
            return [wrong("rewritten: its link is not the one that was noted")]
        return []

    async def _page(self, place: Place, after: int) -> list[Row]:
        asked = f"{_KEPT} WHERE site=$1 AND chain=$2 AND seq>$3 ORDER BY seq LIMIT $4"
        return await self._read(asked, *_key(place), after, PAGE)

    async def _erased(self, site: str) -> frozenset[tuple[int, int]]:
        """The records (chain, seq) that an erasure on record names."""
        asked = "SELECT payload FROM consentry_records WHERE site=$1 AND event=$2"
        rows = await self._read(asked, site, Event.ERASURE.value)
        return frozenset((chain, seq) for (text,) in rows if text for chain, seq in json.loads(text).get("erased", ()))

    async def _read(self, sql: str, *values: object) -> list[Row]:
        return await self._database.run(lambda: _one(sql, *values))


class _Writing:
    """Records that are put at the end of one chain."""

    def __init__(self, place: Place, keys: ChainKeys, now: int) -> None:
        self._now = now
        self.place = place
        self._keys = keys
        self._rows: list[Row] = []

    def add(self, name: str, record: Record, visitor: str | None) -> None:
        place, key, salt, payload = self.place, self._keys.current, os.urandom(SALT_BYTES), record.payload()
        seq, committed = place.seq + 1, commitment(salt, payload)
        link = self._keys.link(key, place.link, (place.site, place.chain, seq), self._now, committed)
        row = (place.site, place.chain, seq, self._now, key, committed, link)
        self._rows.append((*row, name, salt, payload, record.event.value, visitor))
        self.place = Place(place.site, place.chain, seq, link)

    def flush(self) -> Steps[None]:
        if self._rows:
            rows, self._rows = self._rows, []
            yield Ask(_INSERT, many=rows)


def _one(sql: str, *values: object) -> Steps[list[Row]]:
    return (yield Ask(sql, values))


def _gone(visitor: str | None) -> str:
    """What is kept of an erased id, so that nothing of it can come in late: its digest."""
    return "gone:" + hashlib.sha256((visitor or "").encode()).hexdigest()


def _key(place: Place) -> tuple[str, int]:
    return place.site, place.chain


def _kept(row: Row) -> Kept:
    said = json.loads(row[8]) if row[8] else None
    return Kept(row[0], row[1], row[2], said["at"] if said else row[3], said)


def _linked(row: Row) -> Linked:
    _, _, seq, at, key, committed, link, salt, payload = row[:9]
    return Linked(seq, at, key, bytes(committed), bytes(link), None if salt is None else bytes(salt), payload)


def _misleading(row: Row) -> Iterator[Fault]:
    """A record whose columns say something else than its text: whoever looks it up by them would not find it."""
    if row[8] is None:
        return
    said = json.loads(row[8])
    visitor = row[10] if said.get("event") != Event.ERASURE else None
    if row[9] != said.get("event") or visitor != said.get("visitor"):
        yield Fault(row[0], row[1], row[2], "edited: its columns do not say what its text says")


_KEPT = "SELECT site, chain, seq, at, key, commitment, link, salt, payload, event, visitor FROM consentry_records"
_FREE = "SELECT chain, seq, link FROM consentry_chains WHERE site=$1 ORDER BY chain LIMIT 1"
_NEW_CHAIN = "INSERT INTO consentry_chains (site, chain, seq, link) VALUES ($1, $2, 0, $3) ON CONFLICT DO NOTHING"
_HOLD = "UPDATE consentry_chains SET seq=seq WHERE site=$1 AND chain=$2"
_ADVANCE = "UPDATE consentry_chains SET seq=$3, link=$4 WHERE site=$1 AND chain=$2"
_INSERT = (
    "INSERT INTO consentry_records (site, chain, seq, at, key, commitment, link, id, salt, payload, event, visitor)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
)
_INSERT_NOTICE = (
    "INSERT INTO consentry_notices (digest, site, policy, at, body) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING"
)
_FIND = "SELECT chain, seq FROM consentry_records WHERE site=$1 AND visitor=$2 ORDER BY chain, seq"
_ERASE = (
    "UPDATE consentry_records SET id=NULL, salt=NULL, payload=NULL, event=NULL, visitor=NULL"
    " WHERE site=$1 AND visitor=$2"
)
_IDS_THERE = "SELECT id FROM consentry_records WHERE id IN ({})"
_VISITORS_GONE = "SELECT visitor FROM consentry_records WHERE visitor IN ({})"
_CHECKPOINT = (
    "INSERT INTO consentry_checkpoints (site, chain, seq, link, at, key, seal) VALUES ($1, $2, $3, $4, $5, $6, $7)"
)
_CHECKPOINT_OF = "SELECT seq, link, at, key, seal FROM consentry_checkpoints WHERE site=$1 AND chain=$2"
