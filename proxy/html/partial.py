"""A tag that arrives in pieces: where it ends, each byte looked at once.

Rules of this file: the states are those of WHATWG HTML 13.2.5.8 to 13.2.5.39, as far as they decide where a tag ends.
What is held has an end (`LARGEST`); beyond it the page cannot be rewritten.
"""

from __future__ import annotations

from enum import Enum, auto

from proxy.html import grammar
from proxy.html.page import CannotRewrite

#: Bytes of a tag that may be held while its end has not come.
LARGEST = 4 << 20


class _In(Enum):
    NAME = auto()
    BETWEEN = auto()
    ATTRIBUTE = auto()
    AFTER = auto()
    EQUALS = auto()
    DOUBLE = auto()
    SINGLE = auto()
    UNQUOTED = auto()


class PartialTag:
    """Holds a tag from its `<` on until its `>` is there."""

    def __init__(self, start: bytes) -> None:
        self._held = bytearray(start)
        self._state = _In.NAME
        self._read = 2  # behind `<a` or `</`; the first letter is part of the name in either case
        self._advance()

    def feed(self, piece: bytes) -> bytes | None:
        """Everything held, with what followed the tag, once the tag is whole; None while it is not."""
        self._held += piece
        if self._advance():
            return bytes(self._held)
        if len(self._held) > LARGEST:
            raise CannotRewrite(f"a tag is longer than {LARGEST} bytes")
        return None

    @property
    def held(self) -> bytes:
        return bytes(self._held)

    @property
    def closer(self) -> bytes:
        """What would end the tag here."""
        return _CLOSERS.get(self._state, b">")

    def _advance(self) -> bool:
        """Reads on from where reading stopped; whether the end was found."""
        held, at = self._held, self._read
        size = len(held)
        state = self._state
        while at < size:
            match state:
                case _In.NAME:
                    at = grammar.end(grammar.NAME_RUN.match(held, at))
                    state = _In.BETWEEN if at < size else state
                case _In.BETWEEN:
                    at = grammar.end(grammar.BETWEEN_RUN.match(held, at))
                    if at < size:
                        if held[at] == 0x3E:
                            return True
                        at, state = at + 1, _In.ATTRIBUTE
                case _In.ATTRIBUTE:
                    at = grammar.end(grammar.ATTRIBUTE_RUN.match(held, at))
                    state = _In.AFTER if at < size else state
                case _In.AFTER:
                    at = grammar.end(grammar.SPACE_RUN.match(held, at))
                    if at < size:
                        equals = held[at] == 0x3D
                        at, state = at + equals, _In.EQUALS if equals else _In.BETWEEN
                case _In.EQUALS:
                    at = grammar.end(grammar.SPACE_RUN.match(held, at))
                    if at < size:
                        if held[at] == 0x3E:
                            return True
                        state = _QUOTES.get(held[at], _In.UNQUOTED)
                        at += state is not _In.UNQUOTED
                case _In.DOUBLE | _In.SINGLE:
                    quote = held.find(b'"' if state is _In.DOUBLE else b"'", at)
                    at, state = (quote + 1, _In.BETWEEN) if quote >= 0 else (size, state)
                case _In.UNQUOTED:
                    at = grammar.end(grammar.UNQUOTED_RUN.match(held, at))
                    state = _In.BETWEEN if at < size else state
        self._read, self._state = at, state
        return False


_CLOSERS = {_In.DOUBLE: b'">', _In.SINGLE: b"'>"}
_QUOTES = {0x22: _In.DOUBLE, 0x27: _In.SINGLE}
