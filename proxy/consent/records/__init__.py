"""The proof of every choice: kept before it is answered, in chains that show what was changed."""

from __future__ import annotations

from proxy.consent.records.keeper import Keeper, NotKept
from proxy.consent.records.record import Event, Record
from proxy.consent.records.store import Entry, Kept, Store
from proxy.database import Down

__all__ = ["Down", "Entry", "Event", "Keeper", "Kept", "NotKept", "Record", "Store"]
