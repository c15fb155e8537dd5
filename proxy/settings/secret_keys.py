"""Secrets: from the environment or a file named there (`..._FILE`), never from the settings file.

For the keys that sign the consent cookie there is no default. Development makes a throw-away key; production refuses a
missing, a short or a guessable one.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path

from proxy.errors import Problem

#: HMAC-SHA256 keys shorter than its output weaken it (RFC 2104, section 3).
SHORTEST_KEY = 32

#: The variable that holds the keys: comma-separated, the first signs, all verify. `..._FILE` names a file instead.
KEYS_VARIABLE = "CONSENTRY_SECRET_KEYS"
KEYS_FILE_VARIABLE = f"{KEYS_VARIABLE}_FILE"

#: Of which visitors' ids for vendors are made (hex; made in the state folder where it is not set), and what a back end
#: must show to post events.
VISITOR_KEY_VARIABLE, TOKEN_VARIABLE = "CONSENTRY_VISITOR_KEY", "CONSENTRY_ADMIN_TOKEN"

#: An admin token with fewer characters can be guessed.
SHORTEST_TOKEN = 16

_MEND = "Make one with `consentry keys new`."


def read_secret(environ: Mapping[str, str], variable: str, problems: list[Problem]) -> tuple[str | None, str]:
    """A secret and the variable that it came by; None where there is none, or where its file cannot be read."""
    text = environ.get(variable)
    by_file = f"{variable}_FILE"
    if text is not None or (path := environ.get(by_file)) is None:
        return text, variable
    try:
        return Path(path).read_text(encoding="utf-8").strip(), by_file
    except (OSError, UnicodeDecodeError) as error:
        problems.append(Problem(by_file, None, "", f"{path} cannot be read: {error}.", "Name a readable file."))
        return None, by_file


def read_visitor_key(environ: Mapping[str, str], problems: list[Problem]) -> bytes:
    """Empty where none is set."""
    text, where = read_secret(environ, VISITOR_KEY_VARIABLE, problems)
    if text is None:
        return b""
    if len(text.strip()) < SHORTEST_KEY:
        message = f"has {len(text.strip())} characters; {SHORTEST_KEY} or more are needed."
        problems.append(Problem(where, None, "", message, _MEND))
    return text.strip().encode()


def read_token(environ: Mapping[str, str], problems: list[Problem]) -> str:
    """Empty where none is set."""
    text, where = read_secret(environ, TOKEN_VARIABLE, problems)
    if not text:
        return ""
    if len(text) < SHORTEST_TOKEN or not text.isascii() or not text.isprintable():
        message = f"can be guessed or mistaken; {SHORTEST_TOKEN} or more printable ASCII characters are needed."
        problems.append(Problem(where, None, "", message, _MEND))
    return text


def read_secret_keys(environ: Mapping[str, str], dev: bool, problems: list[Problem]) -> tuple[bytes, ...]:
    """The keys, signing one first; what is wrong with them is added to `problems`."""
    before = len(problems)
    text, where = read_secret(environ, KEYS_VARIABLE, problems)
    if len(problems) > before:
        return ()
    if text is None:
        if dev:
            return (secrets.token_bytes(SHORTEST_KEY),)
        problems.append(Problem(where, None, "", "is not set; the consent cookie is signed with it.", _MEND))
        return ()
    keys = tuple(key.strip().encode() for key in text.replace("\n", ",").split(",") if key.strip())
    if not keys:
        problems.append(Problem(where, None, "", "is empty.", _MEND))
    for number, key in enumerate(keys, 1):
        if len(key) < SHORTEST_KEY:
            message = f"key {number} has {len(key)} bytes; {SHORTEST_KEY} or more are needed."
            problems.append(Problem(where, None, "", message, _MEND))
        elif len(set(key)) < 10:
            message = f"key {number} is one that anybody could guess (hardly any different characters)."
            problems.append(Problem(where, None, "", message, _MEND))
    return keys
