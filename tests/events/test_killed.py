"""Killed in the middle, and one of two killed: what was taken arrives, and doubles have the same id."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.consent.records.places import fresh_database
from tests.events.killing import BackEnd, Proxy, killed
from tests.events.outboxes import forget
from tests.events.served import settings, vendors
from tests.places import NATS

#: How often; `make soak` does it two hundred times, or twenty.
ROUNDS = 3


@pytest.fixture
async def nats_url() -> AsyncIterator[str]:
    url = f"{NATS}/test{secrets.token_hex(6)}"
    yield url
    await forget(url)


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("jetstream", marks=pytest.mark.nats)])
async def test_what_was_taken_arrives_whenever_the_proxy_is_killed(kind: str, tmp_path: Path, nats_url: str) -> None:
    with vendors(remember=False) as told:
        more = {"CONSENTRY_OUTBOX_URL": nats_url} if kind == "jetstream" else {}
        proxy = Proxy(settings(tmp_path, told.url, answer_seconds=0.5), tmp_path / "state", more=more)
        found = killed(proxy, told, ROUNDS, random.Random(7), lambda: None)
        assert found["accepted"] > 20
        assert (found["missing"], found["never posted"]) == (0, 0)


@pytest.mark.nats
@pytest.mark.postgresql
async def test_either_of_two_proxies_may_end_at_any_time(tmp_path: Path, nats_url: str) -> None:
    """Two, one PostgreSQL, one JetStream; one is killed, then the other, while events come in."""
    async with fresh_database() as store:
        with vendors(remember=False) as told:
            file = settings(tmp_path, told.url, answer_seconds=0.5)
            more = {"CONSENTRY_OUTBOX_URL": nats_url, "CONSENTRY_STORE_URL": store}
            pair = [Proxy(file, tmp_path / f"state{number}", more=more) for number in range(2)]
            for one in pair:
                one.start()
            alive = [pair[0]]
            back_end = BackEnd(lambda: alive[0].admin)
            with back_end.posting():
                await asyncio.sleep(1)
                alive[0] = pair[1]
                pair[0].kill()
                await asyncio.sleep(1)
                pair[0].start()
                alive[0] = pair[0]
                pair[1].kill()
                await asyncio.sleep(1)
            assert told.until(lambda: back_end.accepted <= told.ids.keys(), 60)
            pair[0].end()
            assert len(back_end.accepted) > 100
