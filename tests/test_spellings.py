"""One address, however it is written."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.spellings import Spellings, spellings
from tests.spelled import coded, escaped, hits, plain

V4 = "198.51.100.173"
V6 = "2001:db8:77:a1b2:c3d4:0:5e6f:7081"
ZEROS = "2001:db8:77::5e:0:1"

#: Addresses with parts that are zero, at the beginning, in the middle and at the end; and such that carry another one.
SPECIAL = (
    *(
        "198.51.100.0",
        "198.51.0.0",
        "198.0.0.7",
        "8.0.0.0",
        "1.2.0.5",
        "2001::",
        "2001:db8::",
        "::5",
        "2001:db8::5e:0:1",
    ),
    *("1:2:3:4:5:6:7:8", "0:0:a::", "::ffff:8.8.0.1", "2002:808:808::1", "64:ff9b::808:808", "64:ff9b::808:0"),
)


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


#: What may stand right before, in, and right behind an address: beginnings and ends of escapes, zeros, other digits.
NOISE = st.lists(
    st.sampled_from(
        ["%", "%2", "%25", "%5c", "\\", "\\u00", "\\x", "&#", "&#0", "x", ";", ":", ".", "0", "00", "7", "a"]
    ),
    max_size=4,
).map("".join)


@st.composite
def written(draw: st.DrawFn, address: IPv4Address | IPv6Address) -> str:
    """An address with each character of its text plain or escaped in some way, and zeros before its parts."""
    text = draw(st.sampled_from(sorted(plain(str(address)).values())))
    if draw(st.booleans()):
        text = text.replace(":", ":0", draw(st.integers(0, 2))).replace(".", ".0", draw(st.integers(0, 2)))
    chars = [draw(st.sampled_from(sorted(escaped(char).values()))) if draw(st.booleans()) else char for char in text]
    return draw(NOISE) + "".join(chars) + draw(NOISE)


@given(
    st.data(), st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6), st.sampled_from(list(map(ip_address, SPECIAL))))
)
def test_nothing_is_overlooked_by_looking_for_marks_first(
    data: st.DataObject, address: IPv4Address | IPv6Address
) -> None:
    """What is found is what the patterns find that are made for the address."""
    spelled = Spellings(address, None)
    text = data.draw(written(address)).encode()
    assert spelled.in_text(text) == (spelled._coded_in(text) or any(one.search(text) for one, _ in spelled._written))


@pytest.mark.parametrize("address", [V4, V6])
def test_nothing_is_made_for_an_address_that_a_text_cannot_hold(address: str) -> None:
    spelled = spellings.__wrapped__(address)
    assert spelled is not None
    for text in (
        b"Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
        b"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0",
        b"https://shop.example/cart%2Fa?utm_source=a%20b&t=1700000000000",
    ):
        assert spelled.replace(text) == text
    assert "_written" not in vars(spelled)
