"""The vendors that a shop has in use, as its settings make them, and the verdict on a URL.

Rules of this file: essential vendors are always in use. What `[vendor.KEY]` says holds instead of the vendor's file,
and is checked as the file was. A container needs the categories of all it may load. A described vendor that is not in
use is cut. The order of a verdict is: allowed by the operator, essential, the vendor's decision, shape, unknown.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal

from pydantic import ValidationError

from proxy.catalogue.known import Known
from proxy.catalogue.load import Catalogue
from proxy.catalogue.match import Destination, Matcher, pattern_parts
from proxy.catalogue.schema import Technical, Vendor
from proxy.catalogue.shapes import Shape, Shapes
from proxy.catalogue.url import Split
from proxy.catalogue.words import Datum
from proxy.errors import Problem, Refused
from proxy.model import ASKED, Category, Decision, Reach, Reason
from proxy.settings.schema import Settings, VendorSettings
from proxy.toml_places import KeyPath, Places

_OPERATOR = Decision(True, Reason.OPERATOR)
_ESSENTIAL = Decision(True, Reason.ESSENTIAL)
_KNOWN = Decision(False, Reason.KNOWN)
_SHAPE = Decision(False, Reason.SHAPE)
_NOT_IN_USE = Decision(False, Reason.NOT_IN_USE)
_UNKNOWN = {
    "allow": Decision(True, Reason.UNKNOWN_ALLOWED),
    "block": Decision(False, Reason.UNKNOWN_BLOCKED),
}


@dataclass(frozen=True)
class InUse:
    """What a shop has in use.

    `vendors` are those in use, by key, as the settings make them. `matcher` knows every vendor, described or only
    known. `version` is the policy version: the settings', or a newer vendor's. `digest` changes whenever a page could.
    `hosted` finds only what vendors have on hosts of the shop's own. `undescribed` is what holds for those who are only
    known by their domains (`known`, by key): nobody can be asked about them, so no visitor grants them.
    """

    vendors: Mapping[str, Vendor]
    matcher: Matcher
    allow: frozenset[str]
    unknown: Literal["allow", "block"]
    version: int
    digest: str
    hosted: Matcher = field(default_factory=lambda: Matcher(()))
    undescribed: Decision = _KNOWN
    known: Mapping[str, Known] = field(default_factory=dict)
    shapes: Shapes = field(default_factory=Shapes)

    @cached_property
    def asked(self) -> frozenset[Category]:
        """The categories that visitors are asked about."""
        return categories_in_use(self.vendors.values())

    def is_shop(self, split: Split, own: Collection[str]) -> bool:
        """Whether a URL is the shop itself: under one of its `own` hosts, and not where the shop runs a vendor's
        software on a host or path of its own (`[vendor.KEY] hosts`)."""
        host = split.host
        while host not in own:
            _, dot, host = host.partition(".")
            if not dot:
                return False
        return self.hosted.find(*split) is None

    def judge(
        self, host: str, target: str, decisions: Mapping[str, Decision]
    ) -> tuple[Vendor | Known | None, Decision]:
        """Whose URL this is (None: unknown) and whether the visit allows it. `decisions` holds one a vendor in use."""
        match = self.matcher.find(host, target)
        vendor = None if match is None else match.vendor
        if self.allow and self.allowed_as(host) is not None:
            return vendor, _OPERATOR
        if vendor is None:
            shape = self.shapes.find(host, target)
            if shape is None:
                return None, _UNKNOWN[self.unknown]
            vendor = self.vendors.get(shape.vendor, shape)
        return vendor, self.decision(vendor, decisions)

    def decision(self, vendor: Vendor | Known, decisions: Mapping[str, Decision]) -> Decision:
        """What holds for a vendor where the operator has not allowed its host."""
        if isinstance(vendor, Shape):
            return self.undescribed if self.undescribed.allowed else _SHAPE
        if isinstance(vendor, Known):
            return _ESSENTIAL if vendor.essential else self.undescribed
        return decisions[vendor.key] if vendor.key in self.vendors else _NOT_IN_USE

    @property
    def essential(self) -> dict[str, Vendor | Known]:
        """All essential vendors by key, described ones first: they are always in use."""
        described = {key: vendor for key, vendor in self.vendors.items() if vendor.essential}
        return described | {key: known for key, known in self.known.items() if known.essential}

    def granting_undescribed(self) -> InUse:
        """The same where those who are only known are granted, too: to look at, never for a real visitor."""
        return replace(self, undescribed=Decision(True, Reason.GRANTED))

    def allowed_as(self, host: str) -> str | None:
        """What the operator allows, this host or one above it; None if neither."""
        while host not in self.allow:
            _, dot, host = host.partition(".")
            if not dot:
                return None
        return host


def categories_in_use(vendors: Iterable[Vendor]) -> frozenset[Category]:
    """The categories that a visitor is asked about: those that some vendor in use needs, but for essential ones (which
    may be containers): they run whatever is chosen."""
    needs = frozenset[Category]().union(*(vendor.needs for vendor in vendors if not vendor.essential))
    return needs & frozenset(ASKED)


def in_use(
    catalogue: Catalogue, settings: Settings, *, file: str = "consentry.toml", places: Places | None = None
) -> InUse:
    """The catalogue as the settings make it. Raises `Refused` with everything in them that does not fit it.

    `file` and `places` say where the settings stand, for the problems' lines.
    """
    problems = list(_unfitting(catalogue, settings))
    described = _as_settled(catalogue, settings, problems)
    used = {key: vendor for key, vendor in described.items() if vendor.essential or _chosen(key, settings)}
    problems += _direct_unsaid(used, settings)
    if problems:
        raise Refused(_placed(problems, file, places or Places()))
    loaded = _loaded(described, used, settings)
    described |= loaded
    used |= loaded
    return InUse(
        vendors=MappingProxyType(used),
        matcher=Matcher(described.values(), catalogue.known.values()),
        allow=frozenset(settings.vendors.allow),
        unknown=settings.unknown,
        version=max([settings.consent.policy, *(vendor.since for vendor in used.values())]),
        digest=_digest(catalogue, described, used, settings),
        hosted=Matcher(_on_own_hosts(described, settings)),
        known=catalogue.known,
        shapes=Shapes(catalogue.shapes),
    )


#: One problem of the settings: path of the key, what is wrong, what would be right.
_Fault = tuple[KeyPath, str, str]


def _placed(faults: Iterable[_Fault], file: str, places: Places) -> list[Problem]:
    problems = [
        Problem(file, places.line(path), ".".join(step for step in path if isinstance(step, str)), message, mend)
        for path, message, mend in faults
    ]
    return sorted(problems, key=lambda problem: problem.line or 0)


def _chosen(key: str, settings: Settings) -> bool:
    return settings.vendors.use is None or key in settings.vendors.use


def _at(key: str, field: str, message: str, mend: str = "") -> _Fault:
    return (("vendor", key, field) if field else ("vendor", key)), message, mend


def _unfitting(catalogue: Catalogue, settings: Settings) -> Iterator[_Fault]:
    """What the settings say of vendors that no file bears out."""
    known = catalogue.vendors
    for index, key in enumerate(settings.vendors.use or ()):
        if key not in known:
            yield ("vendors", "use", index), *_undescribed(key, catalogue)
    for key, own in settings.vendor.items():
        if key not in known:
            yield _at(key, "", *_undescribed(key, catalogue))
        else:
            yield from _unfitting_table(known[key], own, catalogue)
    yield from _hosts_taken(catalogue, settings)


def _undescribed(key: str, catalogue: Catalogue) -> tuple[str, str]:
    known = catalogue.vendors
    if key in catalogue.known:
        mend = f"`consentry vendors describe {key}` starts its file: what visitors must be told of it."
        return f"{key!r} is known by its domains only; nobody can be asked about it.", mend
    return f"no vendor file describes {key!r}.", f"{_nearest(key, known)}`consentry vendors list` shows them all."


def _nearest(wrong: str, names: Mapping[str, object]) -> str:
    near = difflib.get_close_matches(wrong, list(names), n=1)
    return f"Did you mean {near[0]}? " if near else ""


def _unfitting_table(vendor: Vendor, own: VendorSettings, catalogue: Catalogue) -> Iterator[_Fault]:
    key = vendor.key
    if own.categories is not None and not own.categories:
        yield _at(key, "categories", "is empty.", "Name one or more, or take the line out.")
    if Category.ESSENTIAL in (own.categories or ()) and not vendor.essential:
        mend = "Copy its file to a folder of your own (--vendors) and write there why it is essential."
        yield _at(key, "categories", "settings cannot make a vendor essential.", mend)
    for name in own.accounts:
        if name not in vendor.technical.accounts:
            declared = ", ".join(vendor.technical.accounts) or "none"
            near = _nearest(name, dict.fromkeys([*vendor.technical.accounts, *VendorSettings.model_fields]))
            mend = f"{near}Its file declares these account ids: {declared}."
            yield _at(key, name, "is neither a setting of a vendor nor an account id of this one.", mend)
    if own.loads is not None and not vendor.technical.container:
        yield _at(key, "loads", "is for containers (Google Tag Manager and its like).", "Take it out.")
    for loaded in own.loads or ():
        if loaded not in catalogue.vendors:
            yield _at(key, "loads", *_undescribed(loaded, catalogue))
    if own.direct and (own.reach or vendor.reach) is not Reach.DIRECT:
        mend = 'Add reach = "direct", or take it out.'
        yield _at(key, "direct", f"does nothing: the vendor is reached by {own.reach or vendor.reach}.", mend)


def _hosts_taken(catalogue: Catalogue, settings: Settings) -> Iterator[_Fault]:
    """A shop's own host for one vendor that is another's pattern already."""
    taken = {
        pattern_parts(pattern): key
        for key, vendor in catalogue.vendors.items()
        for pattern in (*vendor.technical.match, *vendor.technical.links)
    }
    for key, own in settings.vendor.items():
        for pattern in own.hosts:
            other = taken.setdefault(pattern_parts(pattern), key)
            if other != key:
                mend = "A URL belongs to one vendor: take it out, or make it longer (a path)."
                yield _at(key, "hosts", f'"{pattern}" is a pattern of {other} already.', mend)


def _direct_unsaid(used: Mapping[str, Vendor], settings: Settings) -> Iterator[_Fault]:
    """A vendor that sees the full IP address needs a shop that says so; a placeholder says it for embeds."""
    for index, key in enumerate(settings.vendors.use or ()):
        vendor = used.get(key)
        if vendor is None or vendor.essential or vendor.technical.embed or vendor.reach is not Reach.DIRECT:
            continue
        if key not in settings.vendor or not settings.vendor[key].direct:
            mend = f"Add [vendor.{key}] direct = true if that is meant, else take it out of vendors.use."
            message = f"browsers reach {key} directly: it sees visitors' full IP addresses."
            yield ("vendors", "use", index), message, mend


def _as_settled(catalogue: Catalogue, settings: Settings, problems: list[_Fault]) -> dict[str, Vendor]:
    """All described vendors, as `[vendor.KEY]` has them where nothing is wrong with that; adds to `problems`."""
    described = dict(catalogue.vendors)
    told = {path[1] for path, *_ in problems if path[0] == "vendor"}
    for key, own in settings.vendor.items():
        if key in described and key not in told:
            try:
                described[key] = _overridden(described[key], own)
            except ValidationError as error:
                problems += [_at(key, "", f"{fault['msg'].removeprefix('Value error, ')}.") for fault in error.errors()]
    return described


def _overridden(vendor: Vendor, own: VendorSettings) -> Vendor:
    """The vendor as `[vendor.KEY]` has it. Raises ValidationError where the two contradict each other."""
    said = own.model_dump(include={"categories", "reach", "role", "transfer", "retention", "since"}, exclude_none=True)
    told: dict[str, Any] = vendor.model_dump() | said
    if Category.ESSENTIAL not in told["categories"]:
        told["essential_because"] = None
    connector = vendor.technical.connector
    if own.reach is Reach.SERVER and connector is not None:
        told["data"] = tuple(datum for datum in Datum if datum in connector.tells)  # no script of its: nothing else
    elif own.reach is not None:
        told["data"] = told_ip(vendor.data, own.reach)
    told["technical"] = _with_hosts(vendor.technical, own)
    return Vendor.model_validate({"key": vendor.key, **told})


def told_ip(data: tuple[Datum, ...], reach: Reach) -> tuple[Datum, ...]:
    """What it receives when its reach is not its file's: directly, the full address; else a shortened one."""
    addresses = (Datum.SHORT_IP, Datum.FULL_IP)
    others = tuple(datum for datum in data if datum not in addresses)
    if reach is Reach.DIRECT:
        return (*others, Datum.FULL_IP)
    return (*others, Datum.SHORT_IP) if len(others) < len(data) else data


def _with_hosts(technical: Technical, own: VendorSettings) -> Technical:
    """With the shop's own hosts for it: they match, and every kind of request that its file relays passes there too."""
    if not own.hosts:
        return technical
    relay = technical.relay
    lists = {name: getattr(relay, name) for name in Destination}
    widened = relay.model_copy(update={name: (*lists[name], *own.hosts) for name in lists if lists[name]})
    return technical.model_copy(update={"match": (*technical.match, *own.hosts), "relay": widened})


def _on_own_hosts(described: Mapping[str, Vendor], settings: Settings) -> Iterator[Vendor]:
    """The vendors that the shop has on hosts of its own, with those hosts alone."""
    for key, own in settings.vendor.items():
        if own.hosts:
            technical = described[key].technical.model_copy(update={"match": own.hosts, "links": ()})
            yield described[key].model_copy(update={"technical": technical})


def _loaded(described: Mapping[str, Vendor], used: Mapping[str, Vendor], settings: Settings) -> dict[str, Vendor]:
    """The containers in use, each with the categories of what it may load: what the settings name, or all in use."""
    filled: dict[str, Vendor] = {}
    for key, container in used.items():
        if container.technical.container:
            own = settings.vendor.get(key)
            named = None if own is None else own.loads
            loads = used.values() if named is None else [described[one] for one in named]
            needs = frozenset[Category]().union(*(vendor.needs for vendor in loads))
            filled[key] = container.model_copy(update={"loads": needs - {Category.ESSENTIAL}})
    return filled


def _digest(
    catalogue: Catalogue, described: Mapping[str, Vendor], used: Mapping[str, Vendor], settings: Settings
) -> str:
    """16 hex digits."""
    changed = {key: vendor for key, vendor in described.items() if vendor != catalogue.vendors[key]}
    told = [
        catalogue.digest,
        sorted(used),
        {key: [vendor.model_dump(mode="json"), sorted(vendor.loads)] for key, vendor in changed.items()},
        sorted(settings.vendors.allow),
        settings.unknown,
        settings.consent.policy,
    ]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]
