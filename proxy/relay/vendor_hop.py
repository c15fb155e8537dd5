"""Everything that is sent to vendors goes through here: the one module that imports httpx.

Rules of this file: what leaves is what the caller built, to the byte: no default header, no cookie, no proxy from the
environment, no redirect followed, no normalised path. Connections go to checked public addresses (`pinning.py`) unless
a shop says `private = true` for the vendor, or to `vendors.gateway`. Each exchange runs in a task of its own which no
visitor's leaving cancels (a cancelled request leaks a slot of httpcore's pool); it ends by its own deadline instead.
Errors of httpx are translated into `VendorDown` here and nowhere else. URLs are never logged.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
import sys
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import lru_cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from importlib.util import find_spec

import httpcore
import httpx

from proxy.minimise import Outgoing
from proxy.relay.failures import Failure, VendorDown
from proxy.relay.inflate import Inflate
from proxy.relay.pinning import NotPublic, Pinned, Resolve, resolve
from proxy.settings.schema import VendorsSettings

for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)  # they log whole URLs at INFO and DEBUG

if find_spec("sniffio") is None:  # httpcore asks for it several times a request: each would search all of sys.path
    sys.modules["sniffio"] = None  # type: ignore[assignment]  # known to be missing

#: How many connections there are at the most, for all vendors together.
CONNECTIONS = 200

#: How many exchanges may run for one vendor; more are refused at once.
AT_ONCE = 64

_TIMEOUT = httpx.Timeout(connect=3.0, read=5.0, write=5.0, pool=1.0)

#: An exchange ends after this many seconds, however steadily its bytes trickle.
LONGEST = 60.0

#: How much of an answer is read ahead of the visitor, in pieces of at most 64 KiB each.
_AHEAD = 4
_PIECE = 65_536


@dataclass
class Answer:
    """A vendor's answer as it arrives. `headers` have lower-case names; the body comes decoded from gzip.

    Read `body()` to its end, or `leave()`: then the exchange ends by itself. `body` raises `VendorDown` where the
    answer breaks off or grows beyond the limit.
    """

    status: int
    headers: list[tuple[bytes, bytes]]
    _pieces: asyncio.Queue[bytes | VendorDown | None]
    _left: bool = field(default=False, init=False)

    def header(self, name: bytes) -> bytes | None:
        return next((value for key, value in self.headers if key == name), None)

    async def body(self) -> AsyncIterator[bytes]:
        while (piece := await self._pieces.get()) is not None:
            if isinstance(piece, VendorDown):
                raise piece
            yield piece

    async def whole(self) -> bytes:
        return b"".join([piece async for piece in self.body()])

    def leave(self) -> None:
        """No more is wanted: the exchange stops reading and closes its connection."""
        self._left = True
        while not self._pieces.empty():
            self._pieces.get_nowait()

    async def hand_over(self, piece: bytes | None) -> bool:
        """The exchange's side, as fast as somebody reads: False when nobody does any more. None is the end."""
        if not self._left:
            await self._pieces.put(piece)
        return not self._left

    def fail(self, down: VendorDown) -> None:
        """The exchange's side: the answer breaks off here. Never waits for a reader."""
        self.leave()
        self._pieces.put_nowait(down)


class _Transport(httpx.AsyncHTTPTransport):
    """httpx's own transport over a pool of httpcore's: one with pinned connections, or one of tunnels."""

    def __init__(self, pool: httpcore.AsyncConnectionPool) -> None:
        super().__init__(verify=_tls(), trust_env=False)
        self._pool = pool


class _Tunnels(httpcore.AsyncHTTPProxy):
    """CONNECT tunnels. httpcore would give the CONNECT request itself the exact target that the request in it has."""

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        request.extensions = {name: value for name, value in request.extensions.items() if name != "target"}
        return await super().handle_async_request(request)


@lru_cache
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)


def _pool(backend: httpcore.AsyncNetworkBackend | None) -> httpcore.AsyncConnectionPool:
    return httpcore.AsyncConnectionPool(
        _tls(),
        max_connections=CONNECTIONS,
        max_keepalive_connections=20,
        keepalive_expiry=30.0,
        network_backend=backend,
    )


def _tunnels(proxy: str) -> httpcore.AsyncConnectionPool:
    return _Tunnels(proxy, ssl_context=_tls(), max_connections=CONNECTIONS, max_keepalive_connections=20)


class VendorHop:
    """The way to vendors. One for a process; `aclose` it when the process ends.

    With an egress proxy (`vendors.proxy`) names are resolved there, and the address check is the proxy's to make.
    """

    def __init__(self, settings: VendorsSettings, *, resolve: Resolve = resolve) -> None:
        self._gateway = settings.gateway
        if settings.gateway is not None:
            plain = _client(_pool(None))
            self._clients = {False: plain, True: plain}
        elif settings.proxy is not None:
            through = _client(_tunnels(settings.proxy))
            self._clients = {False: through, True: through}
        else:
            self._clients = {False: _client(_pool(Pinned(resolve))), True: _client(_pool(None))}
        self._exchanges: set[asyncio.Task[None]] = set()
        self._running: Counter[str] = Counter()

    async def open(
        self,
        key: str,
        host: str,
        outgoing: Outgoing,
        *,
        largest: int,
        private: bool = False,
        still: float | None = None,
    ) -> Answer:
        """Send one request to `https://host` and return its answer once the head is there.

        `key` is the vendor's: only so many exchanges run for each. `largest` bounds the decoded body in bytes.
        `private` lifts the address check. `still`: seconds that the vendor may say nothing, if not the usual. Raises
        `VendorDown`. Cancelling the caller does not cancel the exchange.
        """
        if self._running[key] >= AT_ONCE:
            raise VendorDown(Failure.BUSY)
        head: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._running[key] += 1
        exchange = asyncio.create_task(self._exchange(self._request(host, outgoing, still), head, largest, private))
        self._exchanges.add(exchange)
        exchange.add_done_callback(lambda task: self._ended(key, task))
        try:
            return await asyncio.shield(head)
        except asyncio.CancelledError:
            head.add_done_callback(_leave)
            raise

    def _ended(self, key: str, exchange: asyncio.Task[None]) -> None:
        self._exchanges.discard(exchange)
        self._running[key] -= 1

    async def aclose(self) -> None:
        """End every exchange and close every connection."""
        for exchange in list(self._exchanges):
            exchange.cancel()
        await asyncio.gather(*self._exchanges, return_exceptions=True)
        for client in set(self._clients.values()):
            await client.aclose()

    def _request(self, host: str, outgoing: Outgoing, still: float | None) -> httpx.Request:
        headers = [(b"Host", host.encode("ascii")), *outgoing.headers]
        if outgoing.method == "POST" and not outgoing.body:
            headers.append((b"Content-Length", b"0"))
        timeout = _TIMEOUT.as_dict() | ({} if still is None else {"read": still})
        return httpx.Request(
            outgoing.method,
            self._gateway or f"https://{host}",
            headers=headers,
            content=outgoing.body or None,
            extensions={"target": outgoing.target, "timeout": timeout},
        )

    async def _exchange(
        self, request: httpx.Request, head: asyncio.Future[Answer], largest: int, private: bool
    ) -> None:
        answer: Answer | None = None
        try:
            async with asyncio.timeout(LONGEST):
                response = await self._clients[private].send(request, stream=True)
                async with contextlib.aclosing(response):
                    headers = [(name.lower(), value) for name, value in response.headers.raw]
                    decoder = Inflate(dict(headers).get(b"content-encoding", b""), largest)
                    answer = Answer(response.status_code, headers, asyncio.Queue(_AHEAD))
                    head.set_result(answer)
                    async for raw in response.aiter_raw(_PIECE):
                        for piece in decoder.feed(raw):
                            if not await answer.hand_over(piece):
                                return
                    decoder.close()
                await answer.hand_over(None)
        except (httpx.HTTPError, TimeoutError, VendorDown) as error:
            _fail(head, answer, error if isinstance(error, VendorDown) else VendorDown(_failure(error)))
        except BaseException:  # the process ends, or a mistake of ours: nobody may wait for ever
            _fail(head, answer, VendorDown(Failure.PROTOCOL))
            raise


def _fail(head: asyncio.Future[Answer], answer: Answer | None, down: VendorDown) -> None:
    if not head.done():
        head.set_exception(down)
    elif answer is not None:
        answer.fail(down)


def _leave(head: asyncio.Future[Answer]) -> None:
    if not head.cancelled() and head.exception() is None:
        head.result().leave()


def _failure(error: Exception) -> Failure:
    if isinstance(error.__cause__, NotPublic):
        return Failure.NOT_PUBLIC
    if isinstance(error, httpx.PoolTimeout):
        return Failure.BUSY
    if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout)):
        return Failure.CONNECT
    return Failure.TIMEOUT if isinstance(error, (httpx.TimeoutException, TimeoutError)) else Failure.PROTOCOL


def _client(pool: httpcore.AsyncConnectionPool) -> httpx.AsyncClient:
    no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
    return httpx.AsyncClient(transport=_Transport(pool), cookies=no_cookies, trust_env=False, follow_redirects=False)
