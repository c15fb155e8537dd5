"""What the visitor said last, by the records: asked again before an event is sent, and when a back end posts one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from proxy.catalogue.use import InUse
from proxy.consent.records.record import Said
from proxy.decide import Grounds, decide
from proxy.events.deliver import Fate
from proxy.events.outbox import Taken
from proxy.model import Law

#: What the records say of visitors by the ids of their proofs: those that are known; None where they were erased.
#: None in all: the store does not answer.
LatestOf = Callable[[Sequence[str]], Awaitable[Mapping[str, Said | None] | None]]

#: The law by its key, for one site.
LawOf = Callable[[str], Law]


def grounds_of(said: Said, law_of: LawOf) -> Grounds:
    """What a decision rests on, by a record."""
    return Grounds(said.standing, law_of(said.law), said.gpc)


class LastWord:
    """Asks the records about events that are about to be sent. `sites`: what each has in use, and its laws."""

    def __init__(self, latest_of: LatestOf, sites: Mapping[str, tuple[InUse, LawOf]]) -> None:
        self._latest_of = latest_of
        self._sites = sites

    async def fates(self, taken: Sequence[Taken]) -> list[Fate]:
        """For each of these events. One without a proof was allowed when it happened, and nobody can take it back."""
        proofs = sorted({one.waiting.proof for one in taken if one.waiting.proof is not None})
        latest = await self._latest_of(proofs) if proofs else {}
        return [self._fate(one, latest) for one in taken]

    def _fate(self, one: Taken, latest: Mapping[str, Said | None] | None) -> Fate:
        proof = one.waiting.proof
        if proof is None:
            return Fate.SEND
        if latest is None:
            return Fate.UNKNOWN
        if proof not in latest:
            return Fate.NOT_YET
        said = latest[proof]
        use, law_of = self._sites[one.waiting.site]
        vendor = use.vendors.get(one.waiting.vendor)
        if said is None or vendor is None:
            return Fate.WITHDRAWN
        return Fate.SEND if decide(vendor, grounds_of(said, law_of)).allowed else Fate.WITHDRAWN
