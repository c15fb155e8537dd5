"""A unique visitor address in every carrier there is, through the relay under a real server: it reaches no vendor.

Every byte that the stand-in for the vendors received is searched for the address in each spelling that `spelled.py`
works out by itself. The shortened address must be found where it belongs, or the test would prove nothing.
"""

from __future__ import annotations

import base64
import gzip
import json
from ipaddress import ip_address
from urllib.parse import quote

import pytest

from proxy.catalogue.schema import Relay
from proxy.settings import Settings
from tests.relay.gateway import http
from tests.relay.served import Served, serving
from tests.relay.vendors import ORIGIN, a_vendor
from tests.spelled import coded, escaped, hits, plain

#: address of the canary -> what may be told of it
CANARIES = {"198.51.100.173": "198.51.100.0", "2001:db8:77:a1b2:c3d4:0:5e6f:7081": "2001:db8:77::"}

#: Headers that servers, content delivery networks and load balancers put a visitor's address in.
CARRIERS = (
    "X-Forwarded-For X-Real-IP True-Client-IP CF-Connecting-IP CF-Connecting-IPv6 CF-Pseudo-IPv4 Fastly-Client-IP "
    "X-Client-IP X-Cluster-Client-IP X-Azure-ClientIP X-Azure-SocketIP CloudFront-Viewer-Address Fly-Client-IP "
    "X-Envoy-External-Address X-Original-Forwarded-For X-Forwarded X-Forwarded-Host X-Remote-Addr X-ProxyUser-Ip "
    "X-AppEngine-User-IP X-Vercel-Forwarded-For X-NF-Client-Connection-IP Incap-Client-IP Ali-CDN-Real-IP "
    "Client-IP WL-Proxy-Client-IP Forwarded Via From Cookie Authorization Proxy-Authorization Warning Pragma "
    "User-Agent Accept Accept-Language Accept-Charset Content-Language If-None-Match If-Range Range DNT Sec-GPC "
    "Sec-CH-UA Sec-CH-UA-Platform Save-Data Purpose X-Requested-With X-Unknown Cache-Control TE Trailer"
).split()

#: Fields that vendors read an address from.
FIELDS = "uip _uip ip ip_override client_ip_address cip userIp ep.ip remote_addr user_data[client_ip_address]".split()

TRACKER = a_vendor()
UIP_ONLY = a_vendor("listed", "listed.example")
UIP_ONLY = UIP_ONLY.model_copy(
    update={
        "technical": UIP_ONLY.technical.model_copy(
            update={"relay": Relay(image=("listed.example/pixel",), fields=("v", "uip"))}
        )
    }
)


def _spellings(address: str) -> list[str]:
    """What is written into each carrier. (Every pair of spelling and escape is in tests/test_minimise.py.)"""
    first, *others = plain(address).values()
    return [*escaped(first).values(), *others, *map(quote, others), *coded(address).values()]


async def _through_headers(served: Served, address: str) -> None:
    """In every header at once, and in several spellings where a header does leave."""
    values = {"Forwarded": f'for="[{address}]:4711"', "Via": f"1.1 {address}", "Cookie": f"ip={address}; _x={address}"}
    everywhere = {name: values.get(name, address) for name in CARRIERS}
    everywhere |= {"Referer": f"{ORIGIN}/from/{address}?ip={address}#{address}", "Origin": ORIGIN}
    for path, method, dest in (
        ("tag.js", "GET", "script"),
        ("css", "GET", "style"),
        ("font", "GET", "font"),
        ("pixel", "GET", "image"),
        ("collect", "POST", "empty"),
    ):
        headers = {name: value for name, value in everywhere.items() if name not in ("TE", "Trailer")}
        await served.ask(f"tracker/tracker.example/{path}", method, b"", dest, **headers)
    for spelling in _spellings(address):
        if spelling.isprintable() and '"' not in spelling:
            await served.ask(
                "tracker/tracker.example/pixel", dest="image", User_Agent=spelling, Referer=f"{ORIGIN}/{spelling}"
            )


async def _through_targets(served: Served, address: str) -> None:
    for spelling in _spellings(address):
        if any(char in spelling for char in '"\\#{}'):
            continue
        await served.ask(f"tracker/tracker.example/pixel/{spelling}/x.gif", dest="image")
        await served.ask(f"tracker/tracker.example/tag.js?x={spelling}", dest="script")
        query = (
            f"a=1&x={spelling}&{spelling}=y&z=before{spelling}after&dl=https%3A%2F%2Fshop.example%2F%3Fq%3D{spelling}"
        )
        await served.ask(f"tracker/tracker.example/pixel?{query}", dest="image")
    for field in FIELDS:
        for text in plain(address).values():
            for name, written in escaped(text).items():
                if name == "as it is" or name.startswith("percent"):
                    await served.ask(f"tracker/tracker.example/collect?v=2&{field}={written}", dest="empty")


async def _through_bodies(served: Served, address: str) -> None:
    async def post(body: bytes, content_type: str, **headers: str) -> None:
        await served.ask("tracker/tracker.example/collect", "POST", body, "empty", Content_Type=content_type, **headers)

    for spelling in _spellings(address):
        form = f"a=1&x={spelling}".encode()
        value = f'"{spelling}"' if "\\" in spelling else json.dumps(spelling)
        script = f'{{"events":[{{"x":{value},"ip":{value},"u":"https://a.example/?q=" }},{value}]}}'.encode()
        part = f'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n{spelling}\r\n--b--\r\n'.encode()
        await post(form, "application/x-www-form-urlencoded")
        await post(script, "application/json")
        await post(script, "text/plain;charset=UTF-8")
        await post(f"en=view&x={spelling}\nen=scroll&y={spelling}".encode(), "text/plain;charset=UTF-8")
        await post(part, "multipart/form-data; boundary=b")
        await post(gzip.compress(script), "application/json", Content_Encoding="gzip")
        await post(gzip.compress(script), "text/plain")
        await post(b"data=" + base64.b64encode(script).replace(b"=", b"%3D"), "application/x-www-form-urlencoded")
    raw = b"\x0a\x04" + ip_address(address).packed + b"\x00"
    for body in (raw, address.encode("utf-16"), address.encode("utf-32"), b"\x00" + address.encode()):
        for content_type in ("application/x-protobuf", "application/octet-stream", "text/plain"):
            await post(body, content_type)


@pytest.mark.parametrize("address", CANARIES)
@pytest.mark.parametrize("through", [_through_headers, _through_targets, _through_bodies], ids=lambda one: one.__name__)
async def test_no_spelling_of_the_visitors_address_reaches_a_vendor(address: str, through: object) -> None:
    async with serving(TRACKER) as served:
        served.address = address
        served.gateway.answer = http(200, b"GIF89a", Content_Type="image/gif")
        await through(served, address)  # type: ignore[operator]
        received = served.gateway.seen
        assert len(received) >= 5
        assert hits(address, served.gateway.everything) == []
        own = [seen for seen in received if seen.target.startswith(("/pixel", "/collect"))]
        assert {seen.header("x-forwarded-for") for seen in own} == {CANARIES[address]}
        files = [seen for seen in received if not seen.target.startswith(("/pixel", "/collect"))]
        assert all(CANARIES[address].encode() not in seen.raw for seen in files)


@pytest.mark.parametrize("address", CANARIES)
async def test_the_shortened_address_is_where_it_belongs(address: str) -> None:
    async with serving(TRACKER, UIP_ONLY) as served:
        for written in (address, f"::ffff:{address}" if "." in address else ip_address(address).exploded):
            served.address = written
            served.gateway.seen.clear()
            await served.ask(f"tracker/tracker.example/collect?v=2&uip={written}&x=({written})", dest="empty")
            await served.ask(f"listed/listed.example/pixel?v=2&uip={written}&uid=7&x={written}", dest="image")
            first, second = served.gateway.seen
            short = CANARIES[address]
            assert first.header("x-forwarded-for") == second.header("x-forwarded-for") == short
            assert first.target.split("&")[1] == "uip=" + short.replace(":", "%3A")
            assert second.target == "/pixel?v=2&uip=" + short.replace(":", "%3A")
            assert hits(address, served.gateway.everything) == []


async def test_with_omit_not_even_the_shortened_address_is_told() -> None:
    settings = Settings.model_validate({"origin": ORIGIN, "privacy": {"ip": "omit"}})
    for address, short in CANARIES.items():
        async with serving(TRACKER, settings=settings) as served:
            served.address = address
            await _through_headers(served, address)
            for field in FIELDS:
                await served.ask(f"tracker/tracker.example/collect?{field}={address}&x={address}", dest="empty")
            assert hits(address, served.gateway.everything) == []
            assert short.encode() not in served.gateway.everything


async def test_before_consent_not_one_connection_is_made() -> None:
    async with serving(TRACKER) as served:
        served.granted = ()
        for through in (_through_headers, _through_targets):
            await through(served, "198.51.100.173")
        assert served.gateway.connections == 0


def test_the_search_would_find_the_address() -> None:
    for address in CANARIES:
        for text in (*plain(address).values(), *coded(address).values()):
            for escape, written in escaped(text).items():
                if text in plain(address).values() or "percent" in escape or escape == "as it is":
                    assert hits(address, f"x={written}&y".encode()), (text, escape)
