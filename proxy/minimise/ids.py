"""The visitor's id as one vendor may know it: a keyed hash of the proof of their consent, and of a period.

Rules of this file: no two vendors, sites or periods share an id, and none leads back without the key, which is not the
one that signs cookies: rotating those changes no id. Without a proof (laws by which vendors run until somebody objects)
each event has a fresh one. Under `cnil-2022-proxy` ids change daily and collide on purpose: about one visitor in five
shares theirs where there are a thousand a day (CNIL, "Google Analytics et transferts de données", 2022: enough
collisions, and a part that changes with time).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Profile = Literal["truncate", "cnil-2022-proxy"]

DAY = 86_400_000

#: How long an id lasts (days), and how many different ones there are for one vendor, site and period (None: no limit).
_LASTS = {"truncate": 180, "cnil-2022-proxy": 1}
_DIFFERENT = {"truncate": None, "cnil-2022-proxy": 4096}


@dataclass(frozen=True, slots=True)
class Ids:
    """Makes the ids of one site. `fresh` gives 32 random bytes."""

    key: bytes
    site: str
    profile: Profile
    fresh: Callable[[], bytes]

    def visitor(self, vendor: str, proof: str | None, at: int) -> str:
        """64 hexadecimal digits. `proof`: the id of the consent record; `at`: milliseconds since 1970."""
        return self._made(b"visitor", vendor, proof, at // DAY // _LASTS[self.profile])

    def session(self, vendor: str, proof: str | None, at: int) -> str:
        """The same for what belongs to one visit: a day."""
        return self._made(b"session", vendor, proof, at // DAY)

    def event(self, given: str) -> str:
        """What stands for an id that the shop gave an event, where that may be an order's number."""
        return self._digest(b"event", given.encode())[:16].hex()

    def _made(self, use: bytes, vendor: str, proof: str | None, period: int) -> str:
        if proof is None:
            return self.fresh().hex()
        about = (vendor.encode(), self.site.encode(), str(period).encode())
        made = self._digest(use, *about, proof.encode())
        different = _DIFFERENT[self.profile]
        if different is not None:
            made = self._digest(use, *about, str(int.from_bytes(made[:8]) % different).encode())
        return made.hex()

    def _digest(self, *parts: bytes) -> bytes:
        framed = b"".join(len(part).to_bytes(4) + part for part in parts)
        return hmac.digest(self.key, framed, hashlib.sha256)
