"""The composition root: the public app and the admin app are put together here, and only here.

Rules: whatever the rooms below must not know of each other meets here: the clock, chance, the storefront's client, the
way to vendors. Nothing is global, so two apps in one process do not touch each other.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial
from pathlib import Path
from urllib.parse import urlsplit

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.types import ASGIApp, Scope

from proxy.admin.events import Shop as PostingShop
from proxy.admin.events import events_route
from proxy.admin.probes import admin_app
from proxy.catalogue.load import Catalogue
from proxy.catalogue.use import InUse, in_use
from proxy.consent.cookie import Seal, receipt_signer
from proxy.consent.doors import Doors, Expire
from proxy.consent.pages import Look, look_of
from proxy.consent.records import Keeper
from proxy.consent.records.opening import SPOOL, open_store
from proxy.consent.records.spool import Spool
from proxy.consent.regime import regimes_of
from proxy.consent.routes import consent_app
from proxy.consent.site import Site, site_of
from proxy.csp.heard import Heard
from proxy.csp.seen import Seen
from proxy.decide import Grounds
from proxy.deliveries import Shop as ToldShop
from proxy.deliveries import delivery_of
from proxy.events.capture import Capture
from proxy.events.intake import Intake
from proxy.events.last_word import LawOf
from proxy.events.opening import milliseconds, open_outbox, visitor_key
from proxy.events.said import rules
from proxy.events.wiring import routes
from proxy.html.stub import stub
from proxy.http.cookies import VendorCookies, denied_names, expiries
from proxy.http.dispatch import Dispatch, Sites
from proxy.http.forward import Forward
from proxy.http.region import Regions
from proxy.http.upstream import Upstream
from proxy.http.visit import origin_of, values
from proxy.minimise.events import Manner
from proxy.minimise.ids import Ids
from proxy.relay import VendorHop, relay_app
from proxy.ruling import Rulings
from proxy.settings import Limits, Settings
from proxy.settings.schema import Network

#: Bytes of chance in a record's id, and in an event's: nobody guesses another visitor's (128 bits).
RECORD_BYTES = EVENT_BYTES = 16


@dataclass(frozen=True, slots=True)
class Apps:
    """What a process serves. `start` runs before the first request, `stop` after the last; both in the event loop."""

    public: ASGIApp
    admin: ASGIApp
    limits: Limits
    trusted: Sequence[Network]
    storefront_connections: Callable[[], tuple[int, int]]
    leave: Callable[[], None]
    start: Callable[[], Awaitable[None]]
    stop: Callable[[], Awaitable[None]]


def build(settings: Settings, catalogue: Catalogue, state: Path, *, beside: bool = False) -> Apps:
    """The apps of one shop or several; `state` is the folder for what is kept. `beside`: where any vendor is told of
    events by us, another process does it (`build_delivery`). Raises `Refused` where settings and catalogue do not fit.
    Call it inside the event loop."""
    keep_for = settings.records.keep_days * 86_400_000
    records = Keeper(open_store(settings, state), Spool(state / SPOOL), milliseconds, keep_for)
    outbox = open_outbox(settings, state)
    intake = Intake(outbox, lambda vendor: None if delivery is None else delivery.wake(vendor))
    shops = [_shop(site, catalogue, records, intake, state, alone=not settings.site) for site in settings.sites]
    elsewhere = beside and any(shop.capture.routes for shop in shops)
    delivery = None if elsewhere else delivery_of(settings, _told(shops), outbox, records.latest_of)
    ready = False

    def connections() -> tuple[int, int]:
        return sum(shop.upstream.busy for shop in shops), sum(shop.upstream.kept for shop in shops)

    def leave() -> None:
        nonlocal ready
        ready = False

    async def start() -> None:
        nonlocal ready
        await records.start()
        intake.start()
        if delivery is not None:
            delivery.start()
        ready = True

    async def stop() -> None:
        await intake.stop()
        if delivery is not None:
            await delivery.stop()
        for shop in shops:
            await shop.upstream.aclose()
            await shop.hop.aclose()
        await outbox.aclose()
        await records.stop()

    public = shops[0].public if not settings.site else Sites([(shop.settings, shop.public) for shop in shops])
    return Apps(
        public,
        admin_app(lambda: ready, _metrics, [events_route(settings.admin_token, _posting(shops), records.latest_of)]),
        _limits(settings),
        settings.listen.trusted,
        connections,
        leave,
        start,
        stop,
    )


@dataclass(frozen=True, slots=True)
class _Shop:
    """One shop's app, and what of it must be closed."""

    settings: Settings
    rulings: Rulings
    law_of: LawOf
    public: Dispatch
    capture: Capture
    upstream: Upstream
    hop: VendorHop


def _shop(
    settings: Settings, catalogue: Catalogue, records: Keeper, intake: Intake, state: Path, *, alone: bool
) -> _Shop:
    use, regimes = in_use(catalogue, settings), regimes_of(settings)
    rulings = Rulings(use)
    capture = _capture(settings, use, intake, state)
    seen = Seen()
    look = look_of(settings.consent.looks)
    upstream = Upstream(settings.storefront, limits=settings.limits)
    hop = VendorHop(settings.vendors)
    seal = Seal(settings.secret_keys, settings.identity, use.asked)
    origin = partial(origin_of, settings=settings)
    doors = Doors(
        site=_sites(settings, use, look),
        seal=seal,
        expire=_expiring(settings, rulings),
        stub=_stubs(catalogue),
        now=partial(datetime.now, UTC),
        new_record=partial(secrets.token_urlsafe, RECORD_BYTES),
        records=records,
        sign=receipt_signer(settings.secret_keys, settings.identity),
        hear=Heard(use, seen).hear,
        forget=partial(intake.forget, settings.identity),
    )
    public = Dispatch(
        settings,
        seal,
        Regions(settings.region, regimes),
        consent=consent_app(doors),
        relay=relay_app(settings, rulings, hop, origin, capture.post),
        forward=Forward(settings, rulings, upstream, seal, seen, look, capture.notice if capture.routes else None),
        any_host=None if alone else False,
    )
    return _Shop(settings, rulings, regimes.named, public, capture, upstream, hop)


def _capture(settings: Settings, use: InUse, intake: Intake, state: Path) -> Capture:
    found = routes(settings, use)
    key = visitor_key(settings, state) if found else b""
    ids = Ids(key, settings.identity, settings.privacy.profile, partial(secrets.token_bytes, 32))
    manner = Manner(settings.privacy.profile, ids, settings.privacy.shortens, settings.privacy.query)
    fresh = partial(secrets.token_hex, EVENT_BYTES)
    return Capture(settings.identity, found, rules(settings.event), manner, intake, milliseconds, fresh)


def _posting(shops: Sequence[_Shop]) -> list[PostingShop]:
    return [PostingShop(shop.settings.origin, shop.rulings, shop.law_of, shop.capture) for shop in shops]


def _told(shops: Sequence[_Shop]) -> list[ToldShop]:
    return [ToldShop(shop.settings, shop.rulings.use, shop.capture.routes, shop.law_of, shop.hop) for shop in shops]


def _limits(settings: Settings) -> Limits:
    """In development nobody waits for a balancer to hear that the process leaves."""
    return settings.limits.model_copy(update={"leave_seconds": 0.0}) if settings.dev else settings.limits


def _sites(settings: Settings, use: InUse, look: Look) -> Callable[[Scope], Site]:
    remembered = lru_cache(64)(partial(site_of, settings, use, look))
    return lambda scope: remembered(origin_of(scope, settings))


def _stubs(catalogue: Catalogue) -> Callable[[str], bytes]:
    """The inert script of any described vendor, in use or not; of a known company, or whatever else, one that says why
    it is there."""
    made, other = {key: stub(vendor) for key, vendor in catalogue.vendors.items()}, stub(None)
    return lambda key: made.get(key, other)


def _expiring(settings: Settings, rulings: Rulings) -> Expire:
    cookies = VendorCookies(rulings.use.vendors.values())

    def expire(scope: Scope, grounds: Grounds) -> list[bytes]:
        carried = values(scope["headers"], b"cookie")
        if not carried:
            return []
        origin = urlsplit(origin_of(scope, settings))
        names = denied_names(carried, cookies, rulings.by(grounds).allowed)
        return expiries(names, origin.hostname or "", secure=origin.scheme == "https")

    return expire


def _metrics() -> CollectorRegistry:
    """This process's counters, or those of all processes where several share a folder for them."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry
