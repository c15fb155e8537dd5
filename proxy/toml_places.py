"""The line of every key of a TOML document, which tomllib does not tell.

Rules of this file: it runs over text that tomllib has accepted, so it looks for positions and judges nothing.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

#: Where a value stands in a document: ("cookies", 0, "name").
KeyPath = tuple[str | int, ...]


@dataclass(frozen=True)
class Places:
    """The 1-based line of every key, table, array item and inline key of a TOML document that tomllib reads.

    Looked for when the first is asked for: mostly nobody asks. Without a text, nothing stands anywhere.
    """

    text: str | None = None

    @cached_property
    def lines(self) -> Mapping[KeyPath, int]:
        return {} if self.text is None else _Scanner(self.text).lines()

    def line(self, key_path: KeyPath) -> int | None:
        """The line of this key, else of the nearest table around it; None where not even its first step is there.

        The document itself (the empty path) is at line 1, if there is one.
        """
        if not key_path:
            return self.lines.get(key_path)
        for end in range(len(key_path), 0, -1):
            found = self.lines.get(key_path[:end])
            if found is not None:
                return found
        return None


_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_DOT = re.compile(r"[ \t]*\.[ \t]*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*+"{3,5}' r"|'''(?:[^']|'(?!''))*+'{3,5}" r'|"(?:[^"\\\n]|\\.)*+"' r"|'[^'\n]*'", re.S
)
_SCALAR = re.compile(r"[^,\]}#\n]+")


class _Scanner:
    """Runs once over a valid document and notes the line of each key path."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found: dict[KeyPath, int] = {(): 1}
        self.newlines = [place for place, char in enumerate(text) if char == "\n"]
        self.last: dict[KeyPath, int] = {}  # index of the newest table of each array of tables

    def lines(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        self._skip(_BLANK)
        while self.at < len(self.text):
            if self.text.startswith("[[", self.at):
                table = self._header(2)
            elif self.text[self.at] == "[":
                table = self._header(1)
            else:
                self._pair(table)
            self._skip(_BLANK)
        return self.found

    def _header(self, brackets: int) -> KeyPath:
        self.at += brackets
        line = self._line()
        *around, name = self._key()
        self._skip(_BLANK)
        self.at += brackets
        path: KeyPath = ()
        for part in around:
            path = self._newest((*path, part))
            self.found.setdefault(path, line)
        path = (*path, name)
        self.found.setdefault(path, line)
        if brackets == 2:
            self.last[path] = self.last.get(path, -1) + 1
            path = self._newest(path)
        self.found[path] = line
        return path

    def _newest(self, path: KeyPath) -> KeyPath:
        return (*path, self.last[path]) if path in self.last else path

    def _pair(self, table: KeyPath) -> None:
        line = self._line()
        path = table
        for part in self._key():
            path = (*path, part)
            self.found.setdefault(path, line)
        self._skip(_BLANK)
        self.at += 1  # =
        self._skip(_BLANK)
        self._value(path)

    def _key(self) -> list[str]:
        parts: list[str] = []
        self._skip(_BLANK)
        while True:
            quoted = _STRING.match(self.text, self.at)
            token = quoted or _BARE.match(self.text, self.at)
            if token is None:  # pragma: no cover - tomllib has accepted the document
                raise AssertionError(f"no key at {self.at}")
            self.at = token.end()
            parts.append(token[0] if quoted is None else next(iter(tomllib.loads(f"{token[0]} = 0"))))
            dot = _DOT.match(self.text, self.at)
            if dot is None:
                return parts
            self.at = dot.end()

    def _value(self, path: KeyPath) -> None:
        opening = self.text[self.at]
        if opening == "[":
            self._items(path)
        elif opening == "{":
            self._inline(path)
        else:
            self._skip(_STRING if opening in "\"'" else _SCALAR)

    def _items(self, path: KeyPath) -> None:
        for index in self._members("]"):
            self.found[(*path, index)] = self._line()
            self._value((*path, index))

    def _inline(self, path: KeyPath) -> None:
        for _ in self._members("}"):
            self._pair(path)

    def _members(self, closing: str) -> Iterator[int]:
        """Counts the members of a list or inline table, and stands at the start of each in turn."""
        self.at += 1
        index = 0
        self._skip(_BLANK)
        while self.text[self.at] != closing:
            yield index
            index += 1
            self._skip(_BLANK)
            if self.text[self.at] == ",":
                self.at += 1
            self._skip(_BLANK)
        self.at += 1

    def _skip(self, token: re.Pattern[str]) -> None:
        found = token.match(self.text, self.at)
        if found is not None:
            self.at = found.end()

    def _line(self) -> int:
        return bisect_right(self.newlines, self.at) + 1
