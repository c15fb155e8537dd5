"""Which store is the outbox, and the key of visitors' ids: by the settings, else from the state folder."""

from __future__ import annotations

import os
import secrets
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from proxy.events.outbox import Outbox
from proxy.events.outbox.jetstream import JetStreamOutbox
from proxy.events.outbox.sqlite import FILE, SqliteOutbox
from proxy.settings.schema import Settings

#: The file of the key, in the state folder.
KEY_FILE = "visitor.key"


def milliseconds() -> int:
    """Since 1970, by the wall clock: what waits is read by other processes, and after a restart."""
    return time.time_ns() // 1_000_000


def open_outbox(settings: Settings, state: Path) -> Outbox:
    """The outbox of all sites; nothing is touched before it is first used."""
    own, most_bytes = settings.outbox, settings.outbox.megabytes << 20
    if own.url:
        return JetStreamOutbox(own.url, milliseconds, most_bytes, own.lease_seconds)
    return SqliteOutbox(state / FILE, milliseconds, most_bytes, own.lease_seconds)


def outbox_place(settings: Settings, state: Path) -> str:
    """Where events wait, in words; without a password."""
    if settings.outbox.url is None:
        return f"SQLite, {state / FILE}"
    parts = urlsplit(settings.outbox.url)
    return f"NATS, {parts.hostname}:{parts.port or 4222}"


def visitor_key(settings: Settings, state: Path) -> bytes:
    """The key of visitors' ids: the settings', else one made here once. Losing it makes every visitor a new one."""
    if settings.visitor_key:
        return settings.visitor_key
    file = state / KEY_FILE
    with suppress(FileExistsError):
        state.mkdir(parents=True, exist_ok=True)
        fresh = file.with_suffix(f".{os.getpid()}")
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_hex(32) + "\n", encoding="ascii")
        try:
            os.link(fresh, file)  # whole, or not at all
        finally:
            fresh.unlink()
    return file.read_text(encoding="ascii").strip().encode()
