"""The paths of consent, asked as a server asks them: a request of a visit, and what came back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from functools import partial
from urllib.parse import urlencode

from starlette.types import Message, Scope

from proxy.catalogue.use import InUse
from proxy.consent.cookie import Seal, cookie_name
from proxy.consent.doors import Doors
from proxy.consent.records import Entry, Kept, NotKept
from proxy.consent.routes import consent_app
from proxy.consent.site import Site
from proxy.decide import Grounds, decide_all
from proxy.model import Standing, Visit
from tests.consent.shop import ORIGIN, RECORD, TODAY, site, visit

SEAL = Seal([b"k" * 32], ORIGIN)
CLICK = {
    "sec-fetch-site": "same-origin",
    "sec-fetch-mode": "navigate",
    "sec-fetch-dest": "document",
    "sec-fetch-user": "?1",
}
FORM = "application/x-www-form-urlencoded"


@dataclass
class Got:
    """What came back. `headers` in order, names as sent."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    def all(self, name: str) -> list[str]:
        return [value.decode("latin-1") for found, value in self.headers if found == name.encode()]

    def one(self, name: str) -> str:
        (value,) = self.all(name)
        return value


def expire(use: InUse, scope: Scope, grounds: Grounds) -> list[bytes]:
    """Stands for the cookies of vendors: names who is allowed, and that it saw the headers."""
    assert scope["headers"] is not None
    allowed = [key for key, decision in decide_all(use.vendors.values(), grounds).items() if decision.allowed]
    return [f"_cut=; Max-Age=0; kept={'+'.join(sorted(allowed))}".encode()]


@dataclass
class Shelf:
    """Stands for the store: what was kept, and what it is asked for."""

    entries: list[Entry] = field(default_factory=list)
    fails: bool = False
    history: Sequence[Kept] | None = ()

    async def keep(self, entry: Entry) -> None:
        if self.fails:
            raise NotKept("the disk is full")
        self.entries.append(entry)

    async def of_visitor(self, visitor: str) -> Sequence[Kept] | None:
        assert visitor == RECORD
        return self.history


async def ask(
    method: str,
    path: str,
    *,
    body: bytes | list[bytes] = b"",
    headers: dict[str, str] | None = None,
    of: Visit | None = None,
    shop: Site | None = None,
    leaves: bool = False,
    today: date = TODAY,
    heard: list[bytes] | None = None,
    records: Shelf | None = None,
) -> Got | None:
    """One request; None where nothing was answered. `leaves`: the visitor goes before the body is whole; `heard` gets
    the browser's reports."""
    chunks = [body] if isinstance(body, bytes) else body
    incoming: list[Message] = [
        {"type": "http.request", "body": chunk, "more_body": leaves or place < len(chunks) - 1}
        for place, chunk in enumerate(chunks)
    ]
    if leaves:
        incoming.append({"type": "http.disconnect"})
    sent: list[Message] = []

    async def receive() -> Message:
        return incoming.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    raw, _, query = path.partition("?")
    scope: Scope = {
        "type": "http",
        "method": method,
        "raw_path": raw.encode("latin-1"),
        "query_string": query.encode("latin-1"),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in (headers or {}).items()],
        "consentry.visit": of or visit(),
    }
    doors = Doors(
        site=lambda _: shop or site(),
        seal=SEAL,
        expire=partial(expire, (shop or site()).use),
        stub=lambda key: f"/* {key} */".encode(),
        now=lambda: datetime.combine(today, time(9, 30), UTC),
        new_record=lambda: RECORD,
        records=records or Shelf(),
        sign=lambda text: f"signed {len(text)}",
        hear=(heard if heard is not None else []).append,
    )
    await consent_app(doors)(scope, receive, send)
    if not sent:
        return None
    start, content = sent
    return Got(start["status"], list(start["headers"]), content["body"])


async def get(path: str, **more: object) -> Got:
    got = await ask("GET", path, **more)  # type: ignore[arg-type]
    assert got is not None
    return got


async def post(fields: list[tuple[str, str]] | dict[str, str] | bytes, path: str = "/_consent", **more: object) -> Got:
    body = fields if isinstance(fields, bytes) else urlencode(fields).encode()
    more["headers"] = {"content-type": FORM} | (more.get("headers", CLICK) or {})  # type: ignore[operator]
    got = await ask("POST", path, body=body, **more)  # type: ignore[arg-type]
    assert got is not None
    return got


def kept(got: Got) -> Standing:
    """What the browser's cookie says after this answer."""
    name, _, value = got.all("set-cookie")[0].partition(";")[0].partition("=")
    assert name == cookie_name(ORIGIN)
    return SEAL.read([value], TODAY, 182)
