"""A bounded memory: values by key, the least recently used forgotten first. No clock, no I/O."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Shelf(Generic[K, V]):
    """Holds values whose sizes (bytes, by `size`) add up to `room` at the most. A larger value is not kept at all."""

    def __init__(self, room: int, size: Callable[[V], int]) -> None:
        self._room = room
        self._used = 0
        self._size = size
        self._held: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        value = self._held.get(key)
        if value is not None:
            self._held.move_to_end(key)
        return value

    def put(self, key: K, value: V) -> None:
        self.drop(key)
        if self._size(value) > self._room:
            return
        self._held[key] = value
        self._used += self._size(value)
        while self._used > self._room:
            _, oldest = self._held.popitem(last=False)
            self._used -= self._size(oldest)

    def drop(self, key: K) -> None:
        value = self._held.pop(key, None)
        if value is not None:
            self._used -= self._size(value)
