"""Where requests go, by the bytes of their path, and which are not answered at all."""

from __future__ import annotations

import pytest

from proxy.http.dispatch import Dispatch
from tests.http.shop import answering, open_shop, page, read_answer, request

PLAIN = page(b"storefront", kind=b"text/plain")


@pytest.mark.parametrize(
    ("target", "room"),
    [
        ("/_consent", b"consent"),
        ("/_consent?return_to=/", b"consent"),
        ("/_consent/", b"consent"),
        ("/_consent/style.css", b"consent"),
        ("/_consent/anything/at/all", b"consent"),
        ("/_consent/v", b"consent"),
        ("/_consent/v/ga/www.google-analytics.com/x?y", b"relay"),
        ("/.well-known/gpc.json", b"consent"),
        ("/", b""),
        ("/_consentx", b""),
        ("/_Consent", b""),
        ("/%5Fconsent", b""),
        ("//_consent", b""),
        ("/shop/_consent", b""),
        ("/.well-known/gpc.json/", b""),
        ("/.well-known/acme", b""),
    ],
)
async def test_the_path_says_which_room(target: str, room: bytes) -> None:
    async with answering(PLAIN) as storefront, open_shop(storefront) as shop:
        got = await shop.get(target)
        assert len(got.get(b"date")) == 1
        if room:
            assert (got.status, got.get(b"x-room"), got.body) == (299, [room], target.encode())
            assert storefront.requests == []
        else:
            assert got.body == b"storefront"
            assert storefront.requests[0].line == f"GET {target} HTTP/1.1".encode()


async def test_the_prefix_is_the_operators() -> None:
    async with answering(PLAIN) as storefront, open_shop(storefront, consent={"prefix": "/privacy/x"}) as shop:
        assert (await shop.get("/privacy/x/v/a")).get(b"x-room") == [b"relay"]
        assert (await shop.get("/_consent")).body == b"storefront"


@pytest.mark.parametrize(
    ("origin", "host", "status"),
    [
        ("http://shop.example", "shop.example", 200),
        ("http://shop.example", "SHOP.example:80", 200),
        ("http://shop.example", "shop.example:8000", 421),
        ("http://shop.example", "other.example", 421),
        ("http://shop.example", "shop.example.", 421),
        ("https://shop.example", "shop.example:443", 200),
        ("http://shop.example:8000", "shop.example:8000", 200),
        ("http://shop.example:8000", "shop.example", 421),
    ],
)
async def test_only_the_sites_own_host_is_answered(origin: str, host: str, status: int) -> None:
    async with answering(PLAIN) as storefront, open_shop(storefront, origin=origin) as shop:
        reader, writer = await shop.connect()
        writer.write(request("/", host=host))
        got = await read_answer(reader)
        writer.close()
        await writer.wait_closed()
        assert got.status == status
        assert bool(storefront.requests) is (status == 200)


async def test_in_development_any_host_is_the_sites() -> None:
    async with answering(PLAIN) as storefront, open_shop(storefront, origin=None, dev=True) as shop:
        reader, writer = await shop.connect()
        writer.write(request("/", host="localhost:8000"))
        assert (await read_answer(reader)).status == 200
        writer.close()
        await writer.wait_closed()
        assert storefront.requests[0].get(b"x-forwarded-host") == [b"localhost:8000"]


@pytest.mark.parametrize(("method", "target"), [("TRACE", "/"), ("CONNECT", "shop.example:80")])
async def test_methods_that_are_not_for_us(method: str, target: str) -> None:
    async with answering(PLAIN) as storefront, open_shop(storefront) as shop:
        reader, writer = await shop.connect()
        writer.write(request(target, method=method))
        got = await read_answer(reader)
        writer.close()
        await writer.wait_closed()
        assert got.status in (405, 400)
        assert storefront.requests == []


@pytest.mark.parametrize(("trusted", "told"), [((), 1), (("127.0.0.1",), 0)])
async def test_a_front_server_that_is_not_trusted_is_told_of_once(
    trusted: tuple[str, ...], told: int, capsys: pytest.CaptureFixture[str]
) -> None:
    async with answering(PLAIN) as storefront, open_shop(storefront, listen={"trusted": trusted}) as shop:
        await shop.get("/")
        assert "X-Forwarded-For" not in capsys.readouterr().out
        for _ in range(2):
            await shop.get("/", "X-Forwarded-For: 203.0.113.9")
        said = capsys.readouterr().out
        assert said.count("X-Forwarded-For ignored") == said.count('trusted = ["127.0.0.1"]') == told
        assert "203.0.113.9" not in said


async def test_other_kinds_of_connections_are_not_served() -> None:
    async with answering(PLAIN) as storefront, open_shop(storefront) as shop:
        app = Dispatch(shop.settings, None, None, consent=None, relay=None, forward=None)  # type: ignore[arg-type]
        with pytest.raises(RuntimeError, match="lifespan"):
            await app({"type": "lifespan"}, None, None)  # type: ignore[arg-type]
