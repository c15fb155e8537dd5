from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.address import is_public, parse, truncate


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
