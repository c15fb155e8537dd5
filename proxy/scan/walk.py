"""Which page of a site to ask for next. Pure.

Rules of this file: each address is given out once, and none beyond the limit. Pages of a kind that was seen least come
first, so that few pages show a large shop as a whole: its hundredth product carries what the first one did. What is
remembered is bounded, whatever the site links to.
"""

from __future__ import annotations

import re
from collections import Counter, deque

#: Addresses kept in mind, for one site and for one kind of its pages.
REMEMBERED = 20_000
WAITING = 500

_DIGITS = re.compile(r"[0-9]+")


class Frontier:
    """The addresses still to be asked for. `limit` is how many are given out in all."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.taken = 0
        self._seen: set[str] = set()
        self._waiting: dict[str, deque[str]] = {}
        self._taken_of: Counter[str] = Counter()

    @property
    def known(self) -> int:
        """How many are given out or waiting to be, at most `limit`: what is to be expected so far."""
        return min(self.limit, self.taken + self.left)

    @property
    def left(self) -> int:
        """How many wait that were not given out."""
        return sum(map(len, self._waiting.values()))

    def allow_another(self, most: int) -> None:
        """One that was taken does not count: another may be, while there are less than `most` in all."""
        self.limit = min(self.limit + 1, max(self.limit, most))

    def offer(self, address: str) -> None:
        """Take note of a page. One that is known, or one too many, changes nothing."""
        if address in self._seen or len(self._seen) >= REMEMBERED:
            return
        waiting = self._waiting.setdefault(kind_of(address), deque())
        if len(waiting) < WAITING:
            self._seen.add(address)
            waiting.append(address)

    def take(self) -> str | None:
        """The next page; None where there is none, or enough were given out."""
        if self.taken >= self.limit or not self._waiting:
            return None
        kind = min(self._waiting, key=lambda kind: (self._taken_of[kind], "?" in kind))
        waiting = self._waiting[kind]
        address = waiting.popleft()
        if not waiting:
            del self._waiting[kind]
        self.taken += 1
        self._taken_of[kind] += 1
        return address


def kind_of(address: str) -> str:
    """What pages made by one template are likely to share: depth, first two folders (numbers alike), and the names
    of the query's parameters."""
    path, mark, query = address.partition("://")[2].partition("/")[2].partition("?")
    folders = _DIGITS.sub("0", path).split("/")[:-1]
    names = sorted({parameter.partition("=")[0] for parameter in query.split("&")})
    return f"{len(folders)}/{'/'.join(folders[:2])}{mark}{'&'.join(names)}"
