"""What was worked out before, within bounds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Remembered(Generic[K, V]):
    """Values by what they were worked out from: two generations, so that what is asked for again stays and memory has
    an end. `size_of` tells what a key and its value take, in bytes, roughly; `entries` and `size` bound a generation.
    """

    def __init__(self, size_of: Callable[[K, V], int], *, entries: int = 8192, size: int = 2 << 20) -> None:
        self._size_of = size_of
        self._entries = entries
        self._room = size
        self._young: dict[K, V] = {}
        self._old: dict[K, V] = {}
        self._size = 0

    def get(self, key: K) -> V | None:
        found = self._young.get(key)
        if found is None and (found := self._old.get(key)) is not None:
            self.put(key, found)
        return found

    def put(self, key: K, value: V) -> bool:
        """Keeps it, if it is not much too large; whether it did."""
        size = self._size_of(key, value)
        if size > self._room >> 5:
            return False
        if len(self._young) >= self._entries or self._size > self._room:
            self._old, self._young, self._size = self._young, {}, 0
        self._young[key] = value
        self._size += size
        return True
