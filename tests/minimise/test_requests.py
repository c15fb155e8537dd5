from __future__ import annotations

import base64
import gzip
import json
import zlib
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.catalogue.schema import Relay, Technical, Transfer, Vendor
from proxy.minimise import Asked, Outgoing, Why, Withheld, file_request, minimise
from tests.spelled import coded, escaped, hits, plain

V4 = "198.51.100.173"
V6 = "2001:db8:77:a1b2:c3d4:0:5e6f:7081"
ORIGIN = "https://shop.example"
FORM = b"application/x-www-form-urlencoded"


def a_vendor(*, fields: tuple[str, ...] = ("*",), data: tuple[str, ...] = ("page",)) -> Vendor:
    return Vendor(
        key="tracker",
        name="Tracker",
        company="Tracker Ltd",
        categories=("analytics",),
        purposes=("measure-visits",),
        data=data,
        role="processor",
        transfer=Transfer(to=("US",), basis="adequacy"),
        retention="1 year",
        policy="https://tracker.example/privacy",
        checked=date(2026, 11, 22),
        technical=Technical(match=("tracker.example",), relay=Relay(fields=fields)),
    )


def sent(
    target: str = "/collect",
    *,
    headers: dict[str, str] | None = None,
    body: bytes = b"",
    address: str | None = V4,
    vendor: Vendor | None = None,
    ip: str = "truncate",
) -> Outgoing:
    pairs = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
    method = "POST" if body else "GET"
    asked = Asked(vendor or a_vendor(), method, target.encode(), pairs, body, address, ORIGIN)
    return minimise(asked, ip)  # type: ignore[arg-type]


def posted(body: bytes, content_type: str = "application/json", **more: object) -> bytes:
    return sent(body=body, headers={"Content-Type": content_type, **more.pop("headers", {})}, **more).body  # type: ignore[arg-type, dict-item, misc]


CARRIERS = (
    "Forwarded Via X-Forwarded-For X-Real-IP True-Client-IP CF-Connecting-IP Fastly-Client-IP X-Client-IP "
    "X-Cluster-Client-IP X-Azure-ClientIP CloudFront-Viewer-Address X-Envoy-External-Address X-Original-Forwarded-For "
    "Cookie Authorization Proxy-Authorization X-Unknown Sec-CH-UA-Full-Version-List Cache-Control If-None-Match Range"
).split()


def test_only_the_headers_of_the_table_leave() -> None:
    headers = dict.fromkeys(CARRIERS, V4) | {
        "User-Agent": "Mozilla/5.0",
        "Accept": "image/avif",
        "Accept-Language": "de-DE,de;q=0.9",
        "Origin": ORIGIN,
        "Referer": f"{ORIGIN}/cart?token=1#x",
        "Content-Type": "Text/Plain; charset=UTF-8; x=1",
    }
    assert sent(headers=headers, body=b"hello").headers == (
        (b"User-Agent", b"Mozilla/5.0"),
        (b"Accept", b"*/*"),
        (b"Content-Type", b"text/plain; charset=UTF-8"),
        (b"Origin", b"https://shop.example"),
        (b"Referer", b"https://shop.example/cart"),
        (b"X-Forwarded-For", b"198.51.100.0"),
    )


def test_languages_leave_only_to_a_vendor_that_says_so() -> None:
    told = sent(headers={"Accept-Language": "de"}, vendor=a_vendor(data=("page", "language")))
    assert (b"Accept-Language", b"de") in told.headers


@pytest.mark.parametrize(
    ("address", "forwarded"),
    [
        (V4, b"198.51.100.0"),
        (V6, b"2001:db8:77::"),
        (f"::ffff:{V4}", b"198.51.100.0"),
        ("192.168.1.7", None),
        ("127.0.0.1", None),
        (None, None),
    ],
)
def test_the_address_is_told_shortened_or_not_at_all(address: str | None, forwarded: bytes | None) -> None:
    assert dict(sent(address=address).headers).get(b"X-Forwarded-For") == forwarded


def test_with_omit_no_address_leaves_not_even_a_shortened_one() -> None:
    out = sent(f"/collect?uip={V4}&other={V4}&ip=8.8.8.8&x=1", ip="omit")
    assert b"X-Forwarded-For" not in dict(out.headers)
    assert out.target == b"/collect?x=1"
    assert json.loads(posted(json.dumps({"ip": "8.8.8.8", "x": 1}).encode(), ip="omit")) == {"ip": "", "x": 1}


@pytest.mark.parametrize(
    ("referer", "kept"),
    [
        ("https://shop.example", b"https://shop.example/"),
        ("https://shop.example/a?b=c#d", b"https://shop.example/a"),
        ("https://other.example/a", None),
        ("https://shop.example.evil.example/a", None),
        ("https://shop.example@evil.example/", None),
        ("not a url", None),
    ],
)
def test_the_referrer_is_the_shops_page_without_its_query(referer: str, kept: bytes | None) -> None:
    assert dict(sent(headers={"Referer": referer}).headers).get(b"Referer") == kept


def test_a_header_that_could_not_stand_in_a_request_does_not_leave() -> None:
    assert b"User-Agent" not in dict(sent(headers={"User-Agent": "a\u00e4"}).headers)
    assert b"Content-Type" not in dict(sent(headers={"Content-Type": "nonsense"}, body=b"x").headers)


@pytest.mark.parametrize("address", [V4, V6])
def test_a_header_that_holds_the_address_is_shortened(address: str) -> None:
    out = sent(headers={"User-Agent": f"Mozilla ({address})", "Referer": f"{ORIGIN}/u/{address}/x"}, address=address)
    assert not any(hits(address, value) for _, value in out.headers)


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ("uip=203.0.113.9&x=1", "uip=203.0.113.0&x=1"),
        ("uip=2001%3Adb8%3A9%3A9%3A9%3A9%3A9%3A9", "uip=2001%3Adb8%3A9%3A%3A"),
        ("uip=%3A%3Affff%3A203.0.113.9", "uip=203.0.113.0"),
        ("uip=10.0.0.1&x=1", "x=1"),
        ("uip=unknown&x=1", "x=1"),
        ("uip=203.0.113.9,203.0.113.10&x=1", "x=1"),
        ("aip=1&ip=1&anonymize_ip=true", "aip=1&ip=1&anonymize_ip=true"),
        ("a=%7B%22ip%22%3A%22203.0.113.9%22%7D", "a=%7B%22ip%22%3A%22203.0.113.0%22%7D"),
        (
            "dl=https%3A%2F%2Fshop.example%2F%3Fq%3D1%26ip%3D203.0.113.9",
            "dl=https%3A%2F%2Fshop.example%2F%3Fq%3D1%26ip%3D203.0.113.0",
        ),
        (
            "u=https%3A%2F%2Fa.example%2F%3Fn%3Dhttps%253A%252F%252Fb.example%252F%253Fip%253D203.0.113.9",
            "u=https%3A%2F%2Fa.example%2F%3Fn%3Dhttps%253A%252F%252Fb.example%252F%253Fip%253D203.0.113.0",
        ),
        ("x=%20+%2B&&y=%e4&=z&w", "x=%20+%2B&y=%e4&=z&w"),
        ("", ""),
    ],
)
def test_fields_that_carry_an_address_are_shortened_whoever_it_is(query: str, left: str) -> None:
    assert sent(f"/c?{query}", address=None).target.decode().removeprefix("/c").removeprefix("?") == left


def test_json_inside_base64_is_cleaned_too() -> None:
    value = base64.urlsafe_b64encode(json.dumps({"ip": "203.0.113.9", "me": V4}).encode()).decode()
    out = sent(f"/c?data={value}")
    inner = out.target.partition(b"data=")[2].replace(b"%3D", b"=")
    assert json.loads(base64.b64decode(inner)) == {"ip": "203.0.113.0", "me": "198.51.100.0"}


def test_only_listed_fields_pass() -> None:
    vendor = a_vendor(fields=("v", "ep.*", "cd[*"))
    assert sent("/c?v=1&ep.a=2&cd%5Bx%5D=3&uid=4&vv=5", vendor=vendor).target == b"/c?v=1&ep.a=2&cd%5Bx%5D=3"
    assert posted(b"v=1&uid=4", FORM.decode(), vendor=vendor) == b"v=1"
    assert json.loads(posted(b'{"v":{"uid":1},"uid":4}', vendor=vendor)) == {"v": {"uid": 1}}
    assert json.loads(posted(b'[{"v":1,"uid":4}]', vendor=vendor)) == [{"v": 1}]
    assert posted(b"v=1&uid=2\nv=3&uid=4", "text/plain", vendor=vendor) == b"v=1\nv=3"
    for body, content_type in ((b"free text", "text/plain"), (b"\0\1", "image/png"), (b'{"a":1,"a":2}', "text/plain")):
        with pytest.raises(Withheld) as withheld:
            posted(body, content_type, vendor=vendor)
        assert withheld.value.why is Why.UNNAMED


@pytest.mark.parametrize("address", [V4, V6])
@pytest.mark.parametrize("kind", ["path", "query", "form", "json", "text", "multipart", "batch"])
def test_the_visitors_own_address_leaves_nowhere(address: str, kind: str) -> None:
    for name, text in {**plain(address), **coded(address)}.items():
        for escape, written in escaped(text).items():
            if kind in ("path", "query", "form") and '"' in written:
                continue
            try:
                out = _carrying(kind, written, address)
            except Withheld as withheld:
                assert withheld.why is Why.ADDRESS  # noqa: PT017
                continue
            everything = out.target + b"\n" + b"\n".join(value for _, value in out.headers) + b"\n" + out.body
            assert hits(address, everything) == [], (name, escape, everything)


def _carrying(kind: str, written: str, address: str) -> Outgoing:
    match kind:
        case "path":
            return sent(f"/p/{written}/x.gif", address=address)
        case "query":
            return sent(f"/c?a=1&b=x{written}y&{written}=1", address=address)
        case "form":
            return sent(body=f"a=1&b={written}".encode(), headers={"Content-Type": FORM.decode()}, address=address)
        case "json":
            escaped_already = "\\" in written
            value = f'"{written}"' if escaped_already else json.dumps(written)
            body = f'{{"a":[1,{{"b":{value},{value}:2}}]}}'.encode()
            return sent(body=body, headers={"Content-Type": "application/json"}, address=address)
        case "text":
            return sent(body=f"hello {written}!".encode(), headers={"Content-Type": "text/plain"}, address=address)
        case "batch":
            body = f"en=view&ep.a={written}\nen=scroll&dl={written}".encode()
            return sent(body=body, headers={"Content-Type": "text/plain;charset=UTF-8"}, address=address)
        case _:
            body = f'--xx\r\nContent-Disposition: form-data; name="a"\r\n\r\n{written}\r\n--xx--\r\n'.encode()
            return sent(body=body, headers={"Content-Type": "multipart/form-data; boundary=xx"}, address=address)


def test_what_needs_no_cleaning_leaves_byte_for_byte() -> None:
    for body, content_type in (
        (b' {"a": 1.10, "b": [1e3, null], "c": "\\u00e4"}\n', "application/json"),
        (b"en=view&_et=1\r\nen=scroll", "text/plain;charset=UTF-8"),
        (b'{"event_id":"1"}\n{"type":"event","length":7}\n{"a": 1}', "text/plain;charset=UTF-8"),
        (b"\x00\x01\x02\xff", "application/octet-stream"),
        (b"a=%41&b=+", FORM.decode()),
        (gzip.compress(b'{"a":1}', mtime=0), "text/plain"),
        (
            b'--xx\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n2\r\n--xx--\r\n',
            "multipart/form-data; boundary=xx",
        ),
    ):
        assert posted(body, content_type) == body


def test_json_leaves_keep_their_types() -> None:
    body = json.dumps({"ip": "203.0.113.9", "on": True, "n": 1, "clientIp": ["203.0.113.9", None], "anonymizeIp": True})
    cleaned = json.loads(posted(body.encode()))
    assert cleaned == {"ip": "203.0.113.0", "on": True, "n": 1, "clientIp": ["203.0.113.0", None], "anonymizeIp": True}
    assert cleaned["on"] is True
    assert cleaned["n"] is not True


def test_compressed_bodies_are_read_and_leave_plain() -> None:
    plain_body = json.dumps({"ip": "203.0.113.9"}).encode()
    for coding, packed in (("gzip", gzip.compress(plain_body, mtime=0)), ("deflate", zlib.compress(plain_body))):
        body = posted(packed, headers={"Content-Encoding": coding})
        assert json.loads(body) == {"ip": "203.0.113.0"}
    inside = posted(gzip.compress(plain_body, mtime=0), "text/plain")
    assert json.loads(gzip.decompress(inside)) == {"ip": "203.0.113.0"}


@pytest.mark.parametrize(
    ("body", "headers", "why"),
    [
        (b"\0" + V4.encode(), {"Content-Type": "application/x-protobuf"}, Why.ADDRESS),
        (V4.encode("utf-16"), {"Content-Type": "application/octet-stream"}, Why.ADDRESS),
        (b"\0\xc6\x33\x64\xad", {"Content-Type": "application/octet-stream"}, Why.ADDRESS),
        (b"x", {"Content-Encoding": "br"}, Why.CODING),
        (gzip.compress(gzip.compress(b"x", mtime=0), mtime=0), {"Content-Encoding": "gzip, gzip"}, Why.CODING),
        (gzip.compress(gzip.compress(b"x", mtime=0), mtime=0), {}, Why.CODING),
        (gzip.compress(b"x", mtime=0)[:-4], {"Content-Encoding": "gzip"}, Why.CODING),
        (b"no gzip", {"Content-Encoding": "gzip"}, Why.CODING),
        (gzip.compress(b"\0" * 5_000_000, mtime=0), {"Content-Encoding": "gzip"}, Why.TOO_LARGE),
        (b"--xx no part", {"Content-Type": "multipart/form-data; boundary=xx"}, Why.MALFORMED),
    ],
)
def test_what_cannot_be_minimised_is_withheld(body: bytes, headers: dict[str, str], why: Why) -> None:
    with pytest.raises(Withheld) as withheld:
        sent(body=body, headers=headers)
    assert withheld.value.why is why


def test_json_nested_beyond_reading_is_text() -> None:
    body = b"[" * 200_000 + V4.encode()
    assert posted(body) == b"[" * 200_000 + b"198.51.100.0"


def test_a_file_is_asked_for_without_anything_of_the_visitor() -> None:
    asked = file_request(b"/gtag/js?id=G-1&l=dataLayer", V4)
    assert asked == Outgoing(
        "GET", b"/gtag/js?id=G-1&l=dataLayer", ((b"Accept", b"*/*"), (b"Accept-Encoding", b"gzip"))
    )
    for written in (V4, V4.replace(".", "%2E"), base64.b64encode(V4.encode()).decode()):
        with pytest.raises(Withheld):
            file_request(f"/s.js?x={written}".encode(), V4)
    assert file_request(b"/s.js?uip=203.0.113.9", V4).target == b"/s.js?uip=203.0.113.0"


@given(st.binary(max_size=300), st.sampled_from([FORM.decode(), "application/json", "text/plain", "", "image/png"]))
def test_any_body_is_minimised_or_withheld(body: bytes, content_type: str) -> None:
    body = body.replace(b"@", V4.encode())
    try:
        left = posted(body, content_type) if body else b""
    except Withheld:
        return
    assert V4.encode() not in left


def test_under_cnil_no_address_no_language_and_no_exact_browser_leaves() -> None:
    headers = [
        (b"user-agent", b"Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"),
        (b"accept-language", b"de-AT,de"),
        (b"referer", b"https://shop.example/a?utm_source=x"),
    ]
    asked = Asked(
        a_vendor(data=("page", "language")), "GET", b"/c?uip=203.0.113.77&dl=x", headers, b"", "203.0.113.77", ORIGIN
    )
    left = minimise(asked, "truncate", "cnil-2022-proxy")
    told = dict(left.headers)
    assert told.keys() == {b"User-Agent", b"Accept", b"Referer"}
    assert b"144" not in told[b"User-Agent"]
    assert told[b"Referer"] == b"https://shop.example/a"
    assert b"203.0.113" not in left.target
