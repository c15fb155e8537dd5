"""The paths of consent as one ASGI app: preferences, the choice form, the style sheet, stubs, placeholders, gpc.json.

Rules of this file: a request goes straight down, and what cannot be served gets a page that says so. GET changes
nothing. It has no clock and no chance of its own: day, record ids and all else that differs are handed in. Paths are
matched on the bytes that came.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import date

from starlette.types import ASGIApp, Receive, Scope, Send

from proxy.catalogue.schema import Vendor
from proxy.consent.answer import Answer, body_of, failure, header, not_allowed, query_of, send_answer, words_for
from proxy.consent.choosing import take_choice, take_erasure
from proxy.consent.doors import Doors
from proxy.consent.embed import embed_page
from proxy.consent.failure import failure_page
from proxy.consent.pages import page_headers
from proxy.consent.preferences import preferences_page
from proxy.consent.receipt import receipt_answer
from proxy.consent.site import Site
from proxy.csp.reports import LARGEST as LARGEST_REPORT

#: What stands where a vendor's pixel stood: one transparent GIF pixel.
PIXEL = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")

#: The day on which we last changed how Sec-GPC is honoured (GPC specification, 4.1).
GPC_LAST_UPDATE = date(2026, 11, 22)

_DOCUMENTS = frozenset({b"document", b"iframe", b"frame", b"embed", b"object"})


def consent_app(doors: Doors) -> ASGIApp:
    """The ASGI app for everything under the prefix but the relay, and for `/.well-known/gpc.json`.

    It finds the `Visit` in `scope["consentry.visit"]`.
    """

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        answer = await _answer(doors, scope, receive)
        if answer is not None:
            await send_answer(answer, scope, send)

    return app


async def _answer(doors: Doors, scope: Scope, receive: Receive) -> Answer | None:
    """The answer to a request; None where the visitor has left before it was whole."""
    site = doors.site(scope)
    method: str = scope["method"]
    path: bytes = scope["raw_path"].partition(b"?")[0]
    prefix = site.prefix.encode("ascii")
    if path in (prefix, prefix + b"/"):
        if method == "POST":
            body = await body_of(receive)
            return None if body is None else await take_choice(doors, site, scope, body)
        return _read_only(scope, lambda: _preferences(site, scope), also="POST")
    if path == b"/.well-known/gpc.json":
        return _read_only(scope, _gpc)
    kind, _, name = path.removeprefix(prefix + b"/").partition(b"/")
    if kind == b"receipt" and not name:
        return await _receipt(doors, site, scope, receive)
    if kind == b"csp" and not name:
        return await _report(doors, scope, receive)
    if kind == b"style.css" and not name:
        return _read_only(scope, lambda: _style(site, scope))
    if kind == b"stub" and name.endswith(b".js"):
        return _stub(doors, scope, name.removesuffix(b".js").decode("latin-1"))
    if kind == b"embed":
        return _read_only(scope, lambda: _embed(site, site.use.vendors.get(name.decode("latin-1")), scope))
    return failure(404, site, scope)


async def _receipt(doors: Doors, site: Site, scope: Scope, receive: Receive) -> Answer | None:
    """GET: what is on record of this visitor. POST: have it erased."""
    if scope["method"] == "POST":
        body = await body_of(receive)
        return None if body is None else await take_erasure(doors, site, scope, body)
    if scope["method"] not in ("GET", "HEAD"):
        return not_allowed(scope, "GET, HEAD, POST")
    return await receipt_answer(doors, site, scope)


async def _report(doors: Doors, scope: Scope, receive: Receive) -> Answer | None:
    """A browser's report: there is nothing to say to it, whatever it is."""
    if scope["method"] != "POST":
        return not_allowed(scope, "POST")
    body = await body_of(receive, LARGEST_REPORT)
    if body is None:
        return None
    doors.hear(body)
    return Answer(204, [(b"cache-control", b"no-store")])


def _preferences(site: Site, scope: Scope) -> Answer:
    query = query_of(scope)
    t, chosen = words_for(site, scope, query)
    page = preferences_page(site, scope["consentry.visit"], t, query.get("return_to"), chosen=chosen)
    return Answer(200, page_headers(t), page)


def _embed(site: Site, vendor: Vendor | None, scope: Scope) -> Answer:
    query = query_of(scope)
    t, _ = words_for(site, scope, query)
    if vendor is None or vendor.essential:  # a frame of it shows our page all the same
        return Answer(404, page_headers(t, "'self'"), failure_page(404, (t.tag,), prefix=site.prefix))
    return Answer(200, page_headers(t, "'self'"), embed_page(site, vendor, t, query.get("return_to", "/")))


def _style(site: Site, scope: Scope) -> Answer:
    named = scope["query_string"] == site.look.style_version.encode("ascii")
    lasting = b"public, max-age=31536000, immutable" if named else b"public, max-age=3600"
    return _cacheable(scope, site.look.style, b"text/css; charset=utf-8", lasting)


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
    wanted = header(scope, b"sec-fetch-dest")
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
    known = [candidate.strip(b" \t").removeprefix(b"W/") for candidate in header(scope, b"if-none-match").split(b",")]
    if etag in known:
        return Answer(304, headers)
    return Answer(200, [(b"content-type", kind), *headers], body)


def _read_only(scope: Scope, answer: Callable[[], Answer], also: str = "") -> Answer:
    """The answer to GET and HEAD; 405 for what else comes."""
    if scope["method"] in ("GET", "HEAD"):
        return answer()
    return not_allowed(scope, ", ".join(filter(None, ("GET", "HEAD", also))))
