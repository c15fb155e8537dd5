"""Which visitors a shop tries Consentry on first: `rollout` per cent of them, each always on the same side.

Rules of this file: nothing is stored and nobody gets an identifier for it. The side is a keyed hash of what the request
carries anyway, the shortened address and the user agent, so that all processes agree. Who has a consent cookie is in:
their choice must hold. Pure.
"""

from __future__ import annotations

import hashlib
import hmac

from proxy.address import truncate
from proxy.model import Visit

#: Shares are told apart to a hundredth of a per cent.
_SIDES = 10_000


class Rollout:
    """The share of one site. `percent` is 0 to 100; `key` is any secret of the site's."""

    def __init__(self, percent: float, key: bytes, site: str) -> None:
        self._in = round(percent * _SIDES / 100)
        self._key = hmac.digest(key, f"consentry rollout {site}".encode(), hashlib.sha256)

    @property
    def partial(self) -> bool:
        """Whether there are visitors on both sides."""
        return 0 < self._in < _SIDES

    def includes(self, visit: Visit, user_agent: bytes) -> bool:
        """Whether this visitor's pages are ruled on."""
        if self._in >= _SIDES or visit.standing.consent is not None or visit.standing.doubt is not None:
            return True
        if self._in <= 0:
            return False
        told = (truncate(visit.address) or "").encode() + b"\0" + user_agent
        return int.from_bytes(hmac.digest(self._key, told, hashlib.sha256)[:8]) % _SIDES < self._in
