"""What a browser may keep of a rewritten page, and which of its questions the storefront may answer "not modified".

Rules: a validator of ours is the storefront's with a salt before it; the salt digests everything that changes the page
(allowed vendors, banner, language, catalogue, settings, release), so that a browser which holds another visitor state's
page, or the shop's own from before, never gets a 304. Rewritten HTML is `private, no-cache`, and `no-store` where a
banner or granted tags are in it: Back shows such a page without asking.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Sequence
from functools import lru_cache
from importlib.metadata import version

_ETAG = re.compile(rb'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')

Headers = Sequence[tuple[bytes, bytes]]


@lru_cache(256)
def salt(digest: str, allowed: frozenset[str], shown: tuple[str, ...]) -> bytes:
    """16 hex digits. `digest` stands for catalogue and settings, `shown` for what banner and footer depend on."""
    told = "\n".join((version("consentry"), digest, " ".join(sorted(allowed)), *shown))
    return hashlib.sha256(told.encode()).hexdigest()[:16].encode()


def salted(etag: bytes, salt: bytes) -> bytes | None:
    """Our validator for the storefront's; None where that is none. `-` stands for a strong one, `~` for a weak one."""
    found = _ETAG.fullmatch(etag.strip())
    return None if found is None else b'W/"%b%b%b"' % (salt, b"~" if found[1] else b"-", found[2])


def unsalted(values: Collection[bytes], salt: bytes) -> bytes | None:
    """The If-None-Match that the storefront may answer: its own tags out of ours with this salt; None if none is."""
    known = []
    for _, opaque in _ETAG.findall(b",".join(values)):
        weak = {salt + b"-": b"", salt + b"~": b"W/"}.get(opaque[: len(salt) + 1])
        if weak is not None:
            known.append(b'%b"%b"' % (weak, opaque[len(salt) + 1 :]))
    return b", ".join(known) or None


def cache_control(*, personal: bool) -> bytes:
    """For rewritten HTML; `personal` where a banner or granted tags are in it."""
    return b"private, no-store" if personal else b"private, no-cache"
