"""How a vendor is doing: how long it is left alone after how many failures on end."""

from __future__ import annotations

import random
from collections.abc import Callable

import structlog

from proxy import metrics

_log = structlog.get_logger("proxy.events")

#: Seconds: a vendor's first pause, its longest, and the longest that it may ask for.
FIRST, LONGEST, ASKED = 1.0, 300.0, 3600.0


class Pause:
    """Of one vendor. `clock`: seconds, of the event loop."""

    def __init__(self, vendor: str, clock: Callable[[], float]) -> None:
        self._vendor = vendor
        self._clock = clock
        self._until = 0.0
        self._failures = 0
        self._told = False

    @property
    def left(self) -> float:
        """Seconds for which it is left alone yet."""
        return max(self._until - self._clock(), 0.0)

    @property
    def failing(self) -> bool:
        """Whether the last that was heard of it was a failure."""
        return self._failures > 0

    def failed(self, why: str, least: float = 0.0) -> float:
        """Leave it alone; for how many seconds. What fails at the same time is one failure."""
        if not self.left:
            self._failures += 1
            doubled: float = min(FIRST * 2 ** (self._failures - 1), LONGEST)
            wait = max(doubled * random.uniform(0.7, 1.3), min(least, ASKED))  # noqa: S311  (no secret)
            self._until = self._clock() + wait
            metrics.EVENTS_PAUSED.labels(self._vendor).set(1)
            if not self._told and self._failures > 1:
                self._told = True
                _log.warning("the vendor takes no events: they wait", vendor=self._vendor, why=why)
        return self.left

    def went(self) -> None:
        """It took something."""
        if self._told:
            _log.info("the vendor takes events again", vendor=self._vendor)
        self._failures, self._told = 0, False
        metrics.EVENTS_PAUSED.labels(self._vendor).set(0)
