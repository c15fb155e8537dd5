"""Telling vendors of events, put together: for a process that serves, or for one of its own that does nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from proxy.catalogue.load import Catalogue
from proxy.catalogue.use import InUse, in_use
from proxy.consent.records.keeper import latest_of
from proxy.consent.records.opening import SPOOL, open_store
from proxy.consent.records.record import Said
from proxy.consent.records.spool import Spool
from proxy.consent.regime import regimes_of
from proxy.events.deliver import Delivery
from proxy.events.last_word import LastWord, LatestOf, LawOf
from proxy.events.opening import milliseconds, open_outbox
from proxy.events.outbox import Outbox
from proxy.events.wiring import Route, routes
from proxy.minimise import Outgoing
from proxy.relay import VendorHop
from proxy.relay.telling import Answered, tell
from proxy.settings import Settings


@dataclass(frozen=True, slots=True)
class Shop:
    """What of a shop its deliveries need."""

    settings: Settings
    use: InUse
    routes: Mapping[str, Route]
    law_of: LawOf
    hop: VendorHop


@dataclass(frozen=True, slots=True)
class Deliveries:
    """What a process does that only tells vendors of events. Both in its event loop."""

    start: Callable[[], Awaitable[None]]
    stop: Callable[[], Awaitable[None]]


def build_deliveries(settings: Settings, catalogue: Catalogue, state: Path) -> Deliveries:
    """Deliveries for one shop or several. Raises `Refused`. Call it inside the event loop."""
    store, spool, outbox = open_store(settings, state), Spool(state / SPOOL), open_outbox(settings, state)
    shops = []
    for site in settings.sites:
        use = in_use(catalogue, site)
        shops.append(Shop(site, use, routes(site, use), regimes_of(site).named, VendorHop(site.vendors)))

    async def latest(visitors: Sequence[str]) -> Mapping[str, Said | None] | None:
        """What waits for the store may be somebody's last word."""
        return None if spool.files() else await latest_of(store, visitors)

    delivery = delivery_of(settings, shops, outbox, latest)

    async def start() -> None:
        delivery.start()

    async def stop() -> None:
        await delivery.stop()
        for shop in shops:
            await shop.hop.aclose()
        await outbox.aclose()
        await store.aclose()

    return Deliveries(start, stop)


def delivery_of(settings: Settings, shops: Sequence[Shop], outbox: Outbox, latest: LatestOf) -> Delivery:
    """What delivers for these shops from an outbox; `latest` asks the records."""
    by_site = {shop.settings.identity: shop for shop in shops}
    hops = {site: shop.hop for site, shop in by_site.items()}
    laws = {site: (shop.use, shop.law_of) for site, shop in by_site.items()}
    told = {(site, key): route for site, shop in by_site.items() for key, route in shop.routes.items()}
    beacons = {
        (site, key): shop.settings.is_private(key)
        for site, shop in by_site.items()
        for key, vendor in shop.use.vendors.items()
        if vendor.technical.relay.beacon
    }
    fates = LastWord(latest, laws).fates
    return Delivery(outbox, told, beacons, partial(_send, hops), fates, milliseconds, settings.outbox.answer_seconds)


async def _send(
    hops: Mapping[str, VendorHop], site: str, key: str, host: str, outgoing: Outgoing, private: bool, seconds: float
) -> Answered:
    return await tell(hops[site], key, host, outgoing, private=private, seconds=seconds)
