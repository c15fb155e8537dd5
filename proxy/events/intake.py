"""Events on their way into the outbox: minimised for each vendor that may learn of them, then put there, many at once.

Rules of this file: a page never waits: what happened in it is noted and left to this task, which lets other pages go
first and commits what nobody waits for ten times a second. A back end's POST is answered once its events are durable,
and what a shop states is on its way at once. While the outbox cannot take them, those of pages wait in memory, so many
and no more; what does not fit is counted, and those of POSTs are refused, so that nobody believes them kept.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import structlog

from proxy import metrics
from proxy.database import Down
from proxy.events.outbox import Full, Outbox, Waiting

_log = structlog.get_logger("proxy.events")

#: Events in one commit, and events that wait for one, at most; a POST's do not count.
MOST, HELD = 1000, 20_000

#: Seconds until the outbox is tried again, and until the end gives up waiting for it.
AGAIN, END = 0.5, 0.5

#: Seconds in which what comes together is put together: where it is wanted soon, and where it is not. A commit makes
#: the pages beside it slower.
GATHER, GATHER_LONGER = 0.002, 0.1

#: Makes the events of something that happened, for every vendor that may learn of it; pure, and done by the task.
Making = Callable[[], Sequence[Waiting]]


class NotKept(Exception):
    """The outbox does not take them now. Its text says why."""


@dataclass(slots=True)
class _Noted:
    making: Making
    kept: asyncio.Future[None] | None = None


class Intake:
    """The way into one outbox, of one process. `wake` is told of each vendor that something new waits for."""

    def __init__(self, outbox: Outbox, wake: Callable[[str], None]) -> None:
        self._outbox = outbox
        self._wake = wake
        self._noted: deque[_Noted] = deque()
        self._under_way: list[_Noted] = []
        self._there = asyncio.Event()
        self._soon = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._forgetting: set[asyncio.Task[None]] = set()
        self._down = False
        self._settled = asyncio.Event()
        self._settled.set()

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Nothing more comes; what was noted is put first, if the outbox takes it."""
        self._soon.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(END):
                await self._settled.wait()
        await asyncio.gather(*self._forgetting)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if lost := len(self._under_way) + len(self._noted):
            _log.error("events were lost: the outbox could not be reached at the end", events=lost)

    def note(self, making: Making, *, soon: bool = True) -> None:
        """Something happened in a page. Returns at once. `soon`: it must not be lost with the next tenth of a second,
        should the process be killed."""
        if len(self._noted) >= HELD:
            metrics.EVENTS.labels("any", "dropped").inc()
            return
        self._add(_Noted(making), soon=soon)

    async def keep(self, making: Making) -> None:
        """Returns once they are durable. Raises `NotKept`."""
        kept = asyncio.get_running_loop().create_future()
        self._add(_Noted(making, kept), soon=True)
        await kept

    def _add(self, noted: _Noted, *, soon: bool) -> None:
        self._noted.append(noted)
        self._settled.clear()
        self._there.set()
        if soon:
            self._soon.set()

    async def _run(self) -> None:
        while True:
            await self._there.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(GATHER_LONGER):
                    await self._soon.wait()
            await asyncio.sleep(GATHER)
            self._there.clear()
            self._soon.clear()
            while self._noted:
                if not await self._put_some():
                    await asyncio.sleep(AGAIN)
            self._settled.set()

    async def _put_some(self) -> bool:
        """Put what was noted first; False where the outbox does not take it, and what can wait waits."""
        self._under_way = some = list[_Noted]()
        events: list[Waiting] = []
        while self._noted and len(events) < MOST:
            noted = self._noted.popleft()
            try:
                made = noted.making()
            except Exception:  # a mistake of ours in one event must not stop the others
                _log.exception("an event could not be made")
                metrics.EVENTS.labels("any", "dropped").inc()
                if noted.kept is not None and not noted.kept.done():
                    noted.kept.set_exception(NotKept("a mistake of ours"))
                continue
            some.append(noted)
            events += made
            await asyncio.sleep(0)  # so that no page waits for more than one of them
        try:
            if events:
                await self._outbox.put(events)
        except Exception as error:  # down, full, or a mistake of ours, which must not end this task
            self._under_way = []
            self._refuse(some, error)
            return False
        self._under_way = []
        if self._down:
            self._down = False
            _log.info("the outbox takes events again")
        for event in events:
            metrics.EVENTS.labels(event.vendor, "queued").inc()
        for vendor in {event.vendor for event in events}:
            self._wake(vendor)
        for noted in some:
            if noted.kept is not None and not noted.kept.done():
                noted.kept.set_result(None)
        return True

    def _refuse(self, some: Sequence[_Noted], error: Exception) -> None:
        if not self._down:
            self._down = True
            unknown = not isinstance(error, (Down, Full))
            _log.warning("the outbox takes no events: those of pages wait in memory", why=str(error), exc_info=unknown)
        for noted in reversed(some):
            if noted.kept is None:
                self._noted.appendleft(noted)
            elif not noted.kept.done():
                noted.kept.set_exception(NotKept(str(error)))

    def forget(self, site: str, proof: str) -> None:
        """Remove all that waits of a visitor who has withdrawn. Nobody waits for that; what cannot be reached now is
        held back when it is due, since the records say so."""
        if not self._outbox.fresh:
            task = asyncio.create_task(self._forget(site, proof))
            self._forgetting.add(task)
            task.add_done_callback(self._forgetting.discard)

    async def _forget(self, site: str, proof: str) -> None:
        with suppress(Down, Full):
            count = await self._outbox.erase(site, proof)
            if count:
                metrics.EVENTS.labels("any", "withdrawn").inc(count)
