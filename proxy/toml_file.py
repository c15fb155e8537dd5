"""Reading a TOML file together with the places of its keys.

Rules of this file: every way in which a file cannot be read or parsed is a `Refused` with file, line and mend.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from proxy.errors import Problem, Refused
from proxy.toml_places import Places

__all__ = ["Places", "parse_toml", "read_toml"]


def read_toml(path: Path) -> tuple[dict[str, Any], Places]:
    """The document in a TOML file and the lines of its keys. Raises `Refused` if it cannot be read or parsed."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise _refused(path, None, "there is no such file.") from None
    except IsADirectoryError:
        raise _refused(path, None, "is a directory.", "Name a TOML file.") from None
    except OSError as error:
        raise _refused(path, None, f"cannot be read: {error.strerror or error}.") from None
    return parse_toml(_decoded(raw, path), path)


def parse_toml(text: str, path: Path) -> tuple[dict[str, Any], Places]:
    """`read_toml` for a text that is at hand; `path` only names it in problems."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line, wrong = _syntax_error(error, text)
        raise _refused(path, line, f"is not valid TOML: {wrong}.", _syntax_mend(wrong)) from None
    except RecursionError:
        raise _refused(path, None, "is nested too deeply.") from None
    return document, Places(text)


def _refused(path: Path, line: int | None, message: str, mend: str = "") -> Refused:
    return Refused([Problem(str(path), line, "", message, mend)])


def _decoded(raw: bytes, path: Path) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _refused(path, 1, "is UTF-16.", "Save it as UTF-8.")
    if raw.startswith(b"\xef\xbb\xbf"):
        raise _refused(path, 1, "starts with a byte order mark.", 'Save it as "UTF-8", not as "UTF-8 with BOM".')
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise _refused(path, line, f"is not UTF-8: byte 0x{raw[error.start]:02x}.", "Save it as UTF-8.") from None


def _syntax_error(error: tomllib.TOMLDecodeError, text: str) -> tuple[int, str]:
    """Line and wording of a parse error; tomllib of Python 3.11 tells the line in its message only."""
    message = str(error)
    found = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)$", message)
    if found is None:
        return 1, message
    line = int(found[1]) if found[1] else max(1, len(text.rstrip().splitlines()))
    wrong = message[: found.start()]
    return line, wrong[:1].lower() + wrong[1:]


def _syntax_mend(wrong: str) -> str:
    """What is most often behind tomllib's words, for people who do not know TOML."""
    for part, mend in (
        ("invalid value", 'Text stands in quotes ("..."), lists in [ ], true and false in lower case.'),
        ("unclosed array", "A list ends with ], and its items are separated by commas."),
        ("unclosed inline", "An inline table ends with } and stands on one line."),
        ("overwrite", "Each field may stand once."),
        ("declare", "Each table may stand once; put its fields together."),
        ("expected '='", "A line reads: field = value."),
        ("invalid statement", 'A line reads: field = value, or starts with "#".'),
        ("illegal character", 'Text ends on the line where it began, with the quote that began it ("...").'),
        ("unterminated", 'Text ends with the quote that began it ("...").'),
        ("unescaped '\\'", r"Write \\ for a backslash, or put the text in single quotes."),
        ("expected newline or end", "One field a line; text stands in quotes."),
    ):
        if part in wrong:
            return mend
    return ""
