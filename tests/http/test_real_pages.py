"""Real pages through the whole way: what leaves is what the rewriter alone makes of them, in any coding and pieces."""

from __future__ import annotations

import asyncio
import gzip
import random
from pathlib import Path

import pytest

from proxy.decide import Grounds, decide_all
from proxy.html.page import Page
from proxy.html.rewrite import Rewriter
from tests.http.shop import SITE, Storefront, in_development, open_shop, read_request
from tests.places import real_pages


def alone(body: bytes) -> bytes:
    use = in_development()
    decisions = decide_all(use.vendors.values(), Grounds())
    first_party = frozenset({"shop.example", "127.0.0.1"})
    rewriter = Rewriter(Page(SITE, f"{SITE}/", use, decisions, first_party))
    return rewriter.feed(body) + rewriter.close()


@pytest.fixture(params=real_pages(), ids=lambda path: path.stem)
def body(request: pytest.FixtureRequest) -> bytes:
    path: Path = request.param
    return path.read_bytes()


async def test_a_real_page_goes_through(body: bytes) -> None:
    coded = gzip.compress(body, compresslevel=1)
    dice = random.Random(len(body))

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Encoding: gzip\r\n")
        writer.write(b"Transfer-Encoding: chunked\r\n\r\n")
        start = 0
        while start < len(coded):
            piece = coded[start : start + dice.randint(1, 40_000)]
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            await writer.drain()
            await asyncio.sleep(0)
            start += len(piece)
        writer.write(b"0\r\n\r\n")

    async with Storefront(script) as storefront, open_shop(storefront) as shop:
        got = await shop.get("/", "Sec-Fetch-Dest: empty", "Accept-Encoding: gzip")
        assert (got.status, got.whole) == (200, True)
        assert gzip.decompress(got.body) == alone(body)
