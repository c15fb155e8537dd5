"""A service to try the process part with: `python -m tests.toy_service WORKERS STATE` prints its two ports.

/pid says which process answers, /endless never ends its answer, /broken breaks it off, /metrics counts requests
over all processes.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, generate_latest, multiprocess
from starlette.types import Message, Receive, Scope, Send

from proxy.listen import ListenAddress, address_of, bind
from proxy.serve import run
from proxy.settings import Limits
from proxy.workers import Supervisor, shared_metrics

ASKED = Counter("toy_asked_total", "Requests.")


async def public(scope: Scope, receive: Receive, send: Send) -> None:
    ASKED.inc()
    head: Message = {"type": "http.response.start", "status": 200, "headers": []}
    await send(head)
    await send({"type": "http.response.body", "body": f"{os.getpid()}\n".encode(), "more_body": True})
    if scope["path"] == "/endless":
        await asyncio.Event().wait()
    if scope["path"] == "/broken":
        return
    await send({"type": "http.response.body"})


async def admin(scope: Scope, receive: Receive, send: Send) -> None:
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": generate_latest(registry)})


def say(line: str) -> None:
    """Writes a line in one piece: print() writes its pieces one by one where Python is told not to buffer, and workers
    that end together then write into each other's lines."""
    os.write(sys.stderr.fileno(), f"{line}\n".encode())


@dataclass(frozen=True)
class Toy:
    public = staticmethod(public)
    admin = staticmethod(admin)
    limits = Limits(leave_seconds=0)
    trusted = ()

    def storefront_connections(self) -> tuple[int, int]:
        return 0, 0

    def leave(self) -> None:
        pass

    async def start(self) -> None:
        say(f"started {os.getpid()}")

    async def stop(self) -> None:
        say(f"stopped {os.getpid()}")


def work(public_socket: socket.socket, admin_socket: socket.socket) -> None:
    run(Toy, public_socket, admin_socket, supervised=True)


def main(workers: int, state: Path) -> None:
    logging.basicConfig()
    sockets = [bind(ListenAddress("127.0.0.1", 0), option) for option in ("--listen", "--admin")]
    print(*(address_of(one).port for one in sockets), flush=True)
    if workers == 1:
        run(Toy, sockets[0], sockets[1])
    else:
        with shared_metrics(state) as metrics:
            Supervisor(work, workers, sockets[0], sockets[1], metrics, Toy.limits).run()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
