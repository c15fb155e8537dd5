"""Settings and vendor files read again while requests are served: SIGHUP.

Rules of this file: what is new is checked whole and built before anything changes; where anything is wrong with it, all
that is wrong is logged and the old goes on. A request ends under what it began under; what nobody is served by any more
is stopped.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import structlog
from starlette.types import ASGIApp, Receive, Scope, Send

from proxy import metrics
from proxy.errors import Refused
from proxy.settings.schema import Limits, Network

_log = structlog.get_logger("proxy.serve")


class Served(Protocol):
    """What is served: the two apps, what clients may take, whose word on them is believed, and what to call before the
    first request, when there will be no more, and after the last."""

    @property
    def public(self) -> ASGIApp: ...

    @property
    def admin(self) -> ASGIApp: ...

    @property
    def limits(self) -> Limits: ...

    @property
    def trusted(self) -> Sequence[Network]: ...

    @property
    def storefront_connections(self) -> Callable[[], tuple[int, int]]: ...

    @property
    def leave(self) -> Callable[[], None]: ...

    @property
    def start(self) -> Callable[[], Awaitable[None]]: ...

    @property
    def stop(self) -> Callable[[], Awaitable[None]]: ...


class Background(Protocol):
    """What runs without serving anybody."""

    @property
    def start(self) -> Callable[[], Awaitable[None]]: ...

    @property
    def stop(self) -> Callable[[], Awaitable[None]]: ...


def tell_refused(refused: Refused) -> None:
    """Log all that is wrong with what was read, and count it."""
    for problem in refused.problems:
        _log.error("not reloaded: the old settings go on", problem=str(problem))
    metrics.RELOADS.labels("refused").inc()


#: Reads and checks everything, in a thread; gives what builds the apps, in the event loop. Raises `Refused`.
Reload = Callable[[], Callable[[], Served]]


class Current:
    """The apps that serve now. Raises `Refused` where they cannot be built the first time."""

    def __init__(self, build: Callable[[], Served]) -> None:
        self._served = build()
        self._left = False
        self._under_way: Counter[int] = Counter()
        self._idle = asyncio.Event()
        self._turn = asyncio.Lock()
        self._old: set[asyncio.Task[None]] = set()

    async def public(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The public ASGI app."""
        served = self._served
        self._under_way[id(served)] += 1
        try:
            await served.public(scope, receive, send)
        finally:
            self._under_way[id(served)] -= 1
            if served is not self._served:
                self._idle.set()

    async def admin(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The admin ASGI app."""
        await self._served.admin(scope, receive, send)

    def limits(self) -> Limits:
        """What clients may take now."""
        return self._served.limits

    def trusted(self) -> Sequence[Network]:
        """Whose word on who connected is believed now."""
        return self._served.trusted

    def storefront_connections(self) -> tuple[int, int]:
        """How many are busy, and how many are kept."""
        return self._served.storefront_connections()

    def leave(self) -> None:
        """From now on the process is not ready for more."""
        self._left = True
        self._served.leave()

    async def start(self) -> None:
        await self._served.start()

    async def stop(self) -> None:
        for task in self._old:
            task.cancel()
        await self._served.stop()

    async def renew(self, reload: Reload) -> None:
        """Serve by what is there now, if nothing is wrong with it."""
        async with self._turn:
            try:
                fresh = (await asyncio.to_thread(reload))()
            except Refused as refused:
                tell_refused(refused)
                return
            await fresh.start()
            if self._left:
                fresh.leave()
            old, self._served = self._served, fresh
            task = asyncio.create_task(self._retire(old))
            self._old.add(task)
            task.add_done_callback(self._old.discard)
        metrics.RELOADS.labels("done").inc()
        _log.info("reloaded")

    async def _retire(self, old: Served) -> None:
        try:
            while self._under_way[id(old)]:
                self._idle.clear()
                await self._idle.wait()
        finally:
            del self._under_way[id(old)]
            await old.stop()
