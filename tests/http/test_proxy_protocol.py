"""The PROXY protocol: what a preface is, byte by byte, and whose is believed."""

from __future__ import annotations

import ipaddress
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.http.proxy_protocol import NotPreface, Preface, read_preface
from tests.http.shop import answering, open_shop, page, read_answer, request

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
LINE = b"PROXY TCP4 203.0.113.9 10.0.0.1 56324 443\r\n"
PLAIN = page(b"x", kind=b"text/plain")


def binary(address: str, port: int = 56324, *, command: int = 0x21, more: bytes = b"") -> bytes:
    source = ipaddress.ip_address(address)
    rest = source.packed + source.packed + struct.pack("!HH", port, 443) + more
    return SIGNATURE + bytes([command, 0x11 if source.version == 4 else 0x21]) + struct.pack("!H", len(rest)) + rest


@pytest.mark.parametrize(
    ("preface", "client"),
    [
        (LINE, ("203.0.113.9", 56324)),
        (b"PROXY TCP6 2001:db8::1 ::1 1 2\r\n", ("2001:db8::1", 1)),
        (b"PROXY UNKNOWN\r\n", None),
        (b"PROXY UNKNOWN ffff::1 ::1 65535 65535\r\n", None),
        (binary("203.0.113.9"), ("203.0.113.9", 56324)),
        (binary("2001:db8::1", 7, more=b"\x04\x00\x03abc"), ("2001:db8::1", 7)),
        (binary("203.0.113.9", command=0x20), None),
        (SIGNATURE + b"\x21\x31" + struct.pack("!H", 216) + b"/" * 216, None),
        (SIGNATURE + b"\x21\x00\x00\x00", None),
    ],
)
def test_a_preface_is_read_however_it_comes(preface: bytes, client: tuple[str, int] | None) -> None:
    assert read_preface(preface + b"GET / HTTP/1.1\r\n") == Preface(len(preface), client)
    for some in range(len(preface)):
        assert read_preface(preface[:some]) is None


@pytest.mark.parametrize("http", [b"GET / HTTP/1.1\r\n", b"PUT /", b"P\r\n", b"\r\nGET / HTTP/1.1", b"\x16\x03\x01"])
def test_what_cannot_begin_one_is_not_one(http: bytes) -> None:
    assert read_preface(http) == Preface(0, None)


@pytest.mark.parametrize(
    "wrong",
    [
        b"PROXY TCP4 203.0.113.9 10.0.0.1 56324\r\n",
        b"PROXY TCP4 203.0.113.999 10.0.0.1 1 2\r\n",
        b"PROXY TCP4 2001:db8::1 ::1 1 2\r\n",
        b"PROXY TCP6 203.0.113.9 10.0.0.1 1 2\r\n",
        b"PROXY TCP4 203.0.113.9 10.0.0.1 99999 2\r\n",
        b"PROXY TCP5 203.0.113.9 10.0.0.1 1 2\r\n",
        b"PROXY TCP4  203.0.113.9 10.0.0.1 1 2\r\n",
        b"PROXY " + b"x" * 120,
        SIGNATURE + b"\x11\x11\x00\x0c" + b"x" * 12,
        SIGNATURE + b"\x21\x11\x00\x04" + b"x" * 4,
        SIGNATURE + b"\x21\x11\xff\xff",
    ],
)
def test_what_begins_like_one_must_be_one(wrong: bytes) -> None:
    with pytest.raises(NotPreface):
        read_preface(wrong)


@given(st.binary(max_size=200), st.sampled_from([b"", b"PROXY ", LINE[:20], SIGNATURE, SIGNATURE + b"\x21\x11"]))
def test_whatever_comes_it_is_one_of_the_three(rest: bytes, start: bytes) -> None:
    try:
        found = read_preface(start + rest)
    except NotPreface:
        return
    assert found is None or 0 <= found.length <= len(start + rest)


TRUSTING = {"listen": {"trusted": ["127.0.0.1/32"]}}


@pytest.mark.parametrize("preface", [LINE, binary("203.0.113.9")])
@pytest.mark.parametrize("size", [1, 1000])
async def test_a_trusted_peer_says_who_connected(preface: bytes, size: int) -> None:
    async with answering(PLAIN) as storefront, open_shop(storefront, **TRUSTING) as shop:
        reader, writer = await shop.connect()
        sent = preface + request("/", "X-Forwarded-For: 6.6.6.6") + request("/again")
        for start in range(0, len(sent), size):
            writer.write(sent[start : start + size])
            await writer.drain()
        for _ in range(2):
            assert (await read_answer(reader)).status == 200
        writer.close()
    assert [asked.get(b"x-forwarded-for") for asked in storefront.requests] == [[b"203.0.113.9"]] * 2
    assert storefront.requests[0].get(b"forwarded")[0].startswith(b"for=203.0.113.9;")


async def test_a_trusted_peer_may_say_nothing() -> None:
    async with answering(PLAIN) as storefront, open_shop(storefront, **TRUSTING) as shop:
        for preface in (b"", b"PROXY UNKNOWN\r\n", binary("203.0.113.9", command=0x20)):
            reader, writer = await shop.connect()
            writer.write(preface + request("/"))
            assert (await read_answer(reader)).status == 200
            writer.close()
    assert {asked.get(b"x-forwarded-for")[0] for asked in storefront.requests} == {b"127.0.0.1"}


@pytest.mark.parametrize(
    ("tables", "preface"),
    [({}, LINE), ({}, binary("1.2.3.4")), (TRUSTING, b"PROXY TCP4 nonsense\r\n"), (TRUSTING, LINE * 2)],
)
async def test_nobody_elses_word_is_taken(tables: dict[str, object], preface: bytes) -> None:
    async with answering(PLAIN) as storefront, open_shop(storefront, **tables) as shop:
        reader, writer = await shop.connect()
        writer.write(preface + request("/"))
        assert (await read_answer(reader)).status == 400
        assert await reader.read() == b""
        writer.close()
    assert storefront.requests == []
