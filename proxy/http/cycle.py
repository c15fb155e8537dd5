"""One request and its answer on a visitor's connection: ASGI's `receive` and `send` (the HTTP connection scope, 2.3).

Rules: what leaves is framed here and nowhere else: by Content-Length, in chunks, or, for HTTP/1.0 without a length, by
the connection's end, in order where the answer is whole and with a reset where it is not. HEAD, 204 and 304 have no
body. A head waits for the first `http.response.body`, be it empty (as ASGI has it). Every answer has one Date, the
app's or ours (RFC 9110, 6.6.1). An app that returns before its answer is whole makes the connection close in the middle
of it. `send` comes back once the visitor keeps up. An app that says so (`ends_with_visitor`) is cancelled when the
visitor leaves.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
import time
from collections.abc import Callable
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Scope
from uvicorn.protocols.http.flow_control import FlowControl

#: Bytes of a body up to which it is copied behind the head, to leave with it.
_TOGETHER = 64 * 1024

_log = logging.getLogger("proxy.http")


def _status_line(status: int) -> bytes:
    phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else ""
    return f"HTTP/1.1 {status} {phrase}\r\n".encode()


_STATUS_LINES = {status: _status_line(status) for status in range(200, 600)}


@lru_cache(2)
def _date(second: int) -> bytes:
    return b"date: %b\r\n" % formatdate(second, usegmt=True).encode()


class Cycle:
    """What `Edge` makes of a request's head."""

    __slots__ = (
        "_chunked",
        "_flow",
        "_held",
        "_left",
        "_on_response",
        "_transport",
        "_until_close",
        "body",
        "disconnected",
        "ends_with_visitor",
        "keep_alive",
        "message_event",
        "more_body",
        "on_leaving",
        "response_complete",
        "response_started",
        "scope",
        "task",
        "waiting_for_100_continue",
    )

    def __init__(
        self,
        scope: Scope,
        transport: asyncio.Transport,
        flow: FlowControl,
        *,
        keep_alive: bool,
        expects_100: bool,
        on_response: Callable[[], None],
    ) -> None:
        self.scope = scope
        self.keep_alive = keep_alive
        self.waiting_for_100_continue = expects_100
        self.ends_with_visitor = False
        self.on_leaving: Callable[[], None] | None = None
        self.task: asyncio.Task[None] | None = None
        # what comes
        self.body = bytearray()
        self.more_body = True
        self.disconnected = False
        self.message_event = asyncio.Event()
        # what leaves
        self.response_started = self.response_complete = False
        self._transport = transport
        self._flow = flow
        self._on_response = on_response
        self._chunked = self._until_close = False
        self._held = b""  # the head, until something of the body or the end is there to leave with it
        self._left = 0  # of the Content-Length

    async def run_asgi(self, app: ASGIApp) -> None:
        """Serve the request by the app; whatever becomes of it, the connection knows afterwards."""
        try:
            await app(self.scope, self.receive, self.send)
        except asyncio.CancelledError:
            if not self.disconnected:
                self._break_off()
                raise
        except BaseException as error:
            _log.error("fault while a request was served", exc_info=error)
            if not isinstance(error, Exception):
                raise
            await self._fault()
        else:
            if not self.response_complete and not self.disconnected and not self._transport.is_closing():
                await self._fault()
        finally:
            self._on_response = _nothing
            self.task = None  # so that nothing is left for the garbage collector
            self.scope.pop("consentry.cycle", None)

    async def _fault(self) -> None:
        if self.response_started:
            self._break_off()
            return
        body = b"Internal Server Error"
        headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(body)), (b"connection", b"close")]
        await self.send({"type": "http.response.start", "status": 500, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})

    def _break_off(self) -> None:
        if self._until_close:
            plug = self._transport.get_extra_info("socket")
            if plug is not None and not self._transport.is_closing():
                plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._transport.abort()
        else:
            self._transport.close()

    # -- what comes -----------------------------------------------------------------------------------------------

    def leave(self) -> None:
        """The visitor is gone."""
        if self.response_complete:
            return
        self.disconnected = True
        self.message_event.set()
        if self.ends_with_visitor and self.task is not None:
            self.task.cancel()

    async def receive(self) -> Message:
        if self.waiting_for_100_continue and not self._transport.is_closing():
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.waiting_for_100_continue = False
        if not self.disconnected and not self.response_complete:
            self._flow.resume_reading()
            await self.message_event.wait()
            self.message_event.clear()
        if self.disconnected or self.response_complete:
            return {"type": "http.disconnect"}
        body, self.body = bytes(self.body), bytearray()
        return {"type": "http.request", "body": body, "more_body": self.more_body}

    # -- what leaves ----------------------------------------------------------------------------------------------

    async def send(self, message: Message) -> None:
        if self.disconnected or self._transport.is_closing():
            return
        kind = message["type"]
        if not self.response_started:
            if kind != "http.response.start":
                raise RuntimeError(f"{kind} before an answer has begun")
            self._held = self._head(message["status"], message.get("headers", ()))
        elif kind != "http.response.body" or self.response_complete:
            raise RuntimeError(f"{kind} in the middle of an answer, or behind it")
        else:
            last = not message.get("more_body", False)
            self._send_body(message.get("body", b""), last=last)
            if self._flow.write_paused and not last:
                await self._flow.drain()

    def _head(self, status: int, headers: list[tuple[bytes, bytes]]) -> bytes:
        if self.waiting_for_100_continue:  # the body may be left out or may come: nobody could tell it from a request
            self.waiting_for_100_continue = self.keep_alive = False
        lines = [_STATUS_LINES[status]]
        length: bytes | None = None
        dated = closes = False
        for name, value in headers:
            if name == b"content-length":
                length = value
            elif name == b"date":
                dated = True
            elif name == b"connection":
                closes = closes or b"close" in value.lower()
            elif name == b"transfer-encoding":
                raise RuntimeError("an answer is framed here")
            lines.append(b"%b: %b\r\n" % (name, value))
        self._frame(status, length)
        if self._chunked:
            lines.append(b"transfer-encoding: chunked\r\n")
        if not dated:
            lines.append(_date(int(time.time())))
        if closes:
            self.keep_alive = False
        elif not self.keep_alive:
            lines.append(b"connection: close\r\n")
        lines.append(b"\r\n")
        head = b"".join(lines)
        if head.count(b"\n") != len(lines) or head.count(b"\r") != len(lines) or b"\0" in head:
            raise RuntimeError("a line break in a header")
        self.response_started = True
        return head

    def _frame(self, status: int, length: bytes | None) -> None:
        self._chunked = self._until_close = False
        if self.scope["method"] == "HEAD" or status in (204, 304):
            self._left = -1  # whatever the length says, none of it is sent
        elif length is not None:
            self._left = int(length)
        elif self.scope["http_version"] == "1.0":
            self._until_close = True
            self.keep_alive = False
        else:
            self._chunked = True

    def _send_body(self, body: bytes, *, last: bool) -> None:
        if self._chunked:
            if body:
                end = b"\r\n0\r\n\r\n" if last else b"\r\n"
                self._write(b"".join((self._held, b"%x\r\n" % len(body), body, end)))
            elif last:
                self._write(self._held + b"0\r\n\r\n")
            elif self._held:
                self._write(self._held)
        elif body and self._left >= 0:
            if not self._until_close:
                self._left -= len(body)
                if self._left < 0:
                    raise RuntimeError("a body longer than its Content-Length")
            if len(body) > _TOGETHER and self._held:
                self._write(self._held)
            self._write(self._held + body if self._held else body)
        elif self._held:
            self._write(self._held)
        if last:
            if self._left > 0:
                raise RuntimeError("a body shorter than its Content-Length")
            self.response_complete = True
            self.message_event.set()
            if not self.keep_alive:
                self._transport.close()
            self._on_response()

    def _write(self, piece: bytes) -> None:
        self._held = b""
        self._transport.write(piece)


def _nothing() -> None:
    pass
