"""WebSockets, passed on message by message (RFC 6455).

Rules: the visitor is answered 101 only after the storefront was; the subprotocol is the storefront's choice, extensions
are each hop's own. What the storefront says instead of 101 is passed on. Close codes go both ways; whoever vanishes
without one is told of to the other: the visitor by 1014, the storefront by a connection that ends. Neither side is read
faster than the other one reads, and each is asked for a sign of life now and then. Consent rules the handshake as it
does every request: denied vendors' cookies stay here, and the storefront hears of the choice.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

os.environ.setdefault("WEBSOCKETS_MAX_LINE_LENGTH", str(64 * 1024))  # a line of cookies; the edge has bounded the head

import structlog
from starlette.types import Receive, Scope, Send
from websockets.asyncio.client import ClientConnection
from websockets.client import ClientProtocol
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage, InvalidStatus
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol
from websockets.uri import WebSocketURI

from proxy import metrics
from proxy.http.failing import CIRCLES, Failure, failure_answer, failure_of
from proxy.http.headers import Circles, HeaderList, to_browser
from proxy.http.visit import Headers
from proxy.http.wire import Kind, StorefrontDown

if TYPE_CHECKING:
    from proxy.http.asking import Asking, Question
    from proxy.http.pool import Place
    from proxy.http.upstream import Upstream

_log = structlog.get_logger("proxy.http")

#: Bytes of the largest message that is passed on. A larger one closes the connection with 1009.
MESSAGE_BYTES = 16 << 20
#: What visitors are told when the storefront vanished (the registry of RFC 6455: Bad Gateway).
STOREFRONT_GONE = 1014
#: Codes that say that there was none, and cannot be sent.
_NO_CODE, _ABNORMAL = 1005, 1006


class Sockets:
    """The ASGI app for `websocket` scopes. It finds the `Visit` in `scope["consentry.visit"]`."""

    def __init__(self, asking: Asking, upstream: Upstream, at_once: int, prefix: str) -> None:
        """`at_once`: how many of them there may be."""
        self._asking = asking
        self._upstream = upstream
        self._at_once = at_once
        self._prefix = prefix
        self._open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        scope = {**scope, "method": "GET"}
        if self._open >= self._at_once:
            await self._fail(scope, send, StorefrontDown(Kind.FULL, f"{self._at_once} WebSockets are open"))
            return
        self._open += 1
        try:
            await self._connect(scope, receive, send)
        finally:
            self._open -= 1

    async def _connect(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            question = self._asking.question(scope)
            storefront = await self._handshake(question, scope["subprotocols"])
        except Circles:
            await _refuse(send, *self._page(CIRCLES, scope), CIRCLES.status)
            return
        except InvalidStatus as refusal:
            metrics.WEBSOCKETS.labels("refused").inc()
            answer = refusal.response
            await _refuse(send, self._head(question, answer), bytes(answer.body or b""), answer.status_code)
            return
        except StorefrontDown as down:
            await self._fail(scope, send, down)
            return
        assert storefront.response is not None
        try:
            metrics.WEBSOCKETS.labels("opened").inc()
            head = self._head(question, storefront.response)
            await send({"type": "websocket.accept", "subprotocol": storefront.subprotocol, "headers": head})
            await _both_ways(storefront, receive, send)
        finally:
            storefront.transport.abort()

    async def _handshake(self, question: Question, subprotocols: Sequence[str]) -> ClientConnection:
        """Raises `StorefrontDown`, or `InvalidStatus` where the storefront answers with something else."""
        storefront = await self._upstream.dial(partial(_asking_for, question, subprotocols))
        seconds = self._upstream.storefront.first_byte
        try:
            async with asyncio.timeout(seconds):
                await storefront.handshake(
                    [(name.decode("latin-1"), value.decode("latin-1")) for name, value in _own(question.lines.headers)],
                    user_agent_header=None,
                )
        except BaseException as error:
            storefront.transport.abort()
            if isinstance(error, TimeoutError):
                raise StorefrontDown(Kind.FIRST_BYTE, f"no answer within {seconds:g} s") from None
            if isinstance(error, InvalidMessage):
                raise StorefrontDown(Kind.BROKEN, "no answer to a WebSocket's handshake") from None
            if isinstance(error, InvalidHandshake) and not isinstance(error, InvalidStatus):
                raise StorefrontDown(Kind.MALFORMED, str(error)) from None
            raise
        storefront.start_keepalive()
        return storefront

    def _head(self, question: Question, answer: Response) -> HeaderList:
        """The storefront's headers as the browser gets them."""
        headers = [
            (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers.raw_items()
        ]
        given = self._asking.given(question, answer.status_code, coding=None)
        return [header for header in to_browser(_own(headers), given) if header[0] != b"content-length"]

    async def _fail(self, scope: Scope, send: Send, down: StorefrontDown) -> None:
        metrics.WEBSOCKETS.labels("failed").inc()
        failure = failure_of(down, scope, place=self._upstream.place, started=False)
        await _refuse(send, *self._page(failure, scope), failure.status)

    def _page(self, failure: Failure, scope: Scope) -> tuple[HeaderList, bytes]:
        return failure_answer(failure, scope, self._prefix)


class _Handshake(ClientProtocol):
    """Asks with the Host and the target that were decided, to the byte."""

    def __init__(self, question: Question, place: Place, subprotocols: Sequence[str]) -> None:
        uri = WebSocketURI(place.secure, "storefront", 80, question.target.decode("latin-1"), "")
        offered = [Subprotocol(name) for name in subprotocols] or None
        super().__init__(uri, subprotocols=offered, max_size=MESSAGE_BYTES)

    def connect(self) -> Request:
        request = super().connect()
        del request.headers["Host"]
        return request


def _asking_for(question: Question, subprotocols: Sequence[str], place: Place) -> ClientConnection:
    return ClientConnection(_Handshake(question, place, subprotocols))


def _own(headers: Headers) -> HeaderList:
    """Without those of the handshake itself: they are each hop's."""
    return [header for header in headers if not header[0].startswith(b"sec-websocket-")]


async def _refuse(send: Send, headers: HeaderList, body: bytes, status: int) -> None:
    headers = [header for header in headers if header[0] != b"content-length"]
    await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body, "more_body": False})


# -- messages ---------------------------------------------------------------------------------------------------------


async def _both_ways(storefront: ClientConnection, receive: Receive, send: Send) -> None:
    ways = [asyncio.create_task(_onward(storefront, receive)), asyncio.create_task(_back(storefront, send))]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)


async def _onward(storefront: ClientConnection, receive: Receive) -> None:
    """The visitor's messages, and their close."""
    while (message := await receive())["type"] == "websocket.receive":
        text = message.get("text")
        try:
            await storefront.send(message["bytes"] if text is None else text)
        except ConnectionClosed:
            await asyncio.Event().wait()  # the other way tells the visitor
    code, reason = message.get("code", _NO_CODE), message.get("reason") or ""
    if code != _ABNORMAL:
        await storefront.close(1000 if code == _NO_CODE else code, reason)


async def _back(storefront: ClientConnection, send: Send) -> None:
    """The storefront's messages, and its close."""
    try:
        while True:
            message = await storefront.recv()
            kind = "text" if isinstance(message, str) else "bytes"
            await send({"type": "websocket.send", kind: message})
    except ConnectionClosed as closed:
        code, reason = STOREFRONT_GONE, ""
        if closed.rcvd is not None:
            code, reason = closed.rcvd.code, closed.rcvd.reason
        elif closed.sent is not None and not closed.rcvd_then_sent:
            code, reason = closed.sent.code, closed.sent.reason
        await send({"type": "websocket.close", "code": 1000 if code == _NO_CODE else code, "reason": reason})
