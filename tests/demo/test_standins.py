"""The stand-ins record every byte as it came, answer as the vendors do, and end at once."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl

import httpx
import pytest

from proxy.demo.answers import GIF, answer
from proxy.demo.standins import REMEMBERED, StandIns, server_name


async def _spoken(url: str, *sent: bytes, closing: bool = True) -> bytes:
    """What comes back for these bytes, sent one after the other."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    for piece in sent:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0)
    if closing:
        writer.write_eof()
    came = await reader.read()
    writer.close()
    return came


BEACON = (
    b"POST /g/collect?v=2&tid=G-1 HTTP/1.1\r\nhost: www.google-analytics.com\r\nX-Forwarded-For:   203.0.113.0 \r\n"
    b"Content-Length: 9\r\n\r\nen=scroll"
)
CHUNKED = (
    b"POST /g/collect HTTP/1.1\r\nHost: region1.google-analytics.com:80\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"4;x=1\r\nen=p\r\n7\r\nage&a=b\r\n0\r\nTrailer: yes\r\n\r\n"
)


@pytest.mark.parametrize("size", [1, 7, 10_000])
async def test_requests_are_recorded_to_the_byte_however_they_arrive(size: int) -> None:
    both = BEACON + CHUNKED
    async with StandIns().listening() as standins:
        came = await _spoken(standins.url, *(both[at : at + size] for at in range(0, len(both), size)))
    assert [one.raw for one in standins.received] == [BEACON, CHUNKED]
    assert [one.host for one in standins.received] == ["www.google-analytics.com", "region1.google-analytics.com"]
    assert [one.body for one in standins.received] == [b"en=scroll", b"en=page&a=b"]
    assert standins.received[0].header("x-forwarded-for") == "203.0.113.0"
    assert standins.received[0].target == "/g/collect?v=2&tid=G-1"
    assert came.count(b"HTTP/1.1 204 No Content\r\n") == 2


async def test_a_tls_greeting_is_a_contact() -> None:
    outgoing = ssl.MemoryBIO()
    context = ssl.create_default_context()
    tls = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="www.youtube.com")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    greeting = outgoing.read()
    async with StandIns().listening() as standins:
        assert await _spoken(standins.url, greeting) == b""
    (one,) = standins.received
    assert (one.host, one.raw, one.greeting) == ("www.youtube.com", greeting, True)


@pytest.mark.parametrize("record", [b"", b"\x16\x03\x01\x00\x02\x01\x00", b"\x16" + bytes(200)])
def test_a_greeting_that_names_nobody_has_no_name(record: bytes) -> None:
    assert server_name(record) == ""


@pytest.mark.parametrize(
    "sent", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a.example\r\nContent-Length: x\r\n\r\n"]
)
async def test_what_is_no_request_ends_the_connection(sent: bytes) -> None:
    async with StandIns().listening() as standins:
        assert await _spoken(standins.url, sent) == b""
        assert await _spoken(standins.url, BEACON) != b""


async def test_it_tells_what_it_received_and_forgets_it_when_asked() -> None:
    async with StandIns().listening() as standins, httpx.AsyncClient(base_url=standins.url) as client:
        await client.get("/tr?id=1", headers={"Host": "www.facebook.com"})
        (told,) = json.loads((await client.get("/__received")).text)
        assert (told["host"], told["method"], told["target"]) == ("www.facebook.com", "GET", "/tr?id=1")
        assert base64.b64decode(told["raw"]) == standins.received[0].raw
        assert (await client.post("/__forget")).status_code == 204
        assert (await client.get("/__received")).json() == []
        assert (await client.get("/other")).status_code == 404


async def test_watchers_hear_of_each_request_while_they_watch() -> None:
    heard: list[str] = []
    async with StandIns().listening() as standins:
        with standins.watched(lambda one: heard.append(one.method)):
            await _spoken(standins.url, BEACON)
        await _spoken(standins.url, BEACON)
    assert heard == ["POST"]


def test_memory_is_bounded() -> None:
    assert StandIns().received.maxlen == REMEMBERED


async def test_open_connections_do_not_keep_it_from_ending() -> None:
    async with StandIns().listening() as standins:
        heard = asyncio.Event()
        with standins.watched(lambda _: heard.set()):
            idle = asyncio.create_task(_spoken(standins.url, BEACON, closing=False))
            await heard.wait()
    assert b"204 No Content" in await idle


@pytest.mark.parametrize(
    ("host", "target", "says"),
    [
        ("www.googletagmanager.com", "/gtag/js?id=G-1", b"https://www.google-analytics.com/g/collect?v=2"),
        ("www.googletagmanager.com", "/gtm.js?id=GTM-1", b"//bat.bing.com/bat.js"),
        ("connect.facebook.net", "/en_US/fbevents.js", b"https://www.facebook.com/tr/?"),
        ("static.ads-twitter.com", "/uwt.js", b"https://t.co/i/adsct"),
        ("vk.com", "/js/api/openapi.js?169", b"https://vk.com/rtrg?"),
        ("www.facebook.com", "/tr?id=1&noscript=1", GIF),
        ("fonts.googleapis.com", "/css2?family=Morgen+Ornament", b"https://fonts.gstatic.com/s/"),
        ("fonts.gstatic.com", "/s/morgenornament/v1/ornament.woff", b"wOFF"),
        ("www.youtube.com", "/embed/x", b"stand-in for YouTube"),
    ],
)
def test_vendors_answer_as_they_do(host: str, target: str, says: bytes) -> None:
    reply = answer(host, target)
    assert reply.status == 200
    assert says in reply.body


def test_the_pixel_is_the_usual_one() -> None:
    assert len(GIF) == 43


@pytest.mark.parametrize("host", ["www.google-analytics.com", "www.facebook.com", "vk.com"])
def test_vendors_try_to_set_their_cookies(host: str) -> None:
    target = {"vk.com": "/rtrg", "www.facebook.com": "/tr"}.get(host, "/g/collect")
    assert any(name == "Set-Cookie" and "SameSite=None" in value for name, value in answer(host, target).headers)


def test_nobody_answers_for_strangers() -> None:
    assert answer("notvk.com", "/rtrg").status == 404


def test_only_scripts_turn_hostile_and_only_when_asked() -> None:
    assert b"window.hostile" in answer("static.ads-twitter.com", "/uwt.js", hostile=True).body
    assert b"window.hostile" not in answer("static.ads-twitter.com", "/uwt.js").body
    assert answer("t.co", "/i/adsct", hostile=True).body == GIF
