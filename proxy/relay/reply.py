"""Writes one answer of the relay, whole or as it comes.

Rules of this file: every answer carries the guards (`answers.py`). What has begun and cannot go on is reset, never
ended: the app returns without a last message, which makes the server close the connection in the middle of its framing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from starlette.types import Receive, Send

from proxy.catalogue.match import Destination
from proxy.relay.answers import GUARDS, stand_in
from proxy.relay.failures import Failure
from proxy.relay.gate import METHODS, Refusal

Headers = Sequence[tuple[bytes, bytes]]

NO_STORE = (b"cache-control", b"private, no-store")

_STATUS = {Refusal.METHOD: 405, Refusal.TOO_LARGE: 413, Refusal.MALFORMED: 404}


class Reply:
    """Writes one answer. Every answer carries the guards."""

    def __init__(self, send: Send, *, head_only: bool) -> None:
        self._send = send
        self._head_only = head_only
        self._started = False

    async def whole(self, status: int, headers: Headers, body: bytes = b"") -> None:
        length = [] if status in (204, 304) else [(b"content-length", str(len(body)).encode())]
        await self._start(status, [*headers, *length])
        await self._send({"type": "http.response.body", "body": b"" if self._head_only else body})

    async def refuse(self, refusal: Refusal) -> None:
        allow = [(b"allow", ", ".join(sorted(METHODS)).encode())] if refusal is Refusal.METHOD else []
        await self.whole(_STATUS.get(refusal, 403), [NO_STORE, *allow])

    async def stand_in(
        self,
        destination: Destination,
        stub: bytes,
        failure: Failure | None,
        set_cookies: Headers = (),
    ) -> None:
        """What keeps the page whole; nothing if an answer is under way already: that one is reset."""
        if self._started:
            return
        status, headers, body = stand_in(destination, stub)
        if failure is Failure.REDIRECT and destination is Destination.SCRIPT:
            status, headers, body = 502, [], b""
        await self.whole(status, [NO_STORE, *headers, *set_cookies], body)

    async def streamed(self, headers: Headers, body: AsyncIterator[bytes], receive: Receive) -> None:
        """200 with a body as it comes; stops when the visitor leaves."""
        gone = asyncio.ensure_future(_gone(receive))
        try:
            await self._start(200, headers)
            async for piece in body:
                if gone.done():
                    return
                if not self._head_only:
                    await self._send({"type": "http.response.body", "body": piece, "more_body": True})
            await self._send({"type": "http.response.body", "body": b""})
        finally:
            gone.cancel()

    async def _start(self, status: int, headers: Headers) -> None:
        self._started = True
        await self._send({"type": "http.response.start", "status": status, "headers": [*headers, *GUARDS]})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
