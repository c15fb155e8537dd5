"""Databases for the tests of the store: a SQLite file, and a PostgreSQL database of its own for each test."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import secrets
import tempfile
from collections.abc import AsyncIterator, Callable
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from proxy.consent.records.chain import ChainKeys
from proxy.consent.records.migrate import migrate, prepare_postgresql, prepare_sqlite
from proxy.consent.records.record import Event, Record
from proxy.consent.records.store import Entry, Store
from proxy.database import Database
from proxy.database.postgresql import Postgresql
from proxy.database.sqlite import Sqlite
from proxy.model import Category
from tests.places import POSTGRESQL

SITE = "https://shop.example"
SECRET = b"s" * 32


def keys(site: str) -> ChainKeys:
    return ChainKeys([SECRET], site)


@cache
def _with_tables() -> bytes:
    """A SQLite file with the tables in it: made once, since making them takes a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "records.sqlite3")
        migrate(f"sqlite:///{file}")
        return file.read_bytes()


@cache
def _template() -> str:
    """The name of a PostgreSQL database with the tables in it, gone when the tests end."""
    name = f"consentry_template_{secrets.token_hex(8)}"
    asyncio.run(_execute(f"CREATE DATABASE {name}"))
    atexit.register(lambda: asyncio.run(_execute(f"DROP DATABASE {name}")))
    migrate(_url(name))
    return name


async def _execute(sql: str) -> None:
    import asyncpg

    connection = await asyncpg.connect(POSTGRESQL)
    await connection.execute(sql)
    await connection.close()


def _url(name: str) -> str:
    return urlunsplit(urlsplit(POSTGRESQL)._replace(path=f"/{name}"))


@contextlib.asynccontextmanager
async def fresh_database(*, empty: bool = False) -> AsyncIterator[str]:
    """The URL of a PostgreSQL database with nothing in its tables, or none in it (`empty`); dropped afterwards."""
    import asyncpg

    template = "template0" if empty else await asyncio.to_thread(_template)
    name = f"consentry_test_{secrets.token_hex(8)}"
    connection = await asyncpg.connect(POSTGRESQL)
    try:
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield _url(name)
        finally:
            await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await connection.close()


@contextlib.asynccontextmanager
async def opener(kind: str, folder: Path) -> AsyncIterator[Callable[[], Database]]:
    """Opens connections to one and the same database."""
    if kind == "sqlite":
        await asyncio.to_thread((folder / "records.sqlite3").write_bytes, _with_tables())
        yield lambda: Sqlite(folder / "records.sqlite3", prepare_sqlite)
    else:
        async with fresh_database() as url:
            yield lambda: Postgresql(url, prepare_postgresql)


def store_of(database: Database, secret: bytes = SECRET) -> Store:
    return Store(database, lambda site: ChainKeys([secret], site))


def grant(at: int = 1000, visitor: str = "v" * 22, site: str = SITE, **more: object) -> Entry:
    """A visitor who allows analytics."""
    record = Record(site, at, Event.GRANT, "accept", (Category.ANALYTICS,), visitor=visitor)
    return Entry(secrets.token_hex(16), record, **more)  # type: ignore[arg-type]


def refusal(at: int = 1000, site: str = SITE) -> Entry:
    return Entry(secrets.token_hex(16), Record(site, at, Event.REFUSAL, "reject"))


def erasure(visitor: str = "v" * 22, at: int = 2000, site: str = SITE) -> Entry:
    return Entry(secrets.token_hex(16), Record(site, at, Event.ERASURE, "erase"), erases=visitor)
