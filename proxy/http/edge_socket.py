"""The visitor's side of a WebSocket, where uvicorn's protocol does not say what happened.

Rules: a visitor who vanishes without a close frame is 1006 (RFC 6455, 7.1.5), never 1005; the client's address is the
one that the edge knows, which a front server may have told it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from uvicorn import Config
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

if TYPE_CHECKING:
    import asyncio


class EdgeSocket(WebSocketsSansIOProtocol):
    """Takes a connection over from `Edge`, with the request that it has read."""

    def __init__(
        self, config: Config, server_state: ServerState, app_state: dict[str, Any], client: tuple[str, int] | None
    ) -> None:
        super().__init__(config, server_state, app_state)
        self._told_client = client

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.client = self._told_client

    def connection_lost(self, exc: Exception | None) -> None:
        if self.conn.close_rcvd is None and not self.close_sent:
            self.queue.put_nowait({"type": "websocket.disconnect", "code": 1006})
        super().connection_lost(exc)
