"""The candidates of a `srcset` (WHATWG HTML, "parse a srcset attribute"), each kept, changed or taken out alone."""

from __future__ import annotations

import re
from collections.abc import Callable

_CANDIDATE = re.compile(r"[\s,]*+(\S++)")
_DESCRIPTORS = re.compile(r"(?:[^,(]++|\([^)]*+\)?+)*+")


def rewrite_srcset(text: str, change: Callable[[str], str | None]) -> str | None:
    """The list with each URL as `change` returns it, without the candidates for which it returns None.

    None if no candidate is left. The candidates that stay keep their bytes.
    """
    kept: list[str] = []
    at = taken = 0
    while (found := _CANDIDATE.match(text, at)) is not None:
        url = found[1].rstrip(",")
        end = found.end()
        if len(url) == len(found[1]):
            descriptors = _DESCRIPTORS.match(text, end)
            assert descriptors is not None
            end = descriptors.end()
        else:
            end = found.start(1) + len(url)
        changed = change(url)
        if changed is not None:
            lead = text[at : found.start(1)].lstrip(",")
            kept.append(lead + changed + text[found.start(1) + len(url) : end])
        taken += changed is None
        at = end + 1
    if not taken and not kept:
        return text
    return ",".join(kept) if kept else None
