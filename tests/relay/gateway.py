"""A server on a real socket that stands in for all vendors: it keeps every byte that came and answers as it is told."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field


async def until(happened: Callable[[], object]) -> None:
    """Wait for something that will happen; the suite's timeout ends it if it does not."""
    while not happened():  # noqa: ASYNC110
        await asyncio.sleep(0.005)


@dataclass(frozen=True)
class Seen:
    """One request. `raw` is every byte of it; header names are lower-case."""

    raw: bytes
    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)


Answering = Callable[[Seen, asyncio.StreamWriter], Awaitable[None]]


def http(status: int = 200, body: bytes = b"", **headers: str) -> bytes:
    """A whole answer, header names with `_` for `-`; Content-Length is added."""
    lines = [f"HTTP/1.1 {status} X", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    if status not in (204, 304):
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@dataclass
class Gateway:
    """`answer` is what everything gets, or a coroutine that writes it. `connections` counts those opened."""

    answer: bytes | Answering = field(default_factory=lambda: http(204))
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0
    open_now: int = 0
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def everything(self) -> bytes:
        return b"\n".join(seen.raw for seen in self.seen)

    @contextlib.asynccontextmanager
    async def listening(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[Gateway]:
        tasks: set[asyncio.Task[None]] = set()

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            tasks.add(task)
            self.connections += 1
            self.open_now += 1
            try:
                await self._converse(reader, writer)
            except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                pass
            finally:
                self.open_now -= 1
                tasks.discard(task)
                writer.close()

        server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in list(tasks):
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            method, target, _ = lines[0].split(" ")
            headers = [
                (name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines[1:] if line)
            ]
            length = int(dict(headers).get("content-length", "0"))
            body = await reader.readexactly(length)
            seen = Seen(head + body, method, target, headers, body)
            self.seen.append(seen)
            if isinstance(self.answer, bytes):
                writer.write(self.answer)
                await writer.drain()
            else:
                await self.answer(seen, writer)
