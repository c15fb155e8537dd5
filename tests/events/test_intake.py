"""The way into the outbox: together, never waited for by pages, and nothing believed kept that is not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
import structlog

from proxy.database import Ask, Steps
from proxy.events import intake as module
from proxy.events.intake import Intake, NotKept
from proxy.events.outbox import Waiting
from proxy.events.outbox.sqlite import FILE, SqliteOutbox
from tests.events.outboxes import Clock, waiting


class Counting(SqliteOutbox):
    """An outbox that says how many commits there were."""

    commits = 0
    pages = 1 << 30  # that the file may have: more is what a full disk says

    async def put(self, events: Sequence[Waiting]) -> int:
        self.commits += 1
        return await super().put(events)

    def _put(self, events: Sequence[Waiting]) -> Steps[int]:
        yield Ask(f"PRAGMA max_page_count={self.pages}")
        return (yield from super()._put(events))


@pytest.fixture
def outbox(tmp_path: Path) -> Counting:
    return Counting(tmp_path / FILE, Clock(), 1 << 30, 1.0)


async def settled(intake: Intake) -> None:
    """Until all that was noted is put."""
    async with asyncio.timeout(20):
        await intake._settled.wait()


def large(number: int) -> Waiting:
    return waiting(number, facts={"page.url": "x" * 3000})


async def test_many_go_in_one_commit_and_their_vendors_are_told_of(outbox: Counting) -> None:
    woken: list[str] = []
    intake = Intake(outbox, woken.append)
    intake.start()
    await asyncio.gather(
        *(intake.keep(lambda number=number: [waiting(number), waiting(number, "w")]) for number in range(300))
    )
    assert outbox.commits <= 5
    assert {*woken} == {"v", "w"}
    assert len(await outbox.take("v", 1000)) == 300
    await intake.stop()
    await outbox.aclose()


async def test_a_full_disk_refuses_posts_holds_pages_events_and_loses_none(
    outbox: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "AGAIN", 0.05)
    intake = Intake(outbox, lambda _: None)
    intake.start()
    await intake.keep(lambda: [large(0)])
    outbox.pages = 20
    kept = 1

    async def fill() -> None:
        nonlocal kept
        for number in range(1, 200):
            await intake.keep(lambda number=number: [large(number)])
            kept += 1

    with pytest.raises(NotKept, match="full"):
        await fill()
    for number in range(1000, 1100):
        intake.note(lambda number=number: [large(number)])
    await asyncio.sleep(0.2)
    with pytest.raises(NotKept):
        await intake.keep(lambda: [large(5000)])
    outbox.pages = 1 << 30
    await settled(intake)
    ids = {one.waiting.id for one in await outbox.take("v", 10_000)}
    assert {f"e{number}" for number in [*range(kept), *range(1000, 1100)]} <= ids
    await intake.stop()
    await outbox.aclose()


async def test_memory_is_bounded_while_nothing_is_taken(outbox: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HELD", 50)
    intake = Intake(outbox, lambda _: None)
    for number in range(200):
        intake.note(lambda number=number: [waiting(number)])
    intake.start()
    await settled(intake)
    assert len(await outbox.take("v", 1000)) == 50
    await intake.stop()
    await outbox.aclose()


async def test_one_event_that_cannot_be_made_stops_no_other(outbox: Counting) -> None:
    def wrong() -> list[Waiting]:
        raise ValueError("a mistake of ours")

    intake = Intake(outbox, lambda _: None)
    intake.start()
    intake.note(wrong)
    with pytest.raises(NotKept):
        await intake.keep(wrong)
    await intake.keep(lambda: [waiting(1)])
    assert len(await outbox.take("v", 10)) == 1
    await intake.stop()
    await outbox.aclose()


async def test_what_was_noted_is_put_before_the_end(outbox: Counting) -> None:
    intake = Intake(outbox, lambda _: None)
    intake.start()
    intake.note(lambda: [waiting(1)])
    await intake.stop()
    assert len(await outbox.take("v", 10)) == 1
    await outbox.aclose()


async def test_a_fault_that_nobody_knew_of_ends_no_intake(outbox: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    async def wrong(_: Sequence[Waiting]) -> int:
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr(module, "AGAIN", 0.05)
    intake = Intake(outbox, lambda _: None)
    intake.start()
    with monkeypatch.context() as patched:
        patched.setattr(outbox, "put", wrong)
        intake.note(lambda: [waiting(1)])
        with pytest.raises(NotKept):
            await intake.keep(lambda: [waiting(2)])
    await settled(intake)
    assert [one.waiting.id for one in await outbox.take("v", 10)] == [waiting(1).id]
    await intake.stop()
    await outbox.aclose()


async def test_what_hangs_at_the_end_is_told_of(outbox: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hanging(_: Sequence[Waiting]) -> int:
        await asyncio.Event().wait()
        return 0

    monkeypatch.setattr(module, "END", 0.1)
    monkeypatch.setattr(outbox, "put", hanging)
    intake = Intake(outbox, lambda _: None)
    intake.start()
    intake.note(lambda: [waiting(1)])
    await asyncio.sleep(0.05)
    intake.note(lambda: [waiting(2)])
    with structlog.testing.capture_logs() as logs:
        await intake.stop()
    assert [log["events"] for log in logs if "lost" in log["event"]] == [2]
    await outbox.aclose()


async def test_what_is_wanted_soon_takes_along_what_could_wait(
    outbox: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GATHER_LONGER", 60)
    intake = Intake(outbox, lambda _: None)
    intake.start()
    intake.note(lambda: [waiting(1)], soon=False)
    await asyncio.sleep(0.1)
    assert await outbox.take("v", 10) == []
    intake.note(lambda: [waiting(2)])
    await settled(intake)
    assert len(await outbox.take("v", 10)) == 2
    intake.note(lambda: [waiting(3)], soon=False)
    await intake.stop()
    assert len(await outbox.take("v", 10)) == 1
    await outbox.aclose()
