"""Outboxes for tests: each kind with nothing in it, on a clock that the test moves."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from proxy.events.outbox import Outbox, Waiting
from proxy.events.outbox.jetstream import JetStreamOutbox
from proxy.events.outbox.sqlite import FILE, SqliteOutbox
from tests.places import NATS

#: Seconds for which what is taken belongs to who took it.
LEASE = 2.0

NOW = 1_800_000_000_000


class Clock:
    """Milliseconds since 1970, as the test says."""

    def __init__(self, now: int = NOW) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


@contextlib.asynccontextmanager
async def opener(
    kind: str, folder: Path, clock: Callable[[], int], most: int = 1 << 30
) -> AsyncIterator[Callable[[], Outbox]]:
    """Opens one and the same outbox, as one process or another does."""
    if kind == "sqlite":
        yield lambda: SqliteOutbox(folder / FILE, clock, most, LEASE)
        return
    url = f"{NATS}/test{secrets.token_hex(6)}"
    try:
        yield lambda: JetStreamOutbox(url, clock, most, LEASE)
    finally:
        await forget(url)


async def forget(url: str) -> None:
    """Remove all that an outbox made on the server."""
    import nats

    name = url.rpartition("/")[2]
    client = await nats.connect(NATS)
    js = client.jetstream()
    for stream in await js.streams_info():
        if (stream.config.name or "").removeprefix("KV_").startswith(name):
            await js.delete_stream(stream.config.name or "")
    await client.close()


def waiting(number: int = 1, vendor: str = "v", site: str = "https://shop.example", **more: object) -> Waiting:
    told = {"id": f"e{number}", "at": NOW, "facts": {"event.name": "purchase", "event.value": 1.5}, **more}
    return Waiting(site=site, vendor=vendor, **told)  # type: ignore[arg-type]
