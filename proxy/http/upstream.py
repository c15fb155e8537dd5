"""The client for the storefront: a pool of connections, deadlines, and answers that stream.

Rules: the target and the headers leave as they are given, to the byte. A request goes out once; only GET and HEAD
without a body that met a pooled connection gone stale, before any byte of an answer, are sent a second time, on a new
connection. A body streams out while the answer streams in; an answer that ends before the upload does stops the upload.
Deadlines count only the time in which the storefront owes us something, but for the total one. Whatever ends an
exchange early (an error, a visitor who left) closes its connection: one is returned to the pool only after a whole
answer to a whole request.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from urllib.parse import urlsplit

from proxy.http.pool import IDLE_SECONDS, Place, Places, Protocol
from proxy.http.turns import Turns
from proxy.http.wire import Kind, StorefrontDown, Wire
from proxy.settings.schema import Limits, Storefront

__all__ = ["Answer", "Kind", "StorefrontDown", "Upstream"]

Headers = Sequence[tuple[bytes, bytes]]

#: A request that cannot be sent twice takes only a connection that was used within the last second: servers close idle
#: ones after two seconds and more.
FRESH_SECONDS = 1.0


class Lines:
    """Headers as they stand in a request's head. Raises ValueError where one could not."""

    __slots__ = ("headers", "length", "text")

    def __init__(self, headers: Headers) -> None:
        self.headers = headers
        lines = [b"%b: %b\r\n" % header for header in headers]
        self.text = b"".join(lines)
        if self.text.count(b"\n") != len(lines):
            raise ValueError("a line break in a header")
        self.length = next((int(value) for name, value in headers if name == b"content-length"), None)

    def plus(self, name: bytes, value: bytes) -> Lines:
        """These and one more, of which it is known that it fits a line."""
        more = Lines.__new__(Lines)
        more.headers = [*self.headers, (name, value)]
        more.text = b"%b%b: %b\r\n" % (self.text, name, value)
        more.length = self.length
        return more


class Answer:
    """A storefront's answer whose head has come. Iterate it or `read` it for its body, then `close` it, always."""

    def __init__(
        self, wire: Wire, upload: asyncio.Task[None] | None, turns: Turns, idle: float, end: float | None
    ) -> None:
        self._wire = wire
        self._turns = turns
        self._idle = idle
        self._end = end
        self._upload = upload
        self._closed = False
        self.status = wire.status
        self.headers = wire.headers

    @property
    def waiting(self) -> bool:
        """Nothing has come that was not read: a good moment to send on what is held back."""
        return self._wire.waiting

    def widen(self) -> None:
        """Read the body in large pieces: it goes on as it is."""
        self._wire.wide = True

    @property
    def ended(self) -> bool:
        """All of it has come and was read."""
        return self._wire.ended and not self._wire.waits_to_be_read

    @property
    def uploaded(self) -> bool:
        """The request's body, if it had one, has been sent whole."""
        return self._upload is None or (self._upload.done() and self._wire.fault is None)

    async def read(self) -> bytes:
        """The next of the body, b"" at its end. Raises `StorefrontDown` where it breaks off."""
        if self._end is not None:
            left = self._end - asyncio.get_running_loop().time()
            if left < self._idle:
                return await self._last(left)
        return await self._wire.read(self._idle)

    async def _last(self, left: float) -> bytes:
        try:
            return await self._wire.read(left)
        except StorefrontDown as down:
            raise _overtime() if down.kind is Kind.IDLE else down from None

    def unread(self, piece: bytes) -> None:
        """Put back what was read to look at it: it is the next to be read."""
        self._wire.unread(piece)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while piece := await self.read():
            yield piece

    def close(self) -> None:
        """Give the connection back if the exchange is over, else close it. May be called twice."""
        if self._closed:
            return
        self._closed = True
        whole = self.uploaded
        if self._upload is not None:
            self._upload.cancel()
        self._turns.give()
        self._wire.place.done(self._wire, reusable=whole and self._wire.ended and self._wire.keep)


class Upstream:
    """The storefront behind us, at one address or several. One for each site and event loop; `aclose` it at the end."""

    def __init__(
        self, storefront: Storefront, tls: ssl.SSLContext | None = None, *, limits: Limits | None = None
    ) -> None:
        """`tls` replaces the system's trusted certificates (tests, private authorities)."""
        if not storefront.url:
            raise ValueError("a storefront without a URL cannot be reached")
        limits = limits or Limits()
        self.storefront = storefront
        self.place = ", ".join(urlsplit(url).netloc for url in storefront.url)
        self._loop = asyncio.get_running_loop()
        self._places = Places(storefront, tls)
        self._turns = Turns(limits.in_flight, limits.queue, limits.queue_seconds)

    async def open(self, method: bytes, target: bytes, lines: Lines, body: AsyncIterator[bytes] | None) -> Answer:
        """Send a request; return when the head of the final answer has come.

        A `body` is framed by the Content-Length among the headers, or else in chunks. Raises `StorefrontDown`, or what
        `body` raises.
        """
        total = self.storefront.total
        end = None if total is None else self._loop.time() + total
        await self._turns.take()
        try:
            return await self._asked(method, target, lines, body, end)
        except BaseException:
            self._turns.give()
            raise

    async def _asked(
        self, method: bytes, target: bytes, lines: Lines, body: AsyncIterator[bytes] | None, end: float | None
    ) -> Answer:
        again = body is None and method in (b"GET", b"HEAD")
        down: StorefrontDown | None = None
        for place in self._places.in_turn():
            wire = place.pooled(IDLE_SECONDS if again else FRESH_SECONDS)
            if wire is not None:
                try:
                    return await self._exchange(wire, method, target, lines, body, end)
                except StorefrontDown as stale:
                    if not again or wire.seen or stale.kind is not Kind.BROKEN:
                        raise
            try:
                wire = await place.connect()
            except StorefrontDown as failed:
                down = down or failed
                continue
            return await self._exchange(wire, method, target, lines, body, end)
        assert down is not None
        raise down

    async def dial(self, factory: Callable[[Place], Protocol]) -> Protocol:
        """Connect a protocol of another kind, which takes no turn. Raises `StorefrontDown`."""
        down: StorefrontDown | None = None
        for place in self._places.in_turn():
            try:
                return await place.dial(partial(factory, place))
            except StorefrontDown as failed:
                down = down or failed
        assert down is not None
        raise down

    @property
    def busy(self) -> int:
        """Connections on which something is under way."""
        return sum(place.busy for place in self._places.all)

    @property
    def kept(self) -> int:
        """Connections that wait for the next request."""
        return sum(place.kept for place in self._places.all)

    async def aclose(self) -> None:
        """Close every connection, those under way too."""
        await self._places.aclose()

    # -- one exchange ---------------------------------------------------------------------------------------------

    async def _exchange(
        self,
        wire: Wire,
        method: bytes,
        target: bytes,
        lines: Lines,
        body: AsyncIterator[bytes] | None,
        end: float | None,
    ) -> Answer:
        upload: asyncio.Task[None] | None = None
        wire.begin(bodiless=method == b"HEAD")
        try:
            framing = b"transfer-encoding: chunked\r\n" if body is not None and lines.length is None else b""
            if b" " in target or b"\n" in target or b"\r" in target:
                raise ValueError("a line break or a space in a target")
            wire.write(b"%b %b HTTP/1.1\r\n%b%b\r\n" % (method, target, lines.text, framing))
            owed = _Owed(self._loop.time())
            if body is not None:
                upload = asyncio.create_task(_send(wire, body, lines.length, owed))
            await self._await_head(wire, owed, end)
            return Answer(wire, upload, self._turns, self.storefront.idle, end)
        except BaseException:
            if upload is not None:
                upload.cancel()
            wire.abort()
            raise

    async def _await_head(self, wire: Wire, owed: _Owed, end: float | None) -> None:
        loop, seconds = self._loop, self.storefront.first_byte
        while not wire.head_done:
            left = seconds if owed.since is None else owed.since + seconds - loop.time()
            if left <= 0:
                raise StorefrontDown(Kind.FIRST_BYTE, f"no answer within {seconds:g} s")
            if end is not None:
                left = min(left, end - loop.time())
                if left <= 0:
                    raise _overtime()
            await wire.stirred(left)


def _overtime() -> StorefrontDown:
    return StorefrontDown(Kind.TOTAL, "the request and its answer took longer than [storefront] total allows")


class _Owed:
    """Since when the storefront owes us something; None while we wait for the visitor's upload."""

    __slots__ = ("since",)

    def __init__(self, since: float) -> None:
        self.since: float | None = since


async def _send(wire: Wire, body: AsyncIterator[bytes], sized: int | None, owed: _Owed) -> None:
    """Stream a request's body out. What goes wrong is told through the wire: nobody awaits this task."""
    loop, sent = asyncio.get_running_loop(), 0
    try:
        owed.since = None
        async for piece in body:
            if not piece:
                continue
            sent += len(piece)
            if sized is not None and sent > sized:
                raise ValueError("a request body longer than its Content-Length")
            wire.write(piece if sized is not None else b"%x\r\n%b\r\n" % (len(piece), piece))
            owed.since = loop.time()
            await wire.drain()
            owed.since = None
        if sized is not None and sent < sized:
            raise ValueError("a request body shorter than its Content-Length")
        if sized is None:
            wire.write(b"0\r\n\r\n")
        owed.since = loop.time()
    except Exception as error:
        wire.fail(error)
