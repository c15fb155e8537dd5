"""`mode = "observe"` and `rollout`, over real sockets: what leaves as it came, and what is told of it."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import pytest
import structlog
from prometheus_client import REGISTRY

from proxy.model import Category
from tests.http.shop import Answer, Request, answering, consent_cookie, open_shop, page

DOCUMENT = ("Sec-Fetch-Dest: document", "Sec-Fetch-Mode: navigate")
HTML = b'<!doctype html><body><script src="https://www.google-analytics.com/analytics.js"></script>' + b" " * 2000


async def once(answer: bytes, *headers: str, **tables: object) -> tuple[Answer, Request]:
    async with answering(answer) as storefront, open_shop(storefront, **tables) as shop:
        return await shop.get("/private?token=1", *headers), storefront.requests[0]


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


@pytest.fixture
def logs() -> Iterator[list[structlog.typing.EventDict]]:
    with structlog.testing.capture_logs() as lines:
        yield lines  # type: ignore[misc]


@pytest.mark.parametrize("coding", [b"", b"gzip"])
async def test_observed_pages_leave_as_they_came(coding: bytes, logs: list[structlog.typing.EventDict]) -> None:
    before = counted("consentry_observed_tags_total", action="cut")
    body = gzip.compress(HTML) if coding else HTML
    answer = page(body, b'ETag: "a"', b"Set-Cookie: _ga=1", *([b"Content-Encoding: " + coding] if coding else []))
    got, asked = await once(answer, *DOCUMENT, "Cookie: _ga=2", 'If-None-Match: "z"', mode="observe")
    assert (got.body, got.whole) == (body, True)
    assert got.get(b"etag") + got.get(b"set-cookie") == [b'"a"', b"_ga=1"]
    assert asked.get(b"cookie") + asked.get(b"if-none-match") == [b"_ga=2", b'"z"']
    assert asked.get(b"consentry-consent") == []
    assert counted("consentry_observed_tags_total", action="cut") == before + 1
    told = [line for line in logs if line["event"] == "observed"]
    assert [(line["who"], line["would"]) for line in told] == [("google-analytics", "cut")]
    assert "private" not in str(logs)
    assert "token" not in str(logs)


async def test_a_fact_is_told_once(logs: list[structlog.typing.EventDict]) -> None:
    async with answering(page(HTML)) as storefront, open_shop(storefront, mode="observe") as shop:
        for _ in range(3):
            assert (await shop.get("/", *DOCUMENT)).body == HTML
    assert len([line for line in logs if line["event"] == "observed"]) == 1


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (page(HTML, b"Content-Encoding: compress"), "coding"),
        (page(b"\x1f\x8b broken" + HTML, b"Content-Encoding: gzip"), "coding"),
        (page(HTML, kind=b"text/html; charset=utf-7"), "charset"),
        (page(b"<a " + b"x" * (5 << 20)), "rewriter"),
    ],
)
async def test_what_could_not_be_cut_goes_through_and_is_counted(answer: bytes, reason: str) -> None:
    before = counted("consentry_observed_refusals_total", reason=reason)
    got, _ = await once(answer, *DOCUMENT, mode="observe")
    assert (got.status, got.whole) == (200, True)
    assert got.body == answer.partition(b"\r\n\r\n")[2]
    assert counted("consentry_observed_refusals_total", reason=reason) == before + 1


async def test_outside_the_rollout_pages_leave_as_they_came_but_for_caches() -> None:
    answer = page(HTML, b'ETag: "a"', b"Cache-Control: public, max-age=600")
    got, asked = await once(answer, *DOCUMENT, rollout=0)
    assert got.body == HTML
    assert got.get(b"cache-control") == [b"public, max-age=600"]
    assert asked.get(b"consentry-consent") == []
    got, _ = await once(answer, *DOCUMENT, rollout=0.01)
    assert got.body == HTML
    assert got.get(b"cache-control") == [b"private, no-cache"]
    assert got.get(b"etag") == [b'"a"']


async def test_who_has_chosen_is_in_whatever_the_rollout() -> None:
    answer = page(HTML, b'ETag: "a"')
    got, asked = await once(answer, *DOCUMENT, consent_cookie(Category.SOCIAL), rollout=0)
    assert b"google-analytics.com" not in got.body
    assert asked.get(b"consentry-consent")


async def test_who_comes_in_never_gets_a_304_for_the_uncut_page() -> None:
    def answer(request: Request) -> bytes:
        return b'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n' if request.get(b"if-none-match") else page(HTML)

    async with answering(answer) as storefront, open_shop(storefront, rollout=0) as shop:
        out = await shop.get("/", *DOCUMENT, 'If-None-Match: "a"')
        assert out.status == 304
        came_in = await shop.get("/", *DOCUMENT, 'If-None-Match: "a"', consent_cookie(Category.SOCIAL))
        assert (came_in.status, b"google-analytics.com" in came_in.body) == (200, False)
