"""The preferences page: every vendor in use with all that its file says, and the form that chooses about them.

Rules of this file: nothing is ticked that the visitor has not granted and that does not hold now. The form names
`essential` among its categories, so that a save from here says all (a placeholder's save, which names a vendor alone,
leaves the rest as it is). It tells what holds now, since when and until when, and a doubt as a doubt.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from urllib.parse import quote

from markupsafe import Markup

from proxy.catalogue.schema import Transfer, Vendor
from proxy.consent.choice import under_signal
from proxy.consent.form import return_path
from proxy.consent.language import LANGUAGES, Words, words
from proxy.consent.site import Site
from proxy.consent.summary import only_in_frames, sees_full_ip
from proxy.model import ASKED, Category, Regime, Visit

#: The European Economic Area: the EU with Iceland, Liechtenstein and Norway.
EEA = frozenset("AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE IS LI NO".split())


def preferences_page(site: Site, visit: Visit, t: Words, return_to: str | None, *, chosen: bool = False) -> bytes:
    """The page as UTF-8, in the language of `t`. `return_to`: where the visitor came from, as it came; None: they come
    back here. `chosen`: the language was asked for by name, and stays."""
    vendors = sorted(site.use.vendors.values(), key=lambda vendor: vendor.name.casefold())
    here = site.prefix + (f"?lang={t.tag}" if chosen else "")
    way_back = return_path(return_to, site.prefix) if return_to else here
    return site.look.render(
        "preferences",
        t,
        site=site,
        law=visit.law,
        base=site.preferences,
        consent=visit.standing.consent,
        ticked=_ticked(site, visit),
        gpc=visit.gpc,
        status=list(_status(site, visit, t)),
        asked=list(_asked(vendors, site.use.asked)),
        essential=[vendor for vendor in vendors if vendor.essential],
        facts=_facts(site, t.tag, bool(visit.law.allowed)),
        direct={
            vendor.key: "preferences.framed" if only_in_frames(vendor) else "reach.direct"
            for vendor in vendors
            if sees_full_ip(vendor)
        },
        names=lambda categories: _names(t, categories),
        own_names={tag: words(tag)("language.name") for tag in LANGUAGES},
        return_to=way_back,
        back="/" if way_back.partition("?")[0] == site.prefix else way_back,
        carried=quote(way_back, safe="/") if return_to else "",
    ).encode()


@lru_cache(maxsize=64)
def _facts(site: Site, tag: str, objects: bool) -> Mapping[str, Markup]:
    """All that each vendor's file says, by key: the long part of the page, the same for every visitor. `objects`: where
    they are, vendors run until they object."""
    t = site.look.words(tag)
    return {key: Markup(_vendor_facts(site, t, vendor, objects)) for key, vendor in site.use.vendors.items()}  # noqa: S704  (ours)


def _vendor_facts(site: Site, t: Words, vendor: Vendor, objects: bool) -> str:
    legal = "essential" if vendor.essential else "objection" if objects else "consent"
    basis = _basis(vendor.transfer)
    return site.look.render("facts", t, vendor=vendor, basis=basis, framed=only_in_frames(vendor), legal=legal)


def _basis(transfer: Transfer) -> str:
    """What a transfer rests on; within the EEA it needs nothing, and vendor files say `adequacy` for that too."""
    return "eea" if transfer.basis == "adequacy" and EEA.issuperset(transfer.to) else transfer.basis


def _asked(
    vendors: Iterable[Vendor], in_use: frozenset[Category]
) -> Iterator[tuple[Category, list[Vendor], list[tuple[Vendor, Category]]]]:
    """Each category in use with the vendors that stand under it, and those that need it but stand under another."""
    optional = [vendor for vendor in vendors if not vendor.essential]
    for category in ASKED:
        if category in in_use:
            home = [vendor for vendor in optional if vendor.categories[0] is category]
            elsewhere = [
                (vendor, vendor.categories[0])
                for vendor in optional
                if category in vendor.needs and vendor.categories[0] is not category
            ]
            yield category, home, elsewhere


def _ticked(site: Site, visit: Visit) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """Categories granted, vendors allowed and vendors refused; before a choice, what runs where the law allows it. What
    Sec-GPC denies is not ticked: to save it again would be to grant it over the signal."""
    consent, law = visit.standing.consent, visit.law
    if consent is None:
        runs = law.allowed if visit.standing.doubt is None else frozenset()
        return frozenset(runs - law.signal if visit.gpc else runs), frozenset(), frozenset()
    holds = under_signal(consent, site.use.vendors, law) if visit.gpc else consent
    return frozenset(holds.granted), holds.allowed, holds.refused


def _names(t: Words, categories: Iterable[Category]) -> Markup:
    named = frozenset(categories)
    return t.list([t(f"category.{category}.name") for category in ASKED if category in named])


def _status(site: Site, visit: Visit, t: Words) -> Iterator[Markup]:
    """What holds now, in sentences."""
    consent = visit.standing.consent
    if visit.standing.doubt is not None:
        yield t("status.doubt")
    elif consent is None:
        yield t("status.none" if visit.law.regime is Regime.OPT_IN else "status.default")
    else:
        names = {key: vendor.name for key, vendor in site.use.vendors.items()}
        if consent.grants_anything:
            allowed = [t(f"category.{category}.name") for category in ASKED if category in consent.granted]
            alone = [names.get(key, key) for key in sorted(consent.allowed)]
            yield t("status.granted", date=t.date(consent.day), granted=t.list([*allowed, *alone]))
            if consent.refused:
                yield t("status.except", vendors=t.list([names.get(key, key) for key in sorted(consent.refused)]))
        else:
            yield t("status.refused", date=t.date(consent.day))
        yield t("status.version", version=consent.policy)
        until = site.until(consent, visit.law)
        yield t("status.lasts") if until is None else t("status.until", date=t.date(until))
