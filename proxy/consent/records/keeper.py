"""Keeping a choice before it is answered: many at once in one commit, and on the disk where the store cannot take them.

Rules of this file: `keep` returns once the record is durable, in the store or in the spool, and at the latest a little
after `PATIENCE`: a store that is slow or gone slows nobody down. What was spooled lands as soon as the store is back,
and once only. Old records are purged from here, too.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from time import perf_counter
from typing import Any

import structlog

from proxy import metrics
from proxy.consent.records.record import Said, said_in
from proxy.consent.records.spool import Spool
from proxy.consent.records.store import Entry, Kept, Store
from proxy.database import Down

_log = structlog.get_logger("proxy.records")

#: Seconds that the store may take for a commit before the records go to the disk instead.
PATIENCE = 0.03

#: Records in one commit, at most: of choices, and of what lands from the disk, lest choices wait for it.
MOST, LAND = 512, 128

#: Seconds between attempts to reach a store that is down: the first, and the longest.
AGAIN, LONGEST = 0.5, 5.0

#: Seconds between looks at what other processes left behind, and between purges.
LOOK, PURGE = 60.0, 6 * 3600.0

#: Seconds that a start waits for the store.
OPEN = 1.0

#: Seconds that a visitor waits for what is on record of them.
READ = 1.0

#: Seconds that an end waits for the store to take what it was given.
END = 2.0


async def latest_of(store: Store, visitors: Sequence[str]) -> Mapping[str, Said | None] | None:
    """What each of these said last; None where the store does not say in time. See `Store.latest_of`."""
    try:
        async with asyncio.timeout(READ):
            found = {} if store.fresh else await store.latest_of(visitors)
    except (Down, TimeoutError):
        return None
    return {visitor: None if payload is None else said_in(payload) for visitor, payload in found.items()}


class NotKept(Exception):
    """Neither the store nor the disk took it."""


class Keeper:
    """The way of records into the store, of one process."""

    def __init__(self, store: Store, spool: Spool, now: Callable[[], int], keep_for: int | None = None) -> None:
        """`now`: milliseconds since 1970. `keep_for`: milliseconds after which records are purged; None: by hand."""
        self._store = store
        self._spool = spool
        self._now = now
        self._keep_for = keep_for
        self._pending: list[tuple[Entry, asyncio.Future[None]]] = []
        self._wake = asyncio.Event()
        self._settled = asyncio.Event()
        self._settled.set()
        self._on_disk = asyncio.Lock()
        self._up = True
        self._more = self._told_down = False
        self._noticed: set[str | None] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._landing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Open the store where there is something in it, take up what dead processes left; a store that is down is not
        waited for."""
        if not self._store.fresh or self._spool.files():
            self._up = False
            self._land()
        self._spawn(self._write())
        self._spawn(self._look_after())
        if self._landing is not None:
            await asyncio.wait({self._landing}, timeout=OPEN)

    async def stop(self) -> None:
        """Nothing more comes: what is under way is kept first."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(END):
                await self._settled.wait()
                if self._landing is not None:
                    await asyncio.wait({self._landing})
        tasks = [*self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._spool.close()
        await self._store.aclose()

    async def keep(self, entry: Entry) -> None:
        """Returns once it is durable. Raises `NotKept`."""
        kept = asyncio.get_running_loop().create_future()
        self._pending.append((entry, kept))
        self._settled.clear()
        self._wake.set()
        await kept

    async def of_visitor(self, visitor: str) -> list[Kept] | None:
        """What is kept under a visitor's id, oldest first; None where the store does not say in time."""
        if not self._up:
            return None
        try:
            async with asyncio.timeout(READ):
                return await self._store.of_visitor(visitor)
        except (Down, TimeoutError):
            return None

    async def latest_of(self, visitors: Sequence[str]) -> Mapping[str, Said | None] | None:
        """What each of these said last, by the store; None where it does not say in time. See `Store.latest_of`."""
        return await latest_of(self._store, visitors) if self._up else None

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # -- in -------------------------------------------------------------------------------------------------------

    async def _write(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._pending:
                batch, self._pending = self._pending[:MOST], self._pending[MOST:]
                await self._settle(batch)
            self._settled.set()

    async def _settle(self, batch: Sequence[tuple[Entry, asyncio.Future[None]]]) -> None:
        entries = [self._lean(entry) for entry, _ in batch]
        notices = {entry.record.notice for entry in entries if entry.notice is not None}
        failed: NotKept | None = None
        if not (self._up and await self._stored(entries)):
            try:
                await self._to_disk(entries)
            except Exception as error:  # the disk's, or a mistake of ours: nobody may wait for ever
                failed = NotKept(str(error))
                _log.error(
                    "a choice could not be recorded: neither the store nor the disk takes it",
                    why=str(error),
                    exc_info=not isinstance(error, OSError),
                )
            metrics.RECORDS.labels("lost" if failed else "spooled").inc(len(batch))
        if failed is None:
            self._noticed |= notices
        for _, kept in batch:
            if kept.done():  # the visitor has left; their choice holds all the same
                continue
            if failed is None:
                kept.set_result(None)
            else:
                kept.set_exception(failed)

    async def _stored(self, entries: Sequence[Entry]) -> bool:
        """Whether the store took them in time. Where it did not, the attempt goes on, and they go to the disk."""
        started = perf_counter()
        attempt = self._spawn(self._store.append(entries, self._now()))
        attempt.add_done_callback(lambda ended: ended.cancelled() or ended.exception())  # looked at, whenever it ends
        done, _ = await asyncio.wait({attempt}, timeout=PATIENCE)
        if done and attempt.exception() is None:
            metrics.RECORDS_SECONDS.observe(perf_counter() - started)
            metrics.RECORDS.labels("stored").inc(len(entries))
            return True
        self._up = False
        self._land(attempt)
        return False

    def _lean(self, entry: Entry) -> Entry:
        """Without the text that is kept already."""
        known = entry.notice is not None and entry.record.notice in self._noticed
        return replace(entry, notice=None) if known else entry

    async def _to_disk(self, entries: Sequence[Entry]) -> None:
        async with self._on_disk:
            await asyncio.to_thread(self._spool.add, entries)
        self._land()

    # -- from the disk into the store -----------------------------------------------------------------------------

    def _land(self, attempt: asyncio.Task[None] | None = None) -> None:
        """See to it that what is on the disk lands, once `attempt` has ended."""
        self._more = True
        if self._landing is None or self._landing.done():
            self._landing = self._spawn(self._until_landed(attempt))

    async def _until_landed(self, attempt: asyncio.Task[None] | None) -> None:
        wait = AGAIN
        if attempt is not None:
            await asyncio.wait({attempt})
        while True:
            try:
                while self._more:
                    self._more = False
                    self._more = await self._land_all() > 0 or self._more
                    self._back()
            except Exception as error:  # whatever it is: the records wait on the disk, and are tried again
                self._more = True
                self._down(error)
                await asyncio.sleep(wait)
                wait = min(wait * 2, LONGEST)
                continue
            return

    async def _land_all(self) -> int:
        """Put what waits into the store; how many files that were. What comes meanwhile is in a new file."""
        async with self._on_disk:
            self._spool.close()
        landed = 0
        for file in await asyncio.to_thread(self._spool.files):
            taken = await asyncio.to_thread(self._spool.take, file)
            if taken is None:
                continue
            done = False
            try:
                for start in range(0, len(taken.entries), LAND):
                    await self._store.append(taken.entries[start : start + LAND], self._now(), again=True)
                done = True
            finally:
                taken.leave(landed=done)
            landed += 1
            metrics.RECORDS.labels("landed").inc(len(taken.entries))
        if not landed:
            await self._store.append((), self._now())
        return landed

    def _down(self, error: Exception) -> None:
        if not self._told_down:
            self._told_down = True
            _log.warning("the store is down: choices hold, and their records wait on the disk", why=str(error))

    def _back(self) -> None:
        self._up = True
        if self._told_down:
            self._told_down = False
            _log.info("the store is back: the records that waited are landing in it")

    # -- what nobody waits for ------------------------------------------------------------------------------------

    async def _look_after(self) -> None:
        """Take up what other processes leave, and purge what is old."""
        purged = -PURGE
        while True:
            if self._landing is not None:
                await asyncio.wait({self._landing})
            try:
                if perf_counter() - purged >= PURGE:
                    purged = perf_counter()
                    await self._purge()
                if self._spool.files():
                    self._land()
            except Exception:  # the disk's, or a mistake of ours, which must not end the looking
                _log.exception("the records could not be looked after")
            await asyncio.sleep(LOOK)

    async def _purge(self) -> None:
        if self._keep_for is None or self._store.fresh:
            return
        with contextlib.suppress(Down):
            count = await self._store.purge(self._now() - self._keep_for, self._now())
            if count:
                _log.info("old records were purged", count=count)
