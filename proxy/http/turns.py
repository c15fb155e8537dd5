"""Who may go to the storefront now: so many at once, so many waiting, none for long.

Rules: turns come in the order of asking. Beyond the queue, and beyond its time, the answer is no at once: a visitor who
is told to come back costs nothing, one who waits for a shop that has no time costs it the others.
"""

from __future__ import annotations

import asyncio
from collections import deque

from proxy.http.wire import Kind, StorefrontDown


class Turns:
    """`take` one, and `give` it back, always."""

    def __init__(self, at_once: int, queue: int, seconds: float) -> None:
        self._at_once = at_once
        self._queue = queue
        self._seconds = seconds
        self._waiting: deque[asyncio.Future[None]] = deque()
        self.taken = 0

    async def take(self) -> None:
        """Raises `StorefrontDown` where there is none to be had."""
        if self.taken < self._at_once:
            self.taken += 1
            return
        if len(self._waiting) >= self._queue:
            raise StorefrontDown(Kind.FULL, f"{self._at_once} requests are under way, {self._queue} wait")
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(self._seconds):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self.give()
            elif turn in self._waiting:
                self._waiting.remove(turn)
            if isinstance(error, TimeoutError):
                raise StorefrontDown(Kind.FULL, f"no turn within {self._seconds:g} s") from None
            raise

    def give(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.taken -= 1
