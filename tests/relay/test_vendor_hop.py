from __future__ import annotations

import asyncio
import gzip
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpcore
import httpx
import pytest
import respx
import trustme

from proxy.minimise import Outgoing
from proxy.relay import vendor_hop
from proxy.relay.failures import Failure, VendorDown
from proxy.relay.pinning import NotPublic, checked
from proxy.relay.vendor_hop import VendorHop
from proxy.settings.schema import VendorsSettings
from tests.relay.addresses import INSIDE
from tests.relay.gateway import Gateway, Seen, http, until

GET = Outgoing("GET", b'/a/%7e//b;c?d=%20&e="{}', ((b"Accept", b"*/*"),))


@asynccontextmanager
async def hop_to(gateway: Gateway) -> AsyncIterator[VendorHop]:
    async with gateway.listening():
        hop = VendorHop(VendorsSettings(gateway=gateway.url))
        try:
            yield hop
        finally:
            await hop.aclose()


async def fetched(hop: VendorHop, outgoing: Outgoing = GET, largest: int = 1000) -> tuple[int, bytes]:
    answer = await hop.open("tracker", "tracker.example", outgoing, largest=largest)
    return answer.status, await answer.whole()


async def test_what_leaves_is_what_was_built_to_the_byte() -> None:
    async with hop_to(gateway := Gateway(http(200, b"hello"))) as hop:
        assert await fetched(hop) == (200, b"hello")
        post = Outgoing("POST", b"/collect", ((b"Content-Type", b"text/plain"),), b"body")
        await fetched(hop, post)
        await fetched(hop, Outgoing("POST", b"/collect", ()))
    assert [seen.raw for seen in gateway.seen] == [
        b'GET /a/%7e//b;c?d=%20&e="{} HTTP/1.1\r\nHost: tracker.example\r\nAccept: */*\r\n\r\n',
        b"POST /collect HTTP/1.1\r\nHost: tracker.example\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nbody",
        b"POST /collect HTTP/1.1\r\nHost: tracker.example\r\nContent-Length: 0\r\n\r\n",
    ]
    assert gateway.connections == 1


async def test_cookies_are_neither_kept_nor_sent_and_redirects_are_not_followed() -> None:
    moved = http(302, b"", Location="http://127.0.0.1:1/", Set_Cookie="id=1; Path=/")
    async with hop_to(gateway := Gateway(moved)) as hop:
        answer = await hop.open("tracker", "tracker.example", GET, largest=10)
        assert (answer.status, answer.header(b"set-cookie")) == (302, b"id=1; Path=/")
        answer.leave()
        await fetched(hop)
    assert len(gateway.seen) == 2
    assert b"ookie" not in gateway.everything


async def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with hop_to(Gateway(http(200, b"x"))) as hop:
        assert await fetched(hop) == (200, b"x")


async def test_gzip_is_taken_off_and_bombs_are_stopped() -> None:
    packed = gzip.compress(b"a" * 1000)
    async with hop_to(gateway := Gateway(http(200, packed, Content_Encoding="gzip"))) as hop:
        assert await fetched(hop) == (200, b"a" * 1000)
        for body, coding, failure in (
            (gzip.compress(b"a" * 50_000_000), "gzip", Failure.TOO_LARGE),
            (b"a" * 1001, "identity", Failure.TOO_LARGE),
            (packed[:-9], "gzip", Failure.CODING),
            (b"not gzip", "gzip", Failure.CODING),
            (packed, "br", Failure.CODING),
            (packed, "gzip, gzip", Failure.CODING),
        ):
            gateway.answer = http(200, body, Content_Encoding=coding)
            with pytest.raises(VendorDown) as down:
                await fetched(hop)
            assert down.value.failure is failure


async def test_what_breaks_off_or_makes_no_sense_is_no_answer() -> None:
    async with hop_to(gateway := Gateway()) as hop:
        for answer in (b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", b""):

            async def broken(_: Seen, writer: asyncio.StreamWriter, answer: bytes = answer) -> None:
                writer.write(answer)
                await writer.drain()
                writer.close()
                await writer.wait_closed()
                raise ConnectionResetError

            gateway.answer = broken
            with pytest.raises(VendorDown) as down:
                await fetched(hop)
            assert down.value.failure is Failure.PROTOCOL


async def test_a_vendor_that_is_not_there_is_told_as_such() -> None:
    async with hop_to(gateway := Gateway()) as hop:
        pass
    hop = VendorHop(VendorsSettings(gateway=gateway.url))
    with pytest.raises(VendorDown) as down:
        await fetched(hop)
    assert down.value.failure is Failure.CONNECT
    await hop.aclose()


async def test_a_visitor_who_leaves_does_not_end_the_exchange_nor_cost_a_slot() -> None:
    going_on = asyncio.Event()

    async def slow(_: Seen, writer: asyncio.StreamWriter) -> None:
        await going_on.wait()
        writer.write(http(200, b"x"))
        await writer.drain()

    async with hop_to(gateway := Gateway(slow)) as hop:
        for number in range(3):
            opening = asyncio.create_task(hop.open("tracker", "tracker.example", GET, largest=10))
            await until(lambda number=number: len(gateway.seen) > number)
            opening.cancel()
            with pytest.raises(asyncio.CancelledError):
                await opening
        going_on.set()
        assert await fetched(hop) == (200, b"x")
        await until(lambda: not hop._exchanges)
        assert len(gateway.seen) == 4
        assert hop._running["tracker"] == 0


async def test_who_leaves_in_the_middle_of_an_answer_closes_it() -> None:
    async def endless(_: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"10000\r\n" + b"a" * 0x10000 + b"\r\n")
            await writer.drain()

    async with hop_to(gateway := Gateway(endless)) as hop:
        answer = await hop.open("tracker", "tracker.example", GET, largest=1 << 40)
        async for _ in answer.body():
            break
        answer.leave()
        await until(lambda: not hop._exchanges and not gateway.open_now)


async def test_who_does_not_read_holds_an_exchange_for_a_while_only(monkeypatch: pytest.MonkeyPatch) -> None:
    async def endless(_: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"10000\r\n" + b"a" * 0x10000 + b"\r\n")
            await writer.drain()

    monkeypatch.setattr(vendor_hop, "LONGEST", 0.1)
    async with hop_to(gateway := Gateway(endless)) as hop:
        answer = await hop.open("tracker", "tracker.example", GET, largest=1 << 40)
        await until(lambda: not hop._exchanges and not gateway.open_now)
        with pytest.raises(VendorDown) as down:
            await answer.whole()
        assert down.value.failure is Failure.TIMEOUT


async def test_only_so_many_exchanges_run_for_one_vendor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vendor_hop, "AT_ONCE", 2)
    wait = asyncio.Event()

    async def slow(_: Seen, writer: asyncio.StreamWriter) -> None:
        await wait.wait()
        writer.write(http(200))
        await writer.drain()

    async with hop_to(Gateway(slow)) as hop:
        two = [asyncio.create_task(fetched(hop)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(VendorDown) as down:
            await fetched(hop)
        assert down.value.failure is Failure.BUSY
        other = asyncio.create_task(hop.open("other", "other.example", GET, largest=1))
        wait.set()
        assert (await other).status == 200
        assert await asyncio.gather(*two) == [(200, b""), (200, b"")]


async def test_closing_ends_what_is_under_way() -> None:
    async def never(_: Seen, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with hop_to(gateway := Gateway(never)) as hop:
        opening = asyncio.create_task(hop.open("tracker", "tracker.example", GET, largest=10))
        await until(lambda: gateway.seen)
        await hop.aclose()
        with pytest.raises(VendorDown):
            await opening


@pytest.mark.parametrize("address", INSIDE)
async def test_no_name_leads_inside(address: str) -> None:
    """Every way a vendor's name could resolve into the shop's own network; one such address condemns the name."""
    for addresses in ([address], ["93.184.216.34", address]):
        with pytest.raises(NotPublic):
            checked(addresses)

        async def resolve(host: str, port: int, found: list[str] = addresses) -> list[str]:
            assert (host, port) == ("tracker.example", 443)
            return found

        hop = VendorHop(VendorsSettings(), resolve=resolve)
        with pytest.raises(VendorDown) as down:
            await fetched(hop)
        assert down.value.failure is Failure.NOT_PUBLIC
        await hop.aclose()


async def test_private_vendors_are_reached_without_the_check() -> None:
    """Where a shop says `private = true`, a name inside is looked up and connected to; TLS is still asked for."""

    async def inside(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    hop = VendorHop(VendorsSettings(), resolve=inside)
    with pytest.raises(VendorDown) as down:
        await hop.open("matomo", "localhost.localdomain", GET, largest=1, private=True)
    assert down.value.failure in (Failure.CONNECT, Failure.PROTOCOL)
    await hop.aclose()


@respx.mock
async def test_vendors_are_asked_by_https_and_by_name() -> None:
    route = respx.get(scheme="https", host="tracker.example").mock(return_value=httpx.Response(200, content=b"x"))
    hop = VendorHop(VendorsSettings())
    assert await fetched(hop) == (200, b"x")
    assert route.calls.last.request.headers.raw == [(b"Host", b"tracker.example"), (b"Accept", b"*/*")]
    await hop.aclose()


def test_certificates_are_verified() -> None:
    hop = VendorHop(VendorsSettings())
    for client in hop._clients.values():
        context: ssl.SSLContext = client._transport._pool._ssl_context  # type: ignore[attr-defined]
        assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


async def test_an_egress_proxy_is_asked_for_a_tunnel_by_name() -> None:
    async with Gateway(http(403)).listening() as proxy:
        hop = VendorHop(VendorsSettings(proxy=proxy.url))
        with pytest.raises(VendorDown):
            await fetched(hop)
        await hop.aclose()
        assert [(seen.method, seen.target) for seen in proxy.seen] == [("CONNECT", "tracker.example:443")]


async def test_addresses_are_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    async with hop_to(Gateway(http(200, b"x"))) as hop:
        with caplog.at_level(logging.INFO):
            await fetched(hop)
    assert not caplog.records
    assert logging.getLogger("httpx").level == logging.WARNING


async def test_a_vendor_must_prove_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """TLS asks for, and is verified against, the vendor's name, though the connection goes to a checked address."""
    authority = trustme.CA()
    trusted = ssl.create_default_context()
    authority.configure_trust(trusted)
    monkeypatch.setattr(vendor_hop, "_tls", lambda: trusted)
    gateway = Gateway(http(200, b"proved"))
    asked_for: list[str | None] = []

    async def resolve(host: str, port: int) -> list[str]:
        return ["93.184.216.34"]

    for name, outcome in (("tracker.example", None), ("evil.example", Failure.CONNECT)):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name).configure_cert(context)
        context.sni_callback = lambda _, host, __: asked_for.append(host)
        async with gateway.listening(context):
            connect = httpcore.AnyIOBackend.connect_tcp

            async def here(
                self: httpcore.AnyIOBackend, host: str, port: int, *more: object
            ) -> httpcore.AsyncNetworkStream:
                assert (host, port) == ("93.184.216.34", 443)
                return await connect(self, "127.0.0.1", gateway.port, *more)  # type: ignore[arg-type]  # noqa: B023

            monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", here)
            hop = VendorHop(VendorsSettings(), resolve=resolve)
            if outcome is None:
                assert await fetched(hop) == (200, b"proved")
            else:
                with pytest.raises(VendorDown) as down:
                    await fetched(hop)
                assert down.value.failure is outcome
            await hop.aclose()
            monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", connect)
    assert asked_for == ["tracker.example", "tracker.example"]
    assert len(gateway.seen) == 1
