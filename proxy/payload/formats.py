"""How bodies and values are written: content codings, text or binary, JSON, base64. Strict, bounded and pure.

JSON in which a name stands twice is none here: readers disagree on which one counts.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from urllib.parse import unquote_to_bytes

from proxy.payload.withheld import Why, Withheld

#: The most that a compressed body may grow to, in bytes.
LARGEST_DECODED = 2_000_000


def decompressed(coding: str, raw: bytes) -> bytes:
    """A body without its Content-Encoding (gzip or deflate, RFC 9110, 8.4). Raises `Withheld`, also for bombs."""
    if coding not in ("gzip", "x-gzip", "deflate"):
        raise Withheld(Why.CODING)
    inflate = zlib.decompressobj(wbits=47)  # gzip or zlib, by its head
    try:
        plain = inflate.decompress(raw, LARGEST_DECODED)
    except zlib.error:
        raise Withheld(Why.CODING) from None
    if inflate.unconsumed_tail:
        raise Withheld(Why.TOO_LARGE)
    if not inflate.eof or inflate.unused_data:
        raise Withheld(Why.CODING)
    return plain


def is_text(media_type: str, raw: bytes) -> bool:
    """Text by its type, or without a type but readable as text."""
    if media_type.startswith("text/") or media_type.endswith(("json", "+xml", "/xml", "javascript")):
        return b"\0" not in raw
    if media_type not in ("", "application/octet-stream"):
        return False
    try:
        return raw.decode().isprintable() or b"\0" not in raw
    except UnicodeDecodeError:
        return False


_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{12,}={0,2}\Z")


def base64_json(text: str) -> str | None:
    """The JSON that a value holds in base64, either alphabet, padded or not; None where it holds none."""
    if not _BASE64.match(text):
        return None
    standard = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        inner = base64.b64decode(standard + "=" * (-len(standard) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    return inner if inner[:1] in ("{", "[") else None


def unquoted(text: str) -> str:
    return unquote_to_bytes(text.encode(errors="surrogateescape")).decode(errors="surrogateescape")


def is_json(text: str) -> bool:
    """An object, or a list of objects, whose names can be held against an allow-list."""
    try:
        found = json.loads(text, object_pairs_hook=no_twins, parse_constant=no_constant)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) or (isinstance(found, list) and all(isinstance(one, dict) for one in found))


def no_twins(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in an object")
    return found


def no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def same(one: object, other: object) -> bool:
    """Equal in type too: `1 == True` in Python, not in JSON."""
    return json.dumps(one) == json.dumps(other)
