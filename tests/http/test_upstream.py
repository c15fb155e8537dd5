"""The storefront client over real sockets, against servers that misbehave in every way."""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from proxy.http.upstream import Answer, Kind, Lines, StorefrontDown, Upstream
from proxy.http.wire import FIRST, HEAD_BYTES, HEAD_LINES, ON_THE_WAY, STEPS, Space
from proxy.settings import Limits
from proxy.settings.schema import Storefront as StorefrontSettings
from tests.http.shop import Request, Storefront, answering, read_request

HOST = [(b"host", b"shop.example")]
LINES = Lines(HOST)
HELLO = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


@asynccontextmanager
async def client(*ports: int, limits: Limits | None = None, **given: object) -> AsyncIterator[Upstream]:
    places = [f"http://127.0.0.1:{port}" for port in ports]
    told = {"url": places, "connect": 10, "first_byte": 1, "idle": 1, **given}
    upstream = Upstream(StorefrontSettings.model_validate(told), limits=limits)
    try:
        yield upstream
    finally:
        await upstream.aclose()
        assert not upstream.busy
        assert not upstream.kept
        assert Space.of(asyncio.get_running_loop()).on_the_way == 0


async def whole(answer: Answer) -> bytes:
    try:
        return b"".join([piece async for piece in answer])
    finally:
        answer.close()


async def get(upstream: Upstream, target: bytes = b"/", method: bytes = b"GET") -> tuple[int, bytes]:
    answer = await upstream.open(method, target, LINES, None)
    return answer.status, await whole(answer)


@pytest.mark.parametrize("target", [b"/", b"/a%2Fb//c;x=1", b"/?", b"/%7Euser?q=%20&a=b?c", b"*"])
async def test_the_target_leaves_to_the_byte(target: bytes) -> None:
    async with answering(HELLO) as storefront, client(storefront.port) as upstream:
        await get(upstream, target)
        assert storefront.requests[0].line == b"GET %b HTTP/1.1" % target


async def test_headers_leave_in_order_with_duplicates() -> None:
    headers = [*HOST, (b"x-a", b"1"), (b"x-b", b"2"), (b"x-a", b"3")]
    async with answering(HELLO) as storefront, client(storefront.port) as upstream:
        await whole(await upstream.open(b"GET", b"/", Lines(headers), None))
        assert storefront.requests[0].headers == headers


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (HELLO, 200, b"hello"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\nTrail: x\r\n\r\n",
            200,
            b"hello",
        ),
        (b"HTTP/1.1 204 No\r\n\r\n", 204, b""),
        (b"HTTP/1.1 304 Not\r\nContent-Length: 50\r\n\r\n", 304, b""),
        (b"HTTP/1.1 103 Early\r\nLink: </x>\r\n\r\nHTTP/1.1 100 Go\r\n\r\n" + HELLO, 200, b"hello"),
    ],
)
async def test_an_answer_is_read_by_its_framing_and_its_connection_used_again(
    answer: bytes, status: int, body: bytes
) -> None:
    async with answering(answer) as storefront, client(storefront.port) as upstream:
        assert await get(upstream) == (status, body)
        assert await get(upstream) == (status, body)
        assert storefront.connections == 1


async def test_interim_headers_and_trailers_are_not_headers() -> None:
    final = b"HTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nT: x\r\n\r\n"
    answer = b"HTTP/1.1 103 E\r\nLink: a\r\n\r\n" + final
    async with answering(answer) as storefront, client(storefront.port) as upstream:
        got = await upstream.open(b"GET", b"/", LINES, None)
        await whole(got)
        assert got.headers == [(b"a", b"b"), (b"transfer-encoding", b"chunked")]


async def test_head_has_no_body_whatever_it_says() -> None:
    async with (
        answering(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n") as storefront,
        client(storefront.port) as upstream,
    ):
        assert await get(upstream, method=b"HEAD") == (200, b"")
        assert await get(upstream, method=b"HEAD") == (200, b"")
        assert storefront.connections == 1


async def test_an_answer_without_framing_ends_with_the_connection() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nhel")
        await writer.drain()
        writer.write(b"lo")

    async with Storefront(script) as storefront, client(storefront.port) as upstream:
        assert await get(upstream) == (200, b"hello")
        assert await get(upstream) == (200, b"hello")
        assert storefront.connections == 2


@pytest.mark.parametrize("connection", [b"Connection: close\r\n", b"Connection: x, Close\r\n"])
async def test_a_connection_that_ends_is_not_used_again(connection: bytes) -> None:
    async with (
        answering(HELLO.replace(b"\r\n", b"\r\n" + connection, 1)) as storefront,
        client(storefront.port) as upstream,
    ):
        await get(upstream)
        await get(upstream)
        assert storefront.connections == 2


async def test_bytes_behind_an_answer_end_the_connection() -> None:
    async with answering(HELLO + b"HTTP/1.1 200 OK\r\n") as storefront, client(storefront.port) as upstream:
        assert await get(upstream) == (200, b"hello")
        assert await get(upstream) == (200, b"hello")
        assert storefront.connections == 2


@pytest.mark.parametrize(
    "broken",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
    ],
)
async def test_an_answer_that_breaks_off_gives_what_came_and_raises(broken: bytes) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(broken)

    async with Storefront(script) as storefront, client(storefront.port) as upstream:
        answer = await upstream.open(b"GET", b"/", LINES, None)
        came = await answer.read()
        with pytest.raises(StorefrontDown) as raised:
            await whole(answer)
        assert came == b"hello"
        assert raised.value.kind is Kind.BROKEN


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"SSH-2.0-x\r\n\r\n", Kind.MALFORMED),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", Kind.MALFORMED),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", Kind.MALFORMED),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", Kind.MALFORMED),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", Kind.MALFORMED),
        (b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", Kind.MALFORMED),
        (b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n", Kind.MALFORMED),
        (b"HTTP/1.1 200 OK\nA: b\n\n", Kind.MALFORMED),
        (b"HTTP/1.1 999 No\r\nContent-Length: 0\r\n\r\n", Kind.MALFORMED),
        (b"HTTP/1.1 101 Sw\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", Kind.MALFORMED),
        (b"HTTP/1.1 200 OK\r\nA: " + b"b" * HEAD_BYTES + b"\r\n\r\n", Kind.TOO_LARGE),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * (HEAD_LINES + 1) + b"\r\n", Kind.TOO_LARGE),
        (b"HTTP/1.1 200 OK\r\nA: " + b"b" * 2 * HEAD_BYTES, Kind.TOO_LARGE),
        (b"HTTP/1.1 200 OK\r\nA: b", Kind.FIRST_BYTE),
        (b"", Kind.FIRST_BYTE),
    ],
)
async def test_what_is_no_answer_is_told_by_kind(answer: bytes, kind: Kind) -> None:
    async with answering(answer) as storefront, client(storefront.port, first_byte=0.2) as upstream:
        with pytest.raises(StorefrontDown) as raised:
            await get(upstream)
        assert raised.value.kind is kind
        assert not upstream.busy or await closes(upstream)


async def closes(upstream: Upstream) -> bool:
    for _ in range(200):
        if not upstream.busy:
            return True
        await asyncio.sleep(0.005)
    return False


async def test_a_silent_body_is_idle() -> None:
    async with (
        answering(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello") as storefront,
        client(storefront.port, idle=0.1) as upstream,
    ):
        with pytest.raises(StorefrontDown) as raised:
            await get(upstream)
        assert raised.value.kind is Kind.IDLE


async def test_nobody_listening_is_refused(unused_port: int) -> None:
    async with client(unused_port) as upstream:
        with pytest.raises(StorefrontDown) as raised:
            await get(upstream)
        assert raised.value.kind is Kind.REFUSED


async def test_a_name_that_is_none_is_a_matter_of_dns() -> None:
    upstream = Upstream(StorefrontSettings(url="http://storefront.invalid"))
    with pytest.raises(StorefrontDown) as raised:
        await upstream.open(b"GET", b"/", LINES, None)
    assert raised.value.kind is Kind.DNS


async def test_a_stale_connection_is_tried_once_more_on_a_new_one() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        storefront.requests.append(await read_request(reader))
        writer.write(HELLO)
        await writer.drain()
        await read_request(reader)  # and closes without a word

    async with Storefront(script) as storefront, client(storefront.port) as upstream:
        assert await get(upstream) == (200, b"hello")
        assert await get(upstream) == (200, b"hello")
        assert storefront.connections == 2


async def test_what_may_have_been_done_is_never_sent_twice() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        storefront.requests.append(await read_request(reader))
        if len(storefront.requests) == 1:
            writer.write(HELLO)
            await writer.drain()
            storefront.requests.append(await read_request(reader))

    async with Storefront(script) as storefront, client(storefront.port) as upstream:
        await get(upstream)
        with pytest.raises(StorefrontDown) as raised:
            await get(upstream, method=b"POST")
        assert raised.value.kind is Kind.BROKEN
        assert len(storefront.requests) == 2


async def test_a_new_connection_that_dies_is_not_tried_again() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)

    async with Storefront(script) as storefront, client(storefront.port) as upstream:
        with pytest.raises(StorefrontDown):
            await get(upstream)
        assert storefront.connections == 1


async def test_what_nobody_read_of_an_answer_is_no_part_of_the_next() -> None:
    other = HELLO.replace(b"hello", b"other")
    async with answering(HELLO, other) as storefront, client(storefront.port) as upstream:
        answer = await upstream.open(b"GET", b"/", LINES, None)
        assert not answer.waiting
        answer.close()
        assert await get(upstream) == (200, b"other")
        assert storefront.connections == 1


async def test_a_connection_that_was_idle_for_long_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with answering(HELLO) as storefront, client(storefront.port) as upstream:
        await get(upstream)
        monkeypatch.setattr("proxy.http.pool.IDLE_SECONDS", -1.0)
        await get(upstream)
        assert storefront.connections == 2


async def test_what_cannot_be_sent_twice_takes_only_a_fresh_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    async with answering(HELLO) as storefront, client(storefront.port) as upstream:
        await get(upstream)
        monkeypatch.setattr("proxy.http.upstream.FRESH_SECONDS", -1.0)
        await get(upstream, method=b"POST")
        assert storefront.connections == 2
        await get(upstream)
        assert storefront.connections == 2


async def test_bytes_that_nobody_asked_for_end_an_idle_connection() -> None:
    spoken = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(HELLO)
        await spoken.wait()
        writer.write(b"HTTP/1.1 408 Too slow\r\nContent-Length: 0\r\n\r\n")
        await reader.read()

    async with Storefront(script) as storefront, client(storefront.port) as upstream:
        assert await get(upstream) == (200, b"hello")
        spoken.set()
        await storefront.left()
        assert await closes(upstream)
        assert await get(upstream) == (200, b"hello")
        assert storefront.connections == 2


async def test_there_are_only_so_many_requests_at_once_and_so_many_wait() -> None:
    limits = Limits(in_flight=1, queue=2, queue_seconds=5)
    async with answering(HELLO) as storefront, client(storefront.port, limits=limits) as upstream:
        first = await upstream.open(b"GET", b"/", LINES, None)
        waiting = [asyncio.create_task(get(upstream)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(StorefrontDown) as raised:
            await get(upstream)
        assert raised.value.kind is Kind.FULL
        assert not any(task.done() for task in waiting)
        assert await whole(first) == b"hello"
        assert await asyncio.gather(*waiting) == [(200, b"hello")] * 2
        assert await get(upstream) == (200, b"hello")


async def test_nobody_waits_for_a_turn_for_ever_and_who_left_has_none() -> None:
    limits = Limits(in_flight=1, queue=2, queue_seconds=0.05)
    async with answering(HELLO) as storefront, client(storefront.port, limits=limits) as upstream:
        first = await upstream.open(b"GET", b"/", LINES, None)
        leaving = asyncio.create_task(get(upstream))
        await asyncio.sleep(0)
        leaving.cancel()
        with pytest.raises(StorefrontDown) as raised:
            await get(upstream)
        assert raised.value.kind is Kind.FULL
        await whole(first)
        assert await get(upstream) == (200, b"hello")


@pytest.mark.parametrize("given_up", [0, 1, 2])
async def test_a_turn_that_is_given_to_somebody_who_leaves_goes_to_the_next(given_up: int) -> None:
    limits = Limits(in_flight=1, queue=10, queue_seconds=5)
    async with answering(HELLO) as storefront, client(storefront.port, limits=limits) as upstream:
        first = await upstream.open(b"GET", b"/", LINES, None)
        waiting = [asyncio.create_task(get(upstream)) for _ in range(3)]
        await asyncio.sleep(0)
        first.close()
        for task in waiting[:given_up]:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert await get(upstream) == (200, b"hello")
        assert upstream._turns.taken == 0


async def test_the_whole_may_have_its_deadline() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"1\r\nx\r\n")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with Storefront(script) as storefront, client(storefront.port, total=0.2) as upstream:
        answer = await upstream.open(b"GET", b"/", LINES, None)
        with pytest.raises(StorefrontDown) as raised:
            await whole(answer)
        assert raised.value.kind is Kind.TOTAL


async def test_the_deadline_of_the_whole_holds_before_the_answer_too() -> None:
    silent = Storefront(lambda reader, writer: asyncio.sleep(60))
    async with silent, client(silent.port, total=0.1) as upstream:
        with pytest.raises(StorefrontDown) as raised:
            await get(upstream)
        assert raised.value.kind is Kind.TOTAL


async def test_the_next_address_is_asked_where_one_cannot_be_connected_to(unused_port: int) -> None:
    async with answering(HELLO) as storefront, client(unused_port, storefront.port) as upstream:
        assert await get(upstream) == (200, b"hello")
        assert await get(upstream, method=b"POST") == (200, b"hello")
        assert storefront.connections == 1


async def test_requests_go_to_whoever_has_least_to_do() -> None:
    async with answering(HELLO) as one, answering(HELLO) as other, client(one.port, other.port) as upstream:
        answers = [await upstream.open(b"GET", b"/", LINES, None) for _ in range(10)]
        for answer in answers:
            await whole(answer)
        assert len(one.requests) == len(other.requests) == 5


async def test_an_address_that_was_down_is_tried_again() -> None:
    async with answering(HELLO) as one:
        async with answering(HELLO) as other:
            port = other.port
        async with client(port, one.port) as upstream:
            await get(upstream)
            one.requests.clear()
            back = answering(HELLO)
            async with back:
                # the address that was down listens again, on the port it had
                assert back._server is not None
                server = await asyncio.start_server(back._connected, "127.0.0.1", port)
                await get(upstream)
                assert len(one.requests) == 1
                for place in upstream._places.all:
                    place.down_until = 0.0
                held = [await upstream.open(b"GET", b"/", LINES, None) for _ in range(2)]
                assert len(back.requests) == 1
                for answer in held:
                    await whole(answer)
                await upstream.aclose()
                server.close()


async def test_when_all_are_down_the_first_reason_is_told(unused_port: int) -> None:
    async with client(unused_port, unused_port) as upstream:
        for _ in range(2):
            with pytest.raises(StorefrontDown) as raised:
                await get(upstream)
            assert raised.value.kind is Kind.REFUSED


async def test_a_connection_is_not_used_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    async with answering(HELLO) as storefront, client(storefront.port) as upstream:
        await get(upstream)
        monkeypatch.setattr("proxy.http.pool.AGE_SECONDS", -1.0)
        await get(upstream)
        assert storefront.connections == 2


async def test_a_connection_that_does_not_come_about_is_timed_out() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        place = full.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(place)
        async with client(place[1], connect=0.1) as upstream:
            with pytest.raises(StorefrontDown) as raised:
                await get(upstream)
        assert raised.value.kind is Kind.CONNECT
        for one in waiting:
            one.close()


def test_a_storefront_needs_a_url() -> None:
    with pytest.raises(ValueError, match="URL"):
        Upstream(StorefrontSettings())


async def stream(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        await asyncio.sleep(0)
        yield piece


@pytest.mark.parametrize("length", [[], [(b"content-length", b"6")]])
async def test_a_body_streams_out_by_its_length_or_in_chunks(length: list[tuple[bytes, bytes]]) -> None:
    async with answering(HELLO) as storefront, client(storefront.port) as upstream:
        for _ in range(2):
            answer = await upstream.open(b"POST", b"/", Lines([*HOST, *length]), stream(b"abc", b"", b"def"))
            assert answer.uploaded
            assert await whole(answer) == b"hello"
        assert [request.body for request in storefront.requests] == [b"abcdef", b"abcdef"]
        assert bool(storefront.requests[0].get(b"transfer-encoding")) is not bool(length)
        assert storefront.connections == 1


@pytest.mark.parametrize("length", [b"2", b"9"])
async def test_a_body_that_is_not_as_long_as_it_says_breaks_the_connection(length: bytes) -> None:
    async with answering(HELLO) as storefront, client(storefront.port) as upstream:
        with pytest.raises(ValueError, match="Content-Length"):
            await upstream.open(b"POST", b"/", Lines([*HOST, (b"content-length", length)]), stream(b"abc"))


async def test_what_the_body_raises_is_raised() -> None:
    async def gone() -> AsyncIterator[bytes]:
        yield b"abc"
        raise LookupError

    async with answering(HELLO) as storefront, client(storefront.port) as upstream:
        with pytest.raises(LookupError):
            await upstream.open(b"POST", b"/", LINES, gone())
        assert storefront.requests == []


async def test_an_early_answer_comes_at_once_and_the_upload_stops() -> None:
    stopped = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader, body=False)
        writer.write(b"HTTP/1.1 413 Large\r\nContent-Length: 3\r\n\r\nbig")
        await writer.drain()
        await reader.read()

    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * 1000
                await asyncio.sleep(0.001)
        finally:
            stopped.set()

    async with Storefront(script) as storefront, client(storefront.port) as upstream:
        answer = await upstream.open(b"POST", b"/", LINES, endless())
        assert answer.status == 413
        assert not answer.uploaded
        assert await whole(answer) == b"big"
        await asyncio.wait_for(stopped.wait(), 10)
        assert not upstream.kept


@pytest.mark.parametrize("reads", [0, 1000])
async def test_an_answer_is_heard_from_a_storefront_that_slams_the_door(reads: int) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(reads)
        writer.write(b"HTTP/1.1 413 Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig")
        await writer.drain()

    async def endless() -> AsyncIterator[bytes]:
        while True:
            await asyncio.sleep(0)
            yield b"x" * 1000

    async with Storefront(script) as storefront, client(storefront.port) as upstream:
        answer = await upstream.open(b"POST", b"/", LINES, endless())
        assert (answer.status, await whole(answer)) == (413, b"big")


async def test_both_directions_stream_at_the_same_time() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader, body=False)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n")
        for _ in range(2):
            writer.write(await reader.readexactly(3))

    heard = asyncio.Event()

    async def answering_what_it_hears() -> AsyncIterator[bytes]:
        yield b"abc"
        await heard.wait()
        yield b"def"

    async with Storefront(echo) as storefront, client(storefront.port) as upstream:
        headers = [*HOST, (b"content-length", b"6")]
        answer = await upstream.open(b"POST", b"/", Lines(headers), answering_what_it_hears())
        assert await answer.read() == b"abc"
        heard.set()
        assert await whole(answer) == b"def"


async def test_a_visitor_who_does_not_read_stops_the_storefront() -> None:
    sent = 0

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        for _ in range(1000):
            writer.write(b"x" * 100_000)
            await writer.drain()
            sent += 100_000

    async with Storefront(script) as storefront, client(storefront.port) as upstream:
        answer = await upstream.open(b"GET", b"/", LINES, None)
        settled = -1
        while settled != sent:
            settled = sent
            await asyncio.sleep(0.1)
        assert sent < 50_000_000  # sockets' buffers, and not one byte of ours beyond them
        assert answer._wire._held < 1_000_000
        answer.close()


async def test_what_is_held_for_all_visitors_together_is_bounded() -> None:
    """Large pieces are read only while few bytes are on their way: whoever takes none is held small ones."""
    count, space = 100, Space.of(asyncio.get_running_loop())
    body = b"x" * 10_000_000

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
            await writer.drain()

    async with Storefront(script) as storefront, client(storefront.port) as upstream:
        answers = [await upstream.open(b"GET", b"/", LINES, None) for _ in range(count)]
        taken, largest = [0] * count, [0] * count
        for _ in range(4):
            for index, answer in enumerate(answers):
                answer.widen()
                piece = await answer.read()
                taken[index] += len(piece)
                largest[index] = max(largest[index], len(piece))
        assert max(largest) > STEPS[-1]
        assert sum(largest) < ON_THE_WAY + FIRST + count * (STEPS[-1] + STEPS[0])
        assert space.on_the_way < ON_THE_WAY + FIRST + count * (STEPS[-1] + STEPS[0])
        for index, answer in enumerate(answers[:3]):
            assert taken[index] + len(await whole(answer)) == len(body)
        for answer in answers[3:]:
            answer.close()
        assert space.on_the_way == 0


async def test_a_storefront_that_does_not_read_stops_the_visitor() -> None:
    taken = 0

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(60)

    async def body() -> AsyncIterator[bytes]:
        nonlocal taken
        for _ in range(1000):
            taken += 100_000
            yield b"x" * 100_000

    async with Storefront(script) as storefront, client(storefront.port, first_byte=0.3) as upstream:
        with pytest.raises(StorefrontDown) as raised:
            await upstream.open(b"POST", b"/", LINES, body())
        assert raised.value.kind is Kind.FIRST_BYTE
        assert taken < 50_000_000


async def test_a_storefront_that_reads_again_gets_the_rest() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.1)
        storefront.requests.append(await read_request(reader))
        writer.write(HELLO)

    async with Storefront(script) as storefront, client(storefront.port) as upstream:
        answer = await upstream.open(b"POST", b"/", LINES, stream(*[b"x" * 100_000] * 100))
        assert await whole(answer) == b"hello"
        assert storefront.requests[0].body == b"x" * 10_000_000


async def test_a_slow_upload_is_not_the_storefronts_fault() -> None:
    async def slow() -> AsyncIterator[bytes]:
        for _ in range(6):
            await asyncio.sleep(0.05)
            yield b"x"

    async with answering(HELLO) as storefront, client(storefront.port, first_byte=0.15) as upstream:
        assert await whole(await upstream.open(b"POST", b"/", LINES, slow())) == b"hello"


async def test_giving_up_closes_the_connection() -> None:
    async with (
        answering(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello") as storefront,
        client(storefront.port) as upstream,
    ):
        answer = await upstream.open(b"GET", b"/", LINES, None)
        answer.close()
        answer.close()
        assert await closes(upstream)
        await storefront.left()


@pytest.mark.parametrize("steps", range(1, 12))
async def test_cancelled_at_any_point_nothing_leaks(steps: int) -> None:
    async with (
        answering(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello") as storefront,
        client(storefront.port) as upstream,
    ):
        task = asyncio.create_task(get(upstream))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await closes(upstream)
        assert not upstream.kept


async def test_the_pool_gives_each_request_a_connection_of_its_own() -> None:
    async with (
        answering(lambda request: HELLO.replace(b"hello", request.line[5:10])) as storefront,
        client(storefront.port) as upstream,
    ):
        targets = [b"/%05d" % number for number in range(50)]
        for _ in range(2):
            answers = await asyncio.gather(*(get(upstream, target) for target in targets))
            assert [body for _, body in answers] == [target[1:] for target in targets]
        assert storefront.connections == 50


@pytest.mark.parametrize("target", [b"/a b", b"/a\r\nX: y"])
async def test_a_target_cannot_smuggle(target: bytes) -> None:
    async with answering(HELLO) as storefront, client(storefront.port) as upstream:
        with pytest.raises(ValueError, match="line break"):
            await get(upstream, target)
        assert storefront.requests == []


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -out cert.pem "
        "-days 2 -subj /CN=inside.example -addext subjectAltName=DNS:inside.example".split(),
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return folder


@pytest.mark.parametrize(
    ("name", "trusted", "kind"),
    [("inside.example", True, None), ("other.example", True, Kind.TLS), ("inside.example", False, Kind.TLS)],
)
async def test_tls_is_verified_by_the_name_given(authority: Path, name: str, trusted: bool, kind: Kind | None) -> None:
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(authority / "cert.pem", authority / "key.pem")
    names: list[str | None] = []
    serving.sni_callback = lambda _socket, asked, _context: names.append(asked)
    storefront = answering(HELLO)
    server = await asyncio.start_server(storefront._connected, "127.0.0.1", 0, ssl=serving)
    port = server.sockets[0].getsockname()[1]
    trust = ssl.create_default_context(cafile=authority / "cert.pem") if trusted else None
    upstream = Upstream(StorefrontSettings(url=f"https://127.0.0.1:{port}", tls_name=name), trust)
    try:
        if kind is None:
            assert await get(upstream) == (200, b"hello")
        else:
            with pytest.raises(StorefrontDown) as raised:
                await get(upstream)
            assert raised.value.kind is kind
        assert names == [name]
    finally:
        await upstream.aclose()
        server.close()
        for task in tuple(storefront._tasks):
            task.cancel()
        await asyncio.gather(*storefront._tasks, return_exceptions=True)


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_a_request_knows_its_headers() -> None:
    assert Request(b"", [(b"a", b"1"), (b"a", b"2")]).get(b"a") == [b"1", b"2"]
