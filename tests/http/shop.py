"""A shop to test against: a raw TCP storefront that does what a test scripts, the public app on a real server before
it, and a raw client, so that every byte on both sides is the test's own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache

import uvicorn
from uvicorn.server import ServerState

from proxy.catalogue.load import load
from proxy.catalogue.use import InUse, in_use
from proxy.consent.cookie import Seal, cookie_name
from proxy.consent.pages import shipped
from proxy.consent.regime import regimes_of
from proxy.csp.seen import Seen
from proxy.http.dispatch import Dispatch
from proxy.http.edge import Edge
from proxy.http.forward import Forward
from proxy.http.region import Regions
from proxy.http.upstream import Upstream
from proxy.model import Category, Consent, How, Regime
from proxy.ruling import Rulings
from proxy.settings import Settings

TODAY = date(2026, 11, 22)
KEY = b"k" * 32
SITE = "http://shop.example"

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Request:
    """What the storefront got."""

    line: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes = b""

    def get(self, name: bytes) -> list[bytes]:
        return [value for found, value in self.headers if found == name]


async def read_request(reader: asyncio.StreamReader, *, body: bool = True) -> Request:
    line, headers = await _head(reader)
    request = Request(line, headers)
    if body:
        request.body = await _body(reader, headers)
    return request


async def _head(reader: asyncio.StreamReader) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    head = await reader.readuntil(b"\r\n\r\n")
    line, *rest = head[:-4].split(b"\r\n")
    return line, [(name.lower(), value.strip()) for name, _, value in (header.partition(b":") for header in rest)]


async def _body(reader: asyncio.StreamReader, headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    fields = dict(headers)
    if fields.get(b"transfer-encoding") == b"chunked":
        chunks = []
        while size := int(await reader.readuntil(b"\r\n"), 16):
            chunks.append(await reader.readexactly(size))
            await reader.readexactly(2)
        await reader.readexactly(2)
        return b"".join(chunks)
    return await reader.readexactly(int(fields.get(b"content-length", b"0")))


@dataclass
class Storefront:
    """A TCP server that runs `script` once a connection. `answers(bytes…)` is the usual script."""

    script: Script
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    _server: asyncio.Server | None = None
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def __aenter__(self) -> Storefront:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        for _ in range(5):  # a server that is closed while it accepts leaks the connection
            await asyncio.sleep(0)
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def left(self) -> None:
        """Return when every connection to it has ended."""
        await asyncio.gather(*self._tasks)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        task = asyncio.get_running_loop().create_task(self._run(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                await self.script(reader, writer)
        finally:
            writer.close()


def answering(*answers: bytes | Callable[[Request], bytes]) -> Storefront:
    """A storefront that reads a request and gives the next answer, as it is; the last answer for ever after."""
    left = list(answers)

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            request = await read_request(reader)
            storefront.requests.append(request)
            answer = left.pop(0) if len(left) > 1 else left[0]
            writer.write(answer(request) if callable(answer) else answer)
            await writer.drain()

    storefront = Storefront(script)
    return storefront


def page(body: bytes, *headers: bytes, status: bytes = b"200 OK", kind: bytes = b"text/html; charset=utf-8") -> bytes:
    lines = [b"HTTP/1.1 " + status, b"Content-Type: " + kind, b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def settings_for(port: int, **tables: object) -> Settings:
    given: dict[str, object] = {"origin": SITE, "controller": {"name": "The Shop"}, **tables}
    store = {"url": f"http://127.0.0.1:{port}", "connect": 2, "first_byte": 2, "idle": 2}
    given["storefront"] = store | dict(given.get("storefront", {}))  # type: ignore[call-overload]
    return Settings.model_validate(given)


@cache
def in_development() -> InUse:
    """Every described vendor in use, as under --dev."""
    return in_use(load(), Settings())


@dataclass
class Answer:
    """What the browser got: `whole` says whether its framing was complete."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    whole: bool

    def get(self, name: bytes) -> list[bytes]:
        return [value for found, value in self.headers if found == name]


@dataclass
class Shop:
    """The public app, served. `get` asks it as a browser would."""

    port: int
    settings: Settings
    upstream: Upstream
    connections: set[Edge]

    async def later(self, seconds: float) -> None:
        """Let the server look after its connections as if so much time had passed."""
        for _ in range(5):
            await asyncio.sleep(0.02)
        for connection in tuple(self.connections):
            connection.overdue(asyncio.get_running_loop().time() + seconds)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def get(self, target: str = "/", *headers: str, method: str = "GET", accept: str = "text/html") -> Answer:
        reader, writer = await self.connect()
        try:
            writer.write(request(target, *headers, f"Accept: {accept}", method=method))
            return await read_answer(reader, head_only=method == "HEAD")
        finally:
            writer.close()
            await writer.wait_closed()


def request(target: str, *headers: str, method: str = "GET", host: str = "shop.example") -> bytes:
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1")


async def read_answer(reader: asyncio.StreamReader, *, head_only: bool = False) -> Answer:
    line, headers = await _head(reader)
    answer = Answer(int(line.split()[1]), headers, b"", True)
    fields = dict(headers)
    if head_only or answer.status in (204, 304):
        return answer
    body = bytearray()
    try:
        if fields.get(b"transfer-encoding") == b"chunked":
            while True:
                size = int(await reader.readuntil(b"\r\n"), 16)
                if not size:
                    await reader.readexactly(2)
                    break
                body += await reader.readexactly(size)
                await reader.readexactly(2)
        else:
            body += await reader.readexactly(int(fields[b"content-length"]))
    except (asyncio.IncompleteReadError, ConnectionError) as error:
        body += getattr(error, "partial", b"")
        answer.whole = False
    answer.body = bytes(body)
    return answer


async def _nobody(scope, receive, send) -> None:  # type: ignore[no-untyped-def]
    await send({"type": "http.response.start", "status": 299, "headers": [(b"x-room", scope["room"])]})
    await send({"type": "http.response.body", "body": scope["consentry.visit"].path.encode()})


def _room(name: bytes):  # type: ignore[no-untyped-def]
    async def app(scope, receive, send) -> None:  # type: ignore[no-untyped-def]
        await _nobody({**scope, "room": name}, receive, send)

    return app


@contextlib.asynccontextmanager
async def open_shop(behind: Storefront | int, *, today: date = TODAY, **tables: object) -> AsyncIterator[Shop]:
    """The public app before a storefront (or a bare port), under a real server, with the settings given."""
    port = behind if isinstance(behind, int) else behind.port
    settings = settings_for(port, **tables)
    upstream = Upstream(settings.storefront, limits=settings.limits)
    seal = Seal([KEY], SITE)
    app = Dispatch(
        settings,
        seal,
        Regions(settings.region, regimes_of(settings)),
        consent=_room(b"consent"),
        relay=_room(b"relay"),
        forward=Forward(settings, Rulings(in_development()), upstream, seal, Seen(), shipped()),
        today=lambda: today,
    )
    config = uvicorn.Config(
        app, http=Edge, ws="websockets-sansio", lifespan="off", log_config=None, access_log=False, proxy_headers=False
    )
    config.load()
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(
        lambda: Edge(config, state, {}, limits=lambda: settings.limits, trusted=lambda: settings.listen.trusted),
        "127.0.0.1",
        0,
    )
    try:
        yield Shop(server.sockets[0].getsockname()[1], settings, upstream, state.connections)  # type: ignore[arg-type]
    finally:
        for _ in range(5):  # a server that is closed while it accepts leaks the connection
            await asyncio.sleep(0)
        server.close()
        for connection in tuple(state.connections):
            connection.transport.abort()
        await asyncio.gather(*state.tasks)
        await upstream.aclose()


def consent_cookie(*categories: Category, allowed: Sequence[str] = (), how: How = How.SAVE) -> str:
    """The Cookie line of a visitor who chose these."""
    granted = frozenset(categories)
    record = "r" * 20 if granted or allowed else None
    given = Consent(9, TODAY, granted, frozenset(allowed), frozenset(), Regime.OPT_IN, how, record=record)
    return f"Cookie: {cookie_name(SITE)}={Seal([KEY], SITE).seal(given)}"
