"""Bring a database's tables up to date, by Alembic (`migrations/versions`).

Rules of this file: SQLAlchemy and Alembic are large, and needed for a moment at most once a release; so they run in a
process of their own, and no process that serves ever holds them. Two that start at once wait for each other.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

from proxy.database import Down

if TYPE_CHECKING:
    from asyncpg import Connection

#: The newest of `migrations/versions`; a test holds it to what is there.
HEAD = "0001"

#: The table in which Alembic notes how far a database is.
VERSION_TABLE = "consentry_version"

_URL = "CONSENTRY_MIGRATE_URL"

#: Seconds that it may take; tables of many millions of records are not rewritten by any migration of ours.
PATIENCE = 120.0


def up_to_date(version: str | None) -> bool:
    """Whether the tables are as this release has them. Raises `Down` where they are newer: an older release must not
    write into them."""
    if version is not None and version > HEAD:
        raise Down(f"its tables are of a newer release ({version}; this one knows {HEAD})")
    return version == HEAD


def migrate(url: str) -> None:
    """Bring the tables up to date. Raises `Down` where that fails. `url` may hold a password: it is not on the command
    line, where every user of the machine could read it."""
    told = subprocess.run(
        [sys.executable, "-m", "proxy.consent.records.migrations.run"],
        env={**os.environ, _URL: url},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    if told.returncode != 0:
        lines = told.stderr.strip().splitlines() or ["no reason given"]
        raise Down(f"its tables cannot be brought up to date: {lines[-1]}")


def prepare_sqlite(connection: sqlite3.Connection, url: str) -> None:
    """As `Sqlite` asks for it. Raises `Down`."""
    try:
        row = connection.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()
    except sqlite3.OperationalError:  # no such table
        row = None
    if not up_to_date(None if row is None else str(row[0])):
        migrate(url)


async def prepare_postgresql(connection: Connection, url: str) -> None:
    """As `Postgresql` asks for it. Raises `Down`."""
    found = None
    if await connection.fetchval(f"SELECT to_regclass('{VERSION_TABLE}')") is not None:
        found = await connection.fetchval(f"SELECT version_num FROM {VERSION_TABLE}")
    if not up_to_date(None if found is None else str(found)):
        await asyncio.to_thread(migrate, url)


def url_to_migrate() -> str:
    """In that process: which database."""
    return os.environ.pop(_URL)
