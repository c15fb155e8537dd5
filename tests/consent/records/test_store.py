"""The contract of the store, held by every database over real connections."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.consent.records import migrations
from proxy.consent.records.migrate import HEAD, prepare_postgresql, prepare_sqlite
from proxy.consent.records.store import Store
from proxy.database import Ask, Database, Down, Row, Steps
from proxy.database.postgresql import Postgresql
from proxy.database.sqlite import Sqlite
from tests.consent.records.places import SITE, erasure, fresh_database, grant, opener, refusal, store_of

Opens = Callable[[], Database]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
async def opens(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Opens]:
    async with opener(request.param, tmp_path) as found:
        yield found


@pytest.fixture
async def database(opens: Opens) -> AsyncIterator[Database]:
    database = opens()
    yield database
    await database.aclose()


@pytest.fixture
def store(database: Database) -> Store:
    return store_of(database)


async def change(database: Database, sql: str, *values: object) -> None:
    """What somebody does who can write to the database."""

    def steps() -> Steps[None]:
        yield Ask(sql, values)

    await database.run(steps)


async def look(database: Database, sql: str) -> list[Row]:
    def steps() -> Steps[list[Row]]:
        return (yield Ask(sql))

    return await database.run(steps)


async def faults(store: Store, *noted: object) -> list[tuple[int, str]]:
    found = await store.verify(noted)  # type: ignore[arg-type]
    return [(fault.seq, fault.what.partition(":")[0]) for fault in found.faults]


async def test_what_is_put_in_is_there_in_its_order_and_verifies(store: Store) -> None:
    entries = [refusal(1000), grant(2000), refusal(3000)]
    await store.append(entries[:2], 5000)
    await store.append(entries[2:], 6000)
    out = [kept async for kept in store.export(0, 1 << 62)]
    assert [(kept.site, kept.chain, kept.seq, kept.at) for kept in out] == [
        (SITE, 1, 1, 1000),
        (SITE, 1, 2, 2000),
        (SITE, 1, 3, 3000),
    ]
    assert [kept.payload and kept.payload["event"] for kept in out] == ["refusal", "grant", "refusal"]
    assert "visitor" not in (out[0].payload or {})
    assert [kept.seq async for kept in store.export(2000, 3000)] == [2]
    found = await store.verify()
    assert (found.records, found.faults, [(head.chain, head.seq) for head in found.heads]) == (3, (), [(1, 3)])


async def test_an_empty_store_verifies(store: Store) -> None:
    found = await store.verify()
    assert (found.records, found.faults, found.heads) == (0, (), ())
    assert [kept async for kept in store.export(0, 1 << 62)] == []


async def test_sites_have_chains_of_their_own(store: Store) -> None:
    other = "https://other.example"
    await store.append([refusal(), refusal(site=other), refusal(), refusal(site=other)], 5000)
    found = await store.verify()
    assert [(head.site, head.chain, head.seq) for head in found.heads] == [(other, 1, 2), (SITE, 1, 2)]
    assert not found.faults
    assert [kept.site async for kept in store.export(0, 1 << 62, [other])] == [other, other]


async def test_what_comes_in_again_is_there_once(store: Store) -> None:
    entries = [grant(), refusal()]
    await store.append(entries, 5000)
    await store.append([entries[0], refusal(), entries[1]], 6000, again=True)
    assert (await store.verify()).records == 3
    assert len(await store.of_visitor("v" * 22)) == 1


async def test_a_notice_is_kept_once_by_its_digest(store: Store) -> None:
    seen = replace(grant(notice=b"the text"), record=replace(grant().record, notice="d1"))
    await store.append([seen, replace(seen, id="another", notice=b"the text")], 5000)
    assert (await store.notice("d1"), await store.notice("d2")) == (b"the text", None)


async def test_erasing_takes_the_text_and_leaves_the_chain(store: Store, database: Database) -> None:
    await store.append([refusal(), grant(), grant(visitor="w" * 22), grant()], 5000)
    await store.append([erasure()], 6000)
    assert await store.of_visitor("v" * 22) == []
    assert len(await store.of_visitor("w" * 22)) == 1
    out = [kept async for kept in store.export(0, 1 << 62)]
    assert [kept.payload is None for kept in out] == [False, True, False, True, False]
    proof = out[-1].payload
    assert proof is not None
    assert (proof["event"], proof["erased"], "visitor" in proof) == ("erasure", [[1, 2], [1, 4]], False)
    assert await faults(store) == []
    rows = await look(database, "SELECT id, salt, payload, event, visitor FROM consentry_records WHERE seq IN (2, 4)")
    assert [tuple(row) for row in rows] == [(None,) * 5] * 2


async def test_what_was_erased_cannot_come_in_late(store: Store) -> None:
    late = grant()
    await store.append([erasure()], 5000)
    await store.append([late, refusal()], 6000, again=True)
    assert await store.of_visitor("v" * 22) == []
    assert (await store.verify()).records == 2


async def test_a_grant_and_its_erasure_in_one_go(store: Store) -> None:
    await store.append([grant(), erasure(), grant(visitor="w" * 22)], 5000)
    assert await store.of_visitor("v" * 22) == []
    assert await faults(store) == []


async def test_purging_leaves_a_checkpoint_that_verifies(store: Store) -> None:
    for now in range(1, 8):
        await store.append([refusal(now), refusal(now)], now)
    before = (await store.verify()).heads
    assert await store.purge(5, 100) == 8
    assert await store.purge(5, 200) == 0
    found = await store.verify(before)
    assert (found.records, found.faults) == (6, ())
    assert await store.purge(1000, 300) == 6
    assert (await store.verify(before)).faults == ()
    await store.append([refusal()], 400)
    found = await store.verify(before)
    assert (found.records, found.faults, found.heads[0].seq) == (1, (), 15)


@pytest.mark.parametrize(
    ("done", "told"),
    [
        ("UPDATE consentry_records SET payload=replace(payload, 'refusal', 'grant') WHERE seq=3", [(3, "edited")] * 2),
        ("UPDATE consentry_records SET at=7 WHERE seq=3", [(3, "edited or moved")]),
        ("UPDATE consentry_records SET visitor='x' WHERE seq=3", [(3, "edited")]),
        ("UPDATE consentry_records SET event='grant' WHERE seq=3", [(3, "edited")]),
        (
            "UPDATE consentry_records SET payload=NULL, salt=NULL, event=NULL WHERE seq=3",
            [(3, "its text is gone, and no erasure is on record")],
        ),
        ("DELETE FROM consentry_records WHERE seq=3", [(4, "removed")]),
        ("DELETE FROM consentry_records WHERE seq=1", [(2, "removed")]),
        ("DELETE FROM consentry_records WHERE seq IN (2, 3)", [(4, "removed")]),
        ("DELETE FROM consentry_records WHERE seq=5", [(4, "cut off")]),
        ("UPDATE consentry_chains SET seq=4", [(5, "edited or moved")]),
        ("DELETE FROM consentry_chains", []),
    ],
)
async def test_what_somebody_changes_shows(
    store: Store, database: Database, done: str, told: list[tuple[int, str]]
) -> None:
    await store.append([refusal(at) for at in range(1, 6)], 5000)
    await change(database, done)
    if "consentry_chains SET" in done:  # whoever rolls the chain's end back has the next record put over another
        assert (await store.verify()).faults == ()
        with pytest.raises(Down):
            await store.append([refusal()], 6000)
        return
    assert await faults(store) == told


async def test_records_that_changed_places_show(store: Store, database: Database) -> None:
    await store.append([refusal(at) for at in range(1, 6)], 5000)
    for one, other in ((2, 20), (3, 2), (20, 3)):
        await change(database, "UPDATE consentry_records SET seq=$2 WHERE seq=$1", one, other)
    assert {seq for seq, _ in await faults(store)} == {2, 3, 4}


async def test_a_cut_off_end_with_the_chain_rolled_back_shows_by_a_head(store: Store, database: Database) -> None:
    await store.append([refusal(at) for at in range(1, 6)], 5000)
    heads = (await store.verify()).heads
    rows = await look(database, "SELECT link FROM consentry_records WHERE seq=3")
    await change(database, "DELETE FROM consentry_records WHERE seq>3")
    await change(database, "UPDATE consentry_chains SET seq=3, link=$1", bytes(rows[0][0]))
    assert await faults(store) == []
    assert await faults(store, *heads) == [(3, "cut off")]
    await store.append([refusal(at) for at in range(3)], 6000)
    assert await faults(store, *heads) == [(5, "rewritten")]
    await change(database, "DELETE FROM consentry_records")
    await change(database, "DELETE FROM consentry_chains")
    assert await faults(store, *heads) == [(5, "removed")]


async def test_a_forged_checkpoint_shows(store: Store, database: Database) -> None:
    await store.append([refusal(at) for at in range(1, 6)], 5000)
    rows = await look(database, "SELECT link, key FROM consentry_records WHERE seq=3")
    await change(database, "DELETE FROM consentry_records WHERE seq<=3")
    await change(
        database,
        "INSERT INTO consentry_checkpoints (site, chain, seq, link, at, key, seal) VALUES ($1, 1, 3, $2, 9, $3, $4)",
        SITE,
        bytes(rows[0][0]),
        rows[0][1],
        b"x" * 32,
    )
    assert await faults(store) == [(3, "forged")]


async def test_other_keys_cannot_tell_and_say_so(store: Store, opens: Opens) -> None:
    await store.append([refusal(), refusal()], 5000)
    other = store_of(opens(), b"o" * 32)
    found = await other.verify()
    assert (found.faults, sum(found.unverified.values())) == ((), 2)
    await other.append([refusal()], 6000)
    assert [fault.what for fault in (await other.verify()).faults] == []
    await other.aclose()


async def test_several_writers_at_once_lose_nothing_and_each_chain_verifies(opens: Opens) -> None:
    stores = [store_of(opens()) for _ in range(4)]
    await asyncio.gather(*(store.append([refusal()], 1) for store in stores))

    async def write(store: Store, visitor: str) -> None:
        for at in range(25):
            await store.append([grant(at, visitor * 22), refusal(at)], at)

    await asyncio.gather(*(write(store, visitor) for store, visitor in zip(stores, "abcd", strict=True)))
    found = await stores[0].verify()
    assert (found.records, found.faults) == (4 + 4 * 50, ())
    for visitor in "abcd":
        assert len(await stores[1].of_visitor(visitor * 22)) == 25
    for store in stores:
        await store.aclose()


async def test_a_transaction_that_fails_leaves_nothing(store: Store) -> None:
    entry = refusal()
    await store.append([entry], 1)
    with pytest.raises(Down):
        await store.append([refusal(), entry], 2)
    await store.append([refusal()], 3)
    found = await store.verify()
    assert (found.records, found.faults) == (2, ())


async def test_it_can_be_opened_again(opens: Opens) -> None:
    for round_ in range(3):
        store = store_of(opens())
        await store.append([refusal()], round_)
        assert (await store.verify()).records == round_ + 1
        await store.aclose()


async def test_tables_of_a_newer_release_are_left_alone(store: Store, database: Database, opens: Opens) -> None:
    await store.append([], 0)
    await change(database, "UPDATE consentry_version SET version_num='9999'")
    other = store_of(opens())
    with pytest.raises(Down, match="newer release"):
        await other.append([refusal()], 1)
    await other.aclose()


async def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    file = tmp_path / "records.sqlite3"
    file.write_bytes(b"not a database" * 100)
    store = store_of(Sqlite(file, prepare_sqlite))
    with pytest.raises(Down, match="not a database"):
        await store.append([refusal()], 1)
    await store.aclose()


async def test_a_file_that_was_moved_away_is_made_anew(tmp_path: Path) -> None:
    file = tmp_path / "records.sqlite3"
    store = store_of(Sqlite(file, prepare_sqlite))
    await store.append([refusal()], 1)
    for suffix in ("", "-wal", "-shm"):
        (tmp_path / f"{file.name}{suffix}").rename(tmp_path / f"old{suffix}")
    await store.append([refusal(), refusal()], 2)
    assert (await store.verify()).records == 2
    assert file.exists()
    await store.aclose()


async def test_what_is_erased_is_not_in_the_file_any_more(tmp_path: Path) -> None:
    store = store_of(Sqlite(tmp_path / "records.sqlite3", prepare_sqlite))
    await store.append([grant(visitor="findable-visitor-id-01")], 1)
    await store.append([erasure("findable-visitor-id-01")], 2)
    await store.aclose()  # which writes the log into the file
    assert oct((tmp_path / "records.sqlite3").stat().st_mode)[-3:] == "600"
    assert b"findable-visitor-id-01" not in (tmp_path / "records.sqlite3").read_bytes()


@pytest.mark.postgresql
async def test_a_server_that_is_not_there_or_does_not_let_us_in(unused_tcp_port: int) -> None:
    for url in (f"postgresql://postgres@127.0.0.1:{unused_tcp_port}/x", "postgresql://me:secret@127.0.0.1:1/x"):
        store = store_of(Postgresql(url, prepare_postgresql))
        with pytest.raises(Down) as told:
            await store.append([refusal()], 1)
        assert "secret" not in str(told.value)
        await store.aclose()


@pytest.mark.postgresql
async def test_an_address_may_say_how_to_connect() -> None:
    async with fresh_database(empty=True) as url:
        store = store_of(Postgresql(f"{url}?sslmode=disable&application_name=consentry", prepare_postgresql))
        await store.append([refusal()], 1)
        assert (await store.verify()).records == 1
        await store.aclose()


@pytest.mark.postgresql
async def test_a_connection_that_breaks_is_opened_anew() -> None:
    async with fresh_database() as url:
        store, other = store_of(Postgresql(url, prepare_postgresql)), Postgresql(url, prepare_postgresql)
        await store.append([refusal()], 1)
        await change(
            other,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid<>pg_backend_pid() AND datname=current_database()",
        )
        for now in range(2, 4):
            with contextlib.suppress(Down):  # the first may meet the end of the connection
                await store.append([refusal()], now)
        assert (await store.verify()).records >= 2
        await store.aclose()
        await other.aclose()


def test_the_release_knows_the_newest_migration() -> None:
    versions = [file.name.partition("_")[0] for file in (Path(migrations.__file__).parent / "versions").glob("0*.py")]
    assert max(versions) == HEAD
