"""One connection to the storefront: bytes to answers, one at a time.

Rules: a head is bounded in bytes and in lines; a body is never held beyond `HELD` plus one read of the socket (reading
pauses until more is asked for), and reads are large only while little is on its way to all visitors together (`Space`);
writing waits where the storefront does not read. An answer has ended only when its framing says so (RFC 9112, 6.3): the
last chunk, the stated length, or, for an answer without either, an orderly end of the stream (over TLS that is the
peer's close_notify). Everything else is a `StorefrontDown`, so that an answer that broke off never looks complete.
Interim answers are dropped, 103 with them: its Link hints would start requests that no decision was made on. Trailers
are dropped: they never become headers.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, cast
from weakref import WeakKeyDictionary

import httptools

if TYPE_CHECKING:
    from proxy.http.pool import Place

#: Bytes of a body that may wait for the visitor before reading from the storefront pauses.
HELD = 8 * 1024
#: What an answer's head may be: bytes of names and values, and how many headers.
HEAD_BYTES = 64 * 1024
HEAD_LINES = 256


class Kind(StrEnum):
    """How a storefront can fail us: a closed set, a label of the metrics."""

    DNS = "dns"
    REFUSED = "refused"
    CONNECT = "connect"
    TLS = "tls"
    FULL = "full"
    FIRST_BYTE = "first-byte"
    IDLE = "idle"
    TOTAL = "total"
    BROKEN = "broken"
    MALFORMED = "malformed"
    TOO_LARGE = "too-large"


class StorefrontDown(Exception):
    """The storefront did not answer as it should. `detail` is for engineers and holds nothing of the visitor's."""

    def __init__(self, kind: Kind, detail: str = "") -> None:
        self.kind = kind
        self.detail = detail
        super().__init__(f"{kind}: {detail}" if detail else str(kind))


#: Bytes that are read at once, by how often in a row all that had come was taken before the next read.
STEPS = (16 * 1024, 32 * 1024, 56 * 1024)
#: The same of a body that goes on as it is: first so much that most bodies of a shop end with it, then pieces that stay
#: in the processor's cache on their way through.
FIRST, WIDE = 256 * 1024, 112 * 1024
#: Bytes on their way from storefronts to visitors from which on nothing more is read in large pieces: some visitors do
#: not read what they asked for, and each holds what was read for them last.
ON_THE_WAY = 8 * 1024 * 1024


class Space:
    """The bytes into which all connections of one loop read in turn, and how much they have read that visitors may not
    have taken yet. `Space.of` a loop is always the same one."""

    __slots__ = ("__weakref__", "on_the_way", "steps", "whole", "wide")
    _of_loops: ClassVar[WeakKeyDictionary[asyncio.AbstractEventLoop, Space]] = WeakKeyDictionary()

    def __init__(self) -> None:
        self.whole = memoryview(bytearray(FIRST))
        self.wide = self.whole[:WIDE]
        self.steps = [self.whole[:size] for size in STEPS]
        self.on_the_way = 0

    @classmethod
    def of(cls, loop: asyncio.AbstractEventLoop) -> Space:
        space = cls._of_loops.get(loop)
        if space is None:
            space = cls._of_loops[loop] = cls()
        return space


class Wire(asyncio.BufferedProtocol):
    """A connection. `begin` makes it ready for one request's answer; then `write`, `head_came`, `read`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, on_lost: Callable[[Wire], None]) -> None:
        self._loop = loop
        self._space = Space.of(loop)
        self._on_lost = on_lost
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._writable = True
        self._reading = True
        self._pieces: deque[bytes] = deque()
        self._held = 0
        self._on_the_way = 0  # what was read of the answer, less what the visitor is known to have taken
        self.lost = False
        self.born = self.idle_since = 0.0
        self.place: Place  # set by whoever connects
        self._forget()

    def _forget(self) -> None:
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.seen = False  # any byte of an answer
        self.head_done = False
        self.ended = False
        self.keep = True  # may serve another request once this answer has ended
        self.fault: Exception | None = None
        self._bodiless = False
        self._until_close = False
        self._head_fed = 0
        self.wide = False  # nothing is made of the body on its way: it may come in large pieces
        self._begun = False  # the first of them has come
        self._taken = 0  # so often in a row all that had come was taken before the next read

    # -- for the one who asks -------------------------------------------------------------------------------------

    def begin(self, *, bodiless: bool) -> None:
        """Expect one answer; `bodiless` where the request was HEAD (the parser cannot know)."""
        self._forget()
        self._bodiless = bodiless
        self._parser = httptools.HttpResponseParser(self)
        if self.closing:
            self.fault = StorefrontDown(Kind.BROKEN, "it closed the connection before the request")

    def write(self, piece: bytes) -> None:
        if self._transport is not None and not self.lost:
            self._transport.write(piece)

    async def drain(self) -> None:
        """Wait until the storefront reads on. Raises what broke the connection."""
        if self.fault is not None:
            raise self.fault
        if not self._writable:
            self._writer = self._loop.create_future()
            await self._writer
            if self.fault is not None:
                raise self.fault

    async def stirred(self, seconds: float) -> None:
        """Wait until something has happened to the answer, so long at most. Raises what broke it, once all that came
        was read."""
        if self.fault is not None:
            raise self.fault
        self._reader = self._loop.create_future()
        timer = self._loop.call_later(seconds, _wake, self._reader)  # cheaper than a timeout's context
        try:
            await self._reader
        finally:
            timer.cancel()
            self._reader = None

    @property
    def waiting(self) -> bool:
        """Nothing has come that was not read: the storefront is thinking."""
        return not self._pieces and not self.ended

    @property
    def waits_to_be_read(self) -> bool:
        return bool(self._pieces)

    async def read(self, idle: float) -> bytes:
        """The next of the body, b"" at its end. Raises `StorefrontDown` where it breaks off or is silent too long."""
        self._taken_but(self._held)
        if not self._pieces and not self.ended:
            self._read_on(True)
            end = self._loop.time() + idle
            while not self._pieces and not self.ended:
                if (left := end - self._loop.time()) <= 0:
                    raise StorefrontDown(Kind.IDLE, f"nothing of the body came for {idle:g} s")
                await self.stirred(left)
        if not self._pieces:
            return b""
        piece = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self._held = 0
        return piece

    def unread(self, piece: bytes) -> None:
        """Put back what was read to look at it."""
        self._pieces.appendleft(piece)
        self._held += len(piece)

    def abort(self) -> None:
        """Close at once, in the middle of whatever it is."""
        self.fail(StorefrontDown(Kind.BROKEN, "given up"))

    def fail(self, fault: Exception) -> None:
        """Close at once; whoever reads or writes is told why. An answer that has ended stays whole."""
        if self.fault is None and not self.ended:
            self.fault = fault
        self.keep = False
        self._taken_but(0)
        if self._transport is not None:
            self._transport.abort()
        self._wake_all()

    def rest(self, now: float) -> None:
        """Back into the pool: what nobody read goes with its answer, and anything that comes now was not asked for."""
        self._parser = None
        self._pieces.clear()
        self._held = 0
        self._taken_but(0)
        self.idle_since = now
        self._read_on(True)

    @property
    def closing(self) -> bool:
        return self.lost or self._transport is None or self._transport.is_closing()

    # -- asyncio.Protocol -----------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but name

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002  (asyncio's interface)
        space = self._space
        if self._reader is None:
            self._taken = 0
        elif self.wide and space.on_the_way < ON_THE_WAY:
            begun, self._begun = self._begun, True
            return space.wide if begun else space.whole
        elif self._taken < len(STEPS) - 1:
            self._taken += 1
        return space.steps[self._taken]

    def buffer_updated(self, nbytes: int) -> None:
        data = self._space.whole[:nbytes]
        if self._parser is None:
            self.fail(StorefrontDown(Kind.MALFORMED, "bytes that nobody asked for"))
            return
        self.seen = True
        if not self.head_done:
            self._head_fed += nbytes
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.fail(StorefrontDown(Kind.MALFORMED, "it switched protocols unasked"))
        except httptools.HttpParserError as error:
            if self.ended:
                self.keep = False
            else:
                self.fail(StorefrontDown(Kind.MALFORMED, str(error)))
        if not self.head_done and self._head_fed > 2 * HEAD_BYTES:
            self.fail(StorefrontDown(Kind.TOO_LARGE, f"its head is larger than {HEAD_BYTES} bytes"))

    def eof_received(self) -> bool:
        if self.head_done and self._until_close and not self.ended and self.fault is None:
            self._end()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        if not self.ended and self.fault is None:
            self.fault = StorefrontDown(Kind.BROKEN, str(exc) if exc else "it closed the connection in mid-answer")
        self._wake_all()
        self._on_lost(self)

    def pause_writing(self) -> None:
        self._writable = False

    def resume_writing(self) -> None:
        self._writable = True
        _wake(self._writer)

    # -- httptools ------------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self.ended:
            self.keep = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.head_done:
            self.headers.append((name.lower(), value.strip(b" \t")))

    def on_headers_complete(self) -> None:
        assert self._parser is not None
        if self.head_done or self.fault is not None:
            return
        self.status = self._parser.get_status_code()
        if self.status < 200:
            return
        if len(self.headers) > HEAD_LINES or sum([len(name) + len(value) for name, value in self.headers]) > HEAD_BYTES:
            limit = f"{HEAD_BYTES} bytes or {HEAD_LINES} lines"
            self.fail(StorefrontDown(Kind.TOO_LARGE, f"its head is larger than {limit}"))
            return
        codings: list[bytes] = []
        sized = closes = stays = False
        for name, value in self.headers:
            if name == b"content-length":
                sized = True
            elif name == b"connection":
                value = value.lower()
                closes, stays = closes or b"close" in value, stays or b"keep-alive" in value
            elif name == b"transfer-encoding":
                codings.append(value.lower())
        if self.status > 599 or codings not in ([], [b"chunked"]):
            self.fail(StorefrontDown(Kind.MALFORMED, "a status or a Transfer-Encoding that HTTP/1.1 does not know"))
            return
        bare = self._bodiless or self.status in (204, 304)
        self._until_close = not bare and not codings and not sized
        self.keep = not (self._until_close or closes) and (stays or self._parser.get_http_version() == "1.1")
        self.head_done = True
        if bare:
            self.ended = True
        _wake(self._reader)

    def on_body(self, body: bytes) -> None:
        if self.ended or self.fault is not None:
            self.keep = False
            return
        self._pieces.append(body)
        size = len(body)
        self._held += size
        self._on_the_way += size
        self._space.on_the_way += size
        if self._held > HELD:
            self._read_on(False)
        _wake(self._reader)

    def on_message_complete(self) -> None:
        if self.head_done:
            self._end()
        else:  # an interim answer
            self.headers = []

    # -- within ---------------------------------------------------------------------------------------------------

    def _end(self) -> None:
        self.ended = True
        _wake(self._reader)

    def _taken_but(self, left: int) -> None:
        """The visitor has taken what came of the answer, but for so many bytes."""
        self._space.on_the_way -= self._on_the_way - left
        self._on_the_way = left

    def _read_on(self, on: bool) -> None:
        if on != self._reading and self._transport is not None and not self._transport.is_closing():
            self._reading = on
            if on:
                self._transport.resume_reading()
            else:
                self._transport.pause_reading()

    def _wake_all(self) -> None:
        _wake(self._reader)
        _wake(self._writer)


def _wake(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)
