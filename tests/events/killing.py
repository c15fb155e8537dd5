"""A proxy that is killed again and again while a back end posts events: which of those that it took arrived."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.cli.command import environment
from tests.events.served import ENVIRONMENT, TOKEN, Vendors
from tests.free_port import free_port
from tests.places import ROOT

CONSENT = "analytics=0, advertising=1, marketing=0, social=0, gpc=0, regime=opt-in"

#: Events a second, and in one request.
RATE, TOGETHER = 500, 10


@dataclass
class Proxy:
    """One process of the installed command, started and killed at will. `core`: the only one that it may run on."""

    file: Path
    state: Path
    storefront: str = "http://127.0.0.1:9"
    more: dict[str, str] = field(default_factory=dict)
    core: int | None = None
    public: int = field(default_factory=free_port)
    admin: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "proxy", "serve", "--storefront", self.storefront, "--config", str(self.file)]
        command += ["--state", str(self.state), "--listen", f"127.0.0.1:{self.public}"]
        command += ["--admin", f"127.0.0.1:{self.admin}"]
        self.state.mkdir(parents=True, exist_ok=True)
        with (self.state / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                env=environment(ENVIRONMENT | self.more),
                cwd=ROOT,
                start_new_session=True,
            )
        if self.core is not None:
            os.sched_setaffinity(self.process.pid, {self.core})
        end = time.monotonic() + 30
        while time.monotonic() < end:
            connection = http.client.HTTPConnection("127.0.0.1", self.admin, timeout=1)
            with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
                connection.request("GET", "/readyz")
                if connection.getresponse().status == 200:
                    return
            time.sleep(0.02)
        raise RuntimeError(f"it did not start:\n{(self.state / 'log').read_text()[-2000:]}")

    def kill(self) -> None:
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)  # all that belongs to it, at once
        self.process.wait()

    @property
    def megabytes(self) -> float:
        """The resident memory of all its processes."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return round(sum(map(_resident, [self.process.pid, *map(int, children)])), 1)

    def end(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait()


def _resident(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


@dataclass
class BackEnd:
    """Posts events, each once, and remembers those that were taken. `port`: of an admin listener, as it is then."""

    port: Callable[[], int]
    accepted: set[str] = field(default_factory=set)
    unsure: set[str] = field(default_factory=set)
    _ended: threading.Event = field(default_factory=threading.Event)
    _number: int = 0

    @contextlib.contextmanager
    def posting(self, rate: int = RATE) -> Iterator[None]:
        thread = threading.Thread(target=self._post, args=(rate,), daemon=True)
        self._ended.clear()
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()

    def _post(self, rate: int) -> None:
        connection: http.client.HTTPConnection | None = None
        due = time.monotonic()
        while not self._ended.is_set():
            due = max(due + TOGETHER / rate, time.monotonic() - 1)
            time.sleep(max(0.0, due - time.monotonic()))
            ids = [f"e{self._number + place}" for place in range(TOGETHER)]
            self._number += TOGETHER
            try:
                connection = connection or http.client.HTTPConnection("127.0.0.1", self.port(), timeout=5)
                if posted(connection, ids):
                    self.accepted.update(ids)
            except (OSError, http.client.HTTPException):
                self.unsure.update(ids)  # taken or not: nobody said
                if connection is not None:
                    connection.close()
                connection = None
                time.sleep(0.05)
        if connection is not None:
            connection.close()


def posted(connection: http.client.HTTPConnection, ids: list[str]) -> bool:
    """Whether these were taken."""
    events = [{"name": "purchase", "id": one, "consent": CONSENT, "value": 1, "currency": "EUR"} for one in ids]
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    connection.request("POST", "/events", json.dumps(events), headers)
    answer = connection.getresponse()
    answer.read()
    return answer.status == 202


def killed(
    proxy: Proxy, told: Vendors, rounds: int, chance: random.Random, progress: Callable[[], None]
) -> dict[str, int]:
    """Kill it so many times at moments of chance, while 500 events a second are posted; then see what arrived."""
    back_end = BackEnd(lambda: proxy.admin)
    for _ in range(rounds):
        proxy.start()
        with back_end.posting():
            time.sleep(chance.uniform(0.05, 1.0))
            proxy.kill()
        progress()
    proxy.start()
    told.until(lambda: back_end.accepted <= told.ids.keys(), 120)
    proxy.end()
    return {
        "rounds": rounds,
        "accepted": len(back_end.accepted),
        "missing": len(back_end.accepted - told.ids.keys()),
        "sent more than once": sum(count > 1 for count in told.ids.values()),
        "never posted": len(told.ids.keys() - back_end.accepted - back_end.unsure),
    }
