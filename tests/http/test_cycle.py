"""What an app may do wrong, and what the visitor then gets; what a head waits for."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.server import ServerState

from proxy.http.edge import Edge
from tests.http.shop import Answer, read_answer, request

START: Message = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]}
CHUNKED: Message = {"type": "http.response.start", "status": 200, "headers": []}
HELLO: Message = {"type": "http.response.body", "body": b"hello"}
MORE: Message = HELLO | {"more_body": True}


@contextlib.asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[int]:
    config = uvicorn.Config(app, http=Edge, lifespan="off", log_config=None, proxy_headers=False)
    config.load()
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(lambda: Edge(config, state, {}), "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for connection in tuple(state.connections):
            connection.transport.abort()
        await asyncio.gather(*state.tasks, return_exceptions=True)


async def said(*messages: Message, asked: bytes = request("/")) -> bytes:
    """All that comes of an app that says this and returns."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for message in messages:
            await send(message)

    async with served(app) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(asked.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        got = await reader.read()
        writer.close()
        return got


async def answered(*messages: Message) -> Answer:
    reader = asyncio.StreamReader()
    reader.feed_data(await said(*messages))
    reader.feed_eof()
    return await read_answer(reader)


async def test_an_answer_is_framed_by_its_length_or_in_chunks() -> None:
    for start in (START, CHUNKED):
        answer = await answered(start, HELLO)
        assert (answer.status, answer.body, answer.whole) == (200, b"hello", True)
        assert len(answer.get(b"date")) == 1
    answer = await answered(CHUNKED, MORE, {"type": "http.response.body"})
    assert (answer.body, answer.whole) == (b"hello", True)


@pytest.mark.parametrize(
    "messages",
    [
        (),
        (HELLO,),
        (CHUNKED | {"headers": [(b"x", b"a\r\nset-cookie: b")]}, HELLO),
        (CHUNKED | {"headers": [(b"x\r\ny", b"a")]}, HELLO),
        (CHUNKED | {"headers": [(b"transfer-encoding", b"chunked")]}, HELLO),
    ],
)
async def test_a_fault_before_the_answer_is_told(messages: tuple[Message, ...]) -> None:
    answer = await answered(*messages)
    assert (answer.status, answer.whole) == (500, True)
    assert answer.get(b"set-cookie") == []


@pytest.mark.parametrize(
    "messages",
    [
        (CHUNKED, MORE),
        (START | {"headers": [(b"content-length", b"9")]}, HELLO),
        (START | {"headers": [(b"content-length", b"9")]}, MORE),
        (CHUNKED, MORE, START),
    ],
)
async def test_a_fault_in_the_middle_never_looks_whole(messages: tuple[Message, ...]) -> None:
    answer = await answered(*messages)
    assert (answer.status, answer.whole) == (200, False)


async def test_more_than_the_length_never_leaves() -> None:
    assert b"hello" not in await said(START | {"headers": [(b"content-length", b"3")]}, HELLO)


@pytest.mark.parametrize("status", [204, 304])
async def test_what_has_no_body_sends_none(status: int) -> None:
    got = await said(START | {"status": status}, HELLO)
    assert got.endswith(b"\r\n\r\n")
    assert (await said(START, HELLO, asked=request("/", method="HEAD"))).endswith(b"\r\n\r\n")


async def test_a_head_leaves_with_the_first_of_the_body_be_it_empty() -> None:
    released = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(CHUNKED)
        await send({"type": "http.response.body", "body": b"", "more_body": True})
        await released.wait()
        await send(HELLO)

    async with served(app) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request("/"))
        async with asyncio.timeout(10):
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK\r\n")
        released.set()
        assert await reader.readuntil(b"0\r\n\r\n") == b"5\r\nhello\r\n0\r\n\r\n"
        writer.close()


async def test_only_an_app_that_asks_for_it_is_cancelled_when_the_visitor_leaves() -> None:
    ended: list[str] = []
    done = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/leaves":
            scope["consentry.cycle"].ends_with_visitor = True
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                ended.append("cancelled")
                done.set()
                raise
        while (await receive())["type"] != "http.disconnect":
            pass
        ended.append("told")
        done.set()

    async with served(app) as port:
        for target in ("/leaves", "/stays"):
            done.clear()
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request(target))
            await asyncio.sleep(0.05)
            writer.transport.abort()
            async with asyncio.timeout(10):
                await done.wait()
    assert ended == ["cancelled", "told"]
