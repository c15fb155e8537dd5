"""What a visitor was shown when they chose: the very banner, the page behind it, and the vendors on it.

Rules of this file: a notice is canonical JSON, packed, and named by its digest; the same shop, language and law have
the same notice until a text, a vendor or a setting changes. It holds nothing of any visitor. Pure.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import zlib
from collections import OrderedDict
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from proxy.catalogue.schema import Vendor
from proxy.consent.banner import banner
from proxy.consent.preferences import preferences_page
from proxy.consent.records.record import canonical
from proxy.consent.site import Site
from proxy.model import Law, Standing, Visit


@dataclass(frozen=True, slots=True)
class Notice:
    """`body` unpacks to what `unpack` gives."""

    digest: str
    body: bytes


def notice_of(site: Site, language: str, law: Law, gpc: bool) -> Notice:
    """What somebody who has not chosen yet is shown there."""
    visit = Visit(Standing(), law, gpc, None, (language.lower(),), "/")
    told = canonical(
        {
            "release": version("consentry"),
            "site": site.origin,
            "policy": site.use.version,
            "language": language,
            "law": law.key,
            "regime": law.regime,
            "gpc": gpc,
            "banner": banner(site, visit, language).decode("ascii"),
            "preferences": preferences_page(site, visit, site.look.words(language), None).decode(),
            "vendors": [_vendor(vendor) for _, vendor in sorted(site.use.vendors.items())],
        }
    )
    return Notice(hashlib.sha256(told.encode()).hexdigest(), zlib.compress(told.encode(), 9))


#: Notices that a process remembers; at the start of a busy day there are a few for each language.
REMEMBERED = 64

_remembered: OrderedDict[tuple[Site, str, Law, bool], Notice] = OrderedDict()


async def notice_for(site: Site, language: str, law: Law, gpc: bool) -> Notice:
    """`notice_of` them, remembered; made in a thread, since that takes as long as dozens of requests."""
    key = (site, language, law, gpc)
    known = _remembered.get(key)
    if known is None:
        known = _remembered[key] = await asyncio.to_thread(notice_of, *key)
        if len(_remembered) > REMEMBERED:
            _remembered.popitem(last=False)
    else:
        _remembered.move_to_end(key)
    return known


def unpack(body: bytes) -> dict[str, Any]:
    """A notice's content: release, site, policy version, language, law, regime, gpc; `banner` and `preferences` as
    HTML; `vendors` as their files said then."""
    told: dict[str, Any] = json.loads(zlib.decompress(body))
    return told


def _vendor(vendor: Vendor) -> dict[str, Any]:
    said = vendor.model_dump(mode="json", exclude={"technical"}, exclude_none=True, exclude_defaults=True)
    return {"key": vendor.key, **said}
