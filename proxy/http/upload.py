"""The visitor's side of a request: its body as it comes, read only as fast as the storefront takes it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

from starlette.types import Receive

Headers = Sequence[tuple[bytes, bytes]]

#: Seconds that an unread rest of a body is read for, so that the visitor sees the answer and not a reset.
LINGER = 2.0


class VisitorLeft(Exception):
    """The visitor's connection is gone."""


class Upload:
    """The body of one request. Iterate it; raises `VisitorLeft`."""

    def __init__(self, headers: Headers, receive: Receive) -> None:
        self._receive = receive
        self.there = has_body(headers)
        # A body of known length is over with its last byte, not with the next message.
        self._left = length_of(headers) if self.there else None
        self._over = not self.there

    def __aiter__(self) -> Upload:
        return self

    async def __anext__(self) -> bytes:
        if self._over:
            raise StopAsyncIteration
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise VisitorLeft
        body: bytes = message.get("body", b"")
        if self._left is not None:
            self._left -= len(body)
        if self._left == 0 or not message.get("more_body", False):
            self._over = True
        return body

    async def linger(self) -> None:
        """Read the rest of a body that nobody wants, for a while (RFC 9112, 9.6)."""
        with contextlib.suppress(TimeoutError, VisitorLeft):
            async with asyncio.timeout(LINGER):
                async for _ in self:
                    pass


def length_of(headers: Headers) -> int | None:
    """What Content-Length says, None where the body is chunked. (The server below refuses one that is no number.)"""
    if any(name == b"transfer-encoding" for name, _ in headers):
        return None
    return next((int(value) for name, value in headers if name == b"content-length"), None)


def has_body(headers: Headers) -> bool:
    """Whether a request has a body (RFC 9112, 6.3)."""
    for name, value in headers:
        if name == b"transfer-encoding" or (name == b"content-length" and value.strip(b" 0") != b""):
            return True
    return False
