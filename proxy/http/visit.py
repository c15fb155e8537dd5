"""What one request says of its visitor, read once at the top.

Rules: a forwarded address is believed only from the operator's trusted networks, walked from the right, and what cannot
be read as an address is no address, never a wrong one. The target is the bytes that came. A Sec-GPC signal is on when
any member of any such header is exactly `1` (GPC specification, 3.2). Everything that comes from outside is bounded.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Hashable, Mapping, Sequence
from datetime import date
from functools import cached_property, lru_cache
from typing import Any, NamedTuple, Protocol

from starlette.types import Scope

from proxy.address import Address, parse_exact
from proxy.consent.cookie import cookie_name, cookie_values
from proxy.model import Law, Standing, Visit
from proxy.settings import Settings

Headers = Sequence[tuple[bytes, bytes]]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: How much of a forwarded chain and of a list of languages is read.
_HOPS, _LANGUAGES, _LANGUAGE_BYTES = 32, 16, 512

_HOST = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?\.?)+(?::[0-9]{1,5})?\Z|\[[0-9A-Fa-f:.]+\](?::[0-9]{1,5})?\Z"
)
_TAG = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*\Z")
_Q = re.compile(r"[ \t]*q[ \t]*=[ \t]*(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)[ \t]*\Z", re.I)


class Seals(Protocol):
    """What `proxy.consent.cookie.Seal` does for a visit."""

    def read(self, values: Sequence[str], today: date, remember_days: int, *, lapses: bool = True) -> Standing: ...


class Regions(Protocol):
    """What `proxy.http.region.Regions` does: where a visitor is and which law holds there."""

    def of(self, headers: Headers, address: str | None, *, trusted: bool) -> tuple[str | None, Law]: ...


def read_visit(scope: Scope, settings: Settings, seal: Seals, regions: Regions, today: date) -> Visit:
    """The visit that an ASGI `http` scope is."""
    headers, client = scope["headers"], scope.get("client")
    known = headers.remembered if isinstance(headers, Fields) else {}
    key = (client and client[0], scope["scheme"], today)
    who: _Visitor | None = known.get(key)
    if who is None:
        who = known[key] = _visitor(scope, settings, seal, regions, today)
    path = target(scope).decode("latin-1")
    return Visit(who.standing, who.law, who.gpc, who.address, who.languages, path, who.region)


class _Visitor(NamedTuple):
    """What a request's headers and sender say of a visit."""

    standing: Standing
    law: Law
    gpc: bool
    address: str | None
    languages: tuple[str, ...]
    region: str | None


def _visitor(scope: Scope, settings: Settings, seal: Seals, regions: Regions, today: date) -> _Visitor:
    headers, client = scope["headers"], scope.get("client")
    name = cookie_name(origin_of(scope, settings), settings.consent.domain)
    address = visitor_address(client, headers, settings.listen.trusted)
    region, law = regions.of(headers, address, trusted=peer_trusted(client, settings.listen.trusted))
    days = law.remember_days or settings.consent.remember_days
    standing = seal.read(cookie_values(headers, name), today, days, lapses=law.lapses)
    return _Visitor(standing, law, signals(headers), address, languages(headers), region)


def target(scope: Scope) -> bytes:
    """Path and query as they came (`Edge` keeps a `?` with nothing behind it, which ASGI cannot say)."""
    exact: bytes | None = scope.get("consentry.target")
    if exact is not None:
        return exact
    raw: bytes = scope["raw_path"] or b"/"
    query: bytes = scope["query_string"]
    return raw + b"?" + query if query else raw


class Fields(list[tuple[bytes, bytes]]):
    """A request's headers, never changed, that are asked for many names. Requests with the same headers share one, and
    what was found out from these alone is remembered with them."""

    def __init__(self, headers: Headers = ()) -> None:
        super().__init__(headers)
        self.remembered: dict[Hashable, Any] = {}

    @cached_property
    def host(self) -> str | None:
        """`host_of` them."""
        hosts = self.by_name.get(b"host", [])
        return _host(hosts[0]) if len(hosts) == 1 else None

    @cached_property
    def by_name(self) -> Mapping[bytes, list[bytes]]:
        found: dict[bytes, list[bytes]] = {}
        for name, value in self:
            found.setdefault(name, []).append(value)
        return found


def values(headers: Headers, name: bytes) -> list[bytes]:
    """Every value of a header, in order."""
    if isinstance(headers, Fields):
        return headers.by_name.get(name, [])
    return [value for found, value in headers if found == name]


def host_of(headers: Headers) -> str | None:
    """The one Host of a request, in lower case; None where it is missing, repeated or no host (RFC 9112, 3.2)."""
    return (headers if isinstance(headers, Fields) else Fields(headers)).host


@lru_cache(1024)
def _host(value: bytes) -> str | None:
    text = value.decode("latin-1").lower()
    return text if len(text) <= 255 and _HOST.match(text) else None


def origin_of(scope: Scope, settings: Settings) -> str:
    """Our origin: the configured one, by the name of it that was asked for; in development the request's own."""
    if settings.origin is not None:
        return _named(settings.origin, settings.hosts, host_of(scope["headers"])) if settings.hosts else settings.origin
    return f"{scope['scheme']}://{host_of(scope['headers']) or 'localhost'}"


@lru_cache(1024)
def _named(origin: str, hosts: tuple[str, ...], asked: str | None) -> str:
    scheme, _, netloc = origin.partition("://")
    name = (asked or "").partition(":")[0]
    port = netloc.partition("]")[2] if netloc.startswith("[") else netloc.partition(":")[1] + netloc.partition(":")[2]
    return f"{scheme}://{name}{port}" if name in hosts else origin


def signals(headers: Headers) -> bool:
    """Whether Sec-GPC is on."""
    return any(member.strip(b" \t") == b"1" for value in values(headers, b"sec-gpc") for member in value.split(b","))


def peer_trusted(client: Sequence[object] | None, trusted: Sequence[Network]) -> bool:
    """Whether the one who connected to us may say who the visitor is."""
    peer = parse_exact(str(client[0])) if client else None
    return peer is not None and _within(peer, trusted)


def visitor_address(client: Sequence[object] | None, headers: Headers, trusted: Sequence[Network]) -> str | None:
    """The visitor's address as text, IPv4-mapped ones unwrapped; None where it cannot be known.

    The peer's own, or, where the peer is trusted, the right-most address of X-Forwarded-For that is not: whatever
    stands further left was written by somebody whom nobody vouches for. `client` is ASGI's (address, port).
    """
    peer = parse_exact(str(client[0])) if client else None
    if peer is None or not _within(peer, trusted):
        return None if peer is None else str(peer)
    chain = b",".join(values(headers, b"x-forwarded-for")).split(b",")
    for hop in chain[: -_HOPS - 1 : -1]:
        text = hop.strip(b" \t").decode("latin-1")
        if not text and len(chain) == 1:
            break
        address = parse_exact(text)
        if address is None or not _within(address, trusted):
            return None if address is None else str(address)
        peer = address
    return str(peer)


@lru_cache(4096)
def _within(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)


def languages(headers: Headers) -> tuple[str, ...]:
    """Accept-Language as lower-case tags, best first (RFC 9110, 12.5.4); unreadable members and `*` left out."""
    found: list[tuple[float, str]] = []
    text = b",".join(values(headers, b"accept-language"))[:_LANGUAGE_BYTES].decode("latin-1")
    for member in text.split(",")[:_LANGUAGES]:
        tag, semicolon, weight = member.partition(";")
        quality = _Q.match(weight) if semicolon else None
        tag = tag.strip(" \t").lower()
        if not _TAG.match(tag) or (semicolon and not quality):
            continue
        if (weighed := float(quality[1]) if quality else 1.0) > 0:
            found.append((weighed, tag))
    found.sort(key=lambda member: -member[0])
    return tuple(dict.fromkeys(tag for _, tag in found))
