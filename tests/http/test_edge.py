"""What the server's protocol refuses and keeps, over a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import sys
import termios

import pytest
from prometheus_client import REGISTRY

from proxy.http.edge import UNSENT
from proxy.settings import Limits
from tests.http.shop import Answer, Storefront, answering, open_shop, page, read_answer, read_request, request

HEAD_BYTES, HEAD_LINES = Limits().head_bytes, Limits().head_lines
HEAD_SECONDS, STILL_SECONDS = Limits().head_seconds, Limits().still_seconds

PLAIN = page(b"x", kind=b"text/plain")


async def ask(*parts: bytes, answers: int = 1) -> tuple[list[Answer], list[bytes], list[list[tuple[bytes, bytes]]]]:
    """The answers to what is sent on one connection, and what the storefront got: request lines and headers."""
    async with answering(PLAIN) as storefront, open_shop(storefront) as shop:
        reader, writer = await shop.connect()
        writer.write(b"".join(parts))
        given = [await read_answer(reader) for _ in range(answers)]
        if given[-1].get(b"connection") == [b"close"]:
            assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
        got = storefront.requests
        return given, [asked.line for asked in got], [asked.headers for asked in got]


async def test_trailers_never_become_headers() -> None:
    chunks = b"3\r\nabc\r\n0\r\nX-Forwarded-For: 6.6.6.6\r\nCookie: a=b\r\nHost: other\r\n\r\n"
    answers, _, headers = await ask(request("/", "Transfer-Encoding: chunked", method="POST"), chunks)
    assert [answer.status for answer in answers] == [200]
    assert b"cookie" not in dict(headers[0])
    assert b"6.6.6.6" not in b" ".join(value for _, value in headers[0])


@pytest.mark.parametrize(
    "header",
    [
        "X: " + "y" * HEAD_BYTES,
        "X: " + "y" * 3_000_000,
        "\r\n".join(["X: y"] * HEAD_LINES),
        "\r\n".join(["X: " + "y" * 1000] * 100),
    ],
)
async def test_a_head_is_bounded(header: str) -> None:
    async with answering(PLAIN) as storefront, open_shop(storefront) as shop:
        reader, writer = await shop.connect()
        writer.write(request("/", header))
        assert (await read_answer(reader)).status == 431
        writer.close()
        assert storefront.requests == []


async def test_what_follows_a_refused_head_is_not_read() -> None:
    async with answering(PLAIN) as storefront, open_shop(storefront) as shop:
        reader, writer = await shop.connect()
        writer.write(request("/", "X: " + "y" * HEAD_BYTES))
        assert (await read_answer(reader)).status == 431
        writer.write(request("/"))
        assert await reader.read() == b""
        writer.close()
        assert storefront.requests == []


async def test_a_refused_head_behind_another_request_breaks_that_off() -> None:
    asked = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        asked.set()
        await reader.read()

    async with Storefront(script) as storefront, open_shop(storefront) as shop:
        reader, writer = await shop.connect()
        writer.write(request("/"))
        await asked.wait()
        writer.write(request("/", "X: " + "y" * HEAD_BYTES))
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
        writer.close()
        await storefront.left()


@pytest.mark.parametrize("upgrade", [(), ("Connection: Upgrade", "Upgrade: h2c")])
async def test_what_is_no_http_is_not_answered_in_the_middle_of_an_answer(upgrade: tuple[str, ...]) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        await reader.read()

    async with Storefront(script) as storefront, open_shop(storefront) as shop:
        reader, writer = await shop.connect()
        writer.write(request("/", *upgrade))
        await reader.readuntil(b"hello\r\n")
        writer.write(b"\0\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
        writer.close()
        await storefront.left()


@pytest.mark.parametrize(
    "chunk", [b"3\nabc\r\n", b"3\r\nabcd\r\n", b"0x3\r\nabc\r\n", b"-3\r\nabc\r\n", b"3 \r\nabc\r\n"]
)
async def test_a_broken_chunk_is_told_and_ends_the_storefronts_request(chunk: bytes) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert b"0\r\n\r\n" not in await reader.read()

    async with Storefront(script) as storefront, open_shop(storefront, storefront={"first_byte": 60}) as shop:
        reader, writer = await shop.connect()
        writer.write(request("/", "Transfer-Encoding: chunked", method="POST") + chunk)
        assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
        writer.close()
        await storefront.left()


async def test_who_waits_for_100_and_gets_an_answer_has_no_body_to_send() -> None:
    answers, lines, _ = await ask(request("/_consent/x", "Expect: 100-continue", "Content-Length: 9", method="PUT"))
    assert [answer.get(b"connection") for answer in answers] == [[b"close"]]
    assert lines == []


async def test_http_1_0_knows_no_100() -> None:
    async with answering(PLAIN) as storefront, open_shop(storefront) as shop:
        reader, writer = await shop.connect()
        asked = request("/", "Expect: 100-continue", "Content-Length: 3", method="POST") + b"abc"
        writer.write(asked.replace(b"HTTP/1.1", b"HTTP/1.0"))
        assert (await reader.read()).startswith(b"HTTP/1.1 200 OK\r\n")
        writer.close()


async def test_a_long_target_is_bounded_too() -> None:
    answers, lines, _ = await ask(request("/" + "x" * HEAD_BYTES))
    assert [answer.status for answer in answers] == [431]
    assert lines == []


@pytest.mark.parametrize(
    ("answer", "ends_with"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", b"\r\n\r\nhello"),
        (page(b"<p>hello", kind=b"text/html; charset=utf-8"), b"<p>hello"),
        (page(b"hello", kind=b"text/plain"), b"\r\n\r\nhello"),
        (b"HTTP/1.1 204 No\r\n\r\n", b"\r\n\r\n"),
    ],
)
async def test_http_1_0_never_gets_chunks(answer: bytes, ends_with: bytes) -> None:
    async with answering(answer) as storefront, open_shop(storefront) as shop:
        reader, writer = await shop.connect()
        writer.write(b"GET / HTTP/1.0\r\nHost: shop.example\r\n\r\n")
        got = await reader.read()
        assert got.endswith(ends_with)
        assert b"chunked" not in got
        assert b"connection: close" in got
        writer.close()


@pytest.mark.parametrize(
    "broken",
    [
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"Content-Type: text/html\r\nContent-Length: 99\r\n\r\n<p>hello",
    ],
)
async def test_http_1_0_sees_a_reset_where_an_answer_breaks_off(broken: bytes) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n" + broken)
        await writer.drain()
        await asyncio.sleep(0.05)

    async with Storefront(script) as storefront, open_shop(storefront) as shop:
        reader, writer = await shop.connect()
        writer.write(b"GET / HTTP/1.0\r\nHost: shop.example\r\n\r\n")
        await reader.readuntil(b"hello")
        with pytest.raises(ConnectionError):
            await reader.read()
        writer.close()


async def test_an_absolute_target_names_the_host() -> None:
    asked = b"GET http://shop.example/a?b HTTP/1.1\r\nHost: other.example\r\n\r\n"
    answers, lines, headers = await ask(asked)
    assert [answer.status for answer in answers] == [200]
    assert lines == [b"GET /a?b HTTP/1.1"]
    assert dict(headers[0])[b"host"] == b"shop.example"
    answers, lines, _ = await ask(asked.replace(b"shop.example", b"user@other.example"))
    assert [answer.status for answer in answers] == [421]


async def test_a_url_in_a_query_is_no_absolute_target() -> None:
    _, lines, headers = await ask(request("/a?u=http://other.example/"))
    assert lines == [b"GET /a?u=http://other.example/ HTTP/1.1"]
    assert dict(headers[0])[b"host"] == b"shop.example"


async def test_an_upgrade_is_not_served_and_its_body_is_no_request() -> None:
    upgrade = ("Connection: Upgrade", "Upgrade: h2c")
    smuggled = request("/smuggled")
    answers, lines, headers = await ask(request("/", *upgrade))
    assert [answer.status for answer in answers] == [200]
    assert answers[0].get(b"connection") == [b"close"]
    assert b"upgrade" not in dict(headers[0])
    answers, lines, _ = await ask(request("/", *upgrade, f"Content-Length: {len(smuggled)}", method="POST"), smuggled)
    assert [answer.status for answer in answers] == [400]
    assert lines == []


@pytest.mark.parametrize(
    "asked",
    [
        request("/", "Content-Length: 1", "Transfer-Encoding: chunked", method="POST") + b"0\r\n\r\n",
        request("/", "Content-Length: 1", "Content-Length: 2", method="POST") + b"ab",
        request("/", "Content-Length: +1", method="POST") + b"a",
        request("/", "Transfer-Encoding: chunked, identity", method="POST") + b"0\r\n\r\n",
        request("/", "Transfer-Encoding: xchunked", method="POST") + b"0\r\n\r\n",
        request("/", "Transfer-Encoding: gzip, chunked", method="POST") + b"0\r\n\r\n",
        request("/", "Transfer-Encoding: identity", "Transfer-Encoding: chunked", method="POST") + b"0\r\n\r\n",
        request("/", "Transfer-Encoding: chunked", method="POST").replace(b"1.1", b"1.0") + b"0\r\n\r\n",
        request("/", "A : b"),
        request("/", "A: b\r\n c"),
        request("/", "A: b\x00"),
        request("/", "A: b\nB: c"),
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: shop.example\r\nHost: shop.example\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: shop.example/x\r\n\r\n",
        b"GET http://shop.example/ HTTP/1.1\r\n\r\n",
        b"GET http://shop.example/ HTTP/1.1\r\nHost: shop.example\r\nHost: shop.example\r\n\r\n",
        b"GET /\x7f HTTP/9.9\r\nHost: shop.example\r\n\r\n",
    ],
)
async def test_what_can_be_read_in_two_ways_is_refused_and_closed(asked: bytes) -> None:
    answers, lines, _ = await ask(asked, request("/smuggled"))
    assert [answer.status for answer in answers] == [400]
    assert answers[0].get(b"connection") == [b"close"]
    assert lines == []


async def test_other_versions_are_not_spoken() -> None:
    answers, lines, _ = await ask(request("/").replace(b"HTTP/1.1", b"HTTP/2.0"), request("/smuggled"))
    assert [answer.status for answer in answers] == [505]
    assert lines == []


async def test_pipelined_requests_are_answered_in_order() -> None:
    second = request("/2", "Content-Length: 3", method="POST") + b"abc"
    answers, lines, _ = await ask(request("/1"), second, request("/3"), answers=3)
    assert [answer.status for answer in answers] == [200, 200, 200]
    assert [line.split()[1] for line in lines] == [b"/1", b"/2", b"/3"]


def refused(reason: str) -> float:
    return REGISTRY.get_sample_value("consentry_refused_connections_total", {"reason": reason}) or 0


async def test_a_head_that_does_not_end_is_given_up() -> None:
    before = refused("head-slow")
    async with answering(PLAIN) as storefront, open_shop(storefront) as shop:
        reader, writer = await shop.connect()
        writer.write(b"GET / HTTP/1.1\r\nHost: shop.exa")
        await shop.later(HEAD_SECONDS - 1)
        writer.write(b"mple\r\nX-More: 1")
        await shop.later(HEAD_SECONDS + 1)
        assert (await read_answer(reader)).status == 408
        assert await reader.read() == b""
        writer.close()
        assert storefront.requests == []
    assert refused("head-slow") == before + 1


async def test_a_connection_on_which_nothing_is_asked_is_closed_without_a_word() -> None:
    async with answering(PLAIN) as storefront, open_shop(storefront) as shop:
        reader, writer = await shop.connect()
        await shop.later(HEAD_SECONDS + 1)
        assert await reader.read() == b""
        writer.close()


async def test_a_body_that_does_not_come_is_given_up() -> None:
    before = refused("body-slow")
    async with answering(PLAIN) as storefront, open_shop(storefront) as shop:
        reader, writer = await shop.connect()
        writer.write(request("/", "Content-Length: 10", method="POST") + b"abc")
        await shop.later(STILL_SECONDS - 1)
        await shop.later(STILL_SECONDS + 1)
        assert (await read_answer(reader)).status == 408
        assert await reader.read() == b""
        writer.close()
    assert refused("body-slow") == before + 1


async def test_an_answer_that_nobody_reads_is_given_up_and_one_that_is_read_slowly_is_not() -> None:
    before = refused("unread")
    async with answering(page(b"x" * (64 << 20), kind=b"text/plain")) as storefront, open_shop(storefront) as shop:
        reader, writer = await shop.connect()
        writer.write(request("/"))
        await reader.readexactly(1 << 20)
        await shop.later(0)
        await shop.later(STILL_SECONDS - 1)
        await reader.readexactly(16 << 20)
        assert refused("unread") == before
        await shop.later(0)
        await shop.later(STILL_SECONDS + 1)
        assert refused("unread") == before + 1
        assert not (await read_answer_rest(reader))
        writer.close()


async def test_the_kernel_holds_little_for_who_reads_nothing() -> None:
    async with answering(page(b"x" * (64 << 20), kind=b"text/plain")) as storefront, open_shop(storefront) as shop:
        _, writer = await shop.connect()
        writer.transport.pause_reading()
        writer.write(request("/"))
        await shop.later(1)
        [edge] = shop.connections
        plug = edge.transport.get_extra_info("socket")
        queued = int.from_bytes(fcntl.ioctl(plug.fileno(), termios.TIOCOUTQ, bytes(4)), sys.byteorder)
        assert UNSENT / 2 < queued < 2 * UNSENT
        writer.transport.abort()


async def read_answer_rest(reader: asyncio.StreamReader) -> bool:
    """Whether the rest of 64 MB comes whole."""
    try:
        await reader.readexactly(47 << 20)
    except (asyncio.IncompleteReadError, ConnectionError):
        return False
    return True


async def test_who_owes_nothing_is_left_alone() -> None:
    async with answering(PLAIN) as storefront, open_shop(storefront) as shop:
        reader, writer = await shop.connect()
        for _ in range(2):
            writer.write(request("/"))
            assert (await read_answer(reader)).status == 200
            await shop.later(1000)
        writer.close()


SMALL = {"limits": {"body_bytes": 10}}


async def test_a_body_is_bounded_by_what_it_says_and_by_what_comes() -> None:
    before = refused("body-too-large")
    async with answering(PLAIN) as storefront, open_shop(storefront, **SMALL) as shop:
        for sent in (
            request("/", "Content-Length: 11", method="POST"),
            request("/", "Content-Length: 3000000000", "Expect: 100-continue", method="POST"),
            request("/", "Transfer-Encoding: chunked", method="POST") + b"b\r\nhello world\r\n0\r\n\r\n",
        ):
            reader, writer = await shop.connect()
            writer.write(sent)
            assert (await read_answer(reader)).status == 413
            assert await reader.read() == b""
            writer.close()
        assert storefront.requests == []
        reader, writer = await shop.connect()
        writer.write(request("/", "Content-Length: 10", method="POST") + b"helloworld")
        assert (await read_answer(reader)).status == 200
        writer.close()
    assert refused("body-too-large") == before + 3


async def test_a_refusal_reaches_who_is_still_sending() -> None:
    async with answering(PLAIN) as storefront, open_shop(storefront, **SMALL) as shop:
        reader, writer = await shop.connect()
        writer.write(request("/", "Content-Length: 20000000", method="POST"))
        for _ in range(20):
            writer.write(b"x" * 1_000_000)
            await writer.drain()
        assert (await read_answer(reader)).status == 413
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def test_what_frames_a_body_is_bounded_too() -> None:
    before = refused("framing")
    async with Storefront(_listening) as storefront, open_shop(storefront) as shop:
        reader, writer = await shop.connect()
        writer.write(request("/", "Transfer-Encoding: chunked", method="POST") + b"1;")
        with contextlib.suppress(ConnectionError):
            for _ in range(20):
                writer.write(b"a" * 10_000)
                await writer.drain()
                await asyncio.sleep(0.01)
            assert (await read_answer(reader)).status == 400
        writer.close()
        small = request("/", "Transfer-Encoding: chunked", method="POST") + b"1;x=y\r\nz\r\n" * 20_000 + b"0\r\n\r\n"
    assert refused("framing") == before + 1
    async with answering(PLAIN) as storefront, open_shop(storefront) as shop:
        reader, writer = await shop.connect()
        writer.write(small)
        assert (await read_answer(reader)).status == 200
        writer.close()
    assert storefront.requests[0].body == b"z" * 20_000


async def _listening(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
