from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from typing import Any

import pytest

from proxy.html.stub import stub
from proxy.model import Reach
from proxy.relay import routes, scripts
from proxy.relay.answers import EMPTY_PICTURE
from proxy.settings import Settings
from tests.relay.gateway import Seen, http, until
from tests.relay.served import Served, serving
from tests.relay.vendors import ORIGIN, a_vendor

TRACKER = a_vendor()
ADS = a_vendor("ads", "ads.example", categories=("advertising",))
DIRECT = a_vendor("direct", "direct.example", reach=Reach.SERVER)
CHAT = a_vendor("chat", "chat.example", categories=("marketing",))

TAG = "tracker/tracker.example/tag.js"
PIXEL = "tracker/tracker.example/pixel"
COLLECT = "tracker/tracker.example/collect"


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving(TRACKER, ADS, DIRECT, CHAT) as served:
        yield served


async def test_a_pixel_is_passed_on_and_its_answer_built_anew(served: Served) -> None:
    served.gateway.answer = http(
        200,
        b"GIF89a...",
        Content_Type="image/gif",
        Set_Cookie="_tracked=1; Domain=.tracker.example; Max-Age=60",
        Link="<https://evil.example/x.js>; rel=preload",
        Refresh="0;url=https://evil.example",
        Clear_Site_Data='"*"',
        Content_Security_Policy="script-src *",
        Service_Worker_Allowed="/",
        Access_Control_Allow_Origin="*",
        Server="tracker",
        ETag='"visitor-17"',
        Cache_Control="public, max-age=99999",
    )
    answered = await served.ask(f"{PIXEL}?x=%7e1", dest="image", Cookie="session=secret", Authorization="Basic x")
    assert (answered.status, answered.body, answered.whole) == (200, b"GIF89a...", True)
    assert {name for name, _ in answered.headers} - {"date", "connection", "transfer-encoding", "server"} == {
        "content-type",
        "cache-control",
        "set-cookie",
        "x-content-type-options",
        "content-security-policy",
        "cross-origin-resource-policy",
        "referrer-policy",
        "x-robots-tag",
    }
    assert answered.header("set-cookie") == "_tracked=1; Path=/; Max-Age=60; SameSite=Lax; Secure"
    assert answered.header("cache-control") == "private, no-store"
    assert answered.header("x-content-type-options") == "nosniff"
    assert "sandbox" in (answered.header("content-security-policy") or "")
    (seen,) = served.gateway.seen
    assert (seen.method, seen.target) == ("GET", "/pixel?x=%7e1")
    assert seen.headers == [("host", "tracker.example"), ("accept", "*/*"), ("x-forwarded-for", "198.51.100.0")]


async def test_a_beacon_is_passed_on(served: Served) -> None:
    served.gateway.answer = http(200, b'{"ok":1}', Content_Type="application/json")
    headers = {"Content_Type": "text/plain;charset=UTF-8", "Origin": ORIGIN, "Referer": f"{ORIGIN}/cart?x=1"}
    answered = await served.ask(f"{COLLECT}?v=2", "POST", b"en=view", "empty", User_Agent="UA", **headers)
    assert (answered.status, answered.body) == (200, b'{"ok":1}')
    assert answered.header("content-type") == "application/json"
    (seen,) = served.gateway.seen
    assert (seen.method, seen.target, seen.body) == ("POST", "/collect?v=2", b"en=view")
    assert dict(seen.headers) == {
        "host": "tracker.example",
        "user-agent": "UA",
        "accept": "*/*",
        "content-type": "text/plain; charset=UTF-8",
        "origin": ORIGIN,
        "referer": f"{ORIGIN}/cart",
        "x-forwarded-for": "198.51.100.0",
        "content-length": "7",
    }


@pytest.mark.parametrize("said", ["text/html", "application/javascript", "image/svg+xml", "application/xhtml+xml"])
async def test_a_beacons_answer_is_never_a_page_or_a_script(served: Served, said: str) -> None:
    served.gateway.answer = http(200, b"<script>alert(1)</script>", Content_Type=said)
    answered = await served.ask(COLLECT, dest="empty")
    assert answered.header("content-type") == "application/octet-stream"
    assert answered.header("content-disposition") == "attachment"
    assert answered.header("x-content-type-options") == "nosniff"


@pytest.mark.parametrize("said", ["text/html", "image/svg+xml", "application/javascript", ""])
async def test_a_picture_that_is_none_becomes_an_empty_one(served: Served, said: str) -> None:
    served.gateway.answer = http(200, b"<script>alert(1)</script>", Content_Type=said)
    answered = await served.ask(PIXEL, dest="image")
    assert (answered.status, answered.header("content-type"), answered.body) == (200, "image/gif", EMPTY_PICTURE)


async def test_no_redirect_leaves(served: Served) -> None:
    served.gateway.answer = http(302, b"", Location="https://evil.example/", Set_Cookie="_tracked=1")
    pixel = await served.ask(PIXEL, dest="image")
    assert (pixel.status, pixel.body, pixel.header("location")) == (200, EMPTY_PICTURE, None)
    assert pixel.header("set-cookie") == "_tracked=1; Path=/; SameSite=Lax; Secure"
    beacon = await served.ask(COLLECT, dest="empty")
    assert (beacon.status, beacon.body, beacon.header("location")) == (204, b"", None)
    tag = await served.ask(TAG, dest="script")
    assert (tag.status, tag.body, tag.header("location")) == (502, b"", None)


@pytest.mark.parametrize("status", [400, 404, 500, 503])
async def test_a_vendor_that_fails_does_not_break_the_page(served: Served, status: int) -> None:
    served.gateway.answer = http(status, b"<h1>oops</h1>", Content_Type="text/html")
    assert (await served.ask(TAG, dest="script")).body == stub(TRACKER)
    assert (await served.ask(PIXEL, dest="image")).body == EMPTY_PICTURE
    assert (await served.ask(COLLECT, dest="empty")).status == 204
    assert (await served.ask("tracker/tracker.example/css", dest="style")).body == b""
    font = await served.ask("tracker/tracker.example/font", dest="font")
    assert (font.status, font.body) == (502, b"")


async def test_a_vendor_that_is_silent_costs_the_page_no_more_than_the_deadline(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(_: Seen, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    served.gateway.answer = silent
    monkeypatch.setattr(routes, "DEADLINE", 0.05)
    monkeypatch.setattr(scripts, "DEADLINE", dict.fromkeys(scripts.DEADLINE, 0.05))
    tag = await served.ask(TAG, dest="script")
    assert (tag.status, tag.header("content-type"), tag.body) == (200, "text/javascript; charset=utf-8", stub(TRACKER))
    assert (await served.ask(PIXEL, dest="image")).body == EMPTY_PICTURE
    assert (await served.ask(COLLECT, "POST", b"x", "empty")).status == 204


async def test_a_beacon_whose_answer_trickles_is_not_waited_for(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def trickling(_: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\nslow")
        await asyncio.Event().wait()

    served.gateway.answer = trickling
    monkeypatch.setattr(routes, "DEADLINE", 0.05)
    answered = await served.ask(COLLECT, dest="empty")
    assert (answered.status, answered.body) == (204, b"")


async def test_a_visitor_who_leaves_in_the_middle_of_a_body_sends_nothing(served: Served) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", served.port)
    head = f"POST /_consent/v/{COLLECT} HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 9\r\n\r\n"
    writer.write(head.encode() + b"half")
    await writer.drain()
    writer.close()
    await served.ask(PIXEL, dest="image")
    assert [seen.target for seen in served.gateway.seen] == ["/pixel"]


async def test_a_large_beacon_is_cleaned_and_sent_too(served: Served) -> None:
    body = b"x=" + b"a" * routes.LARGE_BODY + b"&uip=198.51.100.173"
    await served.ask(COLLECT, "POST", body, "empty", Content_Type="application/x-www-form-urlencoded")
    assert served.gateway.seen[0].body == body.replace(b".173", b".0")


async def test_a_failure_is_logged_once_a_minute_without_anything_of_the_request(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    served.gateway.answer = http(500)
    for _ in range(3):
        await served.ask(f"{TAG}?secret=1", dest="script")
    assert [record.getMessage() for record in caplog.records] == ["relay to tracker failed: status"]


async def test_an_answer_that_breaks_off_does_not_look_whole(served: Served) -> None:
    async def short(_: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 100000\r\n\r\n" + b"a" * 70_000)
        await writer.drain()
        raise ConnectionResetError

    served.gateway.answer = short
    answered = await served.ask(PIXEL, dest="image")
    assert answered.status == 200
    assert not answered.whole


async def test_what_was_not_granted_sends_nothing(served: Served) -> None:
    for granted, denied in (((), "tracker"), ((), "ads"), (("advertising",), "tracker"), (("analytics",), "ads")):
        served.granted = granted
        for path, dest in ((TAG, "script"), (PIXEL, "image"), (COLLECT, "empty")):
            for method in ("GET", "POST"):
                answered = await served.ask(path.replace("tracker", denied), method, dest=dest)
                assert (answered.status, answered.body) == (403, b"")
    assert served.gateway.connections == 0


REFUSED: list[tuple[str, dict[str, Any], int]] = [
    (TAG.replace("tracker/", "unknown/", 1), {"dest": "script"}, 403),
    (TAG.replace("tracker/tracker", "direct/direct"), {"dest": "script"}, 403),
    (TAG.replace("tracker/tracker", "tracker/ads"), {"dest": "script"}, 403),
    ("tracker/127.0.0.1/tag.js", {"dest": "script"}, 404),
    ("tracker/tracker.example:22/tag.js", {"dest": "script"}, 404),
    ("tracker/tracker.example/tag.js/../evil", {"dest": "script"}, 404),
    ("tracker/tracker.example/tag.js/%2e%2e/evil", {"dest": "script"}, 404),
    ("tracker/tracker.example/evil.js", {"dest": "script"}, 403),
    (f"{TAG}?callback=alert", {"dest": "script"}, 403),
    (PIXEL, {"dest": "document"}, 403),
    (PIXEL, {"dest": "iframe"}, 403),
    (PIXEL, {"dest": "object"}, 403),
    (TAG, {"dest": "serviceworker"}, 403),
    (TAG, {"dest": "worker"}, 403),
    (PIXEL, {"dest": "image", "Sec_Fetch_Site": "cross-site"}, 403),
    (PIXEL, {"dest": "image", "Sec_Fetch_Mode": "navigate"}, 403),
    (PIXEL, {"Referer": "https://evil.example/"}, 403),
    (PIXEL, {"method": "POST", "body": b"x"}, 403),
    (COLLECT, {"method": "PUT", "body": b"x", "dest": "empty"}, 405),
    (COLLECT, {"method": "POST", "body": b"x" * 1_000_001, "dest": "empty"}, 413),
    (COLLECT, {"method": "POST", "body": b"x", "dest": "empty", "Content_Encoding": "br"}, 403),
    (f"{TAG}?x=198.51.100.173", {"dest": "script"}, 403),
]


async def test_what_is_refused_sends_nothing(served: Served) -> None:
    for path, options, status in REFUSED:
        answered = await served.ask(path, **options)
        assert (answered.status, answered.body) == (status, b""), (path, options)
        assert answered.header("x-content-type-options") == "nosniff"
    assert served.gateway.connections == 0


async def test_a_url_that_belongs_to_a_denied_vendor_is_not_reached_through_an_allowed_one() -> None:
    wide = TRACKER.technical.model_copy(update={"match": ("tracker.example",)})
    narrow = ADS.technical.model_copy(update={"match": ("tracker.example/tag.js?id=AW-*",)})
    async with serving(
        TRACKER.model_copy(update={"technical": wide}), ADS.model_copy(update={"technical": narrow})
    ) as served:
        served.granted = ("analytics",)
        assert (await served.ask(f"{TAG}?id=G-1", dest="script")).status == 200
        assert (await served.ask(f"{TAG}?id=G-1&id=AW-1", dest="script")).status == 403
        assert [seen.target for seen in served.gateway.seen] == ["/tag.js?id=G-1"]


async def test_a_script_is_fetched_once_for_all_and_without_anybody(served: Served) -> None:
    served.gateway.answer = http(
        200, b"tracker();", Content_Type="application/javascript", Cache_Control="max-age=600", Set_Cookie="_tracked=1"
    )
    for address in ("198.51.100.173", "2001:db8::7"):
        served.address = address
        answered = await served.ask(
            f"{TAG}?id=1", dest="script", User_Agent="UA", Accept_Language="de", Referer=f"{ORIGIN}/cart", Cookie="a=b"
        )
        assert (answered.status, answered.body) == (200, b"tracker();")
        assert answered.header("content-type") == "text/javascript"
        assert answered.header("cache-control") == "private, no-cache"
        assert answered.header("set-cookie") is None
    (seen,) = served.gateway.seen
    assert seen.target == "/tag.js?id=1"
    assert seen.headers == [("host", "tracker.example"), ("accept", "*/*"), ("accept-encoding", "gzip")]


async def test_hosts_in_a_script_lead_through_the_relay_or_nowhere(served: Served) -> None:
    source = b"a('https://tracker.example/collect');b('https://ads.example/pixel');c('https://chat.example/collect')"
    served.gateway.answer = http(200, source, Content_Type="text/javascript")
    granted = await served.ask(TAG, dest="script")
    assert f"{ORIGIN}/_consent/v/tracker/tracker.example/collect".encode() in granted.body
    assert f"{ORIGIN}/_consent/v/ads/ads.example/pixel".encode() in granted.body
    assert b"https://chat.example/" not in granted.body
    served.granted = ("analytics",)
    less = await served.ask(TAG, dest="script")
    assert f"{ORIGIN}/_consent/v/tracker/tracker.example/collect".encode() in less.body
    assert b"https://ads.example/" not in less.body
    assert less.header("etag") != granted.header("etag")


async def test_a_browsers_copy_is_good_while_neither_script_nor_grants_change(served: Served) -> None:
    served.gateway.answer = http(200, b"one();", Content_Type="text/javascript")
    etag = (await served.ask(TAG, dest="script")).header("etag")
    assert etag is not None
    again = await served.ask(TAG, dest="script", If_None_Match=f'"x", {etag}')
    assert (again.status, again.body, again.header("etag")) == (304, b"", etag)
    served.granted = ("analytics",)
    assert (await served.ask(TAG, dest="script", If_None_Match=etag)).status == 200
    served.granted = ("analytics", "advertising")
    served.gateway.answer = http(200, b"two();", Content_Type="text/javascript")
    assert (await served.ask(TAG, dest="script", If_None_Match=etag)).body == b"two();"


async def test_scripts_are_compressed_for_who_can_read_it(served: Served) -> None:
    source = b"tracker();" * 100
    served.gateway.answer = http(200, gzip.compress(source), Content_Type="text/javascript", Content_Encoding="gzip")
    plain = await served.ask(TAG, dest="script")
    zipped = await served.ask(TAG, dest="script", Accept_Encoding="br, gzip;q=1.0")
    assert (plain.body, plain.header("content-encoding"), plain.header("vary")) == (source, None, "Accept-Encoding")
    assert (gzip.decompress(zipped.body), zipped.header("content-encoding")) == (source, "gzip")
    refused = await served.ask(TAG, dest="script", Accept_Encoding="gzip;q=0")
    assert refused.body == source


async def test_head_answers_without_a_body(served: Served) -> None:
    served.gateway.answer = http(200, b"tracker();", Content_Type="text/javascript")
    head = await served.ask(TAG, "HEAD", dest="script")
    assert (head.status, head.body, head.header("content-length")) == (200, b"", "10")
    assert [seen.method for seen in served.gateway.seen] == ["GET"]


async def test_fonts_of_a_style_sheet_come_through_the_relay(served: Served) -> None:
    served.gateway.answer = http(200, b"@font-face{src:url(font/a.woff2)}", Content_Type="text/css")
    style = await served.ask("tracker/tracker.example/css", dest="style")
    assert style.body == b'@font-face{src:url("https://shop.example/_consent/v/tracker/tracker.example/font/a.woff2")}'
    served.gateway.answer = http(200, b"wOF2", Content_Type="font/woff2", Cache_Control="max-age=9")
    font = await served.ask("tracker/tracker.example/font/a.woff2", dest="font")
    assert (font.body, font.header("content-type")) == (b"wOF2", "font/woff2")


async def test_a_cookie_that_the_visit_carries_keeps_its_expiry(served: Served) -> None:
    served.gateway.answer = http(204, b"", Set_Cookie="_tracked=2; Max-Age=60")
    first = await served.ask(COLLECT, dest="empty")
    second = await served.ask(COLLECT, dest="empty", Cookie="a=b; _tracked=1")
    assert first.header("set-cookie") is not None
    assert second.header("set-cookie") is None


async def test_a_visitor_who_leaves_a_picture_ends_it(served: Served) -> None:
    async def endless(_: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"400\r\n" + b"a" * 0x400 + b"\r\n")
            await writer.drain()
            await asyncio.sleep(0.001)

    served.gateway.answer = endless
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(f"GET /_consent/v/{PIXEL} HTTP/1.1\r\nHost: shop.example\r\n\r\n".encode())
    await reader.readuntil(b"aaaa")
    writer.close()
    await until(lambda: served.gateway.open_now == 0)


async def test_with_omit_no_address_is_told() -> None:
    settings = Settings.model_validate({"origin": ORIGIN, "privacy": {"ip": "omit"}})
    async with serving(TRACKER, settings=settings) as served:
        await served.ask(f"{COLLECT}?uip=198.51.100.173", dest="empty")
        (seen,) = served.gateway.seen
        assert seen.target == "/collect"
        assert seen.header("x-forwarded-for") is None
