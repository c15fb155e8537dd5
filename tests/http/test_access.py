"""How requests are named, and what is logged of them."""

from __future__ import annotations

import re

import pytest
import structlog

from proxy.http.access import request_id
from proxy.http.visit import Fields
from tests.http.shop import answering, open_shop, page, request

PLAIN = page(b"hello", kind=b"text/plain")


@pytest.mark.parametrize(
    "own", [b"a", b"0af7651916cd43dd8448eb211c80319c", b"Root=1-67891233-abcdef012345", b"x" * 128]
)
def test_a_requests_own_id_is_kept(own: bytes) -> None:
    assert request_id(Fields([(b"x-request-id", own)])) == own.decode()


@pytest.mark.parametrize("headers", [[], [b""], [b"x" * 129], [b"a b"], [b'a"b'], ["ä".encode()], [b"a", b"b"]])
def test_what_is_no_id_is_replaced_by_one_of_ours(headers: list[bytes]) -> None:
    fields = Fields([(b"x-request-id", value) for value in headers])
    one, other = request_id(fields), request_id(fields)
    assert one != other
    assert re.fullmatch(r"[0-9a-f]{16}-[0-9a-f]+", one)


async def test_ids_and_traces_reach_the_storefront() -> None:
    trace = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    async with answering(PLAIN) as storefront, open_shop(storefront) as shop:
        await shop.get("/", trace, "tracestate: a=b", "X-Request-ID: seven")
        await shop.get("/")
    first, second = storefront.requests
    assert first.get(b"x-request-id") == [b"seven"]
    assert first.get(b"traceparent") == [trace.partition(": ")[2].encode()]
    assert first.get(b"tracestate") == [b"a=b"]
    assert len(second.get(b"x-request-id")) == 1


async def test_a_failure_shows_the_id_that_the_log_has() -> None:
    with structlog.testing.capture_logs() as logs:
        async with answering(b"nonsense") as storefront, open_shop(storefront) as shop:
            answer = await shop.get("/")
    (line,) = logs
    assert answer.get(b"x-request-id") == [line["request_id"].encode()]


async def test_a_request_is_logged_without_what_is_personal_in_it() -> None:
    tables = {"log": {"access": True}, "listen": {"trusted": ["127.0.0.1/32"]}}
    headers = ("Cookie: name=Smith", "X-Forwarded-For: 203.0.113.77", "Referer: https://x.example/?u=Smith")
    with structlog.testing.capture_logs() as logs:
        async with answering(PLAIN) as storefront, open_shop(storefront, **tables) as shop:
            await shop.get("/a/b?name=Smith", *headers)
            await shop.get("/_consent?name=Smith", *headers)
    first, second = logs
    assert {name: first[name] for name in ("method", "path", "host", "status", "bytes", "whole", "address")} == {
        "method": "GET",
        "path": "/a/b",
        "host": "shop.example",
        "status": 200,
        "bytes": 5,
        "whole": True,
        "address": "203.0.113.0",
    }
    assert first["ms"] >= 0
    assert first["request_id"] == storefront.requests[0].get(b"x-request-id")[0].decode()
    assert second["path"] == "/_consent"
    assert "Smith" not in repr(logs)
    assert "203.0.113.77" not in repr(logs)


async def test_an_answer_that_is_cut_short_is_logged_so() -> None:
    broken = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nhello"
    with structlog.testing.capture_logs() as logs:
        async with answering(broken) as storefront, open_shop(storefront, log={"access": True}) as shop:
            reader, writer = await shop.connect()
            writer.write(request("/"))
            await reader.readuntil(b"hello")
            for one in storefront._writers:
                one.close()
            await reader.read()
            writer.close()
    (line,) = [line for line in logs if line["event"] == "request"]
    assert (line["status"], line["whole"]) == (200, False)
