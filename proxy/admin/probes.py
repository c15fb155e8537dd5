"""The admin listener: is the process alive, may it get traffic, what did it count; and events of back ends.

Probes and metrics change nothing and show nothing of a visitor, so they need no token; all else (`events.py`) does.
Neither probe depends on a vendor or on the storefront: a shop whose storefront is down still wants its error page in
the visitor's language.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route


def admin_app(
    ready: Callable[[], bool], registry: Callable[[], CollectorRegistry], further: Sequence[Route] = ()
) -> Starlette:
    """`/livez`, `/readyz`, `/metrics` (Prometheus text), and `further` routes. `registry` gives what this scrape shall
    show."""

    async def livez(_: Request) -> Response:
        return PlainTextResponse("alive\n")

    async def readyz(_: Request) -> Response:
        return PlainTextResponse("ready\n") if ready() else PlainTextResponse("not ready\n", 503)

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(registry()), media_type=CONTENT_TYPE_LATEST)

    return Starlette(routes=[Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", metrics), *further])
