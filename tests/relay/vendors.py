"""A small catalogue for the relay's tests, and a visit by consent."""

from __future__ import annotations

from datetime import date
from typing import Any

from proxy.catalogue.load import Catalogue
from proxy.catalogue.schema import Cookie, Relay, Technical, Transfer, Vendor
from proxy.catalogue.use import InUse, in_use
from proxy.model import Category, Consent, How, Law, Standing, Visit
from proxy.settings import Settings
from tests.laws import OPT_IN

ORIGIN = "https://shop.example"


def a_vendor(key: str = "tracker", host: str = "tracker.example", **more: Any) -> Vendor:
    """A vendor at `host` whose file lists a request of every kind."""
    technical = Technical(
        match=(host,),
        stub={key: "function"},
        relay=Relay(
            script=(f"{host}/tag.js", f"cdn.{host}/lib"),
            style=(f"{host}/css",),
            font=(f"{host}/font",),
            image=(f"{host}/pixel", f"{host}/both"),
            beacon=(f"{host}/collect", f"{host}/both"),
        ),
    )
    fields: dict[str, Any] = {
        "categories": ("analytics",),
        "cookies": (
            Cookie(name="_tracked*", keeps="2 years", party="first", use="tells visitors apart"),
            Cookie(name="elsewhere", keeps="2 years", party="third", use="tells visitors apart"),
        ),
        "technical": technical,
    }
    return Vendor(
        key=key,
        name=key.title(),
        company=f"{key.title()} Ltd",
        purposes=("measure-visits",),
        data=("page", "short-ip"),
        role="processor",
        transfer=Transfer(to=("US",), basis="adequacy"),
        retention="1 year",
        policy=f"https://{host}/privacy",
        checked=date(2026, 11, 22),
        **fields | more,
    )


def used(*vendors: Vendor, settings: Settings | None = None) -> InUse:
    described = {vendor.key: vendor for vendor in vendors}
    return in_use(Catalogue(described, {}, "digest"), settings or Settings(origin=ORIGIN))


def a_visit(path: str, *granted: str, address: str | None = "198.51.100.173", law: Law = OPT_IN) -> Visit:
    """A visit whose visitor granted these categories; none: who was not asked yet."""
    consent = Consent(
        policy=99,
        day=date(2026, 11, 22),
        granted=frozenset(map(Category, granted)),
        allowed=frozenset(),
        refused=frozenset(),
        regime=law.regime,
        how=How.SAVE,
    )
    return Visit(
        standing=Standing(consent if granted else None),
        law=law,
        gpc=False,
        address=address,
        languages=("en",),
        path=path,
    )
