from __future__ import annotations

import asyncio

import httpcore
import pytest

from proxy.relay.pinning import NotPublic, Pinned, checked, resolve
from tests.relay.addresses import INSIDE


@pytest.mark.parametrize("address", INSIDE)
def test_one_address_of_the_inside_condemns_the_name(address: str) -> None:
    for addresses in ([address], ["93.184.216.34", address]):
        with pytest.raises(NotPublic):
            checked(addresses)


def test_public_addresses_pass() -> None:
    assert checked(["93.184.216.34", "2606:2800:21f::1", "93.184.216.34"]) == ["93.184.216.34", "2606:2800:21f::1"]
    with pytest.raises(httpcore.ConnectError):
        checked([])


async def test_the_address_that_was_checked_is_the_one_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second look-up would answer the inside: rebinding. The connection itself is not made."""
    answers = [["93.184.216.34"], ["127.0.0.1"]]
    connected: list[tuple[str, int]] = []

    async def resolve(host: str, port: int) -> list[str]:
        return answers.pop(0)

    async def connect(_: object, host: str, port: int, *more: object) -> httpcore.AsyncNetworkStream:
        connected.append((host, port))
        raise httpcore.ConnectError

    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", connect)
    with pytest.raises(httpcore.ConnectError):
        await Pinned(resolve).connect_tcp("tracker.example", 443, timeout=1)
    assert connected == [("93.184.216.34", 443)]


async def test_names_that_cannot_be_looked_up_in_time_are_down() -> None:
    async def unknown(host: str, port: int) -> list[str]:
        raise OSError("no such name")

    async def late(host: str, port: int) -> list[str]:
        await asyncio.Event().wait()
        return []

    with pytest.raises(httpcore.ConnectError):
        await Pinned(unknown).connect_tcp("tracker.example", 443, timeout=1)
    with pytest.raises(httpcore.ConnectTimeout):
        await Pinned(late).connect_tcp("tracker.example", 443, timeout=0.01)


async def test_the_next_address_is_tried_and_in_the_end_it_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = [f"93.184.216.{last}" for last in range(1, 9)]
    connected: list[str] = []

    async def resolve(host: str, port: int) -> list[str]:
        return addresses

    async def connect(_: object, host: str, port: int, *more: object) -> httpcore.AsyncNetworkStream:
        connected.append(host)
        raise httpcore.ConnectTimeout

    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", connect)
    with pytest.raises(httpcore.ConnectTimeout):
        await Pinned(resolve).connect_tcp("tracker.example", 443, timeout=1)
    assert connected == addresses[:3]


async def test_the_systems_own_names_are_looked_up_but_not_connected_to() -> None:
    assert set(await resolve("localhost", 80)) <= {"127.0.0.1", "::1"}
    with pytest.raises(NotPublic):
        await Pinned().connect_tcp("localhost", 80, timeout=5)
