"""What goes through is what went in: the same request asked directly and through the proxy, and both sides compared.

The storefront records what it gets; what may differ is named here, and nothing else.
"""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.http.shop import Answer, Request, answering, open_shop, read_answer

#: What the proxy adds to a request, or writes anew.
ADDED = {
    b"via",
    b"x-forwarded-for",
    b"x-forwarded-host",
    b"x-forwarded-proto",
    b"forwarded",
    b"x-request-id",
    b"consentry-consent",
}
#: What ends at a hop (RFC 9110, 7.6.1), or frames a body.
HOP = {b"connection", b"keep-alive", b"te", b"transfer-encoding", b"content-length", b"proxy-connection"}

NAMES = st.sampled_from(
    "Accept Accept-Encoding Accept-Language Authorization Cache-Control Content-Type If-None-Match If-Modified-Since "
    "Origin Range Referer User-Agent X-Shop X-Shop x-lower Priority".split()
)
VALUES = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=40)
SEGMENT = st.text("abcXYZ019-._~!$&'()*+,;=:@%/?[]|{}^\"<>`\\", max_size=30)
METHODS = st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "PROPFIND", "REPORT", "SEARCH"])
BODIES = st.one_of(st.none(), st.binary(max_size=300), st.just(b"x" * 100_000))
ANSWER_NAMES = st.sampled_from(
    "Cache-Control Content-Language ETag Last-Modified Set-Cookie Set-Cookie Vary X-Shop Server Accept-Ranges "
    "Content-Disposition Access-Control-Allow-Origin Date Location-Hint".split()
)
STATUSES = st.sampled_from([200, 201, 202, 204, 206, 301, 304, 400, 404, 409, 418, 500, 503])


@st.composite
def exchanges(draw: st.DrawFn) -> tuple[bytes, bytes, bool]:
    """A request, the storefront's answer to it, and whether the request is HEAD."""
    method, target = draw(METHODS), "/" + draw(SEGMENT)
    lines = [f"{method} {target} HTTP/1.1", "Host: shop.example", "Sec-Fetch-Dest: image"]
    lines += [f"{name}: {value}" for name, value in draw(st.lists(st.tuples(NAMES, VALUES), max_size=8))]
    body = draw(BODIES) if method != "HEAD" else None
    chunked = draw(st.booleans())
    sent = b""
    if body is not None and chunked:
        lines.append("Transfer-Encoding: chunked")
        pieces = [body[start : start + 70] for start in range(0, min(len(body), 700), 70)] + [body[700:]]
        sent = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces if piece) + b"0\r\n\r\n"
    elif body is not None:
        lines.append(f"Content-Length: {len(body)}")
        sent = body
    asked = "\r\n".join([*lines, "", ""]).encode("latin-1") + sent
    return asked, draw(answers(head=method == "HEAD")), method == "HEAD"


@st.composite
def answers(draw: st.DrawFn, head: bool) -> bytes:
    status = draw(STATUSES)
    lines = [f"HTTP/1.1 {status} Whatever", "Content-Type: image/png"]
    lines += [f"{name}: {value}" for name, value in draw(st.lists(st.tuples(ANSWER_NAMES, VALUES), max_size=8))]
    body = draw(st.one_of(st.binary(max_size=300), st.just(b"y" * 150_000)))
    if head or status in (204, 304):
        return "\r\n".join([*lines, "", ""]).encode()
    if draw(st.booleans()):
        framed = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (body[:99], body[99:]) if piece)
        return "\r\n".join([*lines, "Transfer-Encoding: chunked", "", ""]).encode() + framed + b"0\r\n\r\n"
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


async def _ask(port: int, asked: bytes, head: bool) -> Answer:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(asked)
    try:
        async with asyncio.timeout(10):
            return await read_answer(reader, head_only=head)
    finally:
        writer.close()


def _request(got: Request) -> tuple[bytes, list[tuple[bytes, bytes]], bytes]:
    kept = [header for header in got.headers if header[0] not in ADDED | HOP | {b"host"}]
    return got.line, kept, got.body


def _answer(got: Answer) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    dates = [value for name, value in got.headers if name == b"date"]
    kept = [header for header in got.headers if header[0] not in HOP | {b"via", b"date"}]
    return got.status, [*kept, *((b"date", value) for value in dates[:1])], got.body


@given(exchanges())
@settings(max_examples=settings().max_examples, suppress_health_check=list(HealthCheck), deadline=None)
def test_what_arrives_is_what_was_sent(exchange: tuple[bytes, bytes, bool]) -> None:
    asked, answer, head = exchange

    async def both() -> None:
        async with answering(answer) as storefront:
            direct = await _ask(storefront.port, asked, head)
            async with open_shop(storefront) as shop:
                through = await _ask(shop.port, asked, head)
            first, second = storefront.requests
        assert _request(first) == _request(second)
        assert second.get(b"host") == [b"shop.example"]
        status, headers, body = _answer(through)
        plain = _answer(direct)
        if not direct.get(b"date"):
            headers = [header for header in headers if header[0] != b"date"]
            assert len(through.get(b"date")) == 1
        assert (status, headers, body) == plain

    asyncio.run(both())


@pytest.mark.parametrize(
    "target",
    [
        b"/%2F%2e%2e/%7Euser",
        b"//double//slash",
        b"/a;b=c?d;e",
        b"/?",
        b"/a?b?c",
        b"/%00%ff",
        b"/[x]|y{z}",
        b"/a%2",
        b"/\\a",
    ],
)
async def test_a_target_arrives_to_the_byte(target: bytes) -> None:
    async with answering(b"HTTP/1.1 204 No Content\r\n\r\n") as storefront, open_shop(storefront) as shop:
        answer = await _ask(shop.port, b"GET %b HTTP/1.1\r\nHost: shop.example\r\n\r\n" % target, head=False)
    assert answer.status == 204
    assert storefront.requests[0].line == b"GET %b HTTP/1.1" % target
