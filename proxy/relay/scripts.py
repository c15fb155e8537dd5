"""Scripts, style sheets and fonts of granted vendors: fetched once for everybody, rewritten for what is granted.

Rules of this file: what is fetched holds nothing of any visitor, so one copy fits all, and is kept as long as the
vendor allows (RFC 9111; `private` means this process, the vendor's one client here). One fetch at a time for each
address, whoever waits for it; a visitor waits no longer than the deadline, and gets the last good copy if there is one.
What a browser gets depends on what its visitor granted, so it asks again each time, with an ETag that says both.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime

from proxy.catalogue.match import Destination
from proxy.catalogue.schema import Vendor
from proxy.html.inline import rewrite_script
from proxy.html.page import CannotRewrite, Page
from proxy.minimise import Outgoing
from proxy.relay.answers import content_type
from proxy.relay.failures import Failure, VendorDown
from proxy.relay.shelf import Shelf
from proxy.relay.signals import Chosen, prelude
from proxy.relay.styles import rewrite_style
from proxy.relay.vendor_hop import Answer, VendorHop

#: How long a visitor waits for a file of a vendor's, in seconds.
DEADLINE = {Destination.SCRIPT: 5.0, Destination.STYLE: 3.0, Destination.FONT: 3.0}

#: The largest file, in bytes.
LARGEST = {Destination.SCRIPT: 8_000_000, Destination.STYLE: 2_000_000, Destination.FONT: 4_000_000}

#: A copy is taken for fresh this long at the most, in seconds, whatever the vendor says: tags must stay current.
FRESHEST = 24 * 3600.0

#: After a failure, nobody waits for the same file again for this long, in seconds.
PAUSE = 10.0

_ROOM = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Copy:
    """A file as the vendor sent it. `fresh_until` is on the clock of `Files`; `kept` is False after `no-store`."""

    content: bytes
    content_type: bytes
    validators: tuple[tuple[bytes, bytes], ...]
    fresh_until: float
    kept: bool
    digest: str


@dataclass(frozen=True, slots=True)
class Made:
    """A file as one visitor gets it; `zipped` is the same in gzip, None where that is no gain."""

    content: bytes
    zipped: bytes | None
    content_type: bytes
    etag: bytes


class Files:
    """The files of all vendors, for one process. `clock` counts seconds."""

    def __init__(self, hop: VendorHop, clock: Callable[[], float] = time.monotonic) -> None:
        self._hop = hop
        self._clock = clock
        self._copies: Shelf[tuple[str, bytes], Copy] = Shelf(_ROOM, lambda copy: len(copy.content) + 1024)
        self._made: Shelf[tuple[str, ...], Made] = Shelf(_ROOM, lambda made: 2 * len(made.content) + 1024)
        self._failed: Shelf[tuple[str, bytes], tuple[float, Failure]] = Shelf(1_000, lambda _: 1)
        self._under_way: dict[tuple[str, bytes], asyncio.Task[Copy]] = {}

    async def get(
        self,
        vendor: Vendor,
        destination: Destination,
        host: str,
        outgoing: Outgoing,
        page: Page,
        chosen: Chosen,
        *,
        private: bool,
    ) -> Made:
        """The file at `https://host` + the outgoing target, as the visitor of `page` gets it, who chose `chosen`.
        Raises `VendorDown`."""
        copy = await self._copy(vendor, destination, host, outgoing, private)
        if destination is Destination.FONT:
            return Made(copy.content, None, copy.content_type, _etag(copy.digest))
        base = f"https://{host}{outgoing.target.decode('ascii')}"
        granted = sorted(key for key, decision in page.decisions.items() if decision.allowed)
        terms = vendor.technical.relay.signals if destination is Destination.SCRIPT else None
        before = prelude(terms, chosen, base)
        key = (copy.digest, destination.value, base, page.origin, page.prefix, page.use.digest, before.hex(), *granted)
        made = self._made.get(key)
        if made is None:
            made = await asyncio.to_thread(_make, copy, destination, base, page, key, before)
            self._made.put(key, made)
        return made

    async def _copy(
        self, vendor: Vendor, destination: Destination, host: str, outgoing: Outgoing, private: bool
    ) -> Copy:
        key = (host, outgoing.target)
        held = self._copies.get(key)
        if held is not None and held.fresh_until > self._clock():
            return held
        failed = self._failed.get(key)
        if failed is not None and failed[0] > self._clock():
            if held is not None:
                return held
            raise VendorDown(failed[1])
        fetch = self._under_way.get(key)
        if fetch is None:
            fetch = asyncio.create_task(self._fetch(vendor, destination, host, outgoing, held, private))
            self._under_way[key] = fetch
            fetch.add_done_callback(lambda task: self._done(key, task))
        try:
            return await asyncio.wait_for(asyncio.shield(fetch), DEADLINE[destination])
        except (VendorDown, TimeoutError) as error:
            if held is not None:
                return held
            raise error if isinstance(error, VendorDown) else VendorDown(Failure.TIMEOUT) from None

    def _done(self, key: tuple[str, bytes], fetch: asyncio.Task[Copy]) -> None:
        self._under_way.pop(key, None)
        error = None if fetch.cancelled() else fetch.exception()
        if isinstance(error, VendorDown):
            self._failed.put(key, (self._clock() + PAUSE, error.failure))
        elif not fetch.cancelled() and error is None and fetch.result().kept:
            self._copies.put(key, fetch.result())

    async def _fetch(
        self,
        vendor: Vendor,
        destination: Destination,
        host: str,
        outgoing: Outgoing,
        held: Copy | None,
        private: bool,
    ) -> Copy:
        conditions = () if held is None else held.validators
        asked = replace(outgoing, headers=outgoing.headers + conditions)
        answer = await self._hop.open(vendor.key, host, asked, largest=LARGEST[destination], private=private)
        if answer.status == 304 and held is not None:
            answer.leave()
            return replace(held, fresh_until=self._clock() + _fresh_for(answer.headers))
        media_type = content_type(destination, answer.header(b"content-type"))
        if answer.status != 200 or media_type is None:
            answer.leave()
            raise VendorDown(_unusable(answer))
        content = await answer.whole()
        return Copy(
            content,
            media_type,
            _validators(answer),
            self._clock() + _fresh_for(answer.headers),
            "no-store" not in _directives(answer.headers),
            hashlib.sha256(media_type + b"\n" + content).hexdigest(),
        )


def _unusable(answer: Answer) -> Failure:
    if 300 <= answer.status < 400:
        return Failure.REDIRECT
    return Failure.STATUS if answer.status != 200 else Failure.TYPE


_SCRIPT_SOURCE_MAP = re.compile(rb"(?:\A|\n)[ \t]*//[#@][ \t]*sourceMappingURL=[^\r\n]*(?=\s*\Z)")


def _make(copy: Copy, destination: Destination, base: str, page: Page, key: Sequence[str], before: bytes) -> Made:
    if destination is Destination.STYLE:
        content = rewrite_style(copy.content, base, page)
    else:
        try:
            content = before + rewrite_script(_SCRIPT_SOURCE_MAP.sub(b"", copy.content), page)
        except CannotRewrite:
            raise VendorDown(Failure.CANNOT_REWRITE) from None
    zipped = gzip.compress(content, 6, mtime=0)
    etag = _etag(hashlib.sha256("\n".join(key).encode()).hexdigest())
    return Made(content, zipped if len(zipped) < len(content) else None, copy.content_type, etag)


def _etag(digest: str) -> bytes:
    """Weak: the bytes also differ by content coding (RFC 9110, 8.8.3)."""
    return b'W/"' + digest[:32].encode() + b'"'


def _validators(answer: Answer) -> tuple[tuple[bytes, bytes], ...]:
    pairs = ((b"If-None-Match", b"etag"), (b"If-Modified-Since", b"last-modified"))
    return tuple((asks, value) for asks, name in pairs if (value := answer.header(name)) and value.isascii())


def _directives(headers: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    joined = ",".join(value.decode("latin-1") for name, value in headers if name == b"cache-control")
    pairs = (one.partition("=") for one in joined.lower().split(","))
    return {name.strip(): value.strip(' "') for name, _, value in pairs}


def _fresh_for(headers: Sequence[tuple[bytes, bytes]]) -> float:
    """How many seconds an answer stays fresh: s-maxage, max-age, or Expires, less its Age; 0 where it does not say."""
    said = _directives(headers)
    if "no-store" in said or "no-cache" in said:
        return 0.0
    named = {name: value.decode("latin-1").strip() for name, value in headers}
    lifetime = next((int(said[name]) for name in ("s-maxage", "max-age") if said.get(name, "").isdecimal()), None)
    if lifetime is None:
        try:
            span = parsedate_to_datetime(named[b"expires"]) - parsedate_to_datetime(named[b"date"])
        except (KeyError, ValueError, TypeError):
            return 0.0
        lifetime = int(span.total_seconds())
    age = int(named[b"age"]) if named.get(b"age", "").isdecimal() else 0
    return max(0.0, min(float(lifetime - age), FRESHEST))
