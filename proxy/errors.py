"""What can be wrong with an operator's input, told once, whole and with its mend.

Rules of this file: a `Problem` names its place (file, line, key), says what is wrong and what would be right; a
`Refused` carries every problem found, never only the first. Nothing here prints.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong with a file, an option or the environment.

    `file` is a path, or where a value came from ("--listen", "CONSENTRY_SECRET_KEYS"); `line` is 1-based, None where
    the place has no lines; `key` is the dotted key ("technical.match"), empty for the whole file.
    """

    file: str
    line: int | None
    key: str
    message: str
    mend: str = ""

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        key = f" {self.key}:" if self.key else ""
        mend = f" {self.mend}" if self.mend else ""
        return f"{place}:{key} {self.message}{mend}"


class Refused(Exception):
    """Input that cannot be used. `problems` holds all of them, in the order of the files and lines."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))
