"""What every outbox must do, on SQLite and on NATS JetStream over a real connection."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from proxy.database import Down
from proxy.events.outbox import Full, Outbox, Taken, sqlite
from proxy.events.outbox.jetstream import JetStreamOutbox
from proxy.events.outbox.sqlite import FILE, SqliteOutbox
from tests.events.outboxes import LEASE, NOW, Clock, forget, opener, waiting
from tests.places import NATS

Open = Callable[[], Outbox]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", pytest.param("jetstream", marks=pytest.mark.nats)])
async def opening(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> AsyncIterator[Open]:
    async with opener(request.param, tmp_path, clock) as found:
        yield found


@pytest.fixture
async def outbox(opening: Open) -> AsyncIterator[Outbox]:
    one = opening()
    yield one
    await one.aclose()


def ids(taken: list[Taken]) -> list[str]:
    return sorted(one.waiting.id for one in taken)


async def until(outbox: Outbox, clock: Clock, count: int, leases: float = 8) -> list[Taken]:
    """Take until so many have come, for so many leases at most; the clock runs with the real one."""
    found: list[Taken] = []
    end = time.monotonic() + leases * LEASE
    while len(found) < count and time.monotonic() < end:
        found += await outbox.take("v", 10)
        clock.now += 250
        await asyncio.sleep(0.25)
    return found


async def test_what_is_put_is_taken_whole_and_oldest_first(outbox: Outbox) -> None:
    told = [waiting(number, proof=f"proof{number}", named=number == 2) for number in range(3)]
    assert await outbox.put(told) == 3
    taken = await outbox.take("v", 10)
    assert [one.waiting for one in taken] == told
    assert [(one.tries, one.again) for one in taken] == [(0, False)] * 3


async def test_each_vendor_has_its_own(outbox: Outbox) -> None:
    await outbox.put([waiting(1, "a"), waiting(2, "b"), waiting(3, "a")])
    assert ids(await outbox.take("a", 1)) == ["e1"]
    assert ids(await outbox.take("a", 10)) == ["e3"]
    assert ids(await outbox.take("b", 10)) == ["e2"]
    assert await outbox.take("c", 10) == []


async def test_what_is_taken_is_nobody_elses_and_what_is_gone_stays_so(
    outbox: Outbox, opening: Open, clock: Clock
) -> None:
    await outbox.put([waiting(1), waiting(2)])
    other = opening()
    mine, theirs = await outbox.take("v", 1), await other.take("v", 10)
    assert ids([*mine, *theirs]) == ["e1", "e2"]
    await outbox.settle(gone=mine)
    await other.settle(gone=theirs)
    assert await until(outbox, clock, 1, leases=2) == []
    assert await outbox.backlog() == {}
    await other.aclose()


async def test_what_a_dead_process_took_comes_back_and_says_so(outbox: Outbox, opening: Open, clock: Clock) -> None:
    await outbox.put([waiting(1), waiting(2)])
    dying = opening()
    assert len(await dying.take("v", 1)) == 1
    await dying.aclose()
    (fresh,) = await outbox.take("v", 10)
    assert (fresh.waiting.id, fresh.again) == ("e2", False)
    await outbox.settle(gone=[fresh])
    found = await until(outbox, clock, 1)
    assert [(one.waiting.id, one.again) for one in found] == [("e1", True)]


async def test_what_is_given_back_waits_and_was_not_sent(outbox: Outbox, clock: Clock) -> None:
    await outbox.put([waiting()])
    for tries in range(3):
        (taken,) = await until(outbox, clock, 1)
        assert (taken.tries, taken.again) == (tries, False)
        await outbox.settle(back=[(taken, 0.5 if tries < 2 else 60)])
    assert await outbox.take("v", 10) == []


async def test_tries_are_counted_right_however_often_one_looks(outbox: Outbox, clock: Clock) -> None:
    told = [waiting(number) for number in range(12)]
    await outbox.put(told)
    counted: list[tuple[str, int, bool]] = []
    end = time.monotonic() + 8 * LEASE
    while len(counted) < 3 * len(told) and time.monotonic() < end:
        taken = await outbox.take("v", 3)
        counted += [(one.waiting.id, one.tries, one.again) for one in taken]
        await outbox.settle(
            back=[(one, 0.05) for one in taken if one.tries < 2], gone=[one for one in taken if one.tries >= 2]
        )
        clock.now += 10
        await asyncio.sleep(0.01)
    assert sorted(counted) == sorted((one.id, tries, False) for one in told for tries in range(3))


async def test_a_double_is_dropped_while_it_waits(outbox: Outbox) -> None:
    assert await outbox.put([waiting(1)]) == 1
    assert await outbox.put([waiting(1), waiting(2)]) == 1
    assert len(await outbox.take("v", 10)) == 2


async def test_what_the_shop_states_twice_is_sent_once(outbox: Outbox, clock: Clock) -> None:
    assert await outbox.put([waiting(1, named=True), waiting(1, "w", named=True)]) == 2
    await outbox.settle(gone=await outbox.take("v", 10))
    clock.now += 3600_000
    assert await outbox.put([waiting(1, named=True)]) == 0
    assert await outbox.take("v", 10) == []


async def test_the_dead_are_kept_listed_retried_and_removed(outbox: Outbox) -> None:
    await outbox.put([waiting(1), waiting(2), waiting(3, "w")])
    await outbox.settle(dead=[(one, "refused with status 400\nno value") for one in await outbox.take("v", 10)])
    await outbox.settle(dead=[(one, "too old") for one in await outbox.take("w", 10)])
    found = await outbox.dead()
    assert [(one.waiting.id, one.why, one.died) for one in found] == [
        ("e3", "too old", NOW),
        ("e2", "refused with status 400\nno value", NOW),
        ("e1", "refused with status 400\nno value", NOW),
    ]
    assert {key: (one.waiting, one.dead) for key, one in (await outbox.backlog()).items()} == {"v": (0, 2), "w": (0, 1)}
    assert [one.waiting.id for one in await outbox.dead("v", 1)] == ["e2"]
    assert await outbox.retry(number=found[2].number) == 1
    assert ids(await outbox.take("v", 10)) == ["e1"]
    assert await outbox.bury("v") == 1
    assert await outbox.retry() == 1
    assert ids(await outbox.take("w", 10)) == ["e3"]
    assert await outbox.dead() == []
    assert await outbox.retry(number=99) == 0


async def test_all_of_a_visitor_is_erased(outbox: Outbox) -> None:
    site = "https://shop.example"
    await outbox.put([waiting(1, proof="p1"), waiting(2, proof="p1", vendor="w"), waiting(3, proof="p2"), waiting(4)])
    await outbox.put([waiting(5, proof="p1", site="https://other.example")])
    await outbox.settle(dead=[(one, "x") for one in await outbox.take("w", 10)])
    assert await outbox.erase(site, "p1") == 2
    assert ids(await outbox.take("v", 10)) == ["e3", "e4", "e5"]
    assert await outbox.dead() == []
    assert await outbox.erase(site, "p1") == 0


async def test_the_backlog_says_since_when(outbox: Outbox) -> None:
    assert await outbox.backlog() == {}
    await outbox.put([waiting(1, at=NOW - 5000), waiting(2), waiting(3, "w", at=NOW - 1000)])
    found = await outbox.backlog()
    assert {key: (one.waiting, one.oldest) for key, one in found.items()} == {
        "v": (2, NOW - 5000),
        "w": (1, NOW - 1000),
    }


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("jetstream", marks=pytest.mark.nats)])
async def test_it_says_when_it_is_full_and_keeps_what_it_has(kind: str, tmp_path: Path, clock: Clock) -> None:
    async with opener(kind, tmp_path, clock, 1 << 20) as opening:
        outbox = opening()
        put = 0

        async def fill() -> None:
            nonlocal put
            for start in range(0, 20_000, 100):
                facts = {"page.url": "https://shop.example/" + "x" * 400}
                await outbox.put([waiting(number, facts=facts) for number in range(start, start + 100)])
                put += 100

        with pytest.raises(Full):
            await fill()
        assert put > 500
        taken: list[Taken] = []
        while some := await outbox.take("v", 500):
            taken += some
            await outbox.settle(gone=some)
        assert len(taken) >= put
        assert await outbox.put([waiting(1_000_000)]) == 1
        await outbox.aclose()


async def test_two_processes_at_once_lose_and_double_nothing(outbox: Outbox, opening: Open) -> None:
    others = [outbox, opening(), opening()]
    await asyncio.gather(
        *(
            one.put([waiting(number) for number in range(place * 100, place * 100 + 100)])
            for place, one in enumerate(others)
        )
    )
    found: list[str] = []

    async def drain(one: Outbox) -> None:
        while some := await one.take("v", 7):
            found.extend(ids(some))
            await one.settle(gone=some)

    await asyncio.gather(*map(drain, others))
    assert sorted(found) == sorted(f"e{number}" for number in range(300))
    for one in others[1:]:
        await one.aclose()


# -- of JetStream alone -----------------------------------------------------------------------------------------------


@pytest.mark.nats
async def test_processes_that_start_at_once_make_it_together(tmp_path: Path, clock: Clock) -> None:
    for _ in range(10):
        async with opener("jetstream", tmp_path, clock) as opening:
            several = [opening() for _ in range(4)]
            assert sum(await asyncio.gather(*(one.put([waiting()]) for one in several))) == 1
            for one in several:
                await one.aclose()


@pytest.mark.nats
async def test_what_the_server_lost_is_made_anew(clock: Clock) -> None:
    url = f"{NATS}/test{secrets.token_hex(6)}"
    outbox = JetStreamOutbox(url, clock, 1 << 30, LEASE)
    for number, ask in enumerate((outbox.put, lambda _: outbox.take("v", 1), lambda _: outbox.backlog())):
        assert await outbox.put([waiting(number)]) == 1
        await forget(url)
        with pytest.raises(Down):
            await ask([waiting()])
        assert await outbox.put([waiting(number)]) == 1
        assert ids(await outbox.take("v", 10)) == [f"e{number}"]
    await outbox.aclose()
    await forget(url)


# -- of SQLite alone --------------------------------------------------------------------------------------------------


async def test_a_clock_that_jumps_back_keeps_nothing_waiting(tmp_path: Path, clock: Clock) -> None:
    outbox = SqliteOutbox(tmp_path / FILE, clock, 1 << 30, LEASE)
    await outbox.put([waiting()])
    (taken,) = await outbox.take("v", 10)
    await outbox.settle(back=[(taken, 60)])
    clock.now -= 30 * 86_400_000
    assert len(await outbox.take("v", 10)) == 1
    await outbox.aclose()


@pytest.mark.parametrize("made", range(1, 6))
async def test_tables_of_which_only_some_could_be_made_are_made_anew(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch, made: int
) -> None:
    """So that no process that was killed meanwhile leaves a file that none can use."""
    whole = sqlite._TABLES
    monkeypatch.setattr(sqlite, "_TABLES", ";".join(whole.split(";")[:made]) + "; nonsense;")
    one = SqliteOutbox(tmp_path / FILE, clock, 1 << 30, LEASE)
    with pytest.raises(Down):
        await one.put([waiting(1)])
    await one.aclose()
    monkeypatch.setattr(sqlite, "_TABLES", whole)
    one = SqliteOutbox(tmp_path / FILE, clock, 1 << 30, LEASE)
    await one.put([waiting(1)])
    assert len(await one.take("v", 10)) == 1
    await one.aclose()


async def test_it_is_the_owners_alone_and_a_newer_one_is_not_touched(tmp_path: Path, clock: Clock) -> None:
    outbox: Any = SqliteOutbox(tmp_path / FILE, clock, 1 << 30, LEASE)
    assert outbox.fresh
    await outbox.put([waiting()])
    assert not outbox.fresh
    assert oct((tmp_path / FILE).stat().st_mode)[-3:] == "600"
    await outbox.aclose()
    import sqlite3

    with sqlite3.connect(tmp_path / FILE) as connection:
        connection.execute("PRAGMA user_version=99")
    connection.close()
    with pytest.raises(Down, match="newer release"):
        await SqliteOutbox(tmp_path / FILE, clock, 1 << 30, LEASE).put([waiting()])


async def test_a_server_that_is_not_there_is_down(clock: Clock) -> None:
    outbox = JetStreamOutbox("nats://127.0.0.1:1", clock, 1 << 20, LEASE)
    with pytest.raises(Down, match="NATS"):
        await outbox.put([waiting()])
