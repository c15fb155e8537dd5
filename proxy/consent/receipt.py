"""The visitor's own copy of their consent: a page, and a signed file in the words of ISO/IEC TS 27560:2023.

Rules of this file: whoever bears the cookie with the proof's random id is its owner, and nobody else is shown it. A
visitor who allowed nothing has no id, so nothing could be told to be theirs, and the page says that. The file is built
from the cookie and the vendors' files, so that it can be had while the store is down; what is on record comes from the
store. It is signed with the shop's key: the shop can tell its own receipts, and cannot disown them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup
from starlette.types import Scope

from proxy.catalogue.schema import Vendor
from proxy.consent.answer import Answer, failure, header, query_of, words_for
from proxy.consent.doors import Doors
from proxy.consent.form import return_path
from proxy.consent.language import Words
from proxy.consent.pages import page_headers
from proxy.consent.records import Kept
from proxy.consent.records.record import canonical
from proxy.consent.site import Site
from proxy.decide import Grounds, decide_all
from proxy.model import ASKED, Consent, Visit

#: The version of the standard that the file follows.
SCHEMA = "ISO/IEC TS 27560:2023"


async def receipt_answer(doors: Doors, site: Site, scope: Scope) -> Answer:
    """The receipt of whoever asks: a page, or with `?as=json` (or by Accept) the file."""
    visit: Visit = scope["consentry.visit"]
    query = query_of(scope)
    t, _ = words_for(site, scope, query)
    consent = visit.standing.consent
    number = None if consent is None else consent.record
    history = await doors.records.of_visitor(number) if number else []
    if query.get("as") == "json" or header(scope, b"accept").startswith(b"application/json"):
        if consent is None or number is None:
            return failure(404, site, scope)
        told = receipt(site, visit, consent, t, history or [], doors.now())
        signed = {"receipt": told, "signature": {"algorithm": "HMAC-SHA256", "value": doors.sign(canonical(told))}}
        return Answer(200, _file_headers(number), json.dumps(signed, indent=2, ensure_ascii=False).encode() + b"\n")
    page = site.look.render(
        "receipt",
        t,
        site=site,
        base=site.preferences,
        law=visit.law,
        consent=consent if number else None,
        number=number,
        allowed=[site.use.vendors[key] for key in _allowed(site, visit)] if number else [],
        granted=_granted(t, consent) if consent is not None else Markup(),
        until=site.until(consent, visit.law) if consent is not None else None,
        history=None if history is None else list(_history(t, history)),
        return_to=return_path(query.get("return_to", "/"), site.prefix),
    )
    return Answer(200, page_headers(t), page.encode())


def receipt(
    site: Site, visit: Visit, consent: Consent, t: Words, history: Sequence[Kept], now: datetime
) -> dict[str, Any]:
    """What a receipt says, by the sections of the standard: header, processing, parties, events. Times are UTC."""
    allowed = [site.use.vendors[key] for key in _allowed(site, visit)]
    return {
        "schema_version": SCHEMA,
        "receipt_id": consent.record,
        "record_id": consent.record,
        "pii_principal_id": consent.record,
        "created": now.astimezone(UTC).isoformat(timespec="seconds"),
        "pii_processing": {
            "privacy_notice": {
                "address": site.policy(visit.law),
                "version": consent.policy,
                "shown_at": site.preferences,
            },
            "language": t.tag,
            "jurisdiction": visit.region or visit.law.key,
            "consent_type": "explicit" if visit.law.regime == "opt-in" else visit.law.regime,
            "withdrawal_method": site.preferences,
            "privacy_rights": list(visit.law.rights),
            "purposes": [_processing(vendor, t) for vendor in allowed],
        },
        "party_identification": list(_parties(site, allowed)),
        "events": list(_events(site, visit, consent, history)),
    }


def _processing(vendor: Vendor, t: Words) -> dict[str, Any]:
    return {
        "purpose": [str(t(f"purpose.{purpose}")) for purpose in vendor.purposes],
        "purpose_type": [category for category in ASKED if category in vendor.categories],
        "lawful_basis": "consent",
        "pii_information": [{"pii_type": str(t(f"data.{datum}")), "pii_optional": True} for datum in vendor.data],
        "collection_method": vendor.reach,
        "retention_period": vendor.retention,
        "geographic_restrictions": list(vendor.transfer.to),
        "transfer_basis": vendor.transfer.basis,
        "recipient_third_parties": [vendor.key],
    }


def _parties(site: Site, vendors: Sequence[Vendor]) -> Iterator[Mapping[str, Any]]:
    controller = site.controller
    shop = {"party_id": "controller", "party_role": "controller", "party_name": site.name, "party_url": site.origin}
    if controller is not None:
        shop |= {
            name: value
            for name, value in (("party_address", controller.address), ("party_email", controller.email))
            if value
        }
    yield shop
    for vendor in vendors:
        yield {
            "party_id": vendor.key,
            "party_role": vendor.role,
            "party_name": vendor.company,
            "party_service": vendor.name,
            "party_url": vendor.policy,
        }


def _events(site: Site, visit: Visit, consent: Consent, history: Sequence[Kept]) -> Iterator[Mapping[str, Any]]:
    until = site.until(consent, visit.law)
    if not history:
        yield {
            "event_time": consent.day.isoformat(),
            "event_type": "given" if consent.grants_anything else "refused",
            "event_state": "valid",
            "validity_until": until and until.isoformat(),
        }
    for place, kept in enumerate(history, 1):
        if kept.payload is not None:
            last = place == len(history)
            yield {
                "event_time": _time(kept.at).isoformat(timespec="seconds"),
                "event_type": kept.payload["event"],
                "event_state": "valid" if last else "superseded",
                "validity_until": until.isoformat() if last and until else None,
                "granted": kept.payload.get("granted", []),
                "vendors_allowed": kept.payload.get("allowed", []),
                "vendors_refused": kept.payload.get("refused", []),
                "gpc": kept.payload["gpc"],
                "notice": kept.payload.get("notice"),
                "place_in_chain": [kept.chain, kept.seq],
            }


def _history(t: Words, history: Sequence[Kept]) -> Iterator[tuple[Markup, Markup]]:
    """When, and what."""
    for kept in history:
        if kept.payload is not None:
            time = _time(kept.at)
            what = t(f"event.{kept.payload['event']}")
            named = [t(f"category.{category}.name") for category in ASKED if category in kept.payload["granted"]]
            when = Markup("{} {:%H:%M} UTC").format(t.date(time.date()), time)
            yield when, Markup("{}: {}").format(what, t.list(named)) if named else what


def _allowed(site: Site, visit: Visit) -> list[str]:
    """The keys of the optional vendors that are allowed now, by their names."""
    vendors = site.use.vendors
    decisions = decide_all(vendors.values(), Grounds(visit.standing, visit.law, visit.gpc))
    found = [key for key, decision in decisions.items() if decision.allowed and not vendors[key].essential]
    return sorted(found, key=lambda key: vendors[key].name.casefold())


def _granted(t: Words, consent: Consent) -> Markup:
    return t.list([t(f"category.{category}.name") for category in ASKED if category in consent.granted])


def _time(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1000, UTC)


def _file_headers(number: str) -> list[tuple[bytes, bytes]]:
    return [
        (b"content-type", b"application/json"),
        (b"content-disposition", f'attachment; filename="consent-receipt-{number[:8]}.json"'.encode("ascii")),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"same-origin"),
    ]
