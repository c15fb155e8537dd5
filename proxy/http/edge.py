"""The server's protocol, and what it lets through by itself that an edge must not.

Rules: who connected, a trusted peer may say ahead of its first request (PROXY protocol). A head is bounded in bytes and
in lines, and answered 431 beyond that, a body in bytes (413); what is no HTTP is refused, and never in the middle of
another answer; a refusal is given the time to be read by whoever still sends, and then the connection ends; who owes us
something and does not move is given up; a body is in chunks, by HTTP/1.1 and with no other coding, or as long as it
says; trailers never become headers; an absolute-form target's host is the Host (RFC 9112, 3.2.2) where there is one; a
target is kept to the byte, a `?` with nothing behind it too, in `scope["consentry.target"]`. Of upgrades
only WebSockets are served: any other request is answered as if it had not asked for one (RFC 9110, 7.8), on a
connection that then ends, and with a body it is refused, since the parser below would read that body as the next
request. So does the connection end of a client that waits for 100 and is answered without: it may leave its body out
(RFC 9110, 10.1.1). HTTP/1.0 clients never get chunks: a body without a length ends with the connection, in order where
it is whole and with a reset where it is not.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from typing import Any, cast
from urllib.parse import unquote, urlsplit

from starlette.types import ASGIApp, Scope
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from proxy import metrics
from proxy.http.cycle import Cycle
from proxy.http.edge_socket import EdgeSocket
from proxy.http.proxy_protocol import NotPreface, read_preface
from proxy.http.upload import LINGER, has_body, length_of
from proxy.http.visit import Network, peer_trusted
from proxy.settings.schema import Limits

#: Bytes of an answer that may wait for a client to read them before the storefront is made to wait.
UNREAD = 8 * 1024

#: The same of what the kernel takes for a client beyond what the network takes. Left to itself it takes megabytes for
#: each who reads nothing, and while it does so everybody else waits.
UNSENT = 256 * 1024

#: Bytes that a body's framing may have beyond a good measure of what it frames.
_FRAMING = 64 * 1024

#: Requests that may wait behind the one that is answered before no more is read.
PIPELINED = 8

_ASGI = {"version": "3.0", "spec_version": "2.3"}


class Edge(HttpToolsProtocol):
    """Give it to uvicorn as `http=`, with `limits` and `trusted` bound: both are asked for once a connection."""

    _in_head = False
    #: When the head began, when bytes last came, and when fewer than `_unread` bytes were last waiting to be read.
    _begun = _heard = _read = 0.0
    _unread = 0
    _fed = 0
    _size = 0
    #: Bytes of the body, and of what came behind the head: chunks have sizes and may have extensions.
    _body = _framed = 0
    _refused = False
    _becomes_socket = False
    #: What came of a preface that is not whole; None where there is none (any more).
    _preface: bytes | None = None
    cycle: Cycle  # type: ignore[assignment]  # in place of uvicorn's
    #: The request that is being answered; others may wait behind it.
    _answered: Cycle | None = None

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        limits: Callable[[], Limits] = Limits,
        trusted: Callable[[], Sequence[Network]] = tuple,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._limits = limits()
        self._trusted = trusted()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=UNREAD)
        plug = transport.get_extra_info("socket")
        if plug is not None:
            plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)
        self._begun = self._heard = self.loop.time()
        if self._trusted and peer_trusted(self.client, self._trusted):
            self._preface = b""

    def overdue(self, now: float) -> None:
        """Give the client up if it owes us something for too long. Called every now and then with the loop's time."""
        cycle = cast("Cycle | None", self.cycle)  # None before the first request
        if self._refused or self.transport.is_closing():
            return
        if self.flow.write_paused:
            unread = self.transport.get_write_buffer_size()
            if unread < self._unread:
                self._unread, self._read = unread, now
            elif now - self._read > self._limits.still_seconds:
                metrics.REFUSED.labels("unread").inc()
                self._refused = True
                self.transport.abort()
        elif self._in_head:
            if now - self._begun > self._limits.head_seconds:
                self._refuse(b"408 Request Timeout", "head-slow")
        elif cycle is None:
            if now - self._begun > self._limits.head_seconds:  # browsers connect ahead: nobody asked
                self.transport.close()
        elif self._owes_body(cycle) and now - self._heard > self._limits.still_seconds:
            self._refuse(b"408 Request Timeout", "body-slow")

    def _owes_body(self, cycle: Cycle) -> bool:
        return cycle.more_body and not (self.flow.read_paused or cycle.waiting_for_100_continue)

    def shutdown(self) -> None:
        """The process is about to end: what would never end by itself is told."""
        super().shutdown()
        if self._answered is not None and self._answered.on_leaving is not None:
            self._answered.on_leaving()

    def pause_writing(self) -> None:
        self._unread, self._read = self.transport.get_write_buffer_size(), self.loop.time()
        super().pause_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the request that is being answered, also where another one waits behind it."""
        if self._answered is not None:
            self._answered.leave()
        self._unset_keepalive_if_required()  # its timer would keep the connection's objects for as long as it runs
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        self._heard = self.loop.time()
        if self._preface is not None:
            data = self._behind_preface(data)
            if not data:
                return
        if self._in_head:
            self._fed += len(data)
        else:
            self._framed += len(data)
        super().data_received(data)
        if self._in_head and self._fed > 2 * self._limits.head_bytes:
            self._refuse(b"431 Request Header Fields Too Large", "head-too-large")
        elif self._framed > _FRAMING + 16 * self._body and not self._refused:
            self._refuse(b"400 Bad Request", "framing")

    def _behind_preface(self, data: bytes) -> bytes:
        """What of a connection's first bytes is HTTP."""
        came = (self._preface or b"") + data
        try:
            found = read_preface(came)
        except NotPreface:
            self._refuse(b"400 Bad Request", "malformed")
            return b""
        self._preface = came if found is None else None
        if found is None:
            return b""
        self.client = found.client or self.client
        return came[found.length :]

    def on_message_begin(self) -> None:
        self._in_head = True
        self._begun = self._heard
        self._fed = self._size = self._body = self._framed = 0
        self.url = b""
        self.expect_100_continue = False
        self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_head or self._refused:
            return
        self._size += len(name) + len(value)
        if self._size + len(self.url) > self._limits.head_bytes or len(self.headers) >= self._limits.head_lines:
            self._refuse(b"431 Request Header Fields Too Large", "head-too-large")
            return
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self._in_head = False
        if self._refused:
            return
        upgrades = self.parser.should_upgrade()
        version: str = self.parser.get_http_version()
        unfit = self._unfit(upgrades, version)
        if unfit is not None:
            self._refuse(*unfit)
            return
        self._becomes_socket = upgrades and self._asks_for_socket()
        if self._becomes_socket:
            return
        before = cast("Cycle | None", self.cycle)
        self.cycle = Cycle(
            self._scope(version),
            self.transport,
            self.flow,
            keep_alive=version == "1.1" and not upgrades and self.parser.should_keep_alive(),
            expects_100=self.expect_100_continue and version == "1.1",
            on_response=self.on_response_complete,
        )
        if before is None or before.response_complete:
            self._start_asgi_task(self.cycle, self.app)
        else:
            if len(self.pipeline) >= PIPELINED:  # from now on nobody would notice that the client leaves
                self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))  # type: ignore[arg-type]

    def _scope(self, version: str) -> Scope:
        """The request as ASGI says it, and its target to the byte."""
        target = self.url.partition(b"#")[0] if b"#" in self.url else self.url
        if not target.startswith(b"/") and b"://" in target.partition(b"?")[0]:
            parts = urlsplit(target)
            host = parts.netloc.rpartition(b"@")[2]
            self.headers[:] = [(name, host if name == b"host" else value) for name, value in self.headers]
            _, _, behind = target.partition(b"://")
            target = behind[len(parts.netloc) :]
            target = target if target.startswith(b"/") else b"/" + target
        path, _, query = target.partition(b"?")
        text = path.decode("latin-1")
        return {
            "type": "http",
            "asgi": _ASGI,
            "http_version": version,
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,
            "root_path": "",
            "method": self.parser.get_method().decode("ascii"),
            "path": unquote(text) if "%" in text else text,
            "raw_path": path,
            "query_string": query,
            "headers": self.headers,
            "state": {},
            "consentry.target": target,
            "consentry.head": self._size,
        }

    def _unfit(self, upgrades: bool, version: str) -> tuple[bytes, str] | None:
        """Why a head that the parser takes is refused all the same: what stands behind it could be read in two ways."""
        if version not in ("1.0", "1.1"):
            return b"505 HTTP Version Not Supported", "version"
        codings = [value.strip().lower() for name, value in self.headers if name == b"transfer-encoding"]
        framed = not codings or (codings == [b"chunked"] and version == "1.1")
        if not framed or (upgrades and has_body(self.headers)):
            return b"400 Bad Request", "framing"
        too_large = (length_of(self.headers) or 0) > self._limits.body_bytes
        return (b"413 Content Too Large", "body-too-large") if too_large else None

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  (uvicorn's interface)
        self._refuse(b"400 Bad Request", "malformed")

    def _asks_for_socket(self) -> bool:
        """Whether it is a WebSocket's handshake (RFC 6455, 4.2.1), with nothing under way before it."""
        named = {
            token.strip().lower() for name, value in self.headers if name == b"upgrade" for token in value.split(b",")
        }
        idle = self.cycle is None or self.cycle.response_complete
        return idle and named == {b"websocket"} and self.parser.get_method() == b"GET" and self.url.startswith(b"/")

    def _should_upgrade(self) -> bool:
        return self._becomes_socket

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over, with the head as it was read."""
        self.connections.discard(self)
        self._unset_keepalive_if_required()
        head = [b"GET %b HTTP/1.1" % self.url, *(b"%b: %b" % header for header in self.headers)]
        socket = EdgeSocket(self.config, self.server_state, self.app_state, self.client)
        socket.connection_made(self.transport)
        self.transport.set_protocol(socket)
        socket.data_received(b"\r\n".join([*head, b"", b""]))

    def _unsupported_upgrade_warning(self) -> None:
        """Nothing: whoever asks for an upgrade must not be able to fill the log."""

    def _start_asgi_task(self, cycle: Cycle, app: ASGIApp) -> None:  # type: ignore[override]  # uvicorn's is another
        self._answered = cycle
        cycle.scope["consentry.cycle"] = cycle
        cycle.task = task = self.loop.create_task(cycle.run_asgi(app))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def on_body(self, body: bytes) -> None:
        if self._refused:
            return
        self._body += len(body)
        if self._body > self._limits.body_bytes:
            self._refuse(b"413 Content Too Large", "body-too-large")
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if not self._refused:
            super().on_message_complete()

    def _refuse(self, status: bytes, reason: str) -> None:
        """Answer and close. What is being answered before it on this connection is broken off, never mixed with it."""
        metrics.REFUSED.labels(reason).inc()
        self._refused = True
        if self.cycle is None or self.cycle.response_complete or self._broke_its_body(self.cycle):
            self.transport.write(b"HTTP/1.1 %b\r\ncontent-length: 0\r\nconnection: close\r\n\r\n" % status)
            self._linger()
        else:
            self.transport.abort()

    def _linger(self) -> None:
        """Close once the client has seen the answer: to close on what it still sends would reset the connection, and
        the answer might be lost (RFC 9112, 9.6)."""
        if self._answered is not None:
            self._answered.leave()
        self.transport.write_eof()
        self.flow.resume_reading()
        self.loop.call_later(LINGER, self.transport.close)

    def _broke_its_body(self, cycle: Cycle) -> bool:
        """Whether what is refused is the rest of this very request, of which nothing has been answered yet."""
        return cycle is self._answered and cycle.more_body and not cycle.response_started
