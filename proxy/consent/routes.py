"""The paths of consent as one ASGI app: preferences, the choice form, the style sheet, stubs, placeholders, gpc.json.

Rules of this file: a request goes straight down, and what cannot be served gets a page that says so. GET changes
nothing. It has no clock and no chance of its own: day, record ids and all else that differs are handed in. Paths are
matched on the bytes that came.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Receive, Scope, Send

from proxy.catalogue.schema import Vendor
from proxy.consent.choice import Occasion, choose, sender, takes_another_step
from proxy.consent.confirm import confirm_page
from proxy.consent.cookie import Seal, days_left, set_cookie
from proxy.consent.embed import embed_page
from proxy.consent.failure import Status, failure_headers, failure_page
from proxy.consent.form import LARGEST_FORM, NotTaken, Why, parse_body, read_form
from proxy.consent.language import Words, choose_language, words
from proxy.consent.pages import page_headers, style, style_version
from proxy.consent.preferences import preferences_page
from proxy.consent.site import Site
from proxy.csp.reports import LARGEST as LARGEST_REPORT
from proxy.decide import Grounds, decide_all
from proxy.model import Standing, Visit

#: What stands where a vendor's pixel stood: one transparent GIF pixel.
PIXEL = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")

#: The day on which we last changed how Sec-GPC is honoured (GPC specification, 4.1).
GPC_LAST_UPDATE = date(2026, 11, 22)

_DOCUMENTS = frozenset({b"document", b"iframe", b"frame", b"embed", b"object"})


class Expire(Protocol):
    """Set-Cookie values that make the browser forget vendors' cookies that this request carried, but for the cookies of
    vendors in `allowed`."""

    def __call__(self, scope: Scope, allowed: frozenset[str]) -> list[bytes]: ...


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole response."""

    status: int
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""


@dataclass(frozen=True)
class Doors:
    """What the app is given: who the site of a request is, how cookies are sealed and expired, the inert script of
    a vendor by key (whatever the key is), today's date, a fresh record id (>= 128 random bits), and who hears
    browsers' reports of our policy."""

    site: Callable[[Scope], Site]
    seal: Seal
    expire: Expire
    stub: Callable[[str], bytes]
    today: Callable[[], date]
    new_record: Callable[[], str]
    hear: Callable[[bytes], None]


def consent_app(doors: Doors) -> ASGIApp:
    """The ASGI app for everything under the prefix but the relay, and for `/.well-known/gpc.json`.

    It finds the `Visit` in `scope["consentry.visit"]`.
    """

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        answer = await _answer(doors, scope, receive)
        if answer is not None:
            await _send(answer, scope, send)

    return app


async def _answer(doors: Doors, scope: Scope, receive: Receive) -> Answer | None:
    """The answer to a request; None where the visitor has left before it was whole."""
    site = doors.site(scope)
    method: str = scope["method"]
    path: bytes = scope["raw_path"].partition(b"?")[0]
    prefix = site.prefix.encode("ascii")
    if path in (prefix, prefix + b"/"):
        if method == "POST":
            body = await _body(receive)
            return None if body is None else _choice(doors, site, scope, body)
        return _read_only(scope, lambda: _preferences(site, scope), also="POST")
    if path == b"/.well-known/gpc.json":
        return _read_only(scope, _gpc)
    kind, _, name = path.removeprefix(prefix + b"/").partition(b"/")
    if kind == b"csp" and not name:
        return await _report(doors, scope, receive)
    if kind == b"style.css" and not name:
        return _read_only(scope, lambda: _style(scope))
    if kind == b"stub" and name.endswith(b".js"):
        return _stub(doors, scope, name.removesuffix(b".js").decode("latin-1"))
    if kind == b"embed":
        return _read_only(scope, lambda: _embed(site, site.use.vendors.get(name.decode("latin-1")), scope))
    return _failure(404, site, scope)


async def _report(doors: Doors, scope: Scope, receive: Receive) -> Answer | None:
    """A browser's report: there is nothing to say to it, whatever it is."""
    if scope["method"] != "POST":
        return _not_allowed(scope, "POST")
    body = await _body(receive, LARGEST_REPORT)
    if body is None:
        return None
    doors.hear(body)
    return Answer(204, [(b"cache-control", b"no-store")])


async def _body(receive: Receive, most: int = LARGEST_FORM) -> bytes | None:
    """The request's body, at most one byte more than `most`; None where the visitor has left."""
    body = b""
    while len(body) <= most:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if not message.get("more_body", False):
            break
    return body[: most + 1]


def _choice(doors: Doors, site: Site, scope: Scope, body: bytes) -> Answer:
    """POST of the choice form: 303 back with the new cookie, or a page that says why nothing was changed."""
    visit: Visit = scope["consentry.visit"]
    headers = scope["headers"]
    optional = frozenset(key for key, vendor in site.use.vendors.items() if not vendor.essential)
    try:
        fields = parse_body(_header(scope, b"content-type").decode("latin-1"), body)
        form = read_form(fields, optional, site.prefix)
        occasion = Occasion(
            site.use.vendors, site.use.version, visit.standing, visit.law, visit.gpc, today=doors.today()
        )
        consent = choose(form, sender(headers, site.origin), occasion, doors.new_record())
    except NotTaken as not_taken:
        return _failure(400 if not_taken.status == 400 else 403, site, scope, not_taken.why)
    if takes_another_step(form, occasion):
        t, _ = _words(scope, {})
        return Answer(200, page_headers(t), confirm_page(site, t, fields, form.return_to))
    decisions = decide_all(site.use.vendors.values(), Grounds(Standing(consent), visit.law, visit.gpc))
    allowed = frozenset(key for key, decision in decisions.items() if decision.allowed)
    days = days_left(consent, site.days(visit.law), doors.today(), lapses=visit.law.lapses)
    cookie = set_cookie(site.origin, site.domain, doors.seal.seal(consent), days)
    return Answer(
        303,
        [
            (b"location", form.return_to.encode("ascii")),
            *((b"set-cookie", value) for value in (cookie, *doors.expire(scope, allowed))),
            (b"clear-site-data", b'"cache"'),
            (b"cache-control", b"no-store"),
            (b"referrer-policy", b"same-origin"),
        ],
    )


def _preferences(site: Site, scope: Scope) -> Answer:
    query = _query(scope)
    t, chosen = _words(scope, query)
    page = preferences_page(site, scope["consentry.visit"], t, query.get("return_to"), chosen=chosen)
    return Answer(200, page_headers(t), page)


def _embed(site: Site, vendor: Vendor | None, scope: Scope) -> Answer:
    query = _query(scope)
    t, _ = _words(scope, query)
    if vendor is None or vendor.essential:  # a frame of it shows our page all the same
        return Answer(404, page_headers(t, "'self'"), failure_page(404, (t.tag,), prefix=site.prefix))
    return Answer(200, page_headers(t, "'self'"), embed_page(site, vendor, t, query.get("return_to", "/")))


def _style(scope: Scope) -> Answer:
    named = scope["query_string"] == style_version().encode("ascii")
    lasting = b"public, max-age=31536000, immutable" if named else b"public, max-age=3600"
    return _cacheable(scope, style(), b"text/css; charset=utf-8", lasting)


def _gpc() -> Answer:
    body = f'{{"gpc": true, "lastUpdate": "{GPC_LAST_UPDATE}"}}'.encode("ascii")
    return Answer(200, [(b"content-type", b"application/json"), (b"cache-control", b"public, max-age=86400")], body)


def _stub(doors: Doors, scope: Scope, key: str) -> Answer:
    """What stands where something of a vendor's stood, by what the browser wants to do with it (Sec-Fetch-Dest).

    A beacon gets an empty success, a frame nothing at all, and what a script fetches is an empty object, which is as
    good as text as it is as JSON: nothing shows and nothing fails.
    """
    if scope["method"] not in ("GET", "HEAD"):
        return Answer(204, [(b"cache-control", b"no-store")])
    wanted = _header(scope, b"sec-fetch-dest")
    lasting = b"public, max-age=3600"
    if wanted in _DOCUMENTS:
        return Answer(204, [(b"cache-control", lasting), (b"vary", b"Sec-Fetch-Dest")])
    if wanted == b"image":
        return _cacheable(scope, PIXEL, b"image/gif", lasting)
    if wanted == b"style":
        return _cacheable(scope, b"", b"text/css; charset=utf-8", lasting)
    if wanted == b"empty":
        return _cacheable(scope, b"{}", b"application/json", lasting)
    return _cacheable(scope, doors.stub(key), b"text/javascript; charset=utf-8", lasting)


def _cacheable(scope: Scope, body: bytes, kind: bytes, lasting: bytes) -> Answer:
    """A file that caches may keep, with a digest as its ETag; 304 where the browser has it."""
    etag = b'"' + hashlib.sha256(kind + body).hexdigest()[:16].encode("ascii") + b'"'
    headers = [
        (b"etag", etag),
        (b"cache-control", lasting),
        (b"vary", b"Sec-Fetch-Dest"),
        (b"x-content-type-options", b"nosniff"),
        (b"cross-origin-resource-policy", b"same-origin"),
    ]
    known = [candidate.strip(b" \t").removeprefix(b"W/") for candidate in _header(scope, b"if-none-match").split(b",")]
    if etag in known:
        return Answer(304, headers)
    return Answer(200, [(b"content-type", kind), *headers], body)


def _read_only(scope: Scope, answer: Callable[[], Answer], also: str = "") -> Answer:
    """The answer to GET and HEAD; 405 for what else comes."""
    if scope["method"] in ("GET", "HEAD"):
        return answer()
    return _not_allowed(scope, ", ".join(filter(None, ("GET", "HEAD", also))))


def _not_allowed(scope: Scope, allow: str) -> Answer:
    languages = scope["consentry.visit"].languages
    headers = [*failure_headers(languages), (b"allow", allow.encode("ascii"))]
    return Answer(405, headers, failure_page(405, languages))


def _failure(status: Status, site: Site, scope: Scope, why: Why | None = None) -> Answer:
    languages = scope["consentry.visit"].languages
    return Answer(status, failure_headers(languages), failure_page(status, languages, prefix=site.prefix, why=why))


def _query(scope: Scope) -> dict[str, str]:
    """The first value of each field of the query; none of them where there are very many."""
    try:
        fields = parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=32, errors="replace")
    except ValueError:
        return {}
    return {name: values[0] for name, values in fields.items()}


def _words(scope: Scope, query: dict[str, str]) -> tuple[Words, bool]:
    """The words of this page, and whether the visitor asked for that language by name (`?lang=`)."""
    visit: Visit = scope["consentry.visit"]
    tag = choose_language(query.get("lang"), visit.languages)
    return words(tag), query.get("lang") == tag


def _header(scope: Scope, name: bytes) -> bytes:
    """The value of a header, empty where it is missing; several are joined, so that a doubled one equals nothing."""
    return b", ".join(value.strip(b" \t") for found, value in scope["headers"] if found.lower() == name)


async def _send(answer: Answer, scope: Scope, send: Send) -> None:
    headers = list(answer.headers)
    if answer.status not in (204, 304):
        headers.append((b"content-length", str(len(answer.body)).encode("ascii")))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else answer.body})
