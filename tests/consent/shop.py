"""A small shop for the tests of consent: vendors of every kind, its site, and one visit of it."""

from __future__ import annotations

from datetime import date
from types import MappingProxyType

from proxy.catalogue.match import Matcher
from proxy.catalogue.schema import Vendor
from proxy.catalogue.use import InUse
from proxy.consent.site import Site
from proxy.model import Category, Consent, How, Law, Regime, Standing, Visit
from proxy.settings.schema import Controller
from tests.laws import OPT_IN

TODAY = date(2026, 11, 22)
ORIGIN = "https://shop.example"
RECORD = "cmVjb3JkLXJlY29yZC1yZWM"

CONTROLLER = Controller(
    name="Blue <Teapot> & Söhne", address="1 Quay, Cork", email="privacy@shop.example", privacy_policy="/privacy"
)


def vendor(key: str, *categories: str, **more: object) -> Vendor:
    """A vendor as a file would describe it; `more` replaces or adds fields."""
    fields: dict[str, object] = {
        "key": key,
        "name": key.title(),
        "company": f"{key.title()} Ltd",
        "categories": categories,
        "purposes": ["measure-visits"],
        "data": ["page", "short-ip"],
        "role": "processor",
        "transfer": {"to": ["US"], "basis": "scc"},
        "retention": "14 months",
        "policy": f"https://{key}.example/privacy",
        "checked": TODAY,
        "essential_because": "payment" if categories == ("essential",) else None,
        "technical": {"match": [f"{key}.example"]},
    }
    return Vendor.model_validate(fields | more)


STATS = vendor(
    "stats",
    "analytics",
    opt_out="https://stats.example/out",
    cookies=[
        {"name": "_stats", "keeps": "2 years", "party": "first", "use": "tells visitors apart"},
        {"name": "_other*", "keeps": "as long as it likes", "party": "third", "use": "remembers"},
    ],
)
ADS = vendor("ads", "advertising", purposes=["show-ads"], sale_or_share=True, transfer={"to": ["IE"], "basis": "none"})
MAIL = vendor("mail", "marketing", purposes=["send-messages"], data=["email"], retention="until you say stop")
VIDEO = vendor(
    "video", "social", "advertising", purposes=["show-videos"], data=["page", "full-ip"], reach="direct", name="Vi<deo"
)
PAY = vendor("pay", "essential", purposes=["take-payments"])
ALL = (STATS, ADS, MAIL, VIDEO, PAY)


def use(*vendors: Vendor, version: int = 1) -> InUse:
    """These vendors in use."""
    keyed = MappingProxyType({one.key: one for one in vendors})
    return InUse(keyed, Matcher(vendors), frozenset(), "allow", version, f"{version}:{vendors}")


def site(*vendors: Vendor, version: int = 1, **more: object) -> Site:
    """The shop with these vendors, or with all."""
    fields: dict[str, object] = {"origin": ORIGIN, "controller": CONTROLLER, "records": ORIGIN} | more
    return Site(use=use(*(vendors or ALL), version=version), **fields)  # type: ignore[arg-type]


def consent(*granted: str, **more: object) -> Consent:
    """A consent of today to these categories."""
    fields: dict[str, object] = {
        "policy": 1,
        "day": TODAY,
        "granted": frozenset(map(Category, granted)),
        "allowed": frozenset(),
        "refused": frozenset(),
        "regime": Regime.OPT_IN,
        "how": How.SAVE,
    }
    return Consent(**(fields | more))  # type: ignore[arg-type]


NOTHING_YET = Standing()


def visit(
    standing: Standing = NOTHING_YET,
    *,
    gpc: bool = False,
    languages: tuple[str, ...] = ("en",),
    path: str = "/",
    law: Law = OPT_IN,
    region: str | None = None,
) -> Visit:
    """One visit, under opt-in if nothing else is said."""
    return Visit(standing, law, gpc, None, languages, path, region)
