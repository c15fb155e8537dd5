"""The same things happening to the same visitor, under each consent, law and profile; and who is told of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from proxy.catalogue.load import load
from proxy.catalogue.use import in_use
from proxy.events.request import Moment, request
from proxy.events.wiring import Route, route_to, secret_variable
from proxy.minimise import Outgoing
from proxy.minimise.events import Event, Item, Manner, Minimised, Visited, told
from proxy.minimise.ids import Ids, Profile
from proxy.model import ASKED, Category, Reach
from proxy.settings import Settings

ADDRESS = "203.0.113.77"
EMAIL = "973dfe463ec85785f5f95af5ba3906eedb2d931c24e69824a89ea65dba4e813b"  # of test@example.com
MOMENT = Moment(1_800_000_000, "nonce", "token-of-oauth2")
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.7390.54 Safari/537.36"

#: Accounts in the shape of each vendor's own; by vendor, or `*`.
ACCOUNTS = {
    "*": {"pixel_id": "724401883901562", "tag_id": "134610077", "site_id": "7", "counter_id": "3402551"},
    "google-analytics": {"measurement_id": "G-M0RGEN1EHM"},
    "google-ads": {"customer_id": "1234567890", "conversion_purchase": "987654", "conversion_page_view": "987655"},
    "x": {"pixel_id": "o9m7k", "event_page_view": "tw-o9m7k-visit", "event_purchase": "tw-o9m7k-buy"},
    "vk": {"pixel_id": "VK-RTRG-482913-1xKpQ"},
    "pinterest": {"ad_account_id": "549755885175"},
    "linkedin": {"conversion_purchase": "104012", "conversion_page_view": "104013"},
    "matomo": {"server": "stats.shop.example", "site_id": "7"},
    "plausible": {"domain": "shop.example"},
}

EVENTS = {
    "page_view": Event("page_view", "6f1c0a", 1_799_999_990_000),
    "purchase": Event(
        "purchase",
        "A-1007",
        1_799_999_995_250,
        value=59.9,
        currency="EUR",
        order="A-1007",
        email=EMAIL,
        items=(Item("SKU-1", "Vase Reed", "Vases", 52.0, 1), Item("SKU-2", "Card", "", 3.95, 2)),
        named=True,
    ),
    "search": Event("search", "77b2", 1_799_999_996_000, search="vase test@example.com"),
}

CLICKED = "&".join(
    f"{name}={value}"
    for name, value in {
        "gclid": "Cj0K.1",
        "fbclid": "IwAR0-x",
        "twclid": "2-1a9m4",
        "ttclid": "E.C.P.1",
        "epik": "dj0yJnU9",
        "li_fat_id": "5f-1",
        "msclkid": "ab12",
        "utm_source": "news",
    }.items()
)
VISITED = Visited(
    "https://shop.example",
    f"https://shop.example/vases/reed?{CLICKED}&mail=test@example.com&ip={ADDRESS}",
    "https://search.example/find?q=vases",
    CHROME,
    "de-at",
    ADDRESS,
    "5Zk2Qx7vTtRrWb1nYc3dEw",
)

CONSENTS = {
    "all": told(frozenset(ASKED), limited=False),
    "analytics": told(frozenset({Category.ANALYTICS}), limited=False),
    "opt-out": told(frozenset(ASKED), limited=True),
}

MANNERS: dict[str, tuple[Profile, bool]] = {
    "truncate": ("truncate", True),
    "omit": ("truncate", False),
    "cnil-2022-proxy": ("cnil-2022-proxy", False),
}


def manner(name: str, key: bytes = b"key of the tests") -> Manner:
    profile, shorten = MANNERS[name]
    return Manner(profile, Ids(key, "https://shop.example", profile, lambda: b"\7" * 32), shorten)


def all_routes() -> dict[str, Route]:
    """Every vendor that has a connector, with accounts and secrets."""
    catalogue = load()
    keys = [key for key, vendor in catalogue.vendors.items() if vendor.technical.connector]
    vendor: dict[str, Any] = {}
    secrets: dict[str, str] = {}
    for key in keys:
        technical = catalogue.vendors[key].technical
        assert technical.connector is not None
        given = ACCOUNTS["*"] | ACCOUNTS.get(key, {})
        vendor[key] = {"reach": "server"} | {name: given[name] for name in technical.accounts if name in given}
        secrets |= {secret_variable(key, name): f"secret-{name}" for name in technical.connector.all_secrets}
    settings = Settings.model_validate(
        {"origin": "https://shop.example", "vendors": {"use": keys}, "vendor": vendor, "secrets": secrets}
    )
    use = in_use(catalogue, settings)
    found = {}
    for key in keys:
        assert use.vendors[key].reach is Reach.SERVER
        route, missing = route_to(use.vendors[key], settings)
        assert route is not None
        assert not missing
        found[key] = route
    return found


def requests(route: Route, manner_name: str, consent: str) -> Iterator[tuple[str, str, Outgoing]]:
    """The requests by which a vendor hears of the events, one each: event, host, request."""
    visited = dataclasses.replace(VISITED, allowed=CONSENTS[consent])
    for kind, event in EVENTS.items():
        name = route.name_of(kind)
        if name is None:
            continue
        minimised = Minimised(event, visited, manner(manner_name))
        known = minimised.facts(route.vendor.key, route.connector.facts, name)
        if route.connector.needs and known.keys().isdisjoint(route.connector.needs):
            continue
        host, outgoing = request(route, [known], MOMENT)
        yield kind, host, outgoing
