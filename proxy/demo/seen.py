"""What each vendor has seen of the visitor, told from the bytes its stand-in received and from nothing else.

Rules: a vendor's row says how many requests came, which came last, what they held of the visitor and what none of them
held. Each such statement is a test on raw requests, not a promise of the proxy's. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote_to_bytes, urlsplit

from proxy.address import truncate
from proxy.catalogue.known import Known
from proxy.catalogue.schema import Vendor
from proxy.catalogue.use import InUse
from proxy.demo.standins import Received
from proxy.model import ASKED, Category, Reach

Test = Callable[[Received], bool]

#: The address that the demo's visitor comes from: of a network kept for examples (RFC 5737), nobody's.
SAMPLE_ADDRESS = "203.0.113.77"


@dataclass(frozen=True, slots=True)
class Seen:
    """One vendor and what reached it. `key` is None for all that no vendor file describes.

    `needs` are the categories that a visitor must grant first; for a container also those of what it loads.
    """

    key: str | None
    name: str
    needs: tuple[Category, ...]
    reach: Reach
    requests: tuple[Received, ...]

    @property
    def count(self) -> int:
        return len(self.requests)

    @property
    def last(self) -> Received | None:
        return self.requests[-1] if self.requests else None

    @property
    def address(self) -> str:
        """The visitor's address as the vendor can know it: whole, shortened, or not at all."""
        shortened = truncate(SAMPLE_ADDRESS)
        if any(_holds(SAMPLE_ADDRESS, one) for one in self.requests):
            return SAMPLE_ADDRESS
        if any(one.greeting for one in self.requests):
            return "whole: your browser came itself"
        return shortened if shortened and any(_holds(shortened, one) for one in self.requests) else "none"

    @property
    def held(self) -> tuple[str, ...]:
        """What at least one request held."""
        return tuple(said for said, holds in _CARRIED if any(holds(one) for one in self.requests))

    @property
    def spared(self) -> tuple[str, ...]:
        """What none of the requests held; nothing is claimed where a part of them was encrypted."""
        if any(one.greeting for one in self.requests):
            return ()
        return tuple(said for said, holds in _CARRIED if not any(holds(one) for one in self.requests))


def _holds(address: str, one: Received) -> bool:
    """Whether the address stands in the request as it came or percent-decoded, digits on neither side of it."""
    pattern = rb"(?<![\d.])" + re.escape(address).encode() + rb"(?!\d)"
    return any(re.search(pattern, text) for text in (one.raw, unquote_to_bytes(one.raw)))


def _fields(one: Received) -> list[tuple[str, str]]:
    """Names and values of the query and of a form in the body, decoded."""
    return parse_qsl(one.target.partition("?")[2]) + parse_qsl(one.body.decode("latin-1"))


def _named(*names: str) -> Test:
    """Whether one of these fields is there: the names that the stand-ins' scripts use."""
    return lambda one: any(name in names for name, _ in _fields(one))


def _page_addresses(one: Received) -> list[str]:
    """The addresses of pages in a request: Referer and every field that is a URL."""
    found = [one.header("referer") or "", *(value for _, value in _fields(one))]
    return [address for address in found if address.startswith(("http://", "https://"))]


#: What a request may hold of a visitor, in the words of the page, and the test for it.
_CARRIED: tuple[tuple[str, Test], ...] = (
    ("your full address", lambda one: one.greeting or _holds(SAMPLE_ADDRESS, one)),
    ("cookies", lambda one: one.header("cookie") is not None),
    ("client hints", lambda one: any(name.lower().startswith("sec-ch-") for name, _ in one.headers)),
    ("your languages", lambda one: one.header("accept-language") is not None or _named("ul", "lg", "dv")(one)),
    ("your browser's name", lambda one: one.header("user-agent") is not None),
    ("your screen's size", _named("sr", "sw", "sh")),
    ("a number to know your browser by", _named("cid", "fbp", "vid")),
    ("the page you are on", lambda one: bool(_page_addresses(one))),
    ("the query of the page's address", lambda one: any("?" in url for url in _page_addresses(one))),
)


def seen(received: Iterable[Received], use: InUse, shown: Iterable[str]) -> list[Seen]:
    """A row for each vendor in `shown` and each that something reached, in the order of the categories."""
    reached: dict[str | None, list[Received]] = {key: [] for key in shown}
    known: dict[str, Vendor | Known] = dict(use.vendors)
    told = {_told_at(vendor): vendor for vendor in use.vendors.values()}
    for one in received:
        match = use.matcher.find(one.host, one.target or "/")
        vendor = told.get(one.host) or (match.vendor if match else None)
        if vendor is not None:
            known.setdefault(vendor.key, vendor)
        reached.setdefault(vendor.key if vendor else None, []).append(one)
    rows = [_row(known.get(key) if key else None, tuple(requests)) for key, requests in reached.items()]
    return sorted(rows, key=lambda row: (_rank(row), row.name.lower()))


def _told_at(vendor: Vendor) -> str | None:
    """The host at which a vendor is told of events, where that is the same for every shop."""
    connector = vendor.technical.connector
    return None if connector is None or vendor.reach is not Reach.SERVER else urlsplit(connector.url).hostname


def _row(vendor: Vendor | Known | None, requests: tuple[Received, ...]) -> Seen:
    if vendor is None:
        return Seen(None, "Unknown third parties", (), Reach.DIRECT, requests)
    needs = tuple(category for category in Category if category in vendor.needs)
    return Seen(vendor.key, vendor.name, needs, vendor.reach, requests)


def _rank(row: Seen) -> tuple[int, ...]:
    order = [*ASKED, Category.ESSENTIAL]
    return tuple(sorted(order.index(category) for category in row.needs)) or (len(order),)
