"""The process: two listeners in one event loop, on sockets that are bound already, and signals that end everything.

Rules: nothing here knows what the apps do. Forwarded headers are never believed by the server (`proxy_headers=False`;
the app's own trusted networks decide), and it adds neither Date nor Server: both are the storefront's. A first SIGTERM
makes /readyz say no, then, `leave_seconds` later, no connection is taken any more and answers under way have
`grace_seconds` to finish; the admin listener ends last. A SIGINT is somebody at a keyboard: no leaving, and a second of
grace. A second signal does not wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import resource
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from multiprocessing import parent_process

import uvicorn
from starlette.types import ASGIApp

from proxy import metrics
from proxy.errors import Refused
from proxy.http.edge import Edge
from proxy.http.websocket import MESSAGE_BYTES
from proxy.listen import BACKLOG
from proxy.reloading import Background, Current, Reload, Served, tell_refused
from proxy.settings.schema import Limits, Network

#: Seconds that answers under way are given to finish where somebody at a keyboard waits.
IMPATIENT = 1.0

#: Seconds that an idle connection is kept: longer than front servers keep theirs (nginx: 60), so that they end it first
#: and never send a request into a connection that is just being closed.
KEEP_ALIVE = 75

#: By how much a process that serves nobody yields to those that do, where processors are short (nice).
YIELDS = 10

#: New objects after which the interpreter looks for cycles among them, and how many times it does so before it looks at
#: those that were left over too. WebSockets end in cycles that hold buffers: few objects, much memory.
GARBAGE = (5000, 5, 5)


class _Listener(uvicorn.Server):
    """One of two servers in one loop: signals are the process's, not the server's. Once a second it gives up the
    clients that are overdue, and calls `look`."""

    async def on_tick(self, counter: int) -> bool:
        if counter % 10 == 0:
            now = asyncio.get_running_loop().time()
            self.look()
            for connection in tuple(self.server_state.connections):
                if isinstance(connection, Edge):
                    connection.overdue(now)
        return await super().on_tick(counter)

    look: Callable[[], None] = staticmethod(lambda: None)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def run(
    build: Callable[[], Served],
    public: socket.socket,
    admin: socket.socket,
    *,
    ready: Callable[[], None] = lambda: None,
    supervised: bool = False,
    reload: Reload | None = None,
) -> None:
    """Serve until a signal. `build` is called inside the loop; `ready` once signals are heard and all is started.

    `supervised`: end when the parent process is gone, too. `reload`: what a SIGHUP calls.
    """
    _allow_many_connections()
    with asyncio.Runner(loop_factory=_config(_nothing, Limits).get_loop_factory()) as runner:
        runner.run(serve(build, public, admin, ready=ready, supervised=supervised, reload=reload))


async def serve(
    build: Callable[[], Served],
    public: socket.socket,
    admin: socket.socket,
    *,
    ready: Callable[[], None] = lambda: None,
    supervised: bool = False,
    reload: Reload | None = None,
) -> None:
    """`run`, in a loop that is already there (the demo has more in it)."""
    served = Current(build)
    listeners = [
        _Listener(_config(served.public, served.limits, served.trusted)),
        _Listener(_config(served.admin, Limits)),
    ]
    listeners[0].look = partial(_count, served, listeners[0])
    _end_on_signals(served, listeners, supervised)
    if reload is not None:
        _reload_on_signal(served, reload)
    logging.getLogger("uvicorn.error").addFilter(_tells_news)
    await served.start()
    _leave_settled_alone()
    try:
        ready()
        async with asyncio.TaskGroup() as group:
            group.create_task(listeners[1].serve([admin]))
            await listeners[0].serve([public])
            listeners[1].should_exit = True
    finally:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(served.stop(), IMPATIENT)


def run_unserved(build: Callable[[], Background], reload: Callable[[], Callable[[], Background]]) -> None:
    """Run what serves nobody, in a process of a supervisor's, until it is told to end. `reload`: what a SIGHUP calls,
    in a thread; it gives what builds the new one. Raises `Refused` where that cannot be. Whoever serves comes first."""
    os.nice(YIELDS)

    async def run() -> None:
        loop, ended, renewed = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, ended.set)
        loop.add_signal_handler(signal.SIGHUP, renewed.set)
        _end_with_parent(ended.set)
        running = build()
        await running.start()
        _leave_settled_alone()
        end = asyncio.create_task(ended.wait())
        while not end.done():
            renew = asyncio.create_task(renewed.wait())
            await asyncio.wait({end, renew}, return_when=asyncio.FIRST_COMPLETED)
            renew.cancel()
            if renewed.is_set() and not end.done():
                renewed.clear()
                try:
                    fresh = (await asyncio.to_thread(reload))()
                except Refused as refused:
                    tell_refused(refused)
                    continue
                await running.stop()
                running = fresh
                await running.start()
        await running.stop()

    with asyncio.Runner(loop_factory=_config(_nothing, Limits).get_loop_factory()) as runner:
        runner.run(run())


def _end_with_parent(end: Callable[[], None]) -> None:
    """Call `end` once the parent process is gone."""
    loop, parent = asyncio.get_running_loop(), parent_process()
    if parent is not None:
        sentinel = parent.sentinel

        def orphaned() -> None:
            loop.remove_reader(sentinel)
            end()

        loop.add_reader(sentinel, orphaned)


def _count(served: Current, listener: uvicorn.Server) -> None:
    """What the process holds, for the metrics."""
    metrics.CONNECTIONS.labels("visitors").set(len(listener.server_state.connections))
    metrics.TASKS.set(len(asyncio.all_tasks()))
    busy, kept = served.storefront_connections()
    metrics.CONNECTIONS.labels("storefront-busy").set(busy)
    metrics.CONNECTIONS.labels("storefront-kept").set(kept)


def _allow_many_connections() -> None:
    """As many descriptors as the system allows: two for each request under way, and one for each idle visitor."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _leave_settled_alone() -> None:
    """What was built once (the catalogue above all) is never garbage: collections need not look at it, and requests
    make little that counting references does not free. The second one measures the interpreter's next full collection
    by what is not settled; else it would wait for a quarter of the catalogue to be garbage."""
    gc.collect()
    gc.freeze()
    gc.collect()
    gc.set_threshold(*GARBAGE)


def _config(
    app: ASGIApp, limits: Callable[[], Limits], trusted: Callable[[], Sequence[Network]] = tuple
) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=partial(Edge, limits=limits, trusted=trusted),  # type: ignore[arg-type]  # called as a class would be
        ws="websockets-sansio",
        ws_max_size=MESSAGE_BYTES,
        ws_per_message_deflate=False,  # costs three times the processor and a third of a megabyte a connection
        lifespan="off",
        interface="asgi3",
        proxy_headers=False,
        server_header=False,
        date_header=False,
        access_log=False,
        log_config=None,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=int(IMPATIENT),
    )


async def _nothing(*_: object) -> None:
    """An app for a configuration that is only asked for its event loop."""


def _reload_on_signal(served: Current, reload: Reload) -> None:
    loop, under_way = asyncio.get_running_loop(), set[asyncio.Task[None]]()

    def renew() -> None:
        task = loop.create_task(served.renew(reload))
        under_way.add(task)
        task.add_done_callback(under_way.discard)

    loop.add_signal_handler(signal.SIGHUP, renew)


def grace_of(number: int, limits: Limits) -> tuple[float, float]:
    """Seconds between a signal and the moment when no connection is taken any more, and for the answers then under
    way."""
    return (0.0, IMPATIENT) if number == signal.SIGINT else (limits.leave_seconds, limits.grace_seconds)


def _end_on_signals(served: Current, listeners: list[_Listener], supervised: bool) -> None:
    """A supervised process ends in its own time, or with its parent; the supervisor kills what takes too long."""
    loop, ending = asyncio.get_running_loop(), list[asyncio.Task[None]]()

    async def leave(number: int) -> None:
        served.leave()
        wait, grace = grace_of(number, served.limits())
        await asyncio.sleep(wait)
        listeners[0].config.timeout_graceful_shutdown = grace  # type: ignore[assignment]  # seconds, as wait_for takes
        listeners[0].should_exit = True

    def end(number: int) -> None:
        if not ending:
            ending.append(loop.create_task(leave(number)))
        elif not supervised:
            for listener in listeners:
                listener.force_exit = listener.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end, number)
    if supervised:
        _end_with_parent(partial(end, signal.SIGINT))


#: What the server below logs, and who it is that knows better: we end because we were asked to; an answer is reset with
#: a line of its own that says why; and whoever sends what is no HTTP must not be able to fill the log.
_NO_NEWS = (
    "timeout graceful shutdown exceeded",
    "ASGI callable returned without completing response",
    "Invalid HTTP request received",
)


def _tells_news(record: logging.LogRecord) -> bool:
    """Drops that, and the traceback of an answer that the end of the process cut short."""
    cancelled = record.exc_info is not None and isinstance(record.exc_info[1], asyncio.CancelledError)
    return not cancelled and not any(known in record.getMessage() for known in _NO_NEWS)
