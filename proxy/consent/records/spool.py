"""Where records wait on the disk while the store cannot take them: files of JSON lines in the state folder.

Rules of this file: an entry is on the disk (fdatasync) when `add` returns. A process writes to a file of its own,
locked as long as it lives; what a dead one left is taken over by whoever looks next. A file goes once all in it is in
the store. A line that is no entry is never dropped: its file is put aside, and said so.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import structlog

from proxy.consent.records.record import Event, Record
from proxy.consent.records.store import Entry
from proxy.model import Category

_log = structlog.get_logger("proxy.records")

_SUFFIX, _ASIDE = ".jsonl", ".damaged"

#: Bytes after which a new file is begun, so that none is long to read.
LARGEST = 256 * 1024


@dataclass(frozen=True, slots=True)
class Taken:
    """A file that is nobody else's until it is left."""

    file: Path
    held: int
    entries: list[Entry]

    def leave(self, *, landed: bool) -> None:
        """Give it back, or remove it where all in it is in the store."""
        if landed:
            self.file.unlink()
        os.close(self.held)


class Spool:
    """The waiting entries of one state folder. Every method blocks; the caller sees to it that one runs at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: int | None = None

    def add(self, entries: Sequence[Entry]) -> None:
        """Put them on the disk, in their order. Raises `OSError`."""
        if self._open is not None and os.lseek(self._open, 0, os.SEEK_END) > LARGEST:
            self.close()
        if self._open is None:
            self._open = self._fresh()
        data = b"".join(_line(entry) for entry in entries)
        start = os.lseek(self._open, 0, os.SEEK_END)
        try:
            written = os.write(self._open, data)
            if written < len(data):
                raise OSError(f"only {written} of {len(data)} bytes could be written to {self._folder}")
            os.fdatasync(self._open)
        except OSError:
            with suppress(OSError):  # nobody was told that it is kept
                os.ftruncate(self._open, start)
            raise

    def files(self) -> list[Path]:
        """Every file that is there, of whichever process, oldest first."""
        return sorted(self._folder.glob(f"*{_SUFFIX}"))

    def take(self, file: Path) -> Taken | None:
        """A file that no living process writes to; None for another, and for one that is gone."""
        try:
            held = os.open(file, os.O_RDONLY)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return Taken(file, held, _entries(file))
        except BaseException as error:
            os.close(held)
            if isinstance(error, BlockingIOError | FileNotFoundError):
                return None
            raise

    def close(self) -> None:
        """Let others have what this process wrote."""
        if self._open is not None:
            os.close(self._open)
            self._open = None

    def _fresh(self) -> int:
        self._folder.mkdir(parents=True, exist_ok=True)
        file = self._folder / f"{time.time_ns():020}-{os.getpid()}{_SUFFIX}"
        opened = os.open(file, os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_RDWR, 0o600)
        fcntl.flock(opened, fcntl.LOCK_EX)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return opened


def _entries(file: Path) -> list[Entry]:
    """What a file holds. A last line without an end was never finished, and so never promised to anybody."""
    found, damaged = [], []
    whole, newline, _ = file.read_bytes().rpartition(b"\n")
    for number, line in enumerate(whole.split(b"\n") if newline else [], 1):
        try:
            found.append(_entry(json.loads(line)))
        except (ValueError, KeyError, TypeError):
            damaged.append(number)
    if damaged:
        aside = file.with_suffix(_ASIDE)
        aside.write_bytes(file.read_bytes())
        _log.error("records that cannot be read were put aside", file=str(aside), lines=damaged)
    return found


def _line(entry: Entry) -> bytes:
    said: dict[str, Any] = {"id": entry.id, "record": asdict(entry.record)}
    if entry.notice is not None:
        said["notice"] = base64.b64encode(entry.notice).decode()
    if entry.erases is not None:
        said["erases"] = entry.erases
    return json.dumps(said, separators=(",", ":")).encode() + b"\n"


def _entry(said: dict[str, Any]) -> Entry:
    record = dict(said["record"])
    record["event"] = Event(record["event"])
    for name in ("granted", "before"):
        if record[name] is not None:
            record[name] = tuple(map(Category, record[name]))
    for name in ("allowed", "refused"):
        record[name] = tuple(record[name])
    record["erased"] = ()
    notice = said.get("notice")
    return Entry(said["id"], Record(**record), base64.b64decode(notice) if notice else None, said.get("erases"))
