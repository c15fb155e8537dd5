"""The process that brings a database's tables up to date: `python -m proxy.consent.records.migrations.run`.

It is started by `migrate.py`, and finds the database in CONSENTRY_MIGRATE_URL. Of several that start at once only one
changes tables, and the others find them changed.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.exc import SQLAlchemyError

from proxy.consent.records.migrate import url_to_migrate

#: PostgreSQL's advisory lock while tables are changed: any number, always the same.
_LOCK = 0x636F6E73656E


def upgrade(connection: Connection) -> None:
    """Run what is missing, in the transaction that `connection` is in."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent))
    command.upgrade(config, "head")


def _sqlite(url: str) -> None:
    engine = create_engine(url, connect_args={"timeout": 60})

    def on_connect(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None  # else the driver would begin only with the first change of a row

    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", on_begin)
    with engine.begin() as connection:
        upgrade(connection)


async def _postgresql(url: str) -> None:
    import asyncpg
    from sqlalchemy.ext.asyncio import create_async_engine

    async def connect(*_: object, **__: object) -> object:
        return await asyncpg.connect(url)  # which reads what SQLAlchemy would not: sslmode, passfile

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect)
    async with engine.begin() as connection:
        await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        await connection.run_sync(upgrade)
    await engine.dispose()


def main() -> int:
    """The exit code; on 1 the last line of standard error says why."""
    url = url_to_migrate()
    try:
        if url.startswith("sqlite:"):
            _sqlite(url)
        else:
            asyncio.run(_postgresql(url))
    except (SQLAlchemyError, CommandError, OSError) as error:
        print(str(getattr(error, "orig", None) or error).splitlines()[0], file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
