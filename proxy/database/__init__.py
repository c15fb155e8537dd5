"""How stores talk to a database: transactions as generators of statements, run by SQLite or by PostgreSQL.

A transaction is a generator that yields `Ask`s and is sent their rows; it neither knows nor waits for a driver.
Parameters are `$1`, `$2` … in both databases. A driver runs one transaction at a time and commits it whole, or raises
`Down` where the database cannot be reached or cannot take it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

T = TypeVar("T")
Row = Sequence[Any]


class Ask(NamedTuple):
    """A statement. `values`: its parameters; `many`: those of each time that it is run, and then no rows come back."""

    sql: str
    values: Row = ()
    many: Sequence[Row] | None = None


Steps = Generator[Ask, list[Row], T]


class Down(Exception):
    """The database cannot be reached, or does not take what it is given. Its text says why, without any secret."""


class Database(Protocol):
    """One driver. `skip_locked` is what lets several writers pass each other, where there can be several; `members` is
    the query for the members of `$1`, a JSON array of texts; `fresh` says that nothing can be in it yet."""

    skip_locked: str
    members: str

    @property
    def fresh(self) -> bool: ...

    async def run(self, transaction: Callable[[], Steps[T]]) -> T:
        """The transaction's result, once it is durable. Raises `Down`."""
        ...

    async def aclose(self) -> None: ...
