"""Several processes on the same sockets: started, restarted, told to end.

Rules: the sockets are bound by the parent and inherited, so no worker can fail to get them, and the kernel hands each
connection to whoever is free. Workers are started afresh (spawned, not forked): nothing of the parent's threads or
loops is in them. Beside those that serve there may be one that does something else (it tells vendors of events, so that
no page waits for that); it is started, restarted and ended like them. One that dies is started again, at once if it had
lived, after `PAUSE` seconds if it had not. Workers never see the keyboard's SIGINT; the parent passes on one SIGTERM,
and kills what outlives the time it gave. A worker whose parent is gone ends by itself. A SIGHUP is passed on to all, if
what the parent then reads can be served; who is started later is started by that.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from types import FrameType

from prometheus_client.multiprocess import mark_process_dead

from proxy.errors import Refused
from proxy.reloading import tell_refused
from proxy.serve import grace_of
from proxy.settings.schema import Limits

#: Seconds to wait before a worker that died young is started again; and until what age it counts as young.
PAUSE = 1.0

_log = logging.getLogger(__name__)
_context = multiprocessing.get_context("spawn")

#: What a worker does: serve on the public and the admin socket until told to end. A function at the top of a module.
Work = Callable[[socket.socket, socket.socket], None]


@contextlib.contextmanager
def shared_metrics(state: Path) -> Iterator[Path]:
    """Where workers add up their counters, so that whichever answers /metrics answers for all (prometheus-client's
    multiprocess mode). Emptied first: the files of an earlier run would be counted in.
    """
    folder = state / "metrics"
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob("*.db"):
        stale.unlink()
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    try:
        yield folder
    finally:
        del os.environ["PROMETHEUS_MULTIPROC_DIR"]
        for left in folder.glob("*.db"):
            left.unlink()


class Supervisor:
    """Keeps `count` workers running until a signal; `run` returns when the last of them is gone."""

    def __init__(
        self,
        work: Work,
        count: int,
        public: socket.socket,
        admin: socket.socket,
        metrics: Path,
        limits: Limits,
        reload: Callable[[], tuple[Work, Limits, Work | None]] | None = None,
        beside: Work | None = None,
    ) -> None:
        """`limits` say how long a worker may take to end; `beside` is what one more process does. `reload` checks
        everything anew, raising `Refused`, and gives the work of processes started from then on."""
        self.work = work
        self.beside = beside
        self.limits = limits
        self.reload = reload
        self.count = count
        self.sockets = (public, admin)
        self.metrics = metrics
        self.workers: dict[int, SpawnProcess] = {}  # by sentinel
        self.other: int | None = None  # the sentinel of the one that does something else
        self.born: dict[int, float] = {}
        self.signals: list[int] = []

    def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """`ready` is called once signals are heard and the workers are on their way; connections wait for them."""
        with _signals_into(self.signals) as woken:
            self._start_missing()
            ready()
            while not self.signals:
                for sentinel in wait([woken, *self.workers]):
                    if sentinel == woken and not self.signals:
                        os.read(woken, 64)
                        self._renew()
                    elif sentinel in self.workers:
                        self._bury(sentinel, woken)
                if not self.signals:
                    self._start_missing()
            self._end(woken)

    def _renew(self) -> None:
        if self.reload is None:
            return
        try:
            self.work, self.limits, self.beside = self.reload()
        except Refused as refused:
            tell_refused(refused)
            return
        for worker in self.workers.values():
            if worker.pid is not None:
                os.kill(worker.pid, signal.SIGHUP)
        if self.beside is None and self.other is not None:
            self.workers[self.other].terminate()

    def _start_missing(self) -> None:
        while len(self.workers) - (self.other is not None) < self.count:
            self._start(self.work)
        if self.beside is not None and self.other is None:
            self.other = self._start(self.beside)

    def _start(self, work: Work) -> int:
        worker = _context.Process(target=work, args=self.sockets, name="consentry worker")
        with _interrupts_held():
            worker.start()
        self.workers[worker.sentinel] = worker
        self.born[worker.sentinel] = time.monotonic()
        return worker.sentinel

    def _bury(self, sentinel: int, woken: int) -> None:
        worker, born = self.workers.pop(sentinel), self.born.pop(sentinel)
        worker.join()
        mark_process_dead(worker.pid, str(self.metrics))  # type: ignore[no-untyped-call]
        if sentinel == self.other:
            self.other = None
            if self.beside is None:  # it was told to end
                return
        _log.error("worker %s died (%s); starting another", worker.pid, _how(worker.exitcode))
        if time.monotonic() - born < PAUSE:
            wait([woken], PAUSE)

    def _end(self, woken: int) -> None:
        for bound in self.sockets:
            bound.close()
        for worker in self.workers.values():
            worker.terminate()
        patience = time.monotonic() + sum(grace_of(self.signals[0], self.limits)) + 1
        heard = len(self.signals)
        os.read(woken, 64)
        while self.workers and len(self.signals) == heard and (left := patience - time.monotonic()) > 0:
            for sentinel in wait([woken, *self.workers], left):
                if sentinel in self.workers:
                    self.workers.pop(sentinel).join()
        for worker in self.workers.values():
            worker.kill()
            worker.join()


def _how(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        return f"signal {-exit_code}, {signal.strsignal(-exit_code)}"
    return f"exit code {exit_code}"


@contextlib.contextmanager
def _signals_into(heard: list[int]) -> Iterator[int]:
    """Appends each SIGINT and SIGTERM to the list; yields a descriptor that is readable once they or SIGHUP came."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)

    def hear(number: int, _: FrameType | None) -> None:
        if number != signal.SIGHUP:
            heard.append(number)
        with contextlib.suppress(BlockingIOError):
            os.write(writer, b"!")

    before = {number: signal.signal(number, hear) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield reader
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(reader)
        os.close(writer)


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """A worker inherits a blocked SIGINT and keeps it; one that comes meanwhile reaches the parent right after."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
