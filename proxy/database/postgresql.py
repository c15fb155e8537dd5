"""PostgreSQL, for a fleet: all proxies write to one database, each its own chain.

Rules of this file: one connection, opened when it is first needed and again after it was lost; nothing waits longer
than `PATIENCE` for the server. A password is never in a message.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from proxy.database import Down, Row, Steps, T

if TYPE_CHECKING:
    from asyncpg import Connection

#: Seconds that the server may take to let us in, and for a statement.
PATIENCE = 10.0


class Postgresql:
    """A database by its URL (`postgresql://user@host:port/name`), brought up to date by `prepare` (a connection to it,
    and the URL) when it is first used."""

    skip_locked = " FOR UPDATE SKIP LOCKED"
    members = "SELECT jsonb_array_elements_text($1::jsonb)"
    fresh = False

    def __init__(self, url: str, prepare: Callable[[Connection, str], Awaitable[None]]) -> None:
        self._url = url
        self._prepare = prepare
        self._connection: Connection | None = None
        self._turn = asyncio.Lock()

    async def run(self, transaction: Callable[[], Steps[T]]) -> T:
        import asyncpg

        async with self._turn:
            try:
                connection = await self._open()
                async with connection.transaction():
                    return await _run_steps(connection, transaction())
            except (
                OSError,
                TimeoutError,
                asyncpg.PostgresError,
                asyncpg.InterfaceError,
                asyncpg.InternalClientError,  # a connection that the server has just ended
            ) as error:
                self._drop()
                raise Down(f"PostgreSQL: {error or type(error).__name__}") from error
            except asyncio.CancelledError:
                self._drop()
                raise

    async def aclose(self) -> None:
        self._drop()

    async def _open(self) -> Connection:
        import asyncpg

        if self._connection is None or self._connection.is_closed():
            connection = await asyncpg.connect(self._url, timeout=PATIENCE, command_timeout=PATIENCE)
            try:
                await self._prepare(connection, self._url)
            except BaseException:
                connection.terminate()
                raise
            self._connection = connection
        return self._connection

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


async def _run_steps(connection: Connection, steps: Steps[T]) -> T:
    rows: list[Row] = []
    try:
        ask = next(steps)
        while True:
            if ask.many is None:
                rows = list(await connection.fetch(ask.sql, *ask.values))
            else:
                await connection.executemany(ask.sql, ask.many)
                rows = []
            ask = steps.send(rows)
    except StopIteration as end:
        result: T = end.value
        return result
