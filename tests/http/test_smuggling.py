"""Request smuggling: whatever is sent, the storefront never gets a request that no client sent.

Each case is one connection's bytes, followed by an honest request on the same connection. What would be read as a
request of its own by whoever frames it differently asks for /smuggled.
"""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from tests.http.shop import answering, open_shop, page

INNER = b"GET /smuggled HTTP/1.1\r\nHost: shop.example\r\n\r\n"
CHUNKS = b"0\r\n\r\n" + INNER
HONEST = b"GET /honest HTTP/1.1\r\nHost: shop.example\r\n\r\n"
PLAIN = page(b"x", kind=b"text/plain")


def post(*headers: bytes, body: bytes = CHUNKS, version: bytes = b"1.1", target: bytes = b"/") -> bytes:
    lines = [b"POST %b HTTP/%b" % (target, version), b"Host: shop.example", *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


LENGTH = b"Content-Length: %d" % len(CHUNKS)
TE = b"Transfer-Encoding: chunked"

CASES = {
    # Content-Length against Transfer-Encoding
    "CL.TE": post(b"Content-Length: 5", TE),
    "CL.TE, length of all": post(LENGTH, TE),
    "TE.CL": post(TE, b"Content-Length: 4", body=b"2d\r\n" + INNER[:45] + b"\r\n0\r\n\r\n"),
    "TE.TE": post(TE, TE),
    "TE, identity": post(b"Transfer-Encoding: identity", LENGTH),
    "TE, chunked and identity": post(b"Transfer-Encoding: chunked, identity", LENGTH),
    "TE, identity and chunked": post(b"Transfer-Encoding: identity, chunked", LENGTH),
    "TE, gzip and chunked": post(b"Transfer-Encoding: gzip, chunked", LENGTH),
    "TE, twice in two lines": post(TE, b"Transfer-Encoding: identity", LENGTH),
    "TE, in HTTP/1.0": post(TE, LENGTH, version=b"1.0"),
    "TE, of a GET": b"GET / HTTP/1.1\r\nHost: shop.example\r\n" + TE + b"\r\n" + LENGTH + b"\r\n\r\n" + CHUNKS,
    # Transfer-Encoding that one sees and another does not
    **{
        f"TE, hidden {number}": post(line, LENGTH)
        for number, line in enumerate(
            [
                b"Transfer-Encoding : chunked",
                b"Transfer-Encoding\t: chunked",
                b" Transfer-Encoding: chunked",
                b"Transfer-Encoding:\tchunked",
                b"Transfer-Encoding: \x0bchunked",
                b"Transfer-Encoding: chunked\x00",
                b"Transfer-Encoding: xchunked",
                b"Transfer-Encoding: chunked;q=1",
                b'Transfer-Encoding: "chunked"',
                b"Transfer-Encoding: CHUNKED",
                b"Transfer-Encoding: chunk",
                b"Transfer-Encoding:\r\n chunked",
                b"Transfer_Encoding: chunked",
                b"Transfer-Encoding: chunked,",
                b"Transfer-Encoding: ,chunked",
                b"X: y\nTransfer-Encoding: chunked",
                b"X: y\rTransfer-Encoding: chunked",
                b"\x00Transfer-Encoding: chunked",
                b"Transfer-Encoding\x00: chunked",
                "Transfer-Encoding: chun\u212aed".encode(),
            ]
        )
    },
    # Content-Length that can be read in several ways
    **{
        f"CL, unclear {number}": post(*lines)
        for number, lines in enumerate(
            [
                (LENGTH, b"Content-Length: 5"),
                (b"Content-Length: 5", LENGTH),
                (b"Content-Length: 5, %d" % len(CHUNKS),),
                (b"Content-Length: +5",),
                (b"Content-Length: -5",),
                (b"Content-Length: 0x5",),
                (b"Content-Length: 5 5",),
                (b"Content-Length: 5\x00",),
                (b"Content-Length: ",),
                (b"Content-Length: five",),
                (b"Content-Length : 5",),
                (b"Content-Length: 99999999999999999999",),
                (b"Content-Length: 18446744073709551621",),
                (b"Content-Length:\r\n 5",),
                (b"Content_Length: 5",),
                (b"X: y\nContent-Length: 5",),
            ]
        )
    },
    # chunks
    **{
        f"chunk {number}": post(TE, body=body)
        for number, body in enumerate(
            [
                b"0\n\n" + INNER,
                b"0\r\n\n" + INNER,
                b"FFFFFFFFFFFFFFFFFF\r\n" + INNER,
                b"1\r\nZZ\r\n" + CHUNKS,
                b"1;a\nb\r\nZ\r\n" + CHUNKS,
                b"0x1\r\nZ\r\n" + CHUNKS,
                b"1_0\r\nZ\r\n" + CHUNKS,
                b" 1\r\nZ\r\n" + CHUNKS,
                b"1 \r\nZ\r\n" + CHUNKS,
                b"+1\r\nZ\r\n" + CHUNKS,
                b"-1\r\nZ\r\n" + CHUNKS,
                b"1\r\nZ" + CHUNKS,
                b"\r\n" + CHUNKS,
                b"0\r\nContent-Length: 500\r\n\r\n" + INNER,
                b"0\r\nTransfer-Encoding: chunked\r\nHost: other\r\n\r\n" + INNER,
                b"0\r\n" + INNER + b"\r\n",
            ]
        )
    },
    # heads
    "line break in the target": b"GET /a\rb HTTP/1.1\r\nHost: shop.example\r\n\r\n" + INNER,
    "bare line feeds": b"GET / HTTP/1.1\nHost: shop.example\nX: y\n\n" + INNER,
    "obs-fold": b"GET / HTTP/1.1\r\nHost: shop.example\r\nX: y\r\n\tz\r\n\r\n" + INNER,
    "no colon": b"GET / HTTP/1.1\r\nHost: shop.example\r\nXXX\r\n\r\n" + INNER,
    "HTTP/0.9": b"GET /\r\n\r\n" + INNER,
    "HTTP/1.2": b"GET / HTTP/1.2\r\nHost: shop.example\r\n" + LENGTH + b"\r\n\r\n" + CHUNKS,
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + INNER,
    "h2c": post(b"Upgrade: h2c", b"Connection: Upgrade, HTTP2-Settings", b"HTTP2-Settings: AAMAAABk", LENGTH),
    "websocket with a body": post(b"Upgrade: websocket", b"Connection: Upgrade", LENGTH),
    "CONNECT": b"CONNECT shop.example:443 HTTP/1.1\r\nHost: shop.example\r\n" + LENGTH + b"\r\n\r\n" + CHUNKS,
    "TRACE": b"TRACE / HTTP/1.1\r\nHost: shop.example\r\n" + LENGTH + b"\r\n\r\n" + CHUNKS,
    "HEAD with a body": b"HEAD / HTTP/1.1\r\nHost: shop.example\r\n" + LENGTH + b"\r\n\r\n" + CHUNKS,
    "GET with a body": b"GET / HTTP/1.1\r\nHost: shop.example\r\n" + LENGTH + b"\r\n\r\n" + CHUNKS,
    "Connection names the framing": post(b"Connection: content-length, transfer-encoding", LENGTH),
    "Connection names Host": b"GET / HTTP/1.1\r\nHost: shop.example\r\nConnection: host\r\n\r\n",
    "Expect": post(b"Expect: 100-continue", LENGTH),
    "Expect, and no body": post(b"Expect: 100-continue", LENGTH, body=b""),
    "PROXY protocol from nobody": b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + INNER,
}


@pytest.mark.parametrize("size", [1 << 20, 7])
@pytest.mark.parametrize("case", CASES)
async def test_the_storefront_gets_no_request_that_nobody_sent(case: str, size: int) -> None:
    async with answering(PLAIN) as storefront, open_shop(storefront, storefront={"first_byte": 0.5}) as shop:
        reader, writer = await shop.connect()
        sent = CASES[case] + HONEST
        with contextlib.suppress(ConnectionError):
            for start in range(0, len(sent), size):
                writer.write(sent[start : start + size])
                await writer.drain()
        with contextlib.suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(0.1):
                await reader.read()
        writer.close()
        got = [asked.line.split()[1] for asked in storefront.requests]
    assert b"/smuggled" not in got, got
    assert got.count(b"/honest") <= 1
    for asked in storefront.requests:
        framings = asked.get(b"content-length") + asked.get(b"transfer-encoding")
        assert len(framings) <= 1
        assert asked.get(b"host") == [b"shop.example"]
