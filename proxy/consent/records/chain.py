"""The keyed hash chain over records: what makes an edited, removed, reordered or cut-off one show.

Rules of this file: a link is an HMAC-SHA256 (RFC 2104) over the link before it, its place, its time and the commitment
of its record; a commitment is the SHA-256 of a random salt and the record's text. So the text and its salt can be
erased, and the chain still holds, while nobody can find out from the commitment what the text was. Keys are derived
from the shop's secret keys, per site; whoever can write to the database but has no key can forge nothing. A checkpoint
stands for what was purged before it. Pure.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

#: Bytes of salt: nobody can try all texts that a record may have (128 bits).
SALT_BYTES = 16

#: The link before the first one.
START = bytes(32)


def commitment(salt: bytes, payload: str) -> bytes:
    """What a chain holds of a record."""
    return hashlib.sha256(salt + payload.encode()).digest()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a chain stands: of which site, which of its chains, how many records were put in, and the last link."""

    site: str
    chain: int
    seq: int = 0
    link: bytes = START


class ChainKeys:
    """The keys by which one site's chains are made: the first makes links, all verify them.

    A link is stored with the name of its key, so that keys can be changed and links of dropped keys told apart from
    forged ones.
    """

    def __init__(self, secrets: Sequence[bytes], site: str) -> None:
        self._keys: dict[str, bytes] = {}
        for secret in secrets:
            key = hmac.digest(secret, f"consentry/records/{site}".encode(), "sha256")
            self._keys[hashlib.sha256(b"name" + key).hexdigest()[:16]] = key
        self.current = next(iter(self._keys), "")

    def __contains__(self, name: str) -> bool:
        return name in self._keys

    def link(self, name: str, before: bytes, place: tuple[str, int, int], at: int, committed: bytes) -> bytes:
        """The link of the record at `place` (site, chain, seq)."""
        site, chain, seq = place
        told = b"".join((before, _sized(site), struct.pack(">qqq", chain, seq, at), committed))
        return hmac.digest(self._keys[name], b"link" + told, "sha256")

    def seal(self, name: str, place: Place, at: int) -> bytes:
        """The signature of a checkpoint: up to this place all was purged at that time."""
        told = b"".join((_sized(place.site), struct.pack(">qqq", place.chain, place.seq, at), place.link))
        return hmac.digest(self._keys[name], b"checkpoint" + told, "sha256")


def _sized(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">q", len(data)) + data


@dataclass(frozen=True, slots=True)
class Linked:
    """A record as it is stored. `payload` and `salt` are None where it was erased."""

    seq: int
    at: int
    key: str
    commitment: bytes
    link: bytes
    salt: bytes | None
    payload: str | None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Up to `place`, all was purged at `at`."""

    place: Place
    at: int
    key: str
    seal: bytes


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, at which record."""

    site: str
    chain: int
    seq: int
    what: str


class Walk:
    """A walk along one chain, from `start`: a checkpoint, or its beginning. Feed it every record from there on.

    `erased` are the records (chain, seq) of which an erasure is on record. `noted` are links that were noted elsewhere,
    by seq: they must be there. `unverified` counts those made with keys that are not given any more.
    """

    def __init__(
        self, start: Place, keys: ChainKeys, erased: frozenset[tuple[int, int]], noted: Mapping[int, bytes]
    ) -> None:
        self.place = start
        self.records = 0
        self.unverified: Counter[str] = Counter()
        self._keys = keys
        self._erased = erased
        self._noted = noted

    def step(self, row: Linked) -> Iterator[Fault]:
        """What is wrong with the next record."""
        here = self.place
        wrong = partial(Fault, here.site, here.chain, row.seq)
        if row.seq != here.seq + 1:
            gap = f"{here.seq + 1} is" if row.seq == here.seq + 2 else f"{here.seq + 1} to {row.seq - 1} are"
            yield wrong(f"removed: {gap} not there before it")
        elif row.key in self._keys:
            due = self._keys.link(row.key, here.link, (here.site, here.chain, row.seq), row.at, row.commitment)
            if not hmac.compare_digest(due, row.link):
                yield wrong("edited or moved: its link does not follow from the record before it")
        if row.key not in self._keys:
            self.unverified[row.key] += 1
        if row.payload is None or row.salt is None:
            if (here.chain, row.seq) not in self._erased:
                yield wrong("its text is gone, and no erasure is on record")
        elif commitment(row.salt, row.payload) != row.commitment:
            yield wrong("edited: its text is not the one that was recorded")
        if self._noted.get(row.seq, row.link) != row.link:
            yield wrong("rewritten: its link is not the one that was noted")
        self.place = Place(here.site, here.chain, row.seq, row.link)
        self.records += 1

    def end(self, told: Place) -> Iterator[Fault]:
        """What is missing at the end; `told` is where the chain said that it stood before the walk began."""
        last = max((told.seq, *self._noted))
        if last > self.place.seq:
            what = f"cut off: it had {last} records, and this is the last one"
            yield Fault(told.site, told.chain, self.place.seq, what)
        elif told.seq == self.place.seq and told.link != self.place.link:
            yield Fault(told.site, told.chain, told.seq, "rewritten: its link is not the one by which it goes on")
