"""`{prefix}/v/<vendor>/<host>/<path>`: a granted vendor's listed requests, and nothing else.

Rules of this file: the gate first, and a refused request is answered at once, without a body, with nothing sent. Then
what leaves is built (`minimise.py`), sent with a deadline, and what comes back is built anew (`answers.py`). A vendor
that is slow, down or answers something unfit never breaks a page: a stand-in is answered. Scripts, style sheets and
fonts are everybody's (`scripts.py`); pictures and beacons are the visitor's own. An answer that breaks off in the
middle is reset, never ended.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from proxy.catalogue.match import Destination
from proxy.catalogue.schema import Vendor
from proxy.html.page import Page
from proxy.html.stub import stub
from proxy.metrics import RELAYED
from proxy.minimise import Asked, Outgoing, Why, Withheld, file_request, minimise
from proxy.model import Reach, Visit
from proxy.relay.answers import content_type, cookies
from proxy.relay.failures import Failure, VendorDown
from proxy.relay.gate import NotRelayed, Place, Refusal, destination_of, read_place
from proxy.relay.reply import NO_STORE, Reply
from proxy.relay.scripts import Files
from proxy.relay.signals import Chosen, fields, with_fields
from proxy.relay.vendor_hop import Answer, VendorHop
from proxy.ruling import Rulings
from proxy.settings.schema import Settings

Headers = list[tuple[bytes, bytes]]

#: The largest body that a beacon may have, and the largest answers, in bytes.
LARGEST_BODY = 1_000_000
LARGEST_POSTED = 65_536  # what waits in the outbox; browsers bound what they send as beacons alike
LARGE_BODY = 16_384  # from here on it is cleaned in a thread, so that nobody else waits for it
LARGEST_PICTURE = 20_000_000
LARGEST_BEACON_ANSWER = 1_000_000

#: How long a page waits for a picture's or a beacon's answer to begin, in seconds.
DEADLINE = 3.0

#: The same failure of the same vendor is logged once in this many seconds.
QUIET = 60.0

_COMPRESSED = b"\x1f\x8b"
_FILES = frozenset({Destination.SCRIPT, Destination.STYLE, Destination.FONT})
_ACCEPTS_GZIP = re.compile(rb"gzip\s*(?:;\s*q\s*=\s*(?!0(?:\.0*)?\Z).*)?\Z", re.IGNORECASE)  # RFC 9110, 12.5.3

_log = logging.getLogger(__name__)


#: Takes a beacon that nobody waits for the answer of: whose it is, the host that it is for, the request, the visit.
Post = Callable[[str, str, Outgoing, Visit], None]


def relay_app(
    settings: Settings, rulings: Rulings, hop: VendorHop, origin_of: Callable[[Scope], str], post: Post | None = None
) -> ASGIApp:
    """The ASGI app for relay paths. It finds the `Visit` in `scope["consentry.visit"]`.

    `origin_of` gives the shop's origin for a scope: the settings' one, or in development the request's. `post` takes
    the beacons whose answers no script can read; None: they are sent at once, like the others.
    """
    relay = _Relay(settings, rulings, hop, post)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        visit: Visit = scope["consentry.visit"]
        await relay.answer(scope, receive, send, visit, origin_of(scope))

    return app


class _Relay:
    def __init__(self, settings: Settings, rulings: Rulings, hop: VendorHop, post: Post | None) -> None:
        self._settings = settings
        self._post = post
        self._use, self._rulings = rulings.use, rulings
        self._hop = hop
        self._files = Files(hop)
        self._told: dict[tuple[str, Failure | Why], float] = {}

    async def answer(self, scope: Scope, receive: Receive, send: Send, visit: Visit, origin: str) -> None:
        method: str = scope["method"]
        key = "unknown"
        reply = Reply(send, head_only=method == "HEAD")
        try:
            place = read_place(visit.path, self._settings.consent.prefix)
            vendor = self._granted(place, visit)
            key = vendor.key
            destination = destination_of(vendor, place, method, scope["headers"], origin)
            body = await _body(receive) if method == "POST" else b""
            if destination in _FILES:
                await self._file(reply, scope, visit, origin, vendor, place, destination)
            else:
                asked = Asked(
                    vendor, method, place.target.encode("ascii"), scope["headers"], body, visit.address, origin
                )
                given = fields(vendor.technical.relay.signals, self._chosen(visit))
                await self._own(reply, receive, asked, place.host, destination, given, visit)
            RELAYED.labels(key, "relayed").inc()
        except NotRelayed as refused:
            RELAYED.labels(key, refused.refusal.value).inc()
            await reply.refuse(refused.refusal)
        except Withheld as withheld:
            RELAYED.labels(key, Refusal.WITHHELD.value).inc()
            self._tell(key, withheld.why)
            await reply.refuse(Refusal.WITHHELD)
        except VendorDown as down:
            RELAYED.labels(key, down.failure.value).inc()
            self._tell(key, down.failure)
            await reply.stand_in(destination, stub(vendor), down.failure)

    def _tell(self, key: str, why: Failure | Why) -> None:
        """One line a minute for each vendor and reason: an engineer must know, a log must not drown."""
        now = time.monotonic()
        if now - self._told.get((key, why), -QUIET) >= QUIET:
            self._told[key, why] = now
            _log.warning("relay to %s failed: %s", key, why.value)

    def _granted(self, place: Place, visit: Visit) -> Vendor:
        """The vendor that the path names, if it is allowed, and so is the one whose URL this is. Raises `NotRelayed`.

        They differ where one host serves several: `gtag/js?id=G-1&id=AW-1` under Google Analytics is Google Ads.
        """
        vendor = self._use.vendors.get(place.key)
        if vendor is None or vendor.reach is not Reach.RELAY:
            raise NotRelayed(Refusal.NOT_IN_USE)
        match = self._use.matcher.find(place.host, place.target)
        allowed = self._rulings.of(visit).allowed
        for one in (vendor, vendor if match is None else self._use.vendors.get(match.vendor.key)):
            if one is None:
                raise NotRelayed(Refusal.NOT_IN_USE)
            if one.key not in allowed:
                raise NotRelayed(Refusal.NOT_GRANTED)
        return vendor

    def _chosen(self, visit: Visit) -> Chosen:
        return Chosen(self._rulings.of(visit).categories, visit.law.limits(visit.standing), visit.region)

    async def _file(
        self,
        reply: Reply,
        scope: Scope,
        visit: Visit,
        origin: str,
        vendor: Vendor,
        place: Place,
        destination: Destination,
    ) -> None:
        page = Page(
            origin=origin,
            url=origin + "/",
            use=self._use,
            decisions=self._rulings.of(visit).decisions,
            first_party=frozenset({urlsplit(origin).hostname or ""}),
            prefix=self._settings.consent.prefix,
        )
        outgoing = file_request(place.target.encode("ascii"), visit.address)
        chosen, private = self._chosen(visit), self._settings.is_private(vendor.key)
        made = await self._files.get(vendor, destination, place.host, outgoing, page, chosen, private=private)
        headers: Headers = [(b"cache-control", b"private, no-cache"), (b"etag", made.etag)]
        if made.etag in _listed(scope["headers"], b"if-none-match"):
            await reply.whole(304, headers)
            return
        headers.append((b"content-type", made.content_type))
        if made.zipped is not None:
            headers.append((b"vary", b"Accept-Encoding"))
            if any(_ACCEPTS_GZIP.match(one) for one in _listed(scope["headers"], b"accept-encoding")):
                await reply.whole(200, [*headers, (b"content-encoding", b"gzip")], made.zipped)
                return
        await reply.whole(200, headers, made.content)

    async def _own(
        self,
        reply: Reply,
        receive: Receive,
        asked: Asked,
        host: str,
        destination: Destination,
        given: Mapping[str, str],
        visit: Visit,
    ) -> None:
        """A picture or a beacon: the visitor's own exchange with the vendor, minimised; `given` are fields that it
        bears. A beacon whose answer nobody can read (Fetch, "no-cors") is answered at once, and sent by itself."""
        privacy = self._settings.privacy
        if len(asked.body) > LARGE_BODY or asked.body.startswith(_COMPRESSED) or asked.header(b"content-encoding"):
            outgoing = await asyncio.to_thread(minimise, asked, privacy.ip, privacy.profile)
        else:
            outgoing = minimise(asked, privacy.ip, privacy.profile)
        outgoing = replace(outgoing, target=with_fields(outgoing.target, given))
        picture = destination is Destination.IMAGE
        unread = asked.method == "POST" and asked.header(b"sec-fetch-mode") == "no-cors"
        if self._post is not None and unread and len(outgoing.body) <= LARGEST_POSTED:
            self._post(asked.vendor.key, host, outgoing, visit)
            await reply.stand_in(destination, b"", None, [])
            return
        opening = self._hop.open(
            asked.vendor.key,
            host,
            outgoing,
            largest=LARGEST_PICTURE if picture else LARGEST_BEACON_ANSWER,
            private=self._settings.is_private(asked.vendor.key),
        )
        try:
            answer = await asyncio.wait_for(opening, DEADLINE)
        except TimeoutError:
            raise VendorDown(Failure.TIMEOUT) from None
        try:
            secure = asked.origin.startswith("https:")
            set_cookies = cookies(asked.vendor, answer.headers, _carried(asked.headers), secure, datetime.now(UTC))
            if not 200 <= answer.status < 300:
                await reply.stand_in(destination, b"", Failure.STATUS, set_cookies)
            elif picture:
                await self._picture(reply, receive, answer, set_cookies)
            else:
                await self._beacon(reply, answer, set_cookies)
        finally:
            answer.leave()

    async def _picture(self, reply: Reply, receive: Receive, answer: Answer, set_cookies: Headers) -> None:
        media_type = content_type(Destination.IMAGE, answer.header(b"content-type"))
        if media_type is None or answer.status != 200:
            await reply.stand_in(Destination.IMAGE, b"", Failure.TYPE, set_cookies)
            return
        headers = [NO_STORE, (b"content-type", media_type), *set_cookies]
        await reply.streamed(headers, answer.body(), receive)

    async def _beacon(self, reply: Reply, answer: Answer, set_cookies: Headers) -> None:
        try:
            content = await asyncio.wait_for(answer.whole(), DEADLINE)
        except TimeoutError:
            raise VendorDown(Failure.TIMEOUT) from None
        if not content:
            await reply.stand_in(Destination.BEACON, b"", None, set_cookies)
            return
        media_type = content_type(Destination.BEACON, answer.header(b"content-type"))
        headers = [NO_STORE, (b"content-type", media_type or b"application/octet-stream"), *set_cookies]
        if media_type is None:
            headers.append((b"content-disposition", b"attachment"))
        await reply.whole(200, headers, content)


async def _body(receive: Receive) -> bytes:
    """The whole body. Raises `NotRelayed` where it is too large or the visitor left."""
    pieces: list[bytes] = []
    left = LARGEST_BODY
    while True:
        message: Message = await receive()
        if message["type"] == "http.disconnect":
            raise NotRelayed(Refusal.MALFORMED)
        piece: bytes = message.get("body", b"")
        left -= len(piece)
        if left < 0:
            raise NotRelayed(Refusal.TOO_LARGE)
        pieces.append(piece)
        if not message.get("more_body", False):
            return b"".join(pieces)


def _listed(headers: Sequence[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    return [one.strip() for key, value in headers if key == name for one in value.split(b",")]


def _carried(headers: Sequence[tuple[bytes, bytes]]) -> frozenset[str]:
    """Names of the cookies that the visit carries."""
    lines = (value.decode("latin-1") for key, value in headers if key == b"cookie")
    return frozenset(pair.partition("=")[0].strip() for line in lines for pair in line.split(";"))
