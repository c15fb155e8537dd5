"""`data:` URLs that hold a document or a script: read, rewritten inside, and written again.

Rules of this file: only what changes inside is written again, percent-encoded, without base64. What cannot be decoded
runs nowhere and is left alone.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from urllib.parse import quote_from_bytes, unquote_to_bytes

_DATA = re.compile(r"\s*data:\s*([a-zA-Z0-9.+-]+/[a-zA-Z0-9.+-]+)?([^,]*),(.*)\Z", re.I | re.S)
_BASE64 = re.compile(r";\s*base64\s*\Z", re.I)
_SPACES = re.compile(rb"[\t\n\f\r ]+")


def rewrite_data(url: str, inside: Callable[[bytes], bytes]) -> str | None:
    """The URL with what it holds changed by `inside`; None if nothing changes."""
    found = _DATA.match(url)
    text = None if found is None else _decoded(found[2], found[3])
    if found is None or text is None:
        return None
    changed = inside(text)
    if changed == text:
        return None
    parameters = _BASE64.sub("", found[2])
    return f"data:{found[1] or ''}{parameters},{quote_from_bytes(changed, safe='/:;=?@()!~*,')}"


def _decoded(parameters: str, body: str) -> bytes | None:
    raw = unquote_to_bytes(body.encode("utf-8", "surrogateescape"))
    if not _BASE64.search(parameters):
        return raw
    try:
        return base64.b64decode(_SPACES.sub(b"", raw) + b"===", validate=False)
    except (binascii.Error, ValueError):
        return None
