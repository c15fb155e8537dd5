"""WebSockets through the proxy: a real server behind it, a real client before it, and raw bytes where it matters."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from http import HTTPStatus

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from proxy.model import Category
from tests.free_port import free_port
from tests.http.shop import Shop, answering, consent_cookie, open_shop, page, read_answer, request

Talk = Callable[[ServerConnection], Awaitable[None]]


@contextlib.asynccontextmanager
async def chat(talk: Talk, limits: dict[str, object] | None = None, **serving: object) -> AsyncIterator[Shop]:
    """The proxy before a WebSocket server that talks so."""
    async with serve(talk, "127.0.0.1", 0, max_size=None, **serving) as server:  # type: ignore[arg-type]
        port = next(iter(server.sockets)).getsockname()[1]
        async with open_shop(port, limits=limits or {}) as shop:
            yield shop


def visit(shop: Shop, target: str = "/chat", **given: object) -> connect:
    """Somebody who opens a WebSocket at the shop. Await it, or use it as a context."""
    given = {"host": "127.0.0.1", "port": shop.port, "proxy": None, "max_size": None, **given}
    return connect(f"ws://shop.example{target}", **given)


async def echo(connection: ServerConnection) -> None:
    with contextlib.suppress(ConnectionClosed):
        async for message in connection:
            await connection.send(message)


async def test_messages_go_both_ways_as_they_are() -> None:
    async with chat(echo) as shop, visit(shop) as visitor:
        for message in ("héllo", b"\x00\xff" * 10, "", b"", "x" * 200_000, b"y" * 3_000_000):
            await visitor.send(message)
            assert await visitor.recv() == message


async def test_the_handshake_is_the_visitors_but_for_what_is_each_hops_own() -> None:
    seen: list[Request] = []

    async def talk(connection: ServerConnection) -> None:
        assert connection.request is not None
        seen.append(connection.request)

    cookies = {"Cookie": "_fbp=1; cart=2", "Origin": "https://shop.example", "Authorization": "Basic eDp5"}
    async with chat(talk) as shop, visit(shop, "/a%2Fb//c?x=%7E&y", additional_headers=cookies) as visitor:
        await visitor.wait_closed()
    (asked,) = seen
    assert asked.path == "/a%2Fb//c?x=%7E&y"
    assert asked.headers.get_all("Host") == ["shop.example"]
    assert asked.headers.get_all("Cookie") == ["cart=2"]
    assert asked.headers["Origin"] == "https://shop.example"
    assert asked.headers["Authorization"] == "Basic eDp5"
    assert asked.headers["Consentry-Consent"].startswith("analytics=0")
    assert asked.headers["Via"] == "1.1 consentry"
    assert asked.headers.get_all("Sec-WebSocket-Extensions") == []
    assert asked.headers.get_all("Connection") == ["Upgrade"]


async def test_what_is_granted_goes_on() -> None:
    seen: list[str] = []

    async def talk(connection: ServerConnection) -> None:
        assert connection.request is not None
        seen.extend(connection.request.headers.get_all("Cookie"))

    granted = consent_cookie(Category.ADVERTISING, Category.ANALYTICS).removeprefix("Cookie: ") + "; _fbp=1"
    async with chat(talk) as shop, visit(shop, additional_headers={"Cookie": granted}) as visitor:
        await visitor.wait_closed()
    assert seen == ["_fbp=1"]


async def test_the_subprotocol_is_the_storefronts_choice() -> None:
    offered, wanted = [Subprotocol("a"), Subprotocol("b"), Subprotocol("c")], [Subprotocol("c"), Subprotocol("b")]
    async with chat(echo, subprotocols=wanted) as shop, visit(shop, subprotocols=offered) as visitor:
        assert visitor.subprotocol == "c"
    async with chat(echo) as shop, visit(shop, subprotocols=offered) as visitor:
        assert visitor.subprotocol is None


async def test_cookies_of_the_handshake_are_set_unless_they_are_a_denied_vendors() -> None:
    def answer(_: ServerConnection, __: Request, response: Response) -> Response:
        for cookie in ("cart=1", "_fbp=2; Max-Age=9", "seen=3"):
            response.headers["Set-Cookie"] = cookie
        return response

    async with chat(echo, process_response=answer) as shop, visit(shop) as visitor:
        assert visitor.response is not None
        assert visitor.response.headers.get_all("Set-Cookie") == ["cart=1", "seen=3"]


@pytest.mark.parametrize("status", [200, 302, 401, 403, 404, 503])
async def test_what_the_storefront_says_instead_is_passed_on(status: int) -> None:
    def refuse(connection: ServerConnection, _: Request) -> Response:
        response = connection.respond(HTTPStatus(status), "not here\n")
        response.headers["X-Why"] = "because"
        if status == 302:
            response.headers["Location"] = "/elsewhere"
        return response

    async with chat(echo, process_request=refuse) as shop:
        reader, writer = await shop.connect()
        writer.write(handshake())
        answer = await read_answer(reader)
        assert answer.status == status
        assert answer.body == b"not here\n"
        assert answer.get(b"x-why") == [b"because"]
        assert answer.get(b"location") == ([b"/elsewhere"] if status == 302 else [])
        writer.close()


def handshake(*headers: str, target: str = "/chat", host: str = "shop.example", method: str = "GET") -> bytes:
    own = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
    return request(target, *own, "Sec-WebSocket-Version: 13", *headers, host=host, method=method)


@pytest.mark.parametrize(
    ("code", "reason"), [(1000, ""), (1001, "away"), (1008, "policy"), (1013, ""), (3000, "x"), (4321, "grüße")]
)
async def test_close_codes_go_both_ways(code: int, reason: str) -> None:
    heard: list[tuple[int | None, str | None]] = []
    done = asyncio.Event()

    async def talk(connection: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            if await connection.recv() == "you":
                await connection.close(code, reason)
            else:
                await connection.recv()
        heard.append((connection.close_code, connection.close_reason))
        done.set()

    async with chat(talk) as shop:
        async with visit(shop) as visitor:
            await visitor.send("you")
            await visitor.wait_closed()
            assert (visitor.close_code, visitor.close_reason) == (code, reason)
        done.clear()
        async with visit(shop) as visitor:
            await visitor.send("me")
            await visitor.close(code, reason)
        await done.wait()
        assert heard[-1] == (code, reason)


async def test_who_vanishes_is_told_of() -> None:
    ended: list[int | None] = []
    done = asyncio.Event()

    async def talk(connection: ServerConnection) -> None:
        if connection.request is not None and connection.request.path == "/storefront":
            await connection.recv()
            connection.transport.abort()
            return
        with contextlib.suppress(ConnectionClosed):
            await connection.recv()
        ended.append(connection.close_code)
        done.set()

    async with chat(talk) as shop:
        async with visit(shop, "/storefront") as visitor:
            await visitor.send("x")
            await visitor.wait_closed()
            assert visitor.close_code == 1014
        visitor = await visit(shop, "/visitor")
        visitor.transport.abort()
        async with asyncio.timeout(10):
            await done.wait()
        assert ended == [1006]


async def test_neither_side_is_read_faster_than_the_other_reads() -> None:
    sent = 0

    async def talk(connection: ServerConnection) -> None:
        nonlocal sent
        with contextlib.suppress(ConnectionClosed):
            while True:
                await connection.send(os.urandom(100_000))
                sent += 1

    async with chat(talk) as shop:
        visitor: ClientConnection = await visit(shop, max_queue=1)
        before = -1
        while sent != before:
            before = sent
            await asyncio.sleep(0.3)
        assert sent < 200
        for _ in range(300):
            assert len(await visitor.recv()) == 100_000
        assert sent >= 300
        visitor.transport.abort()


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (b"", 502),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", 502),
        (b"nonsense\r\n\r\n", 502),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200),
    ],
)
async def test_101_is_said_only_where_the_storefront_agreed(answer: bytes, status: int) -> None:
    async with answering(answer) as storefront, open_shop(storefront) as shop:
        reader, writer = await shop.connect()
        writer.write(handshake())
        if not answer:
            await asyncio.sleep(0.1)
            for one in storefront._writers:
                one.close()
        assert (await read_answer(reader)).status == status
        writer.close()


async def test_nobody_behind_us_is_told_in_the_visitors_language() -> None:
    async with open_shop(free_port()) as shop:
        reader, writer = await shop.connect()
        writer.write(handshake("Accept-Language: de"))
        answer = await read_answer(reader)
        assert answer.status == 502
        assert b'lang="de"' in answer.body
        assert answer.get(b"proxy-status") == [b"consentry; error=connection_refused"]
        writer.close()


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (handshake(host="other.example"), 421),
        (handshake(target="/_consent"), 404),
        (handshake(target="/_consent/v/meta-pixel/www.facebook.com/tr"), 404),
        (handshake().replace(b"Host: shop.example\r\n", b""), 400),
        (handshake("Via: 1.1 consentry"), 508),
        (handshake("Content-Length: 3") + b"abc", 400),
        (handshake("Cookie: " + "x" * 70_000), 431),
    ],
)
async def test_a_handshake_is_a_request_like_any_other(sent: bytes, status: int) -> None:
    async with chat(echo) as shop:
        reader, writer = await shop.connect()
        writer.write(sent)
        assert (await read_answer(reader)).status == status
        writer.close()


async def test_a_long_line_of_cookies_is_no_obstacle() -> None:
    cookies = "; ".join(f"c{number}={'x' * 1000}" for number in range(7))
    async with chat(echo) as shop, visit(shop, additional_headers={"Cookie": cookies}) as visitor:
        await visitor.send("x")
        assert await visitor.recv() == "x"


async def test_what_is_no_handshake_is_answered_as_if_it_had_not_asked() -> None:
    plain = page(b"x", kind=b"text/plain")
    for sent in (handshake(method="HEAD"), handshake().replace(b"websocket\r\n", b"h2c\r\n", 1)):
        async with answering(plain) as storefront, open_shop(storefront) as shop:
            reader, writer = await shop.connect()
            writer.write(sent)
            assert (await read_answer(reader, head_only=b"HEAD" in sent)).status == 200
            assert storefront.requests[0].get(b"upgrade") == []
            writer.close()


async def test_there_are_only_so_many() -> None:
    async with chat(echo, {"websockets": 1}) as shop:
        async with visit(shop):
            with pytest.raises(InvalidStatus) as raised:
                await visit(shop)
            assert raised.value.response.status_code == 503
            assert raised.value.response.headers["Retry-After"] == "2"
        async with asyncio.timeout(10):
            while True:
                with contextlib.suppress(InvalidStatus):
                    (await visit(shop)).transport.abort()
                    break


async def test_the_end_of_a_process_is_told() -> None:
    async with chat(echo) as shop, visit(shop) as visitor:
        await visitor.send("x")
        await visitor.recv()
        for connection in tuple(shop.connections):
            connection.shutdown()
        await visitor.wait_closed()
        assert visitor.close_code == 1012
