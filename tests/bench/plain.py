"""A proxy as one writes it first, of Starlette and httpx: what `tests.bench.serving` measures Consentry against."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route


def app(storefront: str) -> Starlette:
    client = httpx.AsyncClient(base_url=storefront, limits=httpx.Limits(max_connections=None))

    async def forward(request: Request) -> StreamingResponse:
        asked = client.build_request(
            request.method, request.url.path, headers=request.headers.raw, content=await request.body()
        )
        answer = await client.send(asked, stream=True)

        async def body() -> AsyncIterator[bytes]:
            async for piece in answer.aiter_raw():
                yield piece
            await answer.aclose()

        return StreamingResponse(body(), answer.status_code, dict(answer.headers))

    return Starlette(routes=[Route("/{path:path}", forward, methods=["GET", "POST"])])


if __name__ == "__main__":
    uvicorn.run(app(sys.argv[1]), host="127.0.0.1", port=int(sys.argv[2]), log_level="critical", access_log=False)
