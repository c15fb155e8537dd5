"""The outbox of one machine: a SQLite file in the state folder. Its processes share it; nothing to install.

Rules of this file: what is put is on the disk (WAL, `synchronous=FULL`) when `put` returns. The wall clock may jump:
what it makes wait longer than `FAR` is due at once.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from proxy.database import Ask, Down, Steps
from proxy.database.sqlite import Sqlite
from proxy.events.outbox import Backlog, Dead, Full, Taken, Waiting

#: The file in the state folder.
FILE = "outbox.sqlite3"

#: Milliseconds after which nothing can be due: a clock has been set back.
FAR = 2 * 3600 * 1000

#: Milliseconds for which the ids that a shop gave are remembered, so that an event stated twice is sent once.
REMEMBERED = 48 * 3600 * 1000

#: The format of the tables; another one is not written into.
VERSION = 1


class SqliteOutbox:
    """See `Outbox`. `now`: milliseconds since 1970; `most_bytes`: how large the file may grow; `lease`: seconds."""

    def __init__(self, file: Path, now: Callable[[], int], most_bytes: int, lease: float) -> None:
        self._database = Sqlite(file, _prepare)
        self._now = now
        self._most_bytes = most_bytes
        self._lease = int(lease * 1000)
        self._forgotten = 0

    @property
    def fresh(self) -> bool:
        """Whether nothing can be in it yet."""
        return self._database.fresh

    async def put(self, events: Sequence[Waiting]) -> int:
        return await self._database.run(lambda: self._put(events))

    async def take(self, vendor: str, most: int) -> list[Taken]:
        return await self._database.run(lambda: self._take(vendor, most))

    async def settle(
        self,
        *,
        gone: Sequence[Taken] = (),
        back: Sequence[tuple[Taken, float]] = (),
        dead: Sequence[tuple[Taken, str]] = (),
    ) -> None:
        await self._database.run(lambda: self._settle(gone, back, dead))

    async def erase(self, site: str, proof: str) -> int:
        return await self._database.run(lambda: _erase(site, proof))

    async def backlog(self) -> Mapping[str, Backlog]:
        return await self._database.run(_backlog)

    async def dead(self, vendor: str | None = None, most: int = 100) -> list[Dead]:
        return await self._database.run(lambda: _dead(vendor, most))

    async def retry(self, vendor: str | None = None, number: int | None = None) -> int:
        return await self._database.run(lambda: _retry(vendor, number, self._now()))

    async def bury(self, vendor: str | None = None, number: int | None = None) -> int:
        return await self._database.run(lambda: _bury(vendor, number))

    async def aclose(self) -> None:
        await self._database.aclose()

    # -- transactions ---------------------------------------------------------------------------------------------

    def _put(self, events: Sequence[Waiting]) -> Steps[int]:
        (pages, size, free) = (yield Ask(_SIZE))[0]
        if (pages - free) * size > self._most_bytes:
            raise Full(f"the outbox holds {self._most_bytes >> 20} MB, as much as it may")
        now = self._now()
        if now - self._forgotten > REMEMBERED // 48 or now < self._forgotten:
            self._forgotten = now
            yield Ask("DELETE FROM named WHERE at<$1 OR at>$2", (now - REMEMBERED, now + FAR))
        events = yield from self._new(events, now)
        before = (yield Ask("SELECT total_changes()"))[0][0]
        yield Ask(_INSERT, many=[_row(event) for event in events])
        return int((yield Ask("SELECT total_changes()"))[0][0] - before)

    def _new(self, events: Sequence[Waiting], now: int) -> Steps[Sequence[Waiting]]:
        """Without those of which the shop has told before."""
        named = [_name(event) for event in events if event.named]
        if not named:
            return events
        known = {name for (name,) in (yield Ask(_KNOWN, (json.dumps(named),)))}
        yield Ask("INSERT OR IGNORE INTO named (name, at) VALUES ($1, $2)", many=[(name, now) for name in named])
        return [event for event in events if not (event.named and _name(event) in known)]

    def _take(self, vendor: str, most: int) -> Steps[list[Taken]]:
        now = self._now()
        yield Ask("UPDATE waiting SET due=$2 WHERE vendor=$1 AND due>$3", (vendor, now, now + FAR))
        rows = yield Ask(_TAKE, (vendor, now, most, now + self._lease))
        return [
            Taken(_waiting(row[:8]), row[8], row[9], again=row[10] > 1)
            for row in sorted(rows, key=lambda row: row[8])  # RETURNING has no order
        ]

    def _settle(
        self,
        gone: Sequence[Taken],
        back: Sequence[tuple[Taken, float]],
        dead: Sequence[tuple[Taken, str]],
    ) -> Steps[None]:
        now = self._now()
        if dead:
            yield Ask(_DIE, many=[(one.handle, why, now) for one, why in dead])
        if ended := [*gone, *(one for one, _ in dead)]:
            yield Ask("DELETE FROM waiting WHERE seq IN (SELECT value FROM json_each($1))", (_handles(ended),))
        if back:
            yield Ask(_BACK, many=[(one.handle, now + int(wait * 1000)) for one, wait in back])


def _prepare(connection: sqlite3.Connection, _: str) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        raise Down(f"its tables are of a newer release ({version}; this one knows {VERSION})")
    if version < VERSION:
        # all or nothing: half of them, left by a process that was killed, would be in the way of every later one
        connection.executescript(f"BEGIN IMMEDIATE;{_TABLES}PRAGMA user_version={VERSION};COMMIT;")


def _erase(site: str, proof: str) -> Steps[int]:
    count = 0
    for table in ("waiting", "dead"):
        count += len((yield Ask(f"DELETE FROM {table} WHERE proof=$2 AND site=$1 RETURNING 1", (site, proof))))
    return count


def _backlog() -> Steps[Mapping[str, Backlog]]:
    waiting = yield Ask("SELECT vendor, count(*), min(at) FROM waiting GROUP BY vendor")
    rows = yield Ask("SELECT vendor, count(*) FROM dead GROUP BY vendor")
    dead: dict[str, int] = {row[0]: row[1] for row in rows}
    found = {vendor: Backlog(count, oldest, dead.pop(vendor, 0)) for vendor, count, oldest in waiting}
    return found | {vendor: Backlog(dead=count) for vendor, count in dead.items()}


def _dead(vendor: str | None, most: int) -> Steps[list[Dead]]:
    rows = yield Ask(
        f"SELECT {_COLUMNS}, seq, why, died FROM dead WHERE $1 IS NULL OR vendor=$1 ORDER BY seq DESC LIMIT $2",
        (vendor, most),
    )
    return [Dead(row[8], _waiting(row[:8]), row[9], row[10]) for row in rows]


def _retry(vendor: str | None, number: int | None, now: int) -> Steps[int]:
    """They may wait beside another one with the same id: then they go, for that one is delivered."""
    yield Ask(
        f"INSERT OR IGNORE INTO waiting ({_COLUMNS}) SELECT id, site, vendor, at, facts, proof, named, $3 "
        f"FROM dead WHERE {_OF_DEAD}",
        (vendor, number, now),
    )
    return (yield from _bury(vendor, number))


def _bury(vendor: str | None, number: int | None) -> Steps[int]:
    return len((yield Ask(f"DELETE FROM dead WHERE {_OF_DEAD} RETURNING 1", (vendor, number))))


def _row(event: Waiting) -> tuple[object, ...]:
    facts = json.dumps(event.facts, separators=(",", ":"))
    return event.id, event.site, event.vendor, event.at, facts, event.proof, event.named, 0


def _waiting(row: Sequence[object]) -> Waiting:
    name, site, vendor, at, facts, proof, named, _ = row
    return Waiting(name, site, vendor, at, json.loads(facts), proof, bool(named))  # type: ignore[arg-type]


def _name(event: Waiting) -> str:
    return f"{event.site} {event.vendor} {event.id}"


def _handles(taken: Iterable[Taken]) -> str:
    return json.dumps([one.handle for one in taken])


_COLUMNS = "id, site, vendor, at, facts, proof, named, due"
_TABLES = """
CREATE TABLE waiting (
  seq INTEGER PRIMARY KEY, id TEXT NOT NULL, site TEXT NOT NULL, vendor TEXT NOT NULL, at INTEGER NOT NULL,
  facts TEXT NOT NULL, proof TEXT, named INTEGER NOT NULL, due INTEGER NOT NULL,
  tries INTEGER NOT NULL DEFAULT 0, taken INTEGER NOT NULL DEFAULT 0, UNIQUE (vendor, id, site)
);
CREATE INDEX waiting_due ON waiting (vendor, due, at);
CREATE INDEX waiting_proof ON waiting (proof) WHERE proof IS NOT NULL;
CREATE TABLE dead (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, site TEXT NOT NULL, vendor TEXT NOT NULL,
  at INTEGER NOT NULL, facts TEXT NOT NULL, proof TEXT, named INTEGER NOT NULL, due INTEGER NOT NULL,
  why TEXT NOT NULL, died INTEGER NOT NULL
);
CREATE INDEX dead_proof ON dead (proof) WHERE proof IS NOT NULL;
CREATE TABLE named (name TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
"""
_SIZE = (
    "SELECT p.page_count, s.page_size, f.freelist_count"
    " FROM pragma_page_count p, pragma_page_size s, pragma_freelist_count f"
)
_INSERT = f"INSERT OR IGNORE INTO waiting ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
_KNOWN = "SELECT name FROM named WHERE name IN (SELECT value FROM json_each($1))"
_TAKE = (
    "UPDATE waiting SET due=$4, taken=taken+1, tries=tries+1 WHERE seq IN "
    "(SELECT seq FROM waiting WHERE vendor=$1 AND due<=$2 ORDER BY due, seq LIMIT $3) "
    f"RETURNING {_COLUMNS}, seq, tries-1, taken"
)
_BACK = "UPDATE waiting SET due=$2, taken=0 WHERE seq=$1"
_DIE = f"INSERT INTO dead ({_COLUMNS}, why, died) SELECT {_COLUMNS}, $2, $3 FROM waiting WHERE seq=$1"
_OF_DEAD = "($1 IS NULL OR vendor=$1) AND ($2 IS NULL OR seq=$2)"
