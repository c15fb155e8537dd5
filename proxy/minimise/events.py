"""What of an event may leave for a vendor: facts, by one table a privacy profile.

Rules of this file: a fact that stands in no table, or that the vendor's connector does not name, is not even kept. The
visitor's own address leaves shortened or not at all, wherever it is written. `cnil-2022-proxy` is what CNIL asked of a
proxy in 2022 (P1-P8): no address, no referrer from outside, no parameter of an address, browsers by class, ids that
collide and change daily, no number or name that the shop knows the visitor by, and nothing else that might. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from proxy.address import truncate
from proxy.minimise.agents import user_agent_class
from proxy.minimise.ids import Ids, Profile
from proxy.model import ASKED, Category
from proxy.spellings import Spellings, spellings


@dataclass(frozen=True, slots=True)
class Item:
    """One of the goods: article number, name, kind, price of one, how many."""

    id: str = ""
    name: str = ""
    category: str = ""
    price: float | None = None
    quantity: float | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in a visit. `at`: milliseconds since 1970; `email`: the SHA-256 of an address, hex.
    `named`: its id was given by the shop, who may state it twice."""

    name: str
    id: str
    at: int
    value: float | None = None
    currency: str | None = None
    order: str | None = None
    search: str | None = None
    email: str | None = None
    items: tuple[Item, ...] = ()
    named: bool = False


@dataclass(frozen=True, slots=True)
class Visited:
    """Where it happened, and to whom: `origin` is the shop's, `url` the page's whole address. `proof`: the id of the
    visitor's consent record, None where there is none. `allowed`: the categories and whatever else is told of the
    choice, by the names of `consent.…` facts."""

    origin: str
    url: str
    referrer: str = ""
    user_agent: str = ""
    language: str = ""
    address: str | None = None
    proof: str | None = None
    allowed: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Manner:
    """How a shop has events minimised: profile, whether an address leaves shortened, further names of query fields
    that pages' addresses keep, and the maker of ids."""

    profile: Profile
    ids: Ids
    shorten: bool = True
    query: tuple[str, ...] = ()


def told(categories: frozenset[Category], *, limited: bool) -> Mapping[str, bool]:
    """The facts that say what the visitor chose."""
    said = {f"consent.{category}": category in categories for category in ASKED}
    return said | {"consent.limited": limited}


@dataclass(frozen=True, slots=True)
class _Happened:
    event: Event
    visited: Visited
    manner: Manner
    vendor: str = ""


#: Query fields of pages that tell of campaigns and of nobody.
CAMPAIGN = frozenset({"utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", "utm_id"})

#: Whose clicks on advertisements are numbered by which query field. The first that is there counts.
CLICKS: Mapping[str, tuple[str, ...]] = {
    "google": ("gclid", "wbraid", "gbraid"),
    "meta": ("fbclid",),
    "x": ("twclid",),
    "tiktok": ("ttclid",),
    "pinterest": ("epik",),
    "linkedin": ("li_fat_id",),
    "microsoft": ("msclkid",),
    "vk": ("rb_clickid", "vk_clickid"),
}
_CLICK = re.compile(r"[\w.~-]{1,512}", re.ASCII)
_MAIL = re.compile(r"[^\s/?&=#]+(?:@|%40)[^\s/?&=#]+", re.I)
_LONGEST = 1024


class Minimised:
    """One event as vendors may learn of it. What is the same for all of them is worked out once."""

    def __init__(self, event: Event, visited: Visited, manner: Manner) -> None:
        self._happened = _Happened(event, visited, manner)
        self._table = PROFILES[manner.profile]
        self._spelled = spellings(visited.address, manner.shorten and manner.profile == "truncate")
        self._shared: dict[str, Any] = {
            "event.kind": event.name,
            **visited.allowed,
        }

    def facts(self, vendor: str, wanted: Collection[str], name: str) -> dict[str, Any]:
        """The facts that leave, of those that are `wanted` (names of `catalogue.template`). `vendor` is a key, `name`
        the vendor's word for the event."""
        found: dict[str, Any] = {}
        for fact in wanted:
            if fact in _OF_VENDORS:
                value = self._table[fact](replace(self._happened, vendor=vendor))
            elif fact in self._shared:
                value = self._shared[fact]
            else:
                value = self._shared[fact] = self._made(fact)
            if value not in (None, ""):
                found[fact] = value
        if "event.name" in wanted:
            found["event.name"] = name
        if "event.items" in wanted and (items := [self._item(one, wanted) for one in self._happened.event.items]):
            found["event.items"] = items
        return found

    def _made(self, fact: str) -> Any:
        if fact not in self._table:
            return None
        value = self._table[fact](self._happened)
        if fact in _OURS:
            return value
        cleaned = _clean(value, self._spelled)
        if fact == "event.id" and cleaned != value:  # what is left could be another event's id too
            return self._happened.manner.ids.event(value)
        return cleaned

    def _item(self, item: Item, wanted: Collection[str]) -> dict[str, Any]:
        said = {f"item.{name}": getattr(item, name) for name in Item.__slots__}
        return {
            name: cleaned
            for name, value in said.items()
            if name in wanted and value not in (None, "") and (cleaned := _clean(value, self._spelled)) is not None
        }


def _clean(value: Any, spelled: Spellings | None) -> Any:
    """A text without the visitor's address and without anybody's e-mail address; None where the first cannot be."""
    if not isinstance(value, str):
        return value
    if spelled is not None:
        cleaned = spelled.replace(value.encode(errors="replace"))
        if cleaned is None:
            return None
        value = cleaned.decode(errors="replace")
    return _MAIL.sub("-", value)[:_LONGEST]


Fact = Callable[[_Happened], Any]


def _page(happened: _Happened) -> str:
    """With the query fields that tell of campaigns, and those that the shop lists."""
    parts, kept = urlsplit(happened.visited.url), {*CAMPAIGN, *happened.manner.query}
    query = urlencode([(name, value) for name, value in parse_qsl(parts.query) if name in kept])
    return f"{happened.visited.origin}{parts.path or '/'}" + (f"?{query}" if query else "")


def _bare_page(happened: _Happened) -> str:
    return happened.visited.origin + _path(happened)


def _path(happened: _Happened) -> str:
    return urlsplit(happened.visited.url).path or "/"


def _host(happened: _Happened) -> str | None:
    return urlsplit(happened.visited.origin).hostname


def _referrer(happened: _Happened) -> str:
    """A page of the shop without its query, or another site's origin."""
    parts = urlsplit(happened.visited.referrer)
    if not parts.hostname or parts.scheme not in ("http", "https"):
        return ""
    try:
        origin = f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
    except ValueError:
        return ""
    return origin + (parts.path or "/") if origin == happened.visited.origin else origin + "/"


def _inside(happened: _Happened) -> str:
    """A page of the shop, or nothing."""
    referrer = _referrer(happened)
    return referrer if referrer.startswith(happened.visited.origin + "/") else ""


def _address(happened: _Happened) -> str | None:
    return truncate(happened.visited.address) if happened.manner.shorten else None


def _click(fields: tuple[str, ...]) -> Fact:
    def click(happened: _Happened) -> str | None:
        given = dict(parse_qsl(urlsplit(happened.visited.url).query))
        found = next((given[name] for name in fields if name in given), "")
        return found if _CLICK.fullmatch(found) else None

    return click


def _visitor(happened: _Happened) -> str:
    return happened.manner.ids.visitor(happened.vendor, happened.visited.proof, happened.event.at)


def _session(happened: _Happened) -> str:
    return happened.manner.ids.session(happened.vendor, happened.visited.proof, happened.event.at)


#: What each vendor learns otherwise than the next.
_OF_VENDORS = frozenset({"visitor", "session"})

#: What cannot hold an address of the visitor's, since we make it.
_OURS = frozenset({"client.address", "event.at", "event.value"})

_ALWAYS: Mapping[str, Fact] = {
    "event.at": lambda happened: happened.event.at,
    "event.value": lambda happened: happened.event.value,
    "event.currency": lambda happened: happened.event.currency,
    "page.host": _host,
    "page.path": lambda happened: unquote(_path(happened)),
    "visitor": _visitor,
    "session": _session,
}

#: One table a privacy profile: every fact that may leave, and what makes it. (`event.name` and the items have their own
#: tables in a connector, and `consent.…` says no more than the choice.)
PROFILES: Mapping[Profile, Mapping[str, Fact]] = {
    "truncate": {
        **_ALWAYS,
        "event.id": lambda happened: happened.event.id,
        "event.order": lambda happened: happened.event.order,
        "event.search": lambda happened: happened.event.search,
        "page.url": _page,
        "page.referrer": _referrer,
        "client.user_agent": lambda happened: happened.visited.user_agent[:512],
        "client.language": lambda happened: happened.visited.language,
        "client.address": _address,
        "user.email": lambda happened: happened.event.email,
        **{f"click.{whose}": _click(fields) for whose, fields in CLICKS.items()},
    },
    "cnil-2022-proxy": {
        **_ALWAYS,
        "event.id": lambda happened: happened.manner.ids.event(happened.event.id),
        "page.url": _bare_page,
        "page.referrer": _inside,
        "client.user_agent": lambda happened: user_agent_class(happened.visited.user_agent),
    },
}
