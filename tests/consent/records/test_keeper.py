"""Keeping records while the store is there, slow, gone, and back; with a real SQLite file and a real PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from statistics import median

import pytest

from proxy.consent.records import keeper as module
from proxy.consent.records.keeper import PATIENCE, Keeper, NotKept
from proxy.consent.records.migrate import prepare_sqlite
from proxy.consent.records.spool import Spool
from proxy.consent.records.store import Entry, Store
from proxy.database import Down
from proxy.database.sqlite import Sqlite
from tests.consent.records.places import erasure, grant, opener, refusal, store_of


@contextlib.asynccontextmanager
async def keeping(store: Store, folder: Path, keep_for: int | None = None) -> AsyncIterator[Keeper]:
    keeper = Keeper(store, Spool(folder / "spool"), lambda: time.time_ns() // 1_000_000, keep_for)
    await keeper.start()
    try:
        yield keeper
    finally:
        await keeper.stop()


@pytest.fixture
async def file(tmp_path: Path) -> AsyncIterator[Path]:
    """A SQLite file with tables."""
    async with opener("sqlite", tmp_path):
        yield tmp_path / "records.sqlite3"


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """For what is not about time: a disk that is busy with others holds a commit up for longer than visitors wait."""
    monkeypatch.setattr(module, "PATIENCE", 10)


async def counted(file: Path) -> int:
    store = store_of(Sqlite(file, prepare_sqlite))
    found = await store.verify()
    assert found.faults == ()
    await store.aclose()
    return found.records


async def until(holds: object, seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not holds():  # type: ignore[operator]  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def waiting(folder: Path) -> list[dict[str, object]]:
    return [
        json.loads(line)
        for file in sorted((folder / "spool").glob("*.jsonl"))
        for line in file.read_text().splitlines()
    ]


class Troubled(Store):
    """A store that can be made slow or be taken away."""

    def __init__(self, file: Path) -> None:
        super().__init__(Sqlite(file, prepare_sqlite), store_of(Sqlite(file, prepare_sqlite))._keys)
        self.slow = 0.0
        self.gone = False
        self.commits = 0

    async def append(self, entries: Sequence[Entry], now: int, *, again: bool = False) -> None:
        await asyncio.sleep(self.slow)
        if self.gone:
            raise Down("it is gone")
        self.commits += 1
        await super().append(entries, now, again=again)


@pytest.mark.usefixtures("patient")
async def test_what_is_kept_is_in_the_store_when_keep_returns(file: Path, tmp_path: Path) -> None:
    async with keeping(store_of(Sqlite(file, prepare_sqlite)), tmp_path) as keeper:
        await keeper.keep(grant())
        with sqlite3.connect(file) as another:
            assert another.execute("SELECT count(*) FROM consentry_records").fetchone() == (1,)
        assert [kept.seq for kept in await keeper.of_visitor("v" * 22) or ()] == [1]
    assert not waiting(tmp_path)


@pytest.mark.usefixtures("patient")
async def test_many_at_once_share_a_commit(file: Path, tmp_path: Path) -> None:
    store = Troubled(file)
    async with keeping(store, tmp_path) as keeper:
        await keeper.keep(refusal())
        await asyncio.gather(*(keeper.keep(refusal()) for _ in range(400)))
        assert store.commits <= 4
    assert await counted(file) == 401


async def test_a_store_that_is_not_made_yet_is_made_and_nothing_waits_for_it(tmp_path: Path) -> None:
    file = tmp_path / "records.sqlite3"
    async with keeping(store_of(Sqlite(file, prepare_sqlite)), tmp_path) as keeper:
        assert not file.exists()
        await keeper.keep(refusal())
        assert len(waiting(tmp_path)) == 1
        await until(lambda: not waiting(tmp_path))
    assert await counted(file) == 1


@pytest.mark.parametrize("trouble", ["slow", "gone"])
async def test_while_the_store_does_not_answer_records_wait_on_the_disk_and_land_once(
    file: Path, tmp_path: Path, trouble: str
) -> None:
    store = Troubled(file)
    async with keeping(store, tmp_path) as keeper:
        await keeper.keep(refusal())
        store.slow, store.gone = (2, False) if trouble == "slow" else (0, True)
        times = []
        for _ in range(20):
            started = time.perf_counter()
            await keeper.keep(refusal())
            times.append(time.perf_counter() - started)
        assert median(times) < PATIENCE + 0.2
        assert max(times) < 1  # a patience that grew; the disk alone may hold one up for half of that
        assert len(waiting(tmp_path)) >= 19
        assert (tmp_path / "spool").stat().st_mode & 0o077 == 0o055
        assert all(file.stat().st_mode & 0o077 == 0 for file in (tmp_path / "spool").iterdir())
        if trouble == "gone":
            assert await keeper.of_visitor("v" * 22) is None
        store.slow, store.gone = 0, False
        await until(lambda: not waiting(tmp_path))
        await keeper.keep(refusal())
    assert await counted(file) == 22


async def test_an_erasure_reaches_what_waits(file: Path, tmp_path: Path) -> None:
    store = Troubled(file)
    async with keeping(store, tmp_path) as keeper:
        await keeper.keep(grant())
        store.gone = True
        await keeper.keep(grant())
        await keeper.keep(erasure())
        store.gone = False
        await until(lambda: not waiting(tmp_path))
        assert await keeper.of_visitor("v" * 22) == []
    assert await counted(file) == 3


async def test_where_neither_store_nor_disk_takes_it_that_is_said(file: Path, tmp_path: Path) -> None:
    store = Troubled(file)
    store.gone = True
    (tmp_path / "spool").write_text("no folder")
    async with keeping(store, tmp_path) as keeper:
        with pytest.raises(NotKept):
            await keeper.keep(refusal())
        store.gone = False
        (tmp_path / "spool").unlink()


async def test_a_fault_that_nobody_knew_of_leaves_no_visitor_waiting(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Troubled(file)
    store.gone = True
    async with keeping(store, tmp_path) as keeper:
        with monkeypatch.context() as patched:
            patched.setattr(Spool, "add", lambda *_: 1 / 0)
            with pytest.raises(NotKept):
                await asyncio.wait_for(keeper.keep(refusal()), 5)
        await asyncio.wait_for(keeper.keep(refusal()), 5)
        store.gone = False
        await until(lambda: not waiting(tmp_path))
    assert await counted(file) == 1


async def test_a_fault_that_nobody_knew_of_ends_no_looking_after(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK", 0.02)
    left = Spool(tmp_path / "spool")
    async with keeping(store_of(Sqlite(file, prepare_sqlite)), tmp_path):
        with monkeypatch.context() as patched:
            patched.setattr(Spool, "files", lambda _: 1 / 0)
            await asyncio.sleep(0.1)
        left.add([refusal()])
        left.close()
        await until(lambda: not waiting(tmp_path))
    assert await counted(file) == 1


async def test_what_a_dead_process_left_lands_with_the_next(file: Path, tmp_path: Path) -> None:
    left = Spool(tmp_path / "spool")
    left.add([grant(), refusal()])
    async with keeping(store_of(Sqlite(file, prepare_sqlite)), tmp_path):
        await asyncio.sleep(0.3)
        assert len(waiting(tmp_path)) == 2  # its process lives: it is its own
    left.close()
    async with keeping(store_of(Sqlite(file, prepare_sqlite)), tmp_path):
        await until(lambda: not waiting(tmp_path))
    assert await counted(file) == 2


async def test_old_records_are_purged_by_itself(file: Path, tmp_path: Path) -> None:
    store = store_of(Sqlite(file, prepare_sqlite))
    now = time.time_ns() // 1_000_000
    await store.append([refusal()], now - 10_000)
    await store.append([refusal()], now)
    async with keeping(store, tmp_path, keep_for=5000):
        await until(lambda: sqlite3.connect(file).execute("SELECT count(*) FROM consentry_records").fetchone() == (1,))
    assert await counted(file) == 1


async def test_records_under_way_at_the_end_are_kept(file: Path, tmp_path: Path) -> None:
    async with keeping(store_of(Sqlite(file, prepare_sqlite)), tmp_path) as keeper:
        tasks = [asyncio.ensure_future(keeper.keep(refusal())) for _ in range(50)]
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    assert await counted(file) == 50


# -- the spool ---------------------------------------------------------------------------------------------------------


def test_an_entry_comes_back_as_it_was(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    entries = [grant(notice=b"\x00\xff"), refusal(), erasure()]
    spool.add(entries)
    assert spool.take(spool.files()[0]) is None  # written to
    spool.close()
    taken = spool.take(spool.files()[0])
    assert taken is not None
    assert taken.entries == entries
    taken.leave(landed=True)
    assert spool.files() == []


def test_a_line_that_was_never_finished_was_never_promised(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.add([refusal()])
    spool.close()
    with open(spool.files()[0], "ab") as torn:
        torn.write(b'{"id": "half')
    taken = spool.take(spool.files()[0])
    assert taken is not None
    assert len(taken.entries) == 1
    taken.leave(landed=False)
    assert len(spool.files()) == 1


def test_what_cannot_be_read_is_put_aside_and_the_rest_lands(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.add([refusal(), refusal()])
    spool.close()
    whole = spool.files()[0].read_bytes()
    spool.files()[0].write_bytes(whole.replace(b"{", b"}", 1))
    taken = spool.take(spool.files()[0])
    assert taken is not None
    assert len(taken.entries) == 1
    taken.leave(landed=True)
    (aside,) = tmp_path.iterdir()
    assert (aside.suffix, aside.read_bytes()) == (".damaged", whole.replace(b"{", b"}", 1))


def test_a_full_disk_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(tmp_path)
    spool.add([refusal()])
    write = os.write
    monkeypatch.setattr(os, "write", lambda held, data: write(held, data[:10]))
    with pytest.raises(OSError, match="only 10"):
        spool.add([refusal()])
    monkeypatch.undo()
    spool.add([refusal()])
    spool.close()
    taken = spool.take(spool.files()[0])
    assert taken is not None
    assert len(taken.entries) == 2
    taken.leave(landed=True)
