"""How a request is named and told of: its id, and what a log line says of it.

Rules: no line holds a query, a cookie or a full address. A client's own id is kept where it is one (letters, digits and
a few signs, 128 at most): whoever stands in front looks for it later.
"""

from __future__ import annotations

import itertools
import re
import secrets
import time
from collections.abc import Sequence

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from proxy.address import truncate
from proxy.http.visit import values

_log = structlog.get_logger("proxy.access")

_ID = re.compile(rb"[A-Za-z0-9._~+/=:@-]{1,128}")
#: Bytes of a path that are logged.
_PATH = 200

_process = secrets.token_hex(8)
_numbers = itertools.count(1)


def request_id(headers: Sequence[tuple[bytes, bytes]]) -> str:
    """The request's own id, or a new one: this process's, and a number."""
    own = values(headers, b"x-request-id")
    if len(own) == 1 and _ID.fullmatch(own[0]):
        return own[0].decode()
    return f"{_process}-{next(_numbers):x}"


def told_of(scope: Scope) -> dict[str, str]:
    """What every line on a request says of it."""
    path = scope["raw_path"].decode("latin-1")[:_PATH]
    return {"method": scope.get("method", "GET"), "path": path, "request_id": scope["consentry.request_id"]}


async def logged(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Serve a request by the app, and log it. `status` 0: it ended without an answer."""
    start, status, sent, whole = time.perf_counter(), 0, 0, False

    async def seen(message: Message) -> None:
        nonlocal status, sent, whole
        kind = message["type"]
        if kind.endswith("response.start"):
            status = message["status"]
        elif kind.endswith("response.body"):
            sent += len(message.get("body", b""))
            whole = not message.get("more_body", False)
        elif kind == "websocket.accept":
            status = 101
        elif kind == "websocket.send":
            sent += len(message.get("text") or message.get("bytes") or b"")
        elif kind == "websocket.close":
            whole = True
        await send(message)

    try:
        await app(scope, receive, seen)
    finally:
        _log.info(
            "request",
            **told_of(scope),
            host=b"".join(values(scope["headers"], b"host")).decode("latin-1"),
            status=status,
            bytes=sent,
            whole=whole,
            ms=round((time.perf_counter() - start) * 1000, 1),
            address=truncate(scope["consentry.visit"].address),
        )
