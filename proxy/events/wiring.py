"""Which vendors a shop tells of events itself, and how: the connectors of those with `reach = "server"`, with the
shop's accounts and secrets filled in.

Rules of this file: what is missing is told at the start, with what to write. A secret is in nothing that prints.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from proxy.catalogue.connector import Connector
from proxy.catalogue.load import Catalogue
from proxy.catalogue.schema import Vendor
from proxy.catalogue.template import Filled, Look, ready, required
from proxy.catalogue.use import InUse
from proxy.errors import Problem, Refused
from proxy.model import Reach
from proxy.settings.schema import Settings
from proxy.toml_places import Places


@dataclass(frozen=True)
class Route:
    """One vendor as one shop tells it of events. `shop` are its facts of the shop: accounts and secrets, by the names
    that templates have for them. `private`: its server may have a private address."""

    vendor: Vendor
    connector: Connector
    shop: Mapping[str, str] = field(repr=False)
    private: bool = False

    @cached_property
    def event(self) -> Filled:
        """The template of an event, made ready."""
        return ready(self.connector.event)

    @cached_property
    def _more(self) -> Mapping[str, Filled]:
        return {name: ready(template) for name, template in self.connector.also.items()}

    def more(self, kind: str) -> Filled:
        """What more belongs to an event of a kind."""
        return self._more.get(kind) or self._more.get("*") or _nothing

    def name_of(self, event: str) -> str | None:
        """The vendor's word for an event; None where it is not told of such."""
        return self.connector.name_of(event, self.shop.get)


def _nothing(_: Look) -> None:
    """Nothing more."""


def secret_variable(key: str, secret: str) -> str:
    """The variable of a vendor's secret: CONSENTRY_GOOGLE_ANALYTICS_API_SECRET."""
    return f"CONSENTRY_{key}_{secret}".replace("-", "_").upper()


def secret_variables(catalogue: Catalogue) -> frozenset[str]:
    """Of every secret that any vendor file declares."""
    return frozenset(
        secret_variable(key, secret)
        for key, vendor in catalogue.vendors.items()
        if vendor.technical.connector is not None
        for secret in vendor.technical.connector.all_secrets
    )


def routes(
    settings: Settings, use: InUse, *, file: str = "consentry.toml", places: Places | None = None
) -> Mapping[str, Route]:
    """The routes of a shop, by vendor. Raises `Refused` with everything that is missing."""
    problems: list[Problem] = []
    found: dict[str, Route] = {}
    for vendor in use.vendors.values():
        if vendor.reach is Reach.SERVER:
            route, missing = _route(vendor, settings)
            at = places or Places()
            problems += [_problem(vendor.key, *one, file, at) for one in missing]
            if route is not None and not missing:
                found[vendor.key] = route
    if problems:
        raise Refused(problems)
    return found


def route_to(vendor: Vendor, settings: Settings) -> tuple[Route | None, list[str]]:
    """The route to one vendor whatever its reach, and what is missing for it, in words."""
    route, missing = _route(vendor, settings)
    return route, [f"{name} {message} {mend}" for name, message, mend in missing]


def _route(vendor: Vendor, settings: Settings) -> tuple[Route | None, list[tuple[str, str, str]]]:
    connector = vendor.technical.connector
    if connector is None:
        mend = "Take the line out, or describe how to tell it of events ([technical.connector])."
        return None, [("reach", "is server, but its file has no connector: nothing would reach it.", mend)]
    own = settings.vendor.get(vendor.key)
    accounts = {} if own is None else own.accounts
    shop = {f"account.{name}": value for name, value in accounts.items()}
    missing: list[tuple[str, str, str]] = []
    for name in sorted(_account_names(connector) - accounts.keys()):
        mend = f'Add: [vendor.{vendor.key}] {name} = "…".'
        missing.append((name, "is not set, and its events cannot be sent without it.", mend))
    for secret in connector.all_secrets:
        variable = secret_variable(vendor.key, secret)
        if variable in settings.secrets:
            shop[f"secret.{secret}"] = settings.secrets[variable]
        elif f"secret.{secret}" in _needed(connector) or secret not in connector.secrets:
            missing.append(("", f"needs the secret {secret} for its events.", f"Set {variable}, or {variable}_FILE."))
    return Route(vendor, connector, shop, settings.is_private(vendor.key)), missing


def _account_names(connector: Connector) -> frozenset[str]:
    return frozenset(name.removeprefix("account.") for name in _needed(connector) if name.startswith("account."))


def _needed(connector: Connector) -> frozenset[str]:
    """The shop's facts without which a request cannot be made."""
    return frozenset(_in(connector.url, connector.headers, connector.event, connector.also, connector.body))


def _in(*templates: object) -> Iterator[str]:
    for template in templates:
        if isinstance(template, str):
            yield from required(template)
        elif isinstance(template, Mapping):
            yield from _in(*(inner for inner in template.values()))
        elif isinstance(template, Iterable):
            yield from _in(*template)


def _problem(key: str, name: str, message: str, mend: str, file: str, places: Places) -> Problem:
    path = ("vendor", key, name) if name else ("vendor", key)
    return Problem(file, places.line(path), ".".join(path), message, mend)
