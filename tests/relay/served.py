"""The relay app under a real server, before a gateway that stands in for all vendors."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass

import uvicorn
from starlette.types import Receive, Scope, Send

from proxy.catalogue.schema import Vendor
from proxy.relay import VendorHop, relay_app
from proxy.ruling import Rulings
from proxy.settings import Settings
from tests.relay.gateway import Gateway, until
from tests.relay.vendors import ORIGIN, a_visit, used


@dataclass(frozen=True)
class Answered:
    """What came back over the socket: header names lower-case, body without chunks. `whole`: it did not break off."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    whole: bool = True

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)


@dataclass
class Served:
    """The running relay. What a visitor granted, and whence they come, is set for the requests that follow."""

    port: int
    gateway: Gateway
    granted: tuple[str, ...] = ("analytics", "advertising")
    address: str | None = "198.51.100.173"

    async def ask(
        self, path: str, method: str = "GET", body: bytes = b"", dest: str | None = None, **headers: str
    ) -> Answered:
        """One request for a relay path, as a page of ours makes it. Header names with `_` for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if dest is not None:
            named = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": dest} | named
        if body or method == "POST":
            named["Content-Length"] = str(len(body))
        lines = [f"{method} /_consent/v/{path} HTTP/1.1", "Host: shop.example", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in named.items()]
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)
            await writer.drain()
            return _read(await reader.read())
        finally:
            writer.close()


def _read(raw: bytes) -> Answered:
    head, _, body = raw.partition(b"\r\n\r\n")
    status_line, *lines = head.decode("latin-1").split("\r\n")
    headers = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    named = dict(headers)
    whole = True
    if named.get("transfer-encoding") == "chunked":
        rest, body, whole = body, b"", False
        while rest:
            size, _, rest = rest.partition(b"\r\n")
            length = int(size, 16)
            body, rest = body + rest[:length], rest[length + 2 :]
            whole = length == 0
    return Answered(int(status_line.split(" ")[1]), headers, body, whole)


@contextlib.asynccontextmanager
async def serving(*vendors: Vendor, settings: Settings | None = None) -> AsyncIterator[Served]:
    """The relay for these vendors on a port of its own; the gateway is in the settings already."""
    async with Gateway().listening() as gateway:
        settings = settings or Settings(origin=ORIGIN)
        settings = settings.model_copy(update={"vendors": settings.vendors.model_copy(update={"gateway": gateway.url})})
        hop = VendorHop(settings.vendors)
        relay = relay_app(settings, Rulings(used(*vendors, settings=settings)), hop, lambda _: ORIGIN)

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
            visit = a_visit(target.decode("latin-1"), *served.granted, address=served.address)
            await relay({**scope, "consentry.visit": visit}, receive, send)

        listener = socket.create_server(("127.0.0.1", 0))
        served = Served(listener.getsockname()[1], gateway)
        config = uvicorn.Config(app, log_level="critical", lifespan="off", proxy_headers=False)
        server = uvicorn.Server(config)
        running = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            await until(lambda: server.started)
            yield served
        finally:
            server.should_exit = True
            await running
            await hop.aclose()
            listener.close()
