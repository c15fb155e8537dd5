"""(vendor, decision, destination, URL) -> what happens to the tag, and why: in one place.

Rules of this file: nothing here knows of HTML. Essential vendors are relayed where their file lists the request, else
kept. A granted vendor is relayed where its file lists the request; what it does not list is kept only if the vendor is
reached directly, or is an embed: a frame, or the script that makes one of a widget. A denied vendor is cut; an embed in
a frame gets a placeholder, where its vendor is one that visitors are asked about. A connection that is opened ahead
counts as relayed where the vendor's requests pass through us: it is no longer needed.
"""

from __future__ import annotations

from enum import StrEnum

from proxy.catalogue.known import Known
from proxy.catalogue.match import Destination, embeds, relays
from proxy.catalogue.schema import Vendor
from proxy.model import Action, Decision, Reach, Reason


class Other(StrEnum):
    """What a browser wants with an answer that is never relayed."""

    FRAME = "frame"
    CONNECTION = "connection"  # preconnect, dns-prefetch
    REST = "rest"  # media, objects, prefetched documents


Use = Destination | Other


def verdict(
    vendor: Vendor | Known | None, decision: Decision, use: Use, host: str, target: str
) -> tuple[Action, Reason]:
    """What becomes of a tag whose URL is `host` + `target` and belongs to `vendor` (None: unknown)."""
    reason = decision.reason
    if not decision.allowed:
        framed = vendor is not None and use is Other.FRAME and embeds(vendor, host, target)
        can_be_allowed = reason is not Reason.NOT_IN_USE
        return (Action.PLACEHOLDER if framed and can_be_allowed else Action.CUT), reason
    if vendor is None or reason is Reason.OPERATOR:
        return Action.KEEP, reason
    if vendor.reach is Reach.RELAY:
        if isinstance(use, Destination) and relays(vendor, use, host, target):
            return Action.RELAY, reason
        if use is Other.CONNECTION and relays_anything(vendor):
            return Action.RELAY, reason
    embedded = use in (Other.FRAME, Destination.SCRIPT) and embeds(vendor, host, target)
    if vendor.essential or vendor.reach is Reach.DIRECT or embedded:
        return Action.KEEP, reason
    return Action.CUT, Reason.SERVER_ONLY if vendor.reach is Reach.SERVER else Reason.NOT_RELAYED


def relays_anything(vendor: Vendor | Known) -> bool:
    """Whether any of its requests may pass through us."""
    relay = vendor.technical.relay
    return any(getattr(relay, destination.value) for destination in Destination)
