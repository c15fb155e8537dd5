"""SQLite, for one machine: a file in the state folder, nothing to install.

Rules of this file: a write-ahead log with `synchronous=FULL`, so that a commit returns once it is on the disk
(fdatasync); one thread does all of it, so that the event loop never waits for a disk; what is deleted is overwritten.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from proxy.database import Down, Row, Steps, T

#: Seconds to wait for another process that writes.
BUSY = 5.0


#: Makes the tables of a database that was just opened, or brings them up to date: by its connection and its URL.
Prepare = Callable[[sqlite3.Connection, str], None]


class Sqlite:
    """A database file; made, and brought up to date by `prepare`, when it is first used."""

    skip_locked = ""
    members = "SELECT value FROM json_each($1)"

    def __init__(self, file: Path, prepare: Prepare) -> None:
        self._file = file
        self._prepare = prepare
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self._thread = ThreadPoolExecutor(1, file.stem)

    @property
    def fresh(self) -> bool:
        return not self._file.exists()

    async def run(self, transaction: Callable[[], Steps[T]]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._run, transaction)

    async def aclose(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    def _run(self, transaction: Callable[[], Steps[T]]) -> T:
        try:
            connection = self._open()
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = _run_steps(connection, transaction())
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            return result
        except (sqlite3.Error, OSError) as error:
            self._close()
            raise Down(f"{self._file}: {error}") from error

    def _open(self) -> sqlite3.Connection:
        if self._connection is not None and not self._is_there():
            self._close()
        if self._connection is None:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with _alone(self._file.with_suffix(".lock")):  # SQLite itself does not wait where the kind of log changes
                self._file.touch(mode=0o600)
                connection = sqlite3.connect(self._file, timeout=BUSY, isolation_level=None, check_same_thread=False)
                try:
                    for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON", "cache_size=-1024"):
                        connection.execute(f"PRAGMA {pragma}")
                    self._prepare(connection, f"sqlite:///{self._file}")
                except BaseException:
                    connection.close()  # with whatever it has begun
                    raise
            self._connection, self._inode = connection, self._file.stat().st_ino
        return self._connection

    def _is_there(self) -> bool:
        """Whether the file is still the one that is open: what goes into one that was removed is in none."""
        try:
            return self._file.stat().st_ino == self._inode
        except FileNotFoundError:
            return False

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@contextlib.contextmanager
def _alone(file: Path) -> Iterator[None]:
    """While others that open the same database wait."""
    with open(file, "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _run_steps(connection: sqlite3.Connection, steps: Steps[T]) -> T:
    rows: list[Row] = []
    try:
        ask = next(steps)
        while True:
            if ask.many is None:
                rows = connection.execute(ask.sql, _named(ask.values)).fetchall()
            else:
                connection.executemany(ask.sql, map(_named, ask.many))
                rows = []
            ask = steps.send(rows)
    except StopIteration as end:
        result: T = end.value
        return result


def _named(values: Row) -> dict[str, object]:
    """`$1` is a named parameter to SQLite."""
    return {str(number): value for number, value in enumerate(values, 1)}
