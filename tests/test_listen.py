"""Where to listen: addresses as people write them, and sockets that are to be had or not."""

from __future__ import annotations

import pytest

from proxy.errors import Refused
from proxy.listen import ListenAddress, address_of, bind, read_address, same_place


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:8000", "127.0.0.1", 8000),
        ("0.0.0.0:0", "0.0.0.0", 0),
        ("[::1]:65535", "::1", 65535),
        ("[0:0::1]:80", "::1", 80),
        ("localhost:8000", "localhost", 8000),
        (":8000", "127.0.0.1", 8000),
    ],
)
def test_addresses_are_read(text: str, host: str, port: int) -> None:
    assert read_address(text) == ListenAddress(host, port)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "8000",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:http",
        "127.0.0.1:65536",
        "127.0.0.1:-1",
        "127.0.0.1:８０",
        "::1:8000",
        "[::1:8000",
        "[shop]:8000",
        "http://127.0.0.1:8000",
        "a b:8000",
        " 127.0.0.1:8000",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"port|HOST:PORT"):
        read_address(text)


def test_an_address_is_written_as_it_is_read() -> None:
    for text in ("127.0.0.1:8000", "[::1]:8000"):
        assert str(read_address(text)) == text
    assert ListenAddress("0.0.0.0", 80).url == "http://127.0.0.1:80"


def test_port_0_takes_a_free_one() -> None:
    with bind(ListenAddress("127.0.0.1", 0), "--listen") as bound:
        assert address_of(bound).port > 0


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid", "a" * 300])
def test_an_address_that_cannot_be_had_is_refused(host: str) -> None:
    with pytest.raises(Refused, match="--listen"):
        bind(ListenAddress(host, 0), "--listen")


def test_a_port_in_use_is_refused() -> None:
    with (
        bind(ListenAddress("127.0.0.1", 0), "--listen") as bound,
        pytest.raises(Refused, match="in use by another process"),
    ):
        bind(address_of(bound), "--listen")


@pytest.mark.parametrize(
    ("host", "port", "address", "same"),
    [
        ("127.0.0.1", 8000, "127.0.0.1:8000", True),
        ("localhost", 8000, "127.0.0.1:8000", True),
        ("localhost", 8000, "0.0.0.0:8000", True),
        ("127.0.0.1", 8001, "127.0.0.1:8000", False),
        ("127.0.0.2", 8000, "127.0.0.1:8000", False),
        ("192.0.2.1", 8000, "0.0.0.0:8000", False),
        ("no-such-host.invalid", 8000, "127.0.0.1:8000", False),
        ("127.0.0.1", 0, "127.0.0.1:0", False),
    ],
)
def test_whether_a_url_leads_back_to_us(host: str, port: int, address: str, same: bool) -> None:
    assert same_place(host, port, read_address(address)) is same
