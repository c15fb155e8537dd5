"""The whole way, over real sockets: a raw client, the app under a real server, a raw storefront."""

from __future__ import annotations

import asyncio
import gzip
import random
from collections.abc import Callable

import brotli
import pytest
import structlog
import zstandard

from proxy.http.coding import encoder
from proxy.model import Category
from tests.http.shop import (
    Answer,
    Request,
    Storefront,
    answering,
    consent_cookie,
    open_shop,
    page,
    read_answer,
    read_request,
    request,
)

TAG = b'<script src="https://www.google-analytics.com/analytics.js"></script>'
HTML = b"<!doctype html><html lang=de><head><title>x</title>" + TAG + b"</head><body><p>Text</p></body></html>"
DOCUMENT = ("Sec-Fetch-Dest: document", "Sec-Fetch-Mode: navigate")
CUT = b"/_consent/stub/google-analytics.js"

pytestmark = pytest.mark.filterwarnings("error")


async def once(answer: bytes, *headers: str, target: str = "/", **tables: object) -> tuple[Answer, Request]:
    """One GET of a shop whose storefront gives `answer`."""
    async with answering(answer) as storefront, open_shop(storefront, **tables) as shop:
        return await shop.get(target, *headers), storefront.requests[-1]


# -- what is no page ---------------------------------------------------------------------------------------------------


async def test_what_is_no_page_is_passed_on_as_it_is() -> None:
    body = bytes(range(256)) * 2000 + TAG
    answer = page(body, b'ETag: "a"', b"Last-Modified: x", b"Accept-Ranges: bytes", kind=b"image/png")
    got, _ = await once(answer)
    assert got.body == body
    assert got.get(b"content-length") == [b"%d" % len(body)]
    assert got.get(b"etag") == [b'"a"']
    assert got.get(b"last-modified") == [b"x"]
    assert got.get(b"accept-ranges") == [b"bytes"]


async def test_a_download_is_not_cut() -> None:
    got, _ = await once(page(HTML, b"Content-Disposition: attachment; filename=x.html"))
    assert got.body == HTML


@pytest.mark.parametrize("status", [b"204 No", b"304 Not"])
async def test_answers_without_a_body_have_none(status: bytes) -> None:
    answer = b"HTTP/1.1 " + status + b'\r\nContent-Type: image/png\r\nContent-Length: 7\r\nETag: "a"\r\n\r\n'
    answer = answer.replace(b"Content-Length: 7\r\n", b"") if status.startswith(b"204") else answer
    got, _ = await once(answer, "Sec-Fetch-Dest: image", 'If-None-Match: "a"')
    assert (got.status, got.get(b"content-length")) == (int(status[:3]), [])


async def test_head_has_the_headers_of_get() -> None:
    def answer(asked: Request) -> bytes:
        whole = page(HTML, b'ETag: "a"')
        return whole.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if asked.line.startswith(b"HEAD") else whole

    async with answering(answer) as storefront, open_shop(storefront) as shop:
        got, head = await shop.get("/", *DOCUMENT), await shop.get("/", *DOCUMENT, method="HEAD")
        framing = (b"transfer-encoding", b"date")
        assert [header for header in head.headers if header[0] not in framing] == [
            header for header in got.headers if header[0] not in framing
        ]
        assert head.body == b""


@pytest.mark.parametrize(
    "target", ["/a%2Fb//c;x=1", "/%7Euser?q=%20&a=b?c", "/?a", "/?", "/?#", "//", "/_consentx", "/_consen"]
)
async def test_the_target_reaches_the_storefront_to_the_byte(target: str) -> None:
    _, asked = await once(page(b"x", kind=b"text/plain"), target=target)
    assert asked.line == f"GET {target.removesuffix('#')} HTTP/1.1".encode()


async def test_a_redirect_and_its_location_are_the_storefronts() -> None:
    location = b"Location: https://www.facebook.com/dialog/oauth?x=1"
    got, _ = await once(page(b"", location, status=b"302 Found"), *DOCUMENT)
    assert (got.status, got.body) == (302, b"")
    assert got.get(b"location") == [location[10:]]


async def test_one_date_the_storefronts_or_else_ours() -> None:
    theirs = b"Sun, 22 Nov 2026 10:00:00 GMT"
    got, _ = await once(page(b"x", b"Date: " + theirs, kind=b"text/plain"))
    assert got.get(b"date") == [theirs]
    got, _ = await once(page(b"x", kind=b"text/plain"))
    assert len(got.get(b"date")) == 1


async def test_a_redirect_of_a_picture_does_not_lead_to_a_denied_vendor() -> None:
    location = b"Location: https://www.google-analytics.com/collect?v=1"
    got, _ = await once(page(b"", location, status=b"302 Found", kind=b"text/plain"), "Sec-Fetch-Dest: image")
    assert (got.status, got.get(b"location")) == (302, [])


# -- pages -------------------------------------------------------------------------------------------------------------


async def test_a_page_is_cut_and_gets_a_banner() -> None:
    got, _ = await once(page(HTML), *DOCUMENT)
    assert CUT in got.body
    assert b"google-analytics.com" not in got.body
    assert got.body.count(b'id="consentry"') == 1
    assert b"<p>Text</p></body></html>" in got.body


async def test_without_anything_to_cut_or_to_ask_a_page_is_the_storefronts() -> None:
    got, _ = await once(page(HTML.replace(TAG, b"")), "Sec-Fetch-Dest: empty")
    assert got.body == HTML.replace(TAG, b"")
    assert got.get(b"cache-control") == [b"private, no-cache"]


@pytest.mark.parametrize(
    "headers",
    [("Sec-Fetch-Dest: empty",), ("Sec-Fetch-Dest: iframe",), ("X-Requested-With: XMLHttpRequest",)],
)
async def test_fragments_and_framed_pages_are_cut_without_a_banner(headers: tuple[str, ...]) -> None:
    got, _ = await once(page(HTML), *headers)
    assert CUT in got.body
    assert b"consentry" not in got.body


@pytest.mark.parametrize(("target", "asks"), [("/checkout", False), ("/checkout/pay?x", False), ("/checkouts", True)])
async def test_quiet_paths_have_no_banner(target: str, asks: bool) -> None:
    got, _ = await once(page(HTML), *DOCUMENT, target=target, consent={"quiet": ["/checkout"], "link": "off"})
    assert CUT in got.body
    assert (b'id="consentry"' in got.body) is asks


async def test_a_granted_tag_is_relayed_and_the_page_never_stored() -> None:
    got, asked = await once(page(HTML), *DOCUMENT, consent_cookie(Category.ANALYTICS))
    assert b"/_consent/v/google-analytics/" in got.body
    assert got.get(b"cache-control") == [b"private, no-store"]
    assert asked.get(b"consentry-consent") == [
        b"analytics=1, advertising=0, marketing=0, social=0, gpc=0, regime=opt-in"
    ]


async def test_after_a_refusal_a_page_may_be_kept_but_is_asked_about() -> None:
    got, asked = await once(
        page(HTML, b"Cache-Control: public, max-age=60", b"Expires: x"), *DOCUMENT, consent_cookie()
    )
    assert got.get(b"cache-control") == [b"private, no-cache"]
    assert got.get(b"expires") == []
    assert asked.get(b"consentry-consent")[0].startswith(b"analytics=0")


CODED: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "br": brotli.compress,
    "zstd": zstandard.compress,
}
PLAIN: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "br": brotli.decompress,
    "zstd": lambda body: zstandard.ZstdDecompressor().decompressobj().decompress(body),
}


@pytest.mark.parametrize("coding", CODED)
async def test_a_coded_page_is_decoded_cut_and_coded_again(coding: str) -> None:
    answer = page(CODED[coding](HTML), f"Content-Encoding: {coding}".encode())
    got, asked = await once(answer, *DOCUMENT, f"Accept-Encoding: deflate, {coding};q=0.9, dcb")
    assert asked.get(b"accept-encoding") == [f"{coding};q=0.9".encode()]
    assert got.get(b"content-encoding") == [coding.encode()]
    assert CUT in PLAIN[coding](got.body)


async def test_a_picture_may_be_asked_for_in_any_coding() -> None:
    _, asked = await once(page(b"x", kind=b"image/png"), "Sec-Fetch-Dest: image", "Accept-Encoding: deflate, x")
    assert asked.get(b"accept-encoding") == [b"deflate, x"]


@pytest.mark.parametrize(
    ("answer", "cut"),
    [
        (b"Content-Type: text/html", True),
        (b"Content-Type: TEXT/HTML;x=y", True),
        (b"Content-Type: application/xhtml+xml", True),
        (b"Content-Type: text/plain, text/html", True),
        (b"Content-Type: html", True),
        (b"X-None: y", True),
        (b"X-None: y\r\nX-Content-Type-Options: nosniff", False),
        (b"Content-Type: text/plain", False),
        (b"Content-Type: application/json", False),
    ],
)
async def test_what_browsers_show_as_a_page_is_cut(answer: bytes, cut: bool) -> None:
    whole = b"HTTP/1.1 200 OK\r\n" + answer + b"\r\nContent-Length: %d\r\n\r\n" % len(HTML) + HTML
    got, _ = await once(whole, "Sec-Fetch-Dest: document")
    assert (CUT in got.body) is cut
    assert (got.body == HTML) is not cut


@pytest.mark.parametrize(
    ("body", "cut"), [(b" \r\n" + HTML, True), (b"\xef\xbb\xbf" + HTML, True), (b"x" + HTML, False)]
)
async def test_without_a_type_the_start_tells(body: bytes, cut: bool) -> None:
    coded = gzip.compress(body)
    whole = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(coded) + coded
    got, _ = await once(whole, "Sec-Fetch-Dest: document", "Accept-Encoding: gzip")
    assert (CUT in gzip.decompress(got.body)) is cut
    assert (got.body == coded) is not cut


@pytest.mark.parametrize("body", [b"", b" \r\n", b"\xef\xbb\xbf"])
async def test_without_a_type_and_a_start_it_is_no_page(body: bytes) -> None:
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    got, _ = await once(whole, *DOCUMENT)
    assert (got.body, got.get(b"content-length")) == (body, [b"%d" % len(body)])


@pytest.mark.parametrize("body", [b"<p>no gzip</p>" * 9, b"\x1f\x8b\x08\x08\0\0\0\0\0\xff" + b"name" * 2000])
async def test_without_a_type_and_a_readable_coding_it_might_be_a_page(body: bytes) -> None:
    whole = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    got, _ = await once(whole, *DOCUMENT)
    assert (got.status, got.get(b"content-encoding")) == (502, [])


async def test_without_a_type_the_start_may_come_byte_by_byte() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        coded = gzip.compress(b" \r\n" + HTML)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(coded))
        for number in range(len(coded)):
            writer.write(coded[number : number + 1])
            await writer.drain()
            await asyncio.sleep(0)

    async with Storefront(script) as storefront, open_shop(storefront) as shop:
        got = await shop.get("/", "Sec-Fetch-Dest: empty", "Accept-Encoding: gzip")
        assert CUT in gzip.decompress(got.body)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
async def test_a_utf_16_page_is_cut_in_its_own_encoding(encoding: str) -> None:
    text = "\ufeff" + HTML.decode() + "é🍎"
    got, _ = await once(page(text.encode(encoding), kind=b"text/html"), "Sec-Fetch-Dest: empty")
    assert CUT.decode() in got.body.decode(encoding)
    assert got.body.decode(encoding).endswith("é🍎")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (page(HTML, b"Content-Encoding: dcb"), b"http_response_content_coding"),
        (page(HTML, b"Content-Encoding: gzip, br"), b"http_response_content_coding"),
        (page(HTML, b"Content-Encoding: gzip"), b"http_response_content_coding"),
        (page(gzip.compress(HTML)[:-9], b"Content-Encoding: gzip"), b"http_response_content_coding"),
        (page(HTML, kind=b"text/html; charset=iso-2022-jp"), b"http_response_content_coding"),
        (page(HTML, kind=b"text/html; charset=utf-7"), b"http_response_content_coding"),
        (page(HTML, kind=b"text/html; charset=x-made-up"), b"http_response_content_coding"),
        (page(b"<meta charset=hz-gb-2312>" + HTML, kind=b"text/html"), b"http_response_content_coding"),
    ],
)
async def test_a_page_that_cannot_be_read_is_not_passed_on(answer: bytes, error: bytes) -> None:
    got, _ = await once(answer, *DOCUMENT)
    assert got.status == 502
    assert got.get(b"proxy-status")[0].startswith(b"consentry; error=" + error + b"; details=")
    assert b"google-analytics" not in got.body
    assert b"<html" in got.body


async def test_a_page_that_turns_unreadable_midway_is_reset() -> None:
    coded = bytearray(gzip.compress(HTML + random.Random(1).randbytes(200_000).hex().encode()))
    coded[-5] ^= 1  # its checksum
    got, _ = await once(page(bytes(coded), b"Content-Encoding: gzip"), "Sec-Fetch-Dest: empty", "Accept-Encoding: gzip")
    assert got.status == 200
    assert not got.whole


async def test_a_page_that_declares_an_unreadable_encoding_late_is_never_whole() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n")
        for piece in (b"<!doctype html><head>", b"<meta charset=iso-", b"2022-jp>", TAG):
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            await writer.drain()
            await asyncio.sleep(0.02)
        writer.write(b"0\r\n\r\n")

    async with Storefront(script) as storefront, open_shop(storefront) as shop:
        got = await shop.get("/", "Sec-Fetch-Dest: empty")
        assert (got.whole, got.status) == (False, 200)
        assert b"google" not in got.body


# -- conditions and ranges ---------------------------------------------------------------------------------------------


async def test_only_our_own_validators_reach_the_storefront_and_come_back_restored() -> None:
    def answer(asked: Request) -> bytes:
        if asked.get(b"if-none-match"):
            return b'HTTP/1.1 304 Not\r\nETag: "v1"\r\nCache-Control: public\r\n\r\n'
        return page(HTML, b'ETag: "v1"', b"Last-Modified: Sat, 21 Nov 2026 00:00:00 GMT")

    async with answering(answer) as storefront, open_shop(storefront) as shop:
        refused = consent_cookie()
        first = await shop.get("/", *DOCUMENT, refused)
        etag = first.get(b"etag")[0].decode()
        assert etag.startswith('W/"')
        assert etag.endswith('-v1"')
        assert first.get(b"last-modified") == []

        again = await shop.get("/", *DOCUMENT, refused, f"If-None-Match: {etag}", "If-Modified-Since: x")
        assert (again.status, again.get(b"etag")) == (304, [etag.encode()])
        assert again.get(b"cache-control") == [b"private, no-cache"]
        assert storefront.requests[-1].get(b"if-none-match") == [b'"v1"']
        assert storefront.requests[-1].get(b"if-modified-since") == []

        for other in (consent_cookie(Category.SOCIAL), "X: y"):
            changed = await shop.get("/", *DOCUMENT, other, f"If-None-Match: {etag}")
            assert changed.status == 200
            assert storefront.requests[-1].get(b"if-none-match") == []

        for theirs in ('"v1"', 'W/"v1"', "*"):
            assert (await shop.get("/", *DOCUMENT, refused, f"If-None-Match: {theirs}")).status == 200


async def test_a_304_that_nobody_asked_for_is_no_answer() -> None:
    got, _ = await once(b"HTTP/1.1 304 Not\r\n\r\n", *DOCUMENT, 'If-None-Match: "v1"')
    assert got.status == 502


async def test_conditions_for_what_is_no_page_go_on() -> None:
    headers = ('If-None-Match: "a"', "If-Modified-Since: b", 'If-Range: "c"', "Range: bytes=0-1")
    _, asked = await once(page(b"x", kind=b"font/woff2"), "Sec-Fetch-Dest: font", *headers)
    assert asked.get(b"if-none-match") + asked.get(b"if-modified-since") == [b'"a"', b"b"]
    assert asked.get(b"if-range") + asked.get(b"range") == [b'"c"', b"bytes=0-1"]


async def test_a_navigation_asks_for_the_whole() -> None:
    _, asked = await once(page(HTML), *DOCUMENT, "Range: bytes=5-")
    assert asked.get(b"range") == []


async def test_a_part_of_a_page_is_fetched_again_whole() -> None:
    def answer(asked: Request) -> bytes:
        if asked.get(b"range"):
            return page(HTML[5:], b"Content-Range: bytes 5-99/100", status=b"206 Partial")
        return page(HTML)

    async with answering(answer) as storefront, open_shop(storefront) as shop:
        got = await shop.get("/", "Sec-Fetch-Dest: empty", "Range: bytes=5-")
        assert got.status == 200
        assert CUT in got.body
        assert len(storefront.requests) == 2


async def test_a_page_that_only_comes_in_parts_is_refused() -> None:
    part = page(HTML[5:], b"Content-Range: bytes 5-99/100", status=b"206 Partial")
    got, _ = await once(part, "Sec-Fetch-Dest: empty", "Range: bytes=5-")
    assert (got.status, got.get(b"proxy-status")) == (
        502,
        [b'consentry; error=http_protocol_error; details="part of a page"'],
    )


async def test_a_part_of_a_page_that_answers_a_form_is_refused() -> None:
    part = page(HTML[5:], b"Content-Range: bytes 5-99/100", status=b"206 Partial")
    async with answering(part) as storefront, open_shop(storefront) as shop:
        assert (await shop.get("/", "Content-Length: 0", method="POST")).status == 502
        assert len(storefront.requests) == 1


# -- cookies -----------------------------------------------------------------------------------------------------------


async def test_denied_vendors_cookies_are_taken_out_and_forgotten() -> None:
    answer = page(HTML, b"Set-Cookie: _ga=1; Path=/", b"Set-Cookie: cart=3", b"Set-Cookie: x=y")
    got, asked = await once(answer, *DOCUMENT, "Cookie: a=1; _ga=2", "Cookie: _ga_ABC=3; cart=7", consent_cookie())
    assert asked.get(b"cookie") == [b"a=1; cart=7"]
    set_cookies = got.get(b"set-cookie")
    assert set_cookies[:2] == [b"cart=3", b"x=y"]
    assert len(set_cookies) == 6
    assert all(line.startswith((b"_ga=; Max-Age=0;", b"_ga_ABC=; Max-Age=0;")) for line in set_cookies[2:])


async def test_granted_vendors_cookies_stay() -> None:
    answer = page(HTML, b"Set-Cookie: _ga=1; Path=/")
    got, asked = await once(answer, *DOCUMENT, "Cookie: _ga=2", consent_cookie(Category.ANALYTICS))
    assert asked.get(b"cookie") == [b"_ga=2"]
    assert got.get(b"set-cookie") == [b"_ga=1; Path=/"]


# -- mode = "pass" -----------------------------------------------------------------------------------------------------


async def test_the_kill_switch_passes_everything() -> None:
    answer = page(HTML, b'ETag: "a"', b"Set-Cookie: _ga=1", b"Link: <https://www.google-analytics.com>; rel=preconnect")
    headers = ("Cookie: _ga=2", 'If-None-Match: "z"', "Accept-Encoding: deflate")
    got, asked = await once(answer, *DOCUMENT, *headers, mode="pass")
    assert got.body == HTML
    assert got.get(b"etag") + got.get(b"set-cookie") == [b'"a"', b"_ga=1"]
    assert got.get(b"link")
    assert asked.get(b"cookie") + asked.get(b"if-none-match") == [b"_ga=2", b'"z"']
    assert asked.get(b"accept-encoding") == [b"deflate"]
    assert asked.get(b"consentry-consent") == []


# -- failure -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "status", "error"),
    [
        (b"", 504, b"http_response_timeout"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 502, b"http_protocol_error"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n", 502, b"http_response_header_section_size"),
    ],
)
async def test_a_failing_storefront_is_told_in_the_visitors_language(answer: bytes, status: int, error: bytes) -> None:
    with structlog.testing.capture_logs() as logs:
        got, _ = await once(
            answer, *DOCUMENT, "Accept-Language: de", target="/private?token=1", storefront={"first_byte": 0.2}
        )
    assert got.status == status
    assert got.get(b"proxy-status") == [b"consentry; error=" + error]
    assert got.get(b"content-language") == [b"de"]
    (line,) = logs
    assert line["storefront"].startswith("127.0.0.1:")
    assert (line["path"], line["method"], line["log_level"]) == ("/private", "GET", "error")
    assert "token" not in str(line)


async def test_nobody_behind_us() -> None:
    async with answering(b"") as gone:
        port = gone.port
    async with open_shop(port) as shop:
        got = await shop.get("/")
        assert (got.status, got.get(b"retry-after")) == (502, [b"5"])
        assert (await shop.get("/", method="HEAD")).status == 502


@pytest.mark.parametrize(
    "broken",
    [
        b"Content-Type: image/png\r\nContent-Length: 99\r\n\r\nhello",
        b"Content-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"Content-Type: text/html\r\nContent-Length: 9000\r\n\r\n" + HTML * 9,
        b"Content-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n5000\r\n" + HTML * 9,
    ],
)
async def test_an_answer_that_breaks_off_never_looks_complete(broken: bytes) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n" + broken)

    async with Storefront(script) as storefront, open_shop(storefront) as shop:
        got = await shop.get("/", "Sec-Fetch-Dest: empty")
        assert got.status == 200
        assert not got.whole
        assert not shop.upstream.busy


async def test_a_request_that_goes_in_circles_is_stopped() -> None:
    async with answering(page(HTML)) as storefront, open_shop(storefront) as shop:
        assert (await shop.get("/", "Via: 1.1 edge, 1.1 consentry")).status == 508
        assert storefront.requests == []


# -- streaming ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("coding", ["identity", *CODED])
async def test_what_the_storefront_has_said_leaves_before_it_goes_on(coding: str) -> None:
    """A page that is made slowly is seen slowly: the storefront waits for the browser to have got the first part."""
    seen = asyncio.Event()
    first, second = HTML[: HTML.index(b"Text")] + b"Tex", b"t</p></body></html>"

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        encode = encoder(coding)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n")
        writer.write(f"Content-Encoding: {coding}\r\n\r\n".encode())
        writer.write(encode.feed(first) + encode.flush())
        await seen.wait()
        writer.write(encode.feed(second) + encode.close())

    async with Storefront(script) as storefront, open_shop(storefront) as shop:
        reader, writer = await shop.connect()
        writer.write(request("/", "Sec-Fetch-Dest: empty", f"Accept-Encoding: {coding}"))
        await reader.readuntil(b"\r\n\r\n")
        assert int(await reader.readline(), 16) > 20
        seen.set()
        await reader.readuntil(b"\r\n0\r\n\r\n")
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("size", [1, 7, 1000])
async def test_a_page_in_small_chunks_is_the_same_page(size: int) -> None:
    whole, _ = await once(page(HTML), "Sec-Fetch-Dest: empty")

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n")
        for start in range(0, len(HTML), size):
            piece = HTML[start : start + size]
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            await writer.drain()
            await asyncio.sleep(0)
        writer.write(b"0\r\n\r\n")

    async with Storefront(script) as storefront, open_shop(storefront) as shop:
        got = await shop.get("/", "Sec-Fetch-Dest: empty")
        assert (got.whole, got.body) == (True, whole.body)


@pytest.mark.parametrize("kind", [b"text/html", b"text/event-stream"])
async def test_a_visitor_who_leaves_ends_the_storefronts_request(kind: bytes) -> None:
    left = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: " + kind + b"\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n<p>hi\r\n"
        )
        await reader.read()
        left.set()

    async with Storefront(script) as storefront, open_shop(storefront) as shop:
        reader, writer = await shop.connect()
        writer.write(request("/"))
        await reader.readuntil(b"<p>hi")
        writer.close()
        await writer.wait_closed()
        await asyncio.wait_for(left.wait(), 10)


@pytest.mark.parametrize("behind", [b"", request("/next")])
async def test_a_visitor_who_leaves_before_the_answer_ends_the_storefronts_request(behind: bytes) -> None:
    asked, left = asyncio.Event(), asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        asked.set()
        await reader.read()
        left.set()

    async with Storefront(script) as storefront, open_shop(storefront, storefront={"first_byte": 60}) as shop:
        _, writer = await shop.connect()
        writer.write(request("/") + behind)
        await asked.wait()
        writer.close()
        await writer.wait_closed()
        await left.wait()


async def test_a_visitor_who_leaves_while_uploading_ends_the_storefronts_request() -> None:
    asked, left = asyncio.Event(), asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"abc")
        asked.set()
        rest = await reader.read()
        assert b"0\r\n\r\n" not in rest
        left.set()

    async with Storefront(script) as storefront, open_shop(storefront) as shop:
        _, writer = await shop.connect()
        writer.write(request("/", "Transfer-Encoding: chunked", method="POST") + b"3\r\nabc\r\n")
        await asked.wait()
        writer.close()
        await writer.wait_closed()
        await left.wait()


async def test_a_visitor_who_does_not_read_holds_the_storefront_back() -> None:
    sent = 0

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: 200000000\r\n\r\n")
        for _ in range(2000):
            writer.write(b"x" * 100_000)
            await writer.drain()
            sent += 100_000

    async with Storefront(script) as storefront, open_shop(storefront) as shop:
        reader, writer = await shop.connect()
        writer.write(request("/"))
        await reader.readuntil(b"\r\n\r\n")
        settled = -1
        while settled != sent:
            settled = sent
            await asyncio.sleep(0.1)
        assert sent < 100_000_000
        writer.transport.abort()


# -- uploads -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 5, 1_000_000])
@pytest.mark.parametrize("chunked", [False, True])
async def test_an_upload_streams_through(size: int, chunked: bool) -> None:
    body = b"x" * size
    framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {size}"
    sent = (b"%x\r\n%b\r\n" % (size, body) if size else b"") + b"0\r\n\r\n" if chunked else body
    async with answering(page(b"done", kind=b"text/plain")) as storefront, open_shop(storefront) as shop:
        reader, writer = await shop.connect()
        for _ in range(2):
            writer.write(request("/", framing, method="POST") + sent)
            assert (await read_answer(reader)).body == b"done"
        writer.close()
        await writer.wait_closed()
        assert [asked.body for asked in storefront.requests] == [body, body]
        assert bool(storefront.requests[0].get(b"transfer-encoding")) is chunked
        assert storefront.connections == 1


async def test_an_early_answer_is_passed_on_and_the_upload_stops() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader, body=False)
        writer.write(page(b"too big", status=b"413 Large", kind=b"text/plain"))
        await reader.read()

    async with Storefront(script) as storefront, open_shop(storefront) as shop:
        reader, writer = await shop.connect()
        writer.write(request("/", "Content-Length: 50000000", method="POST") + b"x" * 100_000)
        got = await read_answer(reader)
        assert (got.status, got.body) == (413, b"too big")
        assert got.get(b"connection") == [b"close"]
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
        await storefront.left()


async def test_100_continue_is_sent_when_the_body_is_wanted() -> None:
    async with answering(page(b"done", kind=b"text/plain")) as storefront, open_shop(storefront) as shop:
        reader, writer = await shop.connect()
        writer.write(request("/", "Content-Length: 3", "Expect: 100-continue", method="POST"))
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"abc")
        assert (await read_answer(reader)).body == b"done"
        writer.close()
        await writer.wait_closed()
        assert storefront.requests[0].get(b"expect") == []


async def test_an_event_leaves_before_the_next_one_comes() -> None:
    heard = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        writer.write(b"9\r\ndata: 1\n\n\r\n")
        await heard.wait()
        writer.write(b"9\r\ndata: 2\n\n\r\n0\r\n\r\n")

    async with Storefront(script) as storefront, open_shop(storefront) as shop:
        reader, writer = await shop.connect()
        writer.write(request("/events", "Accept: text/event-stream"))
        async with asyncio.timeout(10):
            await reader.readuntil(b"data: 1\n\n")
            heard.set()
            await reader.readuntil(b"data: 2\n\n")
            await reader.readuntil(b"0\r\n\r\n")
        writer.close()


async def test_a_storefront_that_dies_behind_its_head_is_told_of_as_one_that_dies_before() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nSet-Cookie: a=b\r\n\r\n")

    async with Storefront(script) as storefront, open_shop(storefront) as shop:
        answer = await shop.get("/")
    assert answer.status in (200, 502)  # a head that has left cannot be taken back
    assert answer.whole is (answer.status == 502)
