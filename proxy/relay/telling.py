"""Telling a vendor of events: one request, whole, and its answer, over the same way as everything else to vendors."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from proxy.minimise import Outgoing
from proxy.relay.failures import Failure, VendorDown
from proxy.relay.vendor_hop import VendorHop

#: The largest answer that is read (bytes).
LARGEST = 1_000_000

#: Failures by which nothing of the request can have reached the vendor.
_NOT_SENT = frozenset({Failure.CONNECT, Failure.NOT_PUBLIC, Failure.BUSY})


@dataclass(frozen=True, slots=True)
class Answered:
    """A vendor's answer; headers by lower-case name."""

    status: int
    headers: Mapping[bytes, bytes]
    body: bytes


class NotAnswered(Exception):
    """There was no whole answer. `sent`: the vendor may have got the request."""

    def __init__(self, why: str, *, sent: bool) -> None:
        self.sent = sent
        super().__init__(why)


async def tell(hop: VendorHop, key: str, host: str, outgoing: Outgoing, *, private: bool, seconds: float) -> Answered:
    """Raises `NotAnswered`."""
    try:
        async with asyncio.timeout(seconds):
            answer = await hop.open(key, host, outgoing, largest=LARGEST, private=private, still=seconds)
            try:
                return Answered(answer.status, dict(answer.headers), await answer.whole())
            finally:
                answer.leave()
    except TimeoutError:
        raise NotAnswered(f"no answer within {seconds:g} s", sent=True) from None
    except VendorDown as down:
        raise NotAnswered(down.failure.value, sent=down.failure not in _NOT_SENT) from None
