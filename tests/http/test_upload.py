"""The visitor's side of a request: a body as it comes, and the departure."""

from __future__ import annotations

import asyncio

import pytest
from starlette.types import Message

from proxy.http.upload import Upload, VisitorLeft, has_body

CHUNKED = [(b"transfer-encoding", b"chunked")]


class _Visitor:
    """An ASGI `receive` that says what it is told, then waits."""

    def __init__(self, *messages: Message) -> None:
        self.messages: asyncio.Queue[Message] = asyncio.Queue()
        self.readers = 0
        self.say(*messages)

    def say(self, *messages: Message) -> None:
        for message in messages:
            self.messages.put_nowait(message)

    async def __call__(self) -> Message:
        self.readers += 1
        assert self.readers == 1, "two readers at once"
        try:
            return await self.messages.get()
        finally:
            self.readers -= 1


def body(piece: bytes, more: bool = True) -> Message:
    return {"type": "http.request", "body": piece, "more_body": more}


GONE: Message = {"type": "http.disconnect"}


@pytest.mark.parametrize(
    ("headers", "there"),
    [
        ([], False),
        ([(b"content-length", b"0")], False),
        ([(b"content-length", b"000")], False),
        ([(b"content-length", b"10")], True),
        (CHUNKED, True),
    ],
)
def test_a_request_has_a_body_by_its_headers(headers: list[tuple[bytes, bytes]], there: bool) -> None:
    assert has_body(headers) is there


async def test_a_body_comes_in_pieces_and_ends() -> None:
    upload = Upload(CHUNKED, _Visitor(body(b"a"), body(b""), body(b"b", more=False)))
    assert [piece async for piece in upload] == [b"a", b"", b"b"]
    assert [piece async for piece in upload] == []


async def test_a_body_of_known_length_is_over_with_its_last_byte() -> None:
    upload = Upload([(b"content-length", b"5")], _Visitor(body(b"abc"), body(b"de")))
    assert [piece async for piece in upload] == [b"abc", b"de"]


async def test_a_visitor_who_leaves_in_the_middle() -> None:
    upload = Upload(CHUNKED, _Visitor(body(b"a"), GONE))
    assert await anext(upload) == b"a"
    with pytest.raises(VisitorLeft):
        await anext(upload)


async def test_the_rest_of_a_body_is_read_until_its_end_or_the_visitors() -> None:
    ended = _Visitor(body(b"a"), body(b"b", more=False), body(b"next"))
    await Upload(CHUNKED, ended).linger()
    assert ended.messages.qsize() == 1
    await Upload(CHUNKED, _Visitor(GONE)).linger()
