"""The places at which a storefront can be reached, and the connections kept to each.

Rules: a place that could not be connected to is passed over for `DOWN_SECONDS`, unless all could not; among the others
goes first who has least to do. A name is resolved anew for each connection, and no connection is used for longer than
`AGE_SECONDS`, so that a storefront that moves is found again.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterator
from typing import TypeVar
from urllib.parse import urlsplit

from proxy.http.wire import Kind, StorefrontDown, Wire
from proxy.settings.schema import Storefront

#: Connections kept open to a place for the next request, and for how long (seconds).
IDLE_KEPT = 64
IDLE_SECONDS = 30.0
#: Seconds after which a connection is not used again.
AGE_SECONDS = 60.0
#: Seconds for which a place that could not be connected to is passed over.
DOWN_SECONDS = 10.0

Protocol = TypeVar("Protocol", bound=asyncio.BaseProtocol)


class Place:
    """One address of a storefront, with its connections."""

    def __init__(self, url: str, storefront: Storefront, tls: ssl.SSLContext | None) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        self.secure = parts.scheme == "https"
        self._host = parts.hostname
        self._port = parts.port or (443 if self.secure else 80)
        self._seconds = storefront.connect
        self._name: str | None = None
        self._tls: ssl.SSLContext | None = None
        if self.secure:
            self._name = storefront.tls_name or parts.hostname
            self._tls = tls or ssl.create_default_context()
            self._tls.set_alpn_protocols(["http/1.1"])
        self._loop = asyncio.get_running_loop()  # asking for it costs Python 3.11 a system call
        self._idle: list[Wire] = []
        self._busy: set[Wire] = set()
        self._emptied: asyncio.Event | None = None
        self.down_until = 0.0

    @property
    def busy(self) -> int:
        """Connections on which something is under way."""
        return len(self._busy)

    @property
    def kept(self) -> int:
        """Connections that wait for the next request."""
        return len(self._idle)

    def pooled(self, seconds: float) -> Wire | None:
        """A connection that was used within so many seconds, if there is one."""
        now = self._loop.time()
        while self._idle and now - self._idle[0].idle_since > IDLE_SECONDS:
            self._give_up(self._idle.pop(0))
        while self._idle and now - self._idle[-1].idle_since <= seconds:
            wire = self._idle.pop()
            if not wire.closing and now - wire.born <= AGE_SECONDS:
                self._busy.add(wire)
                return wire
            self._give_up(wire)
        return None

    def _give_up(self, wire: Wire) -> None:
        self._busy.add(wire)
        wire.abort()

    async def connect(self) -> Wire:
        """A new connection. Raises `StorefrontDown`."""
        wire = await self.dial(lambda: Wire(self._loop, self._lost))
        wire.place = self
        wire.born = self._loop.time()
        if not wire.lost:
            self._busy.add(wire)
        return wire

    async def dial(self, factory: Callable[[], Protocol]) -> Protocol:
        """Connect a protocol of any kind to this place. Raises `StorefrontDown`."""
        loop = self._loop
        try:
            async with asyncio.timeout(self._seconds):
                _, protocol = await loop.create_connection(
                    factory, self._host, self._port, ssl=self._tls, server_hostname=self._name
                )
        except (OSError, ssl.SSLError) as error:  # a TimeoutError is an OSError
            self.down_until = loop.time() + DOWN_SECONDS
            raise self._down(error) from None
        self.down_until = 0.0
        return protocol

    def _down(self, error: OSError) -> StorefrontDown:
        if isinstance(error, TimeoutError):
            return StorefrontDown(Kind.CONNECT, f"no connection within {self._seconds:g} s")
        if isinstance(error, ssl.SSLError):
            return StorefrontDown(Kind.TLS, getattr(error, "verify_message", "") or str(error))
        if isinstance(error, socket.gaierror):
            return StorefrontDown(Kind.DNS, f"{self._host}: {error.strerror}")
        return StorefrontDown(Kind.REFUSED, str(error))

    def done(self, wire: Wire, *, reusable: bool) -> None:
        """A connection of this place is not needed any more."""
        if reusable and not wire.closing and len(self._idle) < IDLE_KEPT:
            self._busy.discard(wire)
            wire.rest(self._loop.time())
            self._idle.append(wire)
        else:
            wire.abort()

    async def aclose(self) -> None:
        """Close every connection, those under way too."""
        for wire in (*self._idle, *self._busy):
            wire.abort()
        if self._idle or self._busy:
            self._emptied = asyncio.Event()
            await self._emptied.wait()

    def _lost(self, wire: Wire) -> None:
        self._busy.discard(wire)
        if wire in self._idle:
            self._idle.remove(wire)
        if self._emptied is not None and not self._idle and not self._busy:
            self._emptied.set()


class Places:
    """All addresses of a storefront."""

    def __init__(self, storefront: Storefront, tls: ssl.SSLContext | None) -> None:
        self.all = [Place(url, storefront, tls) for url in storefront.url]

    def in_turn(self) -> Iterator[Place]:
        """Whom to ask, the best first."""
        if len(self.all) == 1:
            return iter(self.all)
        now = asyncio.get_running_loop().time()
        return iter(sorted(self.all, key=lambda place: (max(place.down_until - now, 0.0), place.busy)))

    async def aclose(self) -> None:
        for place in self.all:
            await place.aclose()
