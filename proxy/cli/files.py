"""How commands write files: whole or not at all, with the reason where they cannot."""

from __future__ import annotations

import os
from pathlib import Path

from proxy.errors import Problem, Refused


def write_whole(file: Path, text: str, *, place: str | None = None) -> None:
    """Write a file, or over one, in one step: whoever reads it, or breaks this off, has the old one or the new one.

    Raises `Refused` where it cannot be written (told at `place`, if not the file); the old file is then as it was.
    """
    beside = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        try:
            beside.write_text(text, encoding="utf-8")
            beside.replace(file)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise Refused([cannot(file, "written", error, place=place)]) from None


def cannot(file: Path, what: str, error: OSError, *, place: str | None = None) -> Problem:
    """The problem of a file that cannot be read, written …; `place`: the option or file to tell it at, if another."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    subject = f"{file} " if place not in (None, str(file)) else ""
    return Problem(place or str(file), None, "", f"{subject}cannot be {what}: {reason}.")
