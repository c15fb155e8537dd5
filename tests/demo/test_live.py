"""The live page and the terminal say what the received bytes say, and no more."""

from __future__ import annotations

import asyncio
import io
import json
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from rich.console import Console

from proxy.catalogue.load import load_only
from proxy.catalogue.use import InUse, in_use
from proxy.demo.live import Watch, in_the_terminal, live_app
from proxy.demo.seen import SAMPLE_ADDRESS, seen
from proxy.demo.standins import Received, StandIns
from proxy.settings import load_settings
from tests.places import ROOT

SHOWN = ("google-analytics", "meta-pixel", "x", "youtube")

HIT = Received(
    1_795_000_000.0,
    "127.0.0.1",
    b"POST /g/collect?v=2&dl=http%3A%2F%2Fshop HTTP/1.1\r\nHost: www.google-analytics.com\r\n"
    b"X-Forwarded-For: 203.0.113.0\r\nUser-Agent: M\r\n\r\n",
    "www.google-analytics.com",
    "POST",
    "/g/collect?v=2&dl=http%3A%2F%2Fshop",
    (("Host", "www.google-analytics.com"), ("X-Forwarded-For", "203.0.113.0"), ("User-Agent", "M")),
    b"",
)
LEAK = replace(
    HIT,
    host="t.co",
    target="/i/adsct?ip=203%2E0.113.77",
    raw=b"GET /i/adsct?ip=203%2E0.113.77 HTTP/1.1\r\nHost: t.co\r\nCookie: a=b\r\nReferer: http://shop/?q=1\r\n\r\n",
    headers=(("Host", "t.co"), ("Cookie", "a=b"), ("Referer", "http://shop/?q=1")),
)
GREETING = replace(HIT, host="www.youtube.com", method="", target="", headers=(), raw=b"\x16\x03", greeting=True)


@pytest.fixture(scope="module")
def use(tmp_path_factory: pytest.TempPathFactory) -> InUse:
    folder: Path = tmp_path_factory.mktemp("vendors")
    for key in SHOWN:
        (folder / f"{key}.toml").write_bytes((ROOT / "vendors" / f"{key}.toml").read_bytes())
    return in_use(load_only([folder]), load_settings(None, dev=True, environ={}, needs_storefront=False))


@pytest.fixture
def watch(use: InUse) -> Watch:
    return Watch(StandIns(), use, SHOWN, "http://shop.test:8000", asyncio.Event())


def test_a_vendor_that_received_nothing_is_shown_too(use: InUse) -> None:
    rows = seen([HIT], use, SHOWN)
    assert [(row.key, row.count) for row in rows] == [
        ("google-analytics", 1),
        ("meta-pixel", 0),
        ("x", 0),
        ("youtube", 0),
    ]


def test_a_shortened_address_is_told_from_the_whole_one(use: InUse) -> None:
    rows = {row.key: row for row in seen([HIT, LEAK, GREETING], use, ())}
    assert rows["google-analytics"].address == "203.0.113.0"
    assert "your full address" in rows["google-analytics"].spared
    assert rows["x"].address == SAMPLE_ADDRESS
    assert "your full address" in rows["x"].held
    assert rows["youtube"].address.startswith("whole")
    assert rows["youtube"].spared == ()


def test_an_address_that_only_begins_like_ours_is_not_ours(use: InUse) -> None:
    (row,) = seen([replace(LEAK, raw=b"GET /?a=203.0.113.770 HTTP/1.1\r\nHost: t.co\r\n\r\n")], use, ())
    assert row.address == "none"


def test_each_request_counts_for_what_it_held(use: InUse) -> None:
    (row,) = seen([replace(LEAK, headers=(), raw=b""), LEAK], use, ())
    assert set(row.held) == {"your full address", "cookies", "the query of the page's address", "the page you are on"}
    assert {"your languages", "client hints", "your browser's name", "your screen's size"} <= set(row.spared)


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("ul=en-us", "your languages"),
        ("sr=1920x1080", "your screen's size"),
        ("fbp=fb.1.2.3", "a number to know your browser by"),
        ("dl=http%3A%2F%2Fshop%2F", "the page you are on"),
        ("dl=http%3A%2F%2Fshop%2F%3Fq%3Dtea", "the query of the page's address"),
    ],
)
@pytest.mark.parametrize("in_body", [False, True])
def test_fields_count_as_headers_do(use: InUse, field: str, said: str, in_body: bool) -> None:
    bare = replace(HIT, target="/g/collect", headers=())
    hit = replace(bare, body=field.encode()) if in_body else replace(bare, target=f"/g/collect?{field}")
    assert said in seen([bare], use, ())[0].spared
    assert said in seen([hit], use, ())[0].held


def test_what_no_file_describes_is_unknown(use: InUse) -> None:
    (row,) = seen([replace(HIT, host="nobody.example")], use, ())
    assert (row.key, row.name) == (None, "Unknown third parties")


async def test_the_page_shows_the_request_and_escapes_it(watch: Watch) -> None:
    watch.standins.take(replace(HIT, target="/g/collect?<script>", raw=HIT.raw + b"<img>\xff"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(live_app(watch)), base_url="http://live") as client:
        page = await client.get("/")
        style = await client.get("/static/live.css")
    assert (page.status_code, style.status_code) == (200, 200)
    assert "POST www.google-analytics.com/g/collect?&lt;script&gt;" in page.text
    assert "&lt;img&gt;\\xff" in page.text
    assert "<dd><code>203.0.113.0</code></dd>" in page.text
    assert '<noscript><meta http-equiv="refresh"' in page.text
    assert SAMPLE_ADDRESS in page.text


async def test_forgetting_empties_the_page(watch: Watch) -> None:
    watch.standins.take(HIT)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(live_app(watch)), base_url="http://live") as client:
        assert (await client.post("/forget")).status_code == 303
        assert "nobody has learned of your visit" in (await client.get("/")).text


async def test_events_tell_of_each_change_and_end_with_the_demo(watch: Watch) -> None:
    async def looked_on() -> list[int]:
        counts = []
        async for _ in watch.changes():
            counts.append(len(watch.standins.received))
            if watch.standins.received:
                watch.ended.set()
            watch.standins.take(HIT)
        return counts

    assert await looked_on() == [0, 1]


async def test_the_event_stream_carries_the_rows(watch: Watch) -> None:
    watch.standins.take(HIT)
    app = live_app(watch)
    sent: list[bytes] = []

    async def receive() -> dict[str, object]:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: dict[str, object]) -> None:
        body = message.get("body")
        if isinstance(body, bytes) and body:
            sent.append(body)
            watch.ended.set()

    scope = {"type": "http", "method": "GET", "path": "/events", "raw_path": b"/events", "query_string": b""}
    await app(scope | {"headers": [], "asgi": {"spec_version": "2.3"}, "http_version": "1.1"}, receive, send)
    (event,) = sent
    assert event.startswith(b"data: ")
    assert event.endswith(b"\n\n")
    assert "www.google-analytics.com" in json.loads(event.removeprefix(b"data: "))


async def test_without_a_terminal_each_request_is_a_line(watch: Watch) -> None:
    text = io.StringIO()
    with in_the_terminal(Console(file=text, width=40), watch):
        watch.standins.take(HIT)
    assert text.getvalue().count("\n") == 1
    assert "Google Analytics  POST www.google-analytics.com/g/collect  address seen: 203.0.113.0" in text.getvalue()


@pytest.mark.parametrize(("width", "needs"), [(80, False), (120, True)])
async def test_in_a_terminal_there_is_one_table(watch: Watch, width: int, needs: bool) -> None:
    text = io.StringIO()
    with in_the_terminal(Console(file=text, force_terminal=True, width=width), watch):
        watch.standins.take(HIT)
        watch.standins.take(LEAK)
        async for _ in watch.changes():
            if SAMPLE_ADDRESS in text.getvalue():
                break
            watch.standins.take(HIT)
    assert "What each vendor received" in text.getvalue()
    assert "POST www.google-a" in text.getvalue()
    assert ("analytics" in text.getvalue().replace("google-analytics", "")) == needs
