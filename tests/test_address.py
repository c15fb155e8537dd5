from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.address import is_public, parse, spellings, truncate
from tests.spelled import coded, escaped, hits, plain

V4 = "198.51.100.173"
V6 = "2001:db8:77:a1b2:c3d4:0:5e6f:7081"
ZEROS = "2001:db8:77::5e:0:1"


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("203.0.113.195", "203.0.113.0"),
        ("8.8.8.8", "8.8.8.0"),
        (" 8.8.8.8 ", "8.8.8.0"),
        ("8.8.8.8:4711", "8.8.8.0"),
        ('"8.8.8.8"', "8.8.8.0"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::"),
        ("2a02:8108:ABCD:1234::1", "2a02:8108:abcd::"),
        ("[2a02:8108:abcd:1234::1]", "2a02:8108:abcd::"),
        ('"[2a02:8108:abcd:1234::1]:4711"', "2a02:8108:abcd::"),
        ("2a02:8108:abcd:1234::1%eth0", "2a02:8108:abcd::"),
        ("[2a02:8108:abcd:1234::1%25eth0]:443", "2a02:8108:abcd::"),
        ("::ffff:8.8.8.8", "8.8.8.0"),
        ("::FFFF:808:808", "8.8.8.0"),
        ("[::ffff:8.8.8.8]:80", "8.8.8.0"),
    ],
)
def test_an_address_is_cut_to_24_or_48_bits(text: str, short: str) -> None:
    assert truncate(text) == short


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "unknown",
        "_hidden",
        "8.8.8",
        "8.8.8.8.8",
        "8.8.8.256",
        "08.8.8.8",
        "0x8.8.8.8",
        "134744072",
        "8.8.8.8, 9.9.9.9",
        "8.8.8.8/24",
        "[8.8.8.8",
        "2001:db8::1::2",
        "x" * 5000,
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.3.2",
        "0.0.0.0",
        "255.255.255.255",
        "240.1.2.3",
        "224.0.1.1",
        "::",
        "::1",
        "fe80::1%eth0",
        "fd12:3456::1",
        "ff0e::1",
        "::8.8.8.8",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "2002:808:808::1",  # 6to4: the first 48 bits hold all of 8.8.8.8
        "64:ff9b::808:808",  # NAT64
        "2001:0:808:808::1",  # Teredo
    ],
)
def test_what_is_unreadable_or_nobodys_gives_nothing(text: str | None) -> None:
    assert truncate(text) is None


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
def test_never_more_than_the_network_leaves(address: IPv4Address | IPv6Address) -> None:
    short = truncate(str(address))
    if short is None:
        return
    address = getattr(address, "ipv4_mapped", None) or address
    bits = 24 if address.version == 4 else 48
    assert ip_address(short) == ip_network(f"{address}/{bits}", strict=False).network_address


@given(st.text())
def test_any_text_is_read_or_gives_nothing(text: str) -> None:
    assert truncate(text) is None or parse(text) is not None


def test_addresses_of_the_inside_are_not_public_however_they_are_wrapped() -> None:
    for inside in ("127.0.0.1", "10.0.0.1", "169.254.169.254", "192.168.0.1", "0.0.0.0", "224.0.0.1"):
        octets = IPv4Address(inside).packed.hex()
        for text in (
            inside,
            f"::ffff:{inside}",
            f"64:ff9b::{octets[:4]}:{octets[4:]}",
            f"2002:{octets[:4]}:{octets[4:]}::1",
        ):
            assert not is_public(ip_address(text)), text
    assert is_public(ip_address("8.8.8.8"))
    assert is_public(ip_address("64:ff9b::808:808"))  # what NAT64 resolvers answer for an IPv4-only vendor


@pytest.mark.parametrize("address", [V4, V6, ZEROS])
def test_every_written_spelling_is_shortened(address: str) -> None:
    spelled = spellings(address)
    assert spelled is not None
    for name, text in plain(address).items():
        for escape, written in escaped(text).items():
            replaced = spelled.replace(f"before={written}&after".encode())
            assert replaced is not None, (name, escape)
            assert hits(address, replaced) == [], (name, escape, replaced)
            assert replaced.startswith(b"before=")
            assert replaced.endswith(b"&after")


@pytest.mark.parametrize("address", [V4, V6, ZEROS])
def test_every_coded_spelling_is_found_and_cannot_be_replaced(address: str) -> None:
    spelled = spellings(address)
    assert spelled is not None
    for name, text in coded(address).items():
        for escape, written in escaped(text).items():
            if escape.startswith(("as it is", "percent")):
                assert spelled.replace(f"before={written}&after".encode()) is None, (name, escape)
    assert spelled.in_bytes(b"\x01\x02" + ip_address(address).packed + b"\xff")
    assert spelled.in_bytes(address.encode("utf-16"))


@pytest.mark.parametrize("address", [V4, V6, ZEROS])
def test_other_addresses_and_texts_stay(address: str) -> None:
    spelled = spellings(address)
    assert spelled is not None
    for text in (
        b"198.51.100.17&x=198.51.101.173",
        b"2001:db8:77:a1b2::1 2001:db8:78::5e:0:1",
        b"v=2&tid=G-ABC123&cid=1234567890.0987654321&dl=https%3A%2F%2Fshop.example%2Fcart%3Fa%3Db",
        b'{"ts":1700000000000,"id":"c6336 4ad"}',
    ):
        assert spelled.replace(text) == text


def test_where_there_is_no_shortened_address_nothing_is_put_in_its_place() -> None:
    spelled = spellings("192.168.7.31")
    assert spelled is not None
    assert spelled.replace(b"a=192.168.7.31") is None
    assert spelled.replace(b"a=192.168.7.32") == b"a=192.168.7.32"
    spelled = spellings(V4, shorten=False)
    assert spelled is not None
    assert spelled.replace(f"a={V4}".encode()) is None


def test_nobodys_address_has_no_spellings() -> None:
    assert spellings(None) is None
    assert spellings("127.0.0.1") is None
    assert spellings("nonsense") is None


@pytest.mark.parametrize("piece", [b"\\", b"%25", b"0", b"::", b"0:", b"&#0", b"2001:", b"%5c", b"198."])
def test_hostile_text_is_read_in_one_go(piece: bytes) -> None:
    """Half a megabyte that almost holds an address at every byte. Quadratic time would be hours: a timeout."""
    for address in (V4, ZEROS):
        spelled = spellings(address)
        assert spelled is not None
        text = piece * (500_000 // len(piece))
        assert spelled.replace(text) == text
