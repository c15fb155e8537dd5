from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest

from proxy.catalogue.match import Destination
from proxy.decide import Grounds, decide_all
from proxy.html.page import Page
from proxy.minimise import file_request
from proxy.model import Category
from proxy.relay import scripts
from proxy.relay.failures import Failure, VendorDown
from proxy.relay.scripts import FRESHEST, PAUSE, Files, Made
from proxy.relay.signals import Chosen
from proxy.relay.vendor_hop import VendorHop
from proxy.settings.schema import VendorsSettings
from tests.relay.gateway import Gateway, Seen, http, until
from tests.relay.vendors import ORIGIN, a_vendor, a_visit, used

TRACKER = a_vendor()
USE = used(TRACKER)
VISIT = a_visit("/", "analytics")
CHOSEN = Chosen(frozenset({Category.ANALYTICS}))
PAGE = Page(
    origin=ORIGIN,
    url=ORIGIN + "/",
    use=USE,
    decisions=decide_all(USE.vendors.values(), Grounds(VISIT.standing, VISIT.law)),
)


@dataclass
class Fetching:
    """Files before a gateway, with a clock that only the test moves."""

    gateway: Gateway
    files: Files
    now: float = 0.0
    chosen: Chosen = CHOSEN

    async def get(self, target: str = "/tag.js", destination: Destination = Destination.SCRIPT) -> Made:
        outgoing = file_request(target.encode(), None)
        return await self.files.get(TRACKER, destination, "tracker.example", outgoing, PAGE, self.chosen, private=False)

    async def content(self) -> bytes:
        return (await self.get()).content

    @property
    def asked(self) -> int:
        return len(self.gateway.seen)


@pytest.fixture
async def fetching() -> AsyncIterator[Fetching]:
    async with Gateway().listening() as gateway:
        hop = VendorHop(VendorsSettings(gateway=gateway.url))
        fetching = Fetching(gateway, Files(hop, lambda: fetching.now))
        yield fetching
        await hop.aclose()


def a_script(body: bytes = b"one();", status: int = 200, **headers: str) -> bytes:
    return http(status, body, **{"Content_Type": "text/javascript"} | headers)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Cache_Control": "max-age=600"}, 600),
        ({"Cache_Control": "public, Max-Age=600, s-maxage=60"}, 60),
        ({"Cache_Control": "private, max-age=900"}, 900),
        ({"Cache_Control": "max-age=600", "Age": "500"}, 100),
        ({"Cache_Control": "max-age=31536000, immutable"}, FRESHEST),
        ({"Date": "Sun, 22 Nov 2026 12:00:00 GMT", "Expires": "Sun, 22 Nov 2026 12:05:00 GMT"}, 300),
        ({"Cache_Control": 'max-age="60"'}, 60),
    ],
)
async def test_a_copy_is_kept_as_long_as_the_vendor_allows(
    fetching: Fetching, headers: dict[str, str], seconds: float
) -> None:
    fetching.gateway.answer = a_script(**headers)
    await fetching.get()
    fetching.now = seconds - 1
    await fetching.get()
    assert fetching.asked == 1
    fetching.now = seconds + 1
    await fetching.get()
    assert fetching.asked == 2


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Cache_Control": "no-store"},
        {"Cache_Control": "no-cache, max-age=600"},
        {"Cache_Control": "max-age=0"},
        {"Cache_Control": "max-age=nonsense"},
        {"Date": "Sun, 22 Nov 2026 12:00:00 GMT", "Expires": "0"},
        {"Date": "Sun, 22 Nov 2026 12:00:00 GMT", "Expires": "Sun, 22 Nov 2026 11:00:00 GMT"},
    ],
)
async def test_otherwise_it_is_asked_for_again(fetching: Fetching, headers: dict[str, str]) -> None:
    fetching.gateway.answer = a_script(**headers)
    await fetching.get()
    await fetching.get()
    assert fetching.asked == 2


async def test_a_copy_is_revalidated_by_what_the_vendor_gave(fetching: Fetching) -> None:
    fetching.gateway.answer = a_script(ETag='"v1"', Last_Modified="Sun, 22 Nov 2026 12:00:00 GMT")
    first = await fetching.get()
    fetching.gateway.answer = http(304, Cache_Control="max-age=60")
    assert await fetching.get() == first
    assert fetching.gateway.seen[1].header("if-none-match") == '"v1"'
    assert fetching.gateway.seen[1].header("if-modified-since") == "Sun, 22 Nov 2026 12:00:00 GMT"
    await fetching.get()
    assert fetching.asked == 2
    fetching.now = 61
    fetching.gateway.answer = a_script(b"two();")
    assert await fetching.content() == b"two();"


async def test_what_may_not_be_stored_is_not_revalidated_either(fetching: Fetching) -> None:
    fetching.gateway.answer = a_script(ETag='"v1"', Cache_Control="no-store")
    await fetching.get()
    await fetching.get()
    assert fetching.gateway.seen[1].header("if-none-match") is None


async def test_all_who_wait_get_one_fetch(fetching: Fetching) -> None:
    go = asyncio.Event()

    async def slow(_: Seen, writer: asyncio.StreamWriter) -> None:
        await go.wait()
        writer.write(a_script(Cache_Control="max-age=60"))
        await writer.drain()

    fetching.gateway.answer = slow
    waiting = [asyncio.create_task(fetching.content()) for _ in range(5)]
    await until(lambda: fetching.asked)
    waiting[0].cancel()
    go.set()
    assert await asyncio.gather(*waiting[1:]) == [b"one();"] * 4
    assert fetching.asked == 1


async def test_where_a_vendor_fails_the_last_copy_serves_and_nobody_waits_again(fetching: Fetching) -> None:
    fetching.gateway.answer = a_script()
    await fetching.get()
    fetching.gateway.answer = http(500, b"oops", Content_Type="text/html")
    assert await fetching.content() == b"one();"
    assert await fetching.content() == b"one();"
    assert fetching.asked == 2
    fetching.now = PAUSE + 1
    fetching.gateway.answer = a_script(b"two();")
    assert await fetching.content() == b"two();"


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (a_script(status=404), Failure.STATUS),
        (http(302, b"", Location="https://evil.example/"), Failure.REDIRECT),
        (http(304), Failure.REDIRECT),
        (http(200, b"<html>", Content_Type="text/html"), Failure.TYPE),
        (http(200, b"one();"), Failure.TYPE),
        (http(206, b"one();", Content_Type="text/javascript"), Failure.STATUS),
    ],
)
async def test_what_is_no_script_is_not_passed_on(fetching: Fetching, answer: bytes, failure: Failure) -> None:
    fetching.gateway.answer = answer
    for _ in range(2):
        with pytest.raises(VendorDown) as down:
            await fetching.get()
        assert down.value.failure is failure
    assert fetching.asked == 1


async def test_a_late_answer_serves_the_next_visitor(fetching: Fetching, monkeypatch: pytest.MonkeyPatch) -> None:
    go = asyncio.Event()

    async def slow(_: Seen, writer: asyncio.StreamWriter) -> None:
        await go.wait()
        writer.write(a_script(Cache_Control="max-age=60"))
        await writer.drain()

    fetching.gateway.answer = slow
    monkeypatch.setattr(scripts, "DEADLINE", {Destination.SCRIPT: 0.02})
    with pytest.raises(VendorDown) as down:
        await fetching.get()
    assert down.value.failure is Failure.TIMEOUT
    go.set()
    monkeypatch.undo()
    assert await fetching.content() == b"one();"
    assert fetching.asked == 1


async def test_a_script_larger_than_allowed_is_not_passed_on(
    fetching: Fetching, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scripts, "LARGEST", {Destination.SCRIPT: 5})
    fetching.gateway.answer = a_script()
    with pytest.raises(VendorDown) as down:
        await fetching.get()
    assert down.value.failure is Failure.TOO_LARGE


@pytest.mark.parametrize(
    ("source", "left"),
    [
        (b"a();\n//# sourceMappingURL=a.js.map\n", b"a();\n"),
        (b"a();\r\n//@ sourceMappingURL=data:x", b"a();\r"),
        (b"//# sourceMappingURL=a.js.map", b""),
        (b"x='\\\n//# sourceMappingURL=a';\nb();", b"x='\\\n//# sourceMappingURL=a';\nb();"),
    ],
)
async def test_the_line_that_names_a_source_map_is_dropped(fetching: Fetching, source: bytes, left: bytes) -> None:
    fetching.gateway.answer = a_script(source)
    assert (await fetching.content()).rstrip() == left.rstrip()


async def test_the_tag_tells_both_the_script_and_what_is_granted(fetching: Fetching) -> None:
    fetching.gateway.answer = a_script()
    first = (await fetching.get()).etag
    denied = decide_all(USE.vendors.values(), Grounds())
    outgoing = file_request(b"/tag.js", None)
    page = replace(PAGE, decisions=denied)
    other = await fetching.files.get(
        TRACKER, Destination.SCRIPT, "tracker.example", outgoing, page, CHOSEN, private=False
    )
    assert first != other.etag
    assert first == (await fetching.get()).etag
