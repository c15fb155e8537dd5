"""What a scan found, as JSON: the form that machines read. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from proxy.catalogue.load import Catalogue
from proxy.html.page import TagReport
from proxy.scan.findings import Cookie, Found, Kind, PageFound, Party, host_of, is_literal, parties


def as_json(found: Found, catalogue: Catalogue) -> dict[str, Any]:
    """Everything, page by page and in all. Every list is in the order of the table."""
    return {
        "site": found.site,
        "unknown": found.unknown,
        "pages_read": len(found.read),
        "third_parties": [{**_party(party), "pages": len(party.pages)} for party in found.parties],
        "unknown_hosts": [{"host": party.name, "pages": len(party.pages)} for party in found.unknown_hosts],
        "cookies": [{**_cookie(cookie), "pages": count} for cookie, count in found.cookies],
        "pages": [_page(page, catalogue) for page in found.pages],
        "notes": list(found.notes),
    }


def _page(page: PageFound, catalogue: Catalogue) -> dict[str, Any]:
    contacted = parties([page], catalogue)
    return {
        "url": page.address,
        "status": page.status,
        "read": page.was_read,
        "problem": page.problem,
        "third_parties": [_party(party) for party in contacted],
        "unknown_hosts": [party.name for party in contacted if party.kind is Kind.UNKNOWN],
        "cookies": [_cookie(cookie) for cookie in page.cookies],
        "inline_literals": [_literal(tag) for tag in page.tags if is_literal(tag)],
    }


def _party(party: Party) -> dict[str, Any]:
    return {
        "vendor": party.key,
        "name": party.name,
        "kind": party.kind,
        "categories": list(party.categories),
        "hosts": list(party.hosts),
        "actions": _counted(party.actions),
        "reasons": list(party.reasons),
        "elements": _counted(party.elements),
    }


def _counted(counts: Iterable[tuple[str, int]]) -> Mapping[str, int]:
    return {str(name): count for name, count in counts}


def _cookie(cookie: Cookie) -> dict[str, Any]:
    return {"name": cookie.name, "vendors": list(cookie.vendors)}


def _literal(tag: TagReport) -> dict[str, Any]:
    return {
        "offset": tag.offset,
        "element": tag.element,
        "url": tag.url,
        "host": host_of(tag),
        "vendor": tag.vendor,
        "action": tag.action,
        "reason": tag.reason,
    }
