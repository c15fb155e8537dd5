"""The client for the storefront: a pool of connections, deadlines, and answers that stream.

Rules: the target and the headers leave as they are given, to the byte. A request goes out once; only GET and HEAD
without a body that met a pooled connection gone stale, before any byte of an answer, are sent a second time, on a new
connection. A body streams out while the answer streams in; an answer that ends before the upload does stops the upload.
Deadlines count only the time in which the storefront owes us something. Whatever ends an exchange early (an error,
a visitor who left) closes its connection: one is returned to the pool only after a whole answer to a whole request.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from urllib.parse import urlsplit

from proxy.http.wire import Kind, StorefrontDown, Wire
from proxy.settings.schema import Storefront

__all__ = ["Answer", "Kind", "StorefrontDown", "Upstream"]

Headers = Sequence[tuple[bytes, bytes]]

#: Connections kept open for the next request, and for how long (seconds). A request that cannot be sent twice takes
#: only one that was used within the last second: servers close idle ones after two seconds and more.
IDLE_KEPT = 64
IDLE_SECONDS = 30.0
FRESH_SECONDS = 1.0
#: Requests under way at once; beyond them visitors are told to come back (503).
BUSY = 1000


class Answer:
    """A storefront's answer whose head has come. Iterate it or `read` it for its body, then `aclose` it, always."""

    def __init__(self, upstream: Upstream, wire: Wire, upload: asyncio.Task[None] | None) -> None:
        self._upstream = upstream
        self._wire = wire
        self._upload = upload
        self._closed = False
        self.status = wire.status
        self.headers = wire.headers

    @property
    def waiting(self) -> bool:
        """Nothing has come that was not read: a good moment to send on what is held back."""
        return self._wire.waiting

    @property
    def uploaded(self) -> bool:
        """The request's body, if it had one, has been sent whole."""
        return self._upload is None or (self._upload.done() and self._wire.fault is None)

    async def read(self) -> bytes:
        """The next of the body, b"" at its end. Raises `StorefrontDown` where it breaks off."""
        return await self._wire.read(self._upstream.storefront.idle)

    def unread(self, piece: bytes) -> None:
        """Put back what was read to look at it: it is the next to be read."""
        self._wire.unread(piece)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while piece := await self.read():
            yield piece

    async def aclose(self) -> None:
        """Give the connection back if the exchange is over, else close it. May be called twice; never waits."""
        if self._closed:
            return
        self._closed = True
        whole = self.uploaded
        if self._upload is not None:
            self._upload.cancel()
        self._upstream._done(self._wire, whole and self._wire.ended and self._wire.keep)


class Upstream:
    """The storefront behind us. One for each site and event loop; `aclose` it at the end."""

    def __init__(self, storefront: Storefront, tls: ssl.SSLContext | None = None) -> None:
        """`tls` replaces the system's trusted certificates (tests, private authorities)."""
        if storefront.url is None:
            raise ValueError("a storefront without a URL cannot be reached")
        parts = urlsplit(storefront.url)
        assert parts.hostname is not None
        self.storefront = storefront
        self.place = parts.netloc
        self._host = parts.hostname
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._name: str | None = None
        self._tls: ssl.SSLContext | None = None
        if parts.scheme == "https":
            self._name = storefront.tls_name or parts.hostname
            self._tls = tls or ssl.create_default_context()
            self._tls.set_alpn_protocols(["http/1.1"])
        self._idle: list[Wire] = []
        self._busy: set[Wire] = set()
        self._emptied: asyncio.Event | None = None

    async def open(self, method: bytes, target: bytes, headers: Headers, body: AsyncIterator[bytes] | None) -> Answer:
        """Send a request; return when the head of the final answer has come.

        A `body` is framed by the Content-Length among `headers`, or else in chunks. Raises `StorefrontDown`, or what
        `body` raises.
        """
        again = body is None and method in (b"GET", b"HEAD")
        wire = self._pooled(IDLE_SECONDS if again else FRESH_SECONDS)
        if wire is not None:
            try:
                return await self._exchange(wire, method, target, headers, body)
            except StorefrontDown as down:
                if not again or wire.seen or down.kind is not Kind.BROKEN:
                    raise
        return await self._exchange(await self._connect(), method, target, headers, body)

    async def aclose(self) -> None:
        """Close every connection, those under way too."""
        for wire in (*self._idle, *self._busy):
            wire.abort()
        if self._idle or self._busy:
            self._emptied = asyncio.Event()
            await self._emptied.wait()

    # -- connections ----------------------------------------------------------------------------------------------

    def _pooled(self, seconds: float) -> Wire | None:
        now = asyncio.get_running_loop().time()
        for old in [wire for wire in self._idle if wire.closing or now - wire.idle_since > IDLE_SECONDS]:
            self._idle.remove(old)
            self._busy.add(old)
            old.abort()
        if self._idle and now - self._idle[-1].idle_since <= seconds:
            wire = self._idle.pop()
            self._busy.add(wire)
            return wire
        return None

    async def _connect(self) -> Wire:
        if len(self._busy) >= BUSY:
            raise StorefrontDown(Kind.FULL, f"{BUSY} requests are under way")
        loop, seconds = asyncio.get_running_loop(), self.storefront.connect
        try:
            async with asyncio.timeout(seconds):
                _, wire = await loop.create_connection(
                    lambda: Wire(self._lost), self._host, self._port, ssl=self._tls, server_hostname=self._name
                )
        except TimeoutError:
            raise StorefrontDown(Kind.CONNECT, f"no connection within {seconds:g} s") from None
        except ssl.SSLError as error:
            raise StorefrontDown(Kind.TLS, getattr(error, "verify_message", "") or str(error)) from None
        except socket.gaierror as error:
            raise StorefrontDown(Kind.DNS, f"{self._host}: {error.strerror}") from None
        except OSError as error:
            raise StorefrontDown(Kind.REFUSED, str(error)) from None
        if not wire.lost:
            self._busy.add(wire)
        return wire

    def _lost(self, wire: Wire) -> None:
        self._busy.discard(wire)
        if wire in self._idle:
            self._idle.remove(wire)
        if self._emptied is not None and not self._idle and not self._busy:
            self._emptied.set()

    def _done(self, wire: Wire, reusable: bool) -> None:
        if reusable and not wire.closing and len(self._idle) < IDLE_KEPT:
            self._busy.discard(wire)
            wire.rest(asyncio.get_running_loop().time())
            self._idle.append(wire)
        else:
            wire.abort()

    # -- one exchange ---------------------------------------------------------------------------------------------

    async def _exchange(
        self, wire: Wire, method: bytes, target: bytes, headers: Headers, body: AsyncIterator[bytes] | None
    ) -> Answer:
        upload: asyncio.Task[None] | None = None
        wire.begin(bodiless=method == b"HEAD")
        try:
            sized = next((int(value) for name, value in headers if name == b"content-length"), None)
            wire.write(_head(method, target, headers, chunked=body is not None and sized is None))
            owed = _Owed(asyncio.get_running_loop().time())
            if body is not None:
                upload = asyncio.create_task(_send(wire, body, sized, owed))
            await self._await_head(wire, owed)
            return Answer(self, wire, upload)
        except BaseException:
            if upload is not None:
                upload.cancel()
            wire.abort()
            raise

    async def _await_head(self, wire: Wire, owed: _Owed) -> None:
        loop, seconds = asyncio.get_running_loop(), self.storefront.first_byte
        while not wire.head_done:
            left = seconds if owed.since is None else owed.since + seconds - loop.time()
            if left <= 0:
                raise StorefrontDown(Kind.FIRST_BYTE, f"no answer within {seconds:g} s")
            await wire.stirred(left)


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


def _head(method: bytes, target: bytes, headers: Headers, *, chunked: bool) -> bytes:
    lines = [b"%b %b HTTP/1.1" % (method, target), *(b"%b: %b" % header for header in headers)]
    if chunked:
        lines.append(b"transfer-encoding: chunked")
    head = b"\r\n".join(lines) + b"\r\n\r\n"
    if head.count(b"\n") != len(lines) + 1 or b" " in target:
        raise ValueError("a line break or a space where a request cannot have one")
    return head
