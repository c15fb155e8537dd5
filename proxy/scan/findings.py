"""What a scan found: page by page, then party by party. Pure.

Rules of this file: a *party* is a vendor that the catalogue has (described or only known), or else a host that it has
not; such a host has a category only where it looks like a tracker. Parties are counted by pages, for a tag that a
template repeats says nothing new. The table, the JSON and the report show the numbers that are made here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, TypeVar
from urllib.parse import urlsplit

from proxy.catalogue.load import Catalogue
from proxy.catalogue.url import split_url
from proxy.html.literal import unescaped
from proxy.html.page import TagReport
from proxy.model import Action, Category
from proxy.scan.about import NOTHING_SAID, About, together

T = TypeVar("T")

#: What a part of a URL is read against: no page names it (RFC 2606).
_NOBODY = "https://part.invalid/"


class Kind(StrEnum):
    """How much is known of a party."""

    DESCRIBED = "described"  # a vendor file: visitors can be asked about it
    KNOWN = "known"  # by its domains only
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Cookie:
    """A cookie that the site's own server sets, and the vendors whose it is; none: the shop's own."""

    name: str
    vendors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PageFound:
    """One page that was asked for. `problem`: why nothing could be read of it, or not all; None where all was."""

    address: str
    status: int | None
    tags: tuple[TagReport, ...] = ()
    cookies: tuple[Cookie, ...] = ()
    problem: str | None = None
    was_read: bool = True
    about: About = NOTHING_SAID


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody whom pages contact. `key` is the vendor's key, None for an unknown host; `pages` are addresses.

    `actions` counts tags by what becomes of them with nothing granted; `elements` counts them by what they stand in.
    """

    key: str | None
    name: str
    kind: Kind
    categories: tuple[Category, ...]
    hosts: tuple[str, ...]
    pages: tuple[str, ...]
    actions: tuple[tuple[Action, int], ...]
    reasons: tuple[str, ...]
    elements: tuple[tuple[str, int], ...]

    @property
    def essential(self) -> bool:
        return Category.ESSENTIAL in self.categories

    @property
    def label(self) -> str:
        """How it is called in tables: its key, or its host."""
        return self.key or self.name


@dataclass(frozen=True, slots=True)
class Found:
    """All that a scan found. `unknown`: what becomes of third parties that no file describes, in these numbers."""

    site: str
    unknown: str
    pages: tuple[PageFound, ...]
    parties: tuple[Party, ...]
    notes: tuple[str, ...]

    @property
    def read(self) -> tuple[PageFound, ...]:
        return tuple(page for page in self.pages if page.was_read)

    @property
    def about(self) -> About:
        """What the pages say of the shop."""
        return together(page.about for page in self.pages)

    @property
    def unknown_hosts(self) -> tuple[Party, ...]:
        return tuple(party for party in self.parties if party.kind is Kind.UNKNOWN)

    @property
    def cookies(self) -> tuple[tuple[Cookie, int], ...]:
        """Each cookie that the server sets, and on how many pages it did, those on most first."""
        counted = Counter(cookie for page in self.pages for cookie in dict.fromkeys(page.cookies))
        return tuple(sorted(counted.items(), key=lambda item: (-item[1], item[0].name)))


def parties(pages: Iterable[PageFound], catalogue: Catalogue) -> list[Party]:
    """Everybody whom these pages contact: those on most pages first, then by name."""
    tags: dict[str, list[tuple[str, TagReport]]] = {}
    for page in pages:
        for tag in page.tags:
            tags.setdefault(tag.vendor or f"//{host_of(tag)}", []).append((page.address, tag))
    found = [_party(told, catalogue) for told in tags.values()]
    return sorted(found, key=lambda party: (-len(party.pages), party.label))


def _party(told: Sequence[tuple[str, TagReport]], catalogue: Catalogue) -> Party:
    tags = [tag for _, tag in told]
    hosts = _in_order(host_of(tag) for tag in tags)
    key = tags[0].vendor
    described = catalogue.vendors.get(key) if key else None
    vendor = described or (catalogue.known.get(key) if key else None)
    kind = Kind.UNKNOWN if key is None else Kind.KNOWN if described is None else Kind.DESCRIBED
    return Party(
        key=key,
        name=hosts[0] if vendor is None else vendor.name,
        kind=kind,
        categories=_in_order(category for tag in tags for category in tag.categories),
        hosts=hosts,
        pages=_in_order(address for address, _ in told),
        actions=tuple(Counter(tag.action for tag in tags).most_common()),
        reasons=_in_order(tag.reason for tag in tags),
        elements=tuple(Counter(tag.element for tag in tags).most_common()),
    )


class Numbers(NamedTuple):
    """What there is on one page: third parties of any kind, those of them that are unknown, literals, cookies."""

    parties: int
    unknown: int
    literals: int
    cookies: int


def numbers(page: PageFound) -> Numbers:
    unknown = {host_of(tag) for tag in page.tags if tag.vendor is None}
    vendors = {tag.vendor for tag in page.tags if tag.vendor is not None}
    return Numbers(len(vendors) + len(unknown), len(unknown), sum(map(is_literal, page.tags)), len(page.cookies))


def _in_order(values: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(values))


def is_literal(tag: TagReport) -> bool:
    """Whether a URL stands in code (a script, a style sheet, a handler), and not in an attribute of its own."""
    _, _, place = tag.element.partition(" ")
    return place in ("text", "style") or place.startswith("on")


def host_of(tag: TagReport) -> str:
    """The host that a tag names; of a part of a URL, as much of one as stands there."""
    url = unescaped(tag.url.encode("utf-8", "replace")) if is_literal(tag) else tag.url
    split = split_url(url, _NOBODY)
    if split is not None and split.host != urlsplit(_NOBODY).hostname:
        return split.host
    return re.split(r"[/\\?#:]", url.lstrip("/"), maxsplit=1)[0].strip(".").lower() or url
