"""A token bucket: so many a second, saved up to so many; for what must never be flooded. Its clock is handed in."""

from __future__ import annotations

import time
from collections.abc import Callable


class Bucket:
    """`take()` says whether one more may pass. `rate` a second; nothing ever passes at 0."""

    def __init__(self, rate: float, saved: float | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._most = 0.0 if rate <= 0 else max(1.0, rate if saved is None else saved)
        self._clock = clock
        self._left = self._most
        self._at = clock()

    def take(self) -> bool:
        now = self._clock()
        self._left = min(self._most, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
