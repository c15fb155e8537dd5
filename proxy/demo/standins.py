"""One local server that stands in for every vendor and keeps each byte that reached it.

Rules of this file: what arrives is recorded whole, before it is answered, exactly as it came (request line, headers,
body). The server is reached in two ways: through `vendors.gateway`, in plain HTTP with the vendor's own Host, and by a
browser whose name resolution points here (Chromium's `--host-resolver-rules`), which is how tests see direct contacts.
A TLS greeting counts as a contact too: it is recorded under the name that it asks for, and the connection is closed.
Memory is bounded. What a vendor answers is in `answers.py`; nothing here knows a vendor.

Asked under a loopback name it answers about itself: `GET /__received` (JSON, oldest first), `POST /__forget`.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus

from proxy.demo.answers import Answer, answer

#: A request's head may be this long, in bytes; a body too. Beyond it the connection is closed.
LARGEST = 4 * 1024 * 1024

#: How many requests are remembered; the oldest are forgotten first.
REMEMBERED = 2_000

_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]", ""})


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it reached a vendor's stand-in.

    `raw` is every byte of it. `host` is lower-case without a port; `headers` keep their order and their case. `at` is
    in seconds since 1970. `greeting` says that only a TLS greeting came: then method and target are empty.
    """

    at: float
    peer: str
    raw: bytes
    host: str
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    greeting: bool = False

    def header(self, name: str) -> str | None:
        """The first value of the named header (lower case), or None."""
        return next((value for key, value in self.headers if key.lower() == name), None)

    def as_json(self) -> dict[str, object]:
        return {
            "at": self.at,
            "peer": self.peer,
            "host": self.host,
            "method": self.method,
            "target": self.target,
            "headers": [list(pair) for pair in self.headers],
            "raw": base64.b64encode(self.raw).decode(),
            "greeting": self.greeting,
        }


@dataclass
class StandIns:
    """The server and its memory. `hostile` names the vendor hosts whose scripts try to consent for the visitor."""

    hostile: frozenset[str] = frozenset()
    received: deque[Received] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    url: str = ""
    _count: int = 0
    _watchers: list[Callable[[Received], None]] = field(default_factory=list)

    @contextlib.contextmanager
    def watched(self, watcher: Callable[[Received], None]) -> Iterator[None]:
        """While the block lasts, call `watcher` with every request as it comes in."""
        self._watchers.append(watcher)
        try:
            yield
        finally:
            self._watchers.remove(watcher)

    @property
    def so_far(self) -> tuple[int, int]:
        """Changes with every request and when something is forgotten."""
        return self._count, len(self.received)

    def take(self, one: Received) -> None:
        """Keep a request and tell the watchers."""
        self._count += 1
        self.received.append(one)
        for watcher in list(self._watchers):
            watcher(one)

    def forget(self) -> None:
        self.received.clear()

    @contextlib.asynccontextmanager
    async def listening(self, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[StandIns]:
        """Listen while the block lasts; `url` is then "http://host:port". Raises OSError where the port is taken."""
        open_connections: set[asyncio.Task[None]] = set()

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            open_connections.add(task)
            try:
                await self._converse(reader, writer)
            except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
                pass  # the other side left, or spoke something that is no HTTP: both end the connection
            except asyncio.CancelledError:
                pass  # we are closing; asyncio would log a cancelled connection as an error
            finally:
                open_connections.discard(task)
                writer.close()

        server = await asyncio.start_server(connected, host, port, limit=LARGEST)
        self.url = "http://{}:{}".format(*server.sockets[0].getsockname()[:2])
        try:
            yield self
        finally:
            server.close()
            for task in list(open_connections):
                task.cancel()
            await asyncio.gather(*open_connections, return_exceptions=True)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = str(writer.get_extra_info("peername")[0])
        while first := await reader.read(1):
            if first == b"\x16":
                raw = first + await _tls_record(reader)
                self.take(Received(time.time(), peer, raw, server_name(raw), "", "", (), b"", greeting=True))
                return
            head = first + await reader.readuntil(b"\r\n\r\n")
            method, target, headers = _read_head(head)
            raw_body, body = await _read_body(reader, headers)
            host = _host_of(headers)
            if host in _LOOPBACK_NAMES:
                reply = self._about_itself(method, target)
            else:
                self.take(Received(time.time(), peer, head + raw_body, host, method, target, headers, body))
                reply = answer(host, target, hostile=host in self.hostile)
            writer.write(_written(reply, head_only=method == "HEAD"))
            await writer.drain()

    def _about_itself(self, method: str, target: str) -> Answer:
        if (method, target) == ("POST", "/__forget"):
            self.forget()
            return Answer(204, [], b"")
        if (method, target) == ("GET", "/__received"):
            text = json.dumps([one.as_json() for one in self.received])
            return Answer(200, [("Content-Type", "application/json"), ("Cache-Control", "no-store")], text.encode())
        return Answer(404, [("Content-Type", "text/plain")], b"The demo's stand-ins: GET /__received, POST /__forget\n")


def _read_head(head: bytes) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    """Method, target and headers of a request head; raises ValueError where it is none."""
    lines = head.decode("latin-1").split("\r\n")
    method, target, version = lines[0].split(" ")
    if not version.startswith("HTTP/1."):
        raise ValueError(version)
    pairs = (line.partition(":") for line in lines[1:] if line)
    return method, target, tuple((name, value.strip()) for name, _, value in pairs)


async def _read_body(reader: asyncio.StreamReader, headers: tuple[tuple[str, str], ...]) -> tuple[bytes, bytes]:
    """(the bytes as they came, the body they carry): they differ where the body is chunked (RFC 9112, 7.1)."""
    named = {name.lower(): value for name, value in headers}
    if "chunked" not in named.get("transfer-encoding", "").lower():
        body = await reader.readexactly(min(int(named.get("content-length", "0")), LARGEST))
        return body, body
    raw = body = line = b""
    while True:
        size_line = await reader.readuntil(b"\r\n")
        size = int(size_line.split(b";")[0], 16)
        if size == 0:
            raw += size_line
            break
        chunk = await reader.readexactly(size + 2)
        raw += size_line + chunk
        body += chunk[:-2]
        if len(raw) > LARGEST:
            raise ValueError("body too long")
    while line != b"\r\n":  # trailers, then an empty line
        line = await reader.readuntil(b"\r\n")
        raw += line
    return raw, body


def _host_of(headers: tuple[tuple[str, str], ...]) -> str:
    value = next((value for name, value in headers if name.lower() == "host"), "").lower()
    return value if value.endswith("]") else value.rpartition(":")[0] or value


async def _tls_record(reader: asyncio.StreamReader) -> bytes:
    """The rest of a TLS record whose first byte is read: version, length, then that many bytes (RFC 8446, 5.1)."""
    rest = await reader.readexactly(4)
    return rest + await reader.readexactly(int.from_bytes(rest[2:], "big"))


def server_name(record: bytes) -> str:
    """The host that a TLS ClientHello asks for (RFC 6066, 3); empty where it names none or is cut short."""
    try:
        at = 5 + 4 + 2 + 32  # record header, handshake header, version, random
        at += 1 + record[at]  # session id
        at += 2 + int.from_bytes(record[at : at + 2], "big")  # cipher suites
        at += 1 + record[at]  # compression methods
        at += 2
        while at + 4 <= len(record):
            kind, length = int.from_bytes(record[at : at + 2], "big"), int.from_bytes(record[at + 2 : at + 4], "big")
            if kind == 0:
                name_length = int.from_bytes(record[at + 7 : at + 9], "big")
                return record[at + 9 : at + 9 + name_length].decode("ascii").lower()
            at += 4 + length
    except (IndexError, UnicodeDecodeError):
        pass
    return ""


def _written(reply: Answer, *, head_only: bool) -> bytes:
    lines = [
        f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}",
        *(f"{name}: {value}" for name, value in reply.headers),
    ]
    if reply.status != 204:
        lines.append(f"Content-Length: {len(reply.body)}")
    head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
    return head if head_only else head + reply.body
