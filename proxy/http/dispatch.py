"""Where a request goes: to a page of ours, to the relay, or to the storefront. The public app.

Rules: the path is matched in the bytes in which it is forwarded. Everything under the prefix is ours, known or not, and
never reaches the storefront. The visit is read once, here. Outside development only the site's own Host is answered.
What the same headers said before is remembered, within bounds and for a day at most. A front server that the
operator forgot to trust is told of, once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Literal

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from proxy.address import parse_exact
from proxy.consent.failure import failure_headers, failure_page
from proxy.http.access import logged, request_id
from proxy.http.visit import Fields, Headers, Regions, Seals, host_of, languages, peer_trusted, read_visit, values
from proxy.settings import Settings

_log = structlog.get_logger("proxy.http")

_GPC = b"/.well-known/gpc.json"


#: Different sets of headers that a process remembers, with what it found out from them; and bytes of the largest.
REMEMBERED, LARGEST = 256, 8192


def today() -> date:
    return datetime.now(UTC).date()


class Dispatch:
    """The public ASGI app of one site."""

    def __init__(
        self,
        settings: Settings,
        seal: Seals,
        regions: Regions,
        *,
        consent: ASGIApp,
        relay: ASGIApp,
        forward: ASGIApp,
        today: Callable[[], date] = today,
        any_host: bool | None = None,
    ) -> None:
        """`any_host`: answer whatever Host is asked for; None: in development."""
        self._settings = settings
        self._seal = seal
        self._regions = regions
        self._consent = consent
        self._relay = relay
        self._forward = forward
        self._today = today
        self._prefix = settings.consent.prefix.encode()
        self._hosts = settings.netlocs
        self._any_host = not self._hosts or (settings.dev if any_host is None else any_host)
        self._told = False
        self._day = today()
        self._fields = lru_cache(REMEMBERED)(Fields)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        socket = scope["type"] == "websocket"
        if not socket and scope["type"] != "http":
            raise RuntimeError(f"the public listener does not serve {scope['type']}")
        if socket:
            send = _denying(send)
        day = self._today()
        if day != self._day:
            self._fields.cache_clear()
            self._day = day
        large = scope.get("consentry.head", 0) > LARGEST
        headers = Fields(scope["headers"]) if large else self._fields(tuple(scope["headers"]))
        refusal = self._refusal("GET" if socket else scope["method"], headers)
        if refusal is not None:
            await _refuse(refusal, headers, send, self._settings.consent.prefix)
            return
        self._tell_of_stranger(scope.get("client"), headers)
        scope = {**scope, "headers": headers, "consentry.request_id": request_id(headers)}
        scope["consentry.today"] = day
        scope["consentry.visit"] = read_visit(scope, self._settings, self._seal, self._regions, day)
        room = self._room(scope["raw_path"])
        if socket and room is not self._forward:
            await _refuse(404, headers, send, self._settings.consent.prefix)
            return
        if self._settings.log.access:
            await logged(room, scope, receive, send)
        else:
            await room(scope, receive, send)

    def _tell_of_stranger(self, client: Sequence[object] | None, headers: Headers) -> None:
        """Warn once where a private address names visitors and is not believed: all of them look like one then."""
        if self._told or client is None or not values(headers, b"x-forwarded-for"):
            return
        peer, trusted = parse_exact(str(client[0])), self._settings.listen.trusted
        if peer is not None and peer.is_private and not peer_trusted(client, trusted):
            self._told = True
            mend = f'if it is your front server: [listen] trusted = ["{peer}"]'
            _log.warning("X-Forwarded-For ignored: its sender is not trusted", sender=str(peer), mend=mend)

    def _room(self, path: bytes) -> ASGIApp:
        if path == self._prefix or path == _GPC:
            return self._consent
        if path.startswith(self._prefix + b"/"):
            return self._relay if path.startswith(self._prefix + b"/v/") else self._consent
        return self._forward

    def _refusal(self, method: str, headers: Fields) -> Literal[400, 405, 421] | None:
        host = headers.host
        if host is None:
            return 400
        if method in ("CONNECT", "TRACE"):
            return 405
        if not self._any_host and host not in self._hosts:
            return 421
        return None


def _denying(send: Send) -> Send:
    """Lets a WebSocket's handshake be answered like any other request (ASGI's WebSocket Denial Response)."""

    async def denying(message: Message) -> None:
        if message["type"].startswith("http."):
            message = {**message, "type": f"websocket.{message['type']}"}
        await send(message)

    return denying


class Sites:
    """The public ASGI app of several shops: whose it is, the Host says. What is nobody's, the first one refuses."""

    def __init__(self, shops: Sequence[tuple[Settings, Dispatch]]) -> None:
        self._first = shops[0][1]
        self._shops = {host: shop for settings, shop in shops for host in settings.netlocs}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = host_of(scope["headers"]) if "headers" in scope else None
        await self._shops.get(host or "", self._first)(scope, receive, send)


async def _refuse(status: Literal[400, 404, 405, 421], headers: Headers, send: Send, prefix: str) -> None:
    wanted = languages(headers)
    body = failure_page(status, wanted, prefix=prefix)
    head = [*failure_headers(wanted), (b"content-length", str(len(body)).encode()), (b"connection", b"close")]
    if status == 405:
        head.append((b"allow", b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"))
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body, "more_body": False})
