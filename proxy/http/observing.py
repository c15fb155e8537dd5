"""`mode = "observe"`: pages leave as they came, and what would have become of them is told.

Rules of this file: a visitor's bytes go first, and nothing that happens here can reach them. A piece is looked at after
it has left; a page that cannot be read or rewritten is counted as one that `enforce` would refuse. What is told holds
nothing of a visitor: neither path nor query, and each fact once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import urlsplit

import structlog

from proxy import metrics
from proxy.html.page import Page, TagReport
from proxy.http.failing import CannotCut
from proxy.http.pages import Body, PageBody

_log = structlog.get_logger("proxy.http")

#: Different facts that are told of by one process; after that they are counted only.
MOST_TOLD = 1000


class Observer:
    """What one process has seen so far."""

    def __init__(self) -> None:
        self._told: set[tuple[str, str, str]] = set()

    def hear(self, tag: TagReport) -> None:
        """A tag of a page that leaves as it came."""
        metrics.OBSERVED.labels(tag.action).inc()
        who = tag.vendor or urlsplit(tag.url).hostname or "unknown"
        fact = (who, tag.action.value, str(tag.reason))
        if fact not in self._told and len(self._told) < MOST_TOLD:
            self._told.add(fact)
            _log.info("observed", who=who, would=tag.action.value, reason=str(tag.reason))

    def refused(self, refusal: CannotCut) -> None:
        """A page that would not have gone through."""
        metrics.OBSERVED_REFUSALS.labels(refusal.refusal).inc()


async def observe(answer: Body, page: Page, observer: Observer, passes: Callable[[bytes], Awaitable[None]]) -> None:
    """Passes the whole body on, and rewrites a copy of it into nothing."""
    body = _Passing(answer, passes)
    try:
        async for _ in PageBody(body, coded=False).rewritten(page):
            pass
    except CannotCut as refusal:
        observer.refused(refusal)
    while await body.read():
        pass


class _Passing:
    """A body whose pieces have left by the time that they are read."""

    def __init__(self, answer: Body, passes: Callable[[bytes], Awaitable[None]]) -> None:
        self._answer = answer
        self._passes = passes

    @property
    def headers(self) -> Sequence[tuple[bytes, bytes]]:
        return self._answer.headers

    @property
    def waiting(self) -> bool:
        return self._answer.waiting

    async def read(self) -> bytes:
        piece = await self._answer.read()
        if piece:
            await self._passes(piece)
        return piece
