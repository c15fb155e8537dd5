"""The request by which one vendor is told of events: made from its connector's templates, and from nothing else. Pure.

An event is told under the vendor's own word; several go in one request where the vendor takes that and they agree in
what the connector says they must.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from proxy.catalogue.connector import Auth, Connector
from proxy.catalogue.template import ChainLook, fill
from proxy.events.wiring import Route
from proxy.minimise import Outgoing

Facts = Mapping[str, Any]
T = TypeVar("T")

_EVENTS = "{events}"


@dataclass(frozen=True, slots=True)
class Moment:
    """What a request holds besides events: the time (seconds since 1970) and chance of a signature, or the token that
    was fetched."""

    seconds: int
    nonce: str
    token: str = ""


def batches(connector: Connector, waiting: Sequence[tuple[T, Facts]]) -> Iterator[list[tuple[T, Facts]]]:
    """What can go in one request each, in order."""
    groups: dict[tuple[Any, ...], list[tuple[T, Facts]]] = {}
    for one in waiting:
        groups.setdefault(tuple(one[1].get(name) for name in connector.together), []).append(one)
    for group in groups.values():
        for start in range(0, len(group), connector.batch):
            yield group[start : start + connector.batch]


def request(route: Route, events: Sequence[Facts], moment: Moment, *, test: bool = False) -> tuple[str, Outgoing]:
    """Host and request that tell a vendor of these events. `test`: as `vendors test` asks."""
    connector, trial = route.connector, route.connector.test if test else None
    look = ChainLook(route.shop.get, events[0].get)
    told = [_told(route, facts) for facts in events]
    body: Any = _around(connector.body, told, look) if connector.body else told[0]
    query: dict[str, Any] = {}
    if trial is not None:
        body = {**body, **(fill(trial.body, look) or {})}
        query |= fill(trial.query, look) or {}
    if connector.form == "query":
        query, body = {**body, **query}, None
    parts = urlsplit(_url((trial.url if trial else None) or connector.url, look))
    added = urlencode({name: _plain(value) for name, value in query.items()}, quote_via=quote)
    target = (parts.path or "/") + ("?" + "&".join(filter(None, (parts.query, added))) if parts.query or added else "")
    headers = [(name, fill(template, look)) for name, template in connector.headers.items()]
    content = b""
    if body is not None and connector.method == "POST":
        media_type, content = _written(connector.form, body)
        headers.append(("Content-Type", media_type))
    if connector.auth is not None:
        proof = _proof(connector.auth, route.shop, moment, connector.method, f"https://{parts.netloc}{target}")
        headers.append((connector.auth.header, proof))
    headers = [(name, value) for name, value in headers if value]
    names = {name.lower() for name, _ in headers}
    headers += [(name, value) for name, value in _USUAL if name.lower() not in names]
    lines = tuple((name.encode("ascii"), _visible(value)) for name, value in headers)
    return parts.netloc, Outgoing(connector.method, target.encode("ascii"), lines, content)


def _told(route: Route, facts: Facts) -> Any:
    """One event in the vendor's words."""
    look = ChainLook(route.shop.get, facts.get)
    told = {**(route.event(look) or {}), **(route.more(facts.get("event.kind", ""))(look) or {})}
    if route.connector.listed == "tables":
        return told
    return "?" + urlencode({name: _plain(value) for name, value in told.items()}, quote_via=quote)


#: What says that it is no browser of anybody's.
_USUAL = (("Accept", "application/json, */*;q=0.1"), ("User-Agent", "Consentry"))


def _around(body: Any, told: list[Any], look: Any) -> Any:
    """The body with the events where it says."""
    if body == _EVENTS:
        return told
    if isinstance(body, Mapping):
        table = {key: made for key, inner in body.items() if (made := _around(inner, told, look)) is not None}
        return table or None
    return fill(body, look)


def _url(template: str, look: Any) -> str:
    """With every fact percent-encoded but in the host."""
    scheme, _, rest = template.partition("://")
    host, slash, path = rest.partition("/")
    filled = fill(path, lambda name: None if (value := look(name)) is None else quote(str(value), safe="")) or ""
    return f"{scheme}://{fill(host, look)}{slash}{filled}"


def _written(form: str, body: Any) -> tuple[str, bytes]:
    if form == "json":
        return "application/json", json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
    flat = {name: _plain(value) for name, value in body.items()}
    return "application/x-www-form-urlencoded", urlencode(flat).encode()


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _visible(value: Any) -> bytes:
    """A header's value: printable ASCII (RFC 9110, 5.5), whatever a visitor's browser called itself."""
    return bytes(char if 0x20 <= char < 0x7F else 0x3F for char in str(value).encode("latin-1", "replace"))


def _proof(auth: Auth, shop: Mapping[str, str], moment: Moment, method: str, url: str) -> str:
    match auth.kind:
        case "oauth2":
            return f"Bearer {moment.token}"
        case "bearer":
            return f"Bearer {shop['secret.' + auth.secret]}"
        case "oauth1":
            from oauthlib import oauth1  # large, and for few

            client = oauth1.Client(
                shop["secret.consumer_key"],
                shop["secret.consumer_secret"],
                shop["secret.token"],
                shop["secret.token_secret"],
                nonce=moment.nonce,
                timestamp=str(moment.seconds),
            )
            _, headers, _ = client.sign(url, method)
            return str(headers["Authorization"])
    return shop[f"secret.{auth.secret}"]


def token_request(route: Route) -> tuple[str, Outgoing]:
    """What fetches an access token (RFC 6749, section 6)."""
    auth = route.connector.auth
    assert auth is not None
    assert auth.token_url is not None
    fields = {name: route.shop[f"secret.{name}"] for name in auth.secrets} | {"grant_type": "refresh_token"}
    parts = urlsplit(auth.token_url)
    headers = ((b"Content-Type", b"application/x-www-form-urlencoded"), (b"Accept", b"application/json"))
    return parts.netloc, Outgoing("POST", parts.path.encode(), headers, urlencode(fields).encode())


def beacon(facts: Facts) -> tuple[str, Outgoing]:
    """A browser's own request, as the relay minimised it and put it in the outbox."""
    return facts["host"], Outgoing(
        facts["method"],
        facts["target"].encode("latin-1"),
        tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in facts["headers"]),
        facts["body"].encode("latin-1"),
    )


def beacon_facts(host: str, outgoing: Outgoing) -> Facts:
    """The same the other way: bytes as Latin-1 text, so that JSON can hold them."""
    return {
        "host": host,
        "method": outgoing.method,
        "target": outgoing.target.decode("latin-1"),
        "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in outgoing.headers],
        "body": outgoing.body.decode("latin-1"),
    }
