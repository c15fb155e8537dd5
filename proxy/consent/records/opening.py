"""Which database holds the records: the one that the settings name, else a file in the state folder."""

from __future__ import annotations

from functools import lru_cache, partial
from pathlib import Path
from urllib.parse import urlsplit

from proxy.consent.records.chain import ChainKeys
from proxy.consent.records.migrate import prepare_postgresql, prepare_sqlite
from proxy.consent.records.store import Store
from proxy.database.postgresql import Postgresql
from proxy.database.sqlite import Sqlite
from proxy.settings.schema import Settings

#: The file, and the folder of what waits for the store, in the state folder.
FILE, SPOOL = "records.sqlite3", "spool"


def open_store(settings: Settings, state: Path) -> Store:
    """The store of all sites; nothing is touched before it is first used."""
    url = settings.store.url
    database = Postgresql(url, prepare_postgresql) if url else Sqlite(state / FILE, prepare_sqlite)
    return Store(database, lru_cache(64)(partial(ChainKeys, settings.secret_keys)))


def place_of(settings: Settings, state: Path) -> str:
    """Where the records are, in words; without a password."""
    if settings.store.url is None:
        return f"SQLite, {state / FILE}"
    parts = urlsplit(settings.store.url)
    return f"PostgreSQL, {parts.hostname or 'this machine'}{parts.path}"
