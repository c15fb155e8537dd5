"""The process: sockets bound first, two listeners in one event loop, signals that end everything.

Rules: nothing here knows what the apps do. Sockets are bound before anything else is started, so that a taken port
starts nothing; port 0 takes a free one. Forwarded headers are never believed by the server (`proxy_headers=False`;
the app's own trusted networks decide), and it adds neither Date nor Server: both are the storefront's. A first SIGTERM
makes /readyz say no, then, `leave_seconds` later, no connection is taken any more and answers under way have
`grace_seconds` to finish; the admin listener ends last. A SIGINT is somebody at a keyboard: no leaving, and a second of
grace. A second signal does not wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import logging
import resource
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address, IPv6Address, ip_address
from multiprocessing import parent_process

import uvicorn
from starlette.types import ASGIApp

from proxy import metrics
from proxy.errors import Problem, Refused
from proxy.http.edge import Edge
from proxy.http.websocket import MESSAGE_BYTES
from proxy.reloading import Current, Reload, Served
from proxy.settings.schema import Limits, Network

#: Seconds that answers under way are given to finish where somebody at a keyboard waits.
IMPATIENT = 1.0

#: Seconds that an idle connection is kept: longer than front servers keep theirs (nginx: 60), so that they end it first
#: and never send a request into a connection that is just being closed.
KEEP_ALIVE = 75

#: New objects after which the interpreter looks for cycles among them, and how many times it does so before it looks at
#: those that were left over too. WebSockets end in cycles that hold buffers: few objects, much memory.
GARBAGE = (5000, 5, 5)

#: Connections that may wait to be accepted.
BACKLOG = 2048


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """Where to listen. `str()` is how it is written: 127.0.0.1:8000, [::1]:8000."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """The address as somebody on this machine would open it."""
        return f"http://{ListenAddress(_ANY.get(self.host, self.host), self.port)}"


_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  (read, not bound)


def read_address(text: str) -> ListenAddress:
    """HOST:PORT, [IPv6]:PORT or :PORT (this machine only). Raises ValueError with what would be right."""
    host, colon, port = text.rpartition(":")
    right = f"{text!r} is not HOST:PORT; write 127.0.0.1:8000, [::1]:8000 or 0.0.0.0:8000"
    if not colon or not port.isascii() or not port.isdigit():
        raise ValueError(right)
    if int(port) > 65535:
        raise ValueError(f"{port} is not a port; ports run from 0 (any free one) to 65535")
    if host.startswith("[") and host.endswith("]"):
        try:
            return ListenAddress(str(IPv6Address(host[1:-1])), int(port))
        except ValueError:
            raise ValueError(right) from None
    if ":" in host or "[" in host or "/" in host or host != host.strip() or " " in host:
        raise ValueError(right)
    return ListenAddress(host or "127.0.0.1", int(port))


def bind(address: ListenAddress, option: str) -> socket.socket:
    """A listening socket. Raises `Refused`, naming the option, where the address cannot be had."""
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise _not_bound(option, f"{address.host} is no address of this machine: {_said(error)}.") from None
    family, _, _, _, place = found[0]
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(address.host != "::"))
        listener.bind(place)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        why = _WHY.get(error.errno or 0, "{} cannot be listened on: {}.")
        raise _not_bound(option, why.format(address, _said(error))) from None
    listener.setblocking(False)
    return listener


_WHY = {
    errno.EADDRINUSE: "{} is in use by another process.",
    errno.EACCES: "{} may not be listened on by this user (ports below 1024 need a privilege).",
    errno.EADDRNOTAVAIL: "{} is no address of this machine.",
}


def _said(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _not_bound(option: str, message: str) -> Refused:
    return Refused(
        [Problem(option, None, "", message, f"Choose another with {option} HOST:PORT, or :0 for any free port.")]
    )


def address_of(listener: socket.socket) -> ListenAddress:
    """The address a socket is bound to, with its real port."""
    host, port, *_ = listener.getsockname()
    return ListenAddress(str(host), int(port))


def same_place(url_host: str, url_port: int, address: ListenAddress) -> bool:
    """Whether a URL's host and port lead to this address: a proxy must not be put in front of itself."""
    if url_port != address.port or address.port == 0:
        return False
    ours, theirs = _numbers(address.host), _numbers(url_host)
    if any(number.is_unspecified for number in ours):
        return any(number.is_loopback or number.is_unspecified for number in theirs)
    return not ours.isdisjoint(theirs)


def _numbers(host: str) -> frozenset[IPv4Address | IPv6Address]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return frozenset()
    return frozenset(ip_address(str(place[0]).partition("%")[0]) for *_, place in found)


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
    parent = parent_process()
    if supervised and parent is not None:
        sentinel = parent.sentinel

        def orphaned() -> None:
            loop.remove_reader(sentinel)
            end(signal.SIGINT)

        loop.add_reader(sentinel, orphaned)


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
