"""The browser's own advertising machinery, switched off for a page while advertising is denied (Permissions Policy).

Rules of this file: the header goes beside the storefront's own. Of a feature that both name the last member counts
(RFC 8941, 4.2.2), and ours allows nobody: nothing is loosened. Chromium warns in its console of names that it does not
know, so it is only told those that it knows; everybody else is told all.
"""

from __future__ import annotations

import re
from functools import lru_cache

#: Interests for advertisers, and tokens that carry trust from one site to another.
_STANDING = "browsing-topics interest-cohort private-state-token-issuance private-state-token-redemption".split()
#: What Chromium has taken out again: it measured clicks and views, held auctions, and kept what sites share.
_GONE = (
    "attribution-reporting join-ad-interest-group run-ad-auction shared-storage shared-storage-select-url "
    "private-aggregation"
).split()
#: The first Chromium that was seen not to know them.
_WITHOUT = 156

_CHROMIUM = re.compile(rb"\b(?:HeadlessChrome|Chrome|Chromium)/(\d{1,4})\.")


@lru_cache(64)
def _header(names: tuple[str, ...]) -> bytes:
    return ", ".join(f"{name}=()" for name in names).encode()


def no_advertising(user_agent: bytes) -> bytes:
    """The value of the header for this browser."""
    chromium = _CHROMIUM.search(user_agent)
    knows_all = chromium is None or int(chromium[1]) < _WITHOUT
    return _header((*_STANDING, *(_GONE if knows_all else ())))
