"""The keys that sign the consent cookie: from the environment or a file named there, never from the settings file.

There is no default. Development makes a throw-away key; production refuses a missing, a short or a guessable one.
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

_MEND = "Make one with `consentry keys new`."


def read_secret_keys(environ: Mapping[str, str], dev: bool, problems: list[Problem]) -> tuple[bytes, ...]:
    """The keys, signing one first; what is wrong with them is added to `problems`."""
    text, where = environ.get(KEYS_VARIABLE), KEYS_VARIABLE
    if text is None and (path := environ.get(KEYS_FILE_VARIABLE)) is not None:
        where = KEYS_FILE_VARIABLE
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            problems.append(Problem(where, None, "", f"{path} cannot be read: {error}.", "Name a readable file."))
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
