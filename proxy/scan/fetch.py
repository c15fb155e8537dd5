"""Asks a site for its pages. The one module of the scan that opens sockets.

Rules of this file: only GET, no cookie is kept or sent, nothing is taken from the environment, no redirect is followed
by itself; a body is read up to a bound and a request ends by a deadline, however steadily it trickles. What is asked
here is the operator's own site, so it goes straight there: the vendor hop (`relay/vendor_hop.py`), through which all
that is meant for vendors leaves, imports httpx for that and has no part in it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from importlib.metadata import version
from types import TracebackType
from typing import Self

import httpx

from proxy.http.coding import CannotDecode, Decoder, coding_of
from proxy.scan.robots import PRODUCT

_TIMEOUT = httpx.Timeout(connect=5.0, read=15.0, write=5.0, pool=5.0)

#: A request ends after this many seconds.
LONGEST = 30.0

_PIECE = 65_536
_ACCEPT = "text/html,application/xhtml+xml;q=0.9,*/*;q=0.5"


class CannotFetch(Exception):
    """Nothing answered, or what answered broke off."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer. `headers` have lower-case names; `body` is decoded, and `cut` says that there was more of it."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    cut: bool = False

    def header(self, name: bytes) -> bytes:
        """The first value of a header, b"" where there is none."""
        return next((value for key, value in self.headers if key == name), b"")

    def all(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.headers if key == name]

    @property
    def leads_to(self) -> str | None:
        """Where a redirect leads, as it stands there."""
        location = self.header(b"location").decode("utf-8", "replace").strip()
        return location or None if 300 <= self.status < 400 else None


class Fetcher:
    """Asks one thing at a time, over kept connections. Close it, or use it in a `with`."""

    def __init__(self) -> None:
        agent = f"{PRODUCT.title()}/{version('consentry')} (scan of third parties, asked for by the site's operator)"
        self._client = httpx.Client(
            headers={"User-Agent": agent, "Accept": _ACCEPT, "Accept-Encoding": "gzip, br, zstd"},
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            timeout=_TIMEOUT,
            trust_env=False,
            follow_redirects=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def get(self, address: str, largest: int) -> Fetched:
        """One answer; of its body at most `largest` bytes. Raises `CannotFetch`."""
        try:
            with self._client.stream("GET", address) as response:
                headers = tuple((name.lower(), value) for name, value in response.headers.raw)
                body, cut = _body(response, headers, largest)
                return Fetched(response.status_code, headers, body, cut)
        except (httpx.HTTPError, httpx.InvalidURL, CannotDecode) as error:
            raise CannotFetch(_said(error)) from None


def _body(response: httpx.Response, headers: tuple[tuple[bytes, bytes], ...], largest: int) -> tuple[bytes, bool]:
    coding = coding_of(value for name, value in headers if name == b"content-encoding")
    if coding is None:
        raise CannotDecode("its Content-Encoding is none of gzip, br and zstd")
    decoder = Decoder(coding)
    ends = time.monotonic() + LONGEST
    body = bytearray()
    for raw in response.iter_raw(_PIECE):
        for piece in decoder.feed(raw):
            body += piece
            if len(body) > largest:
                return bytes(body[:largest]), True
        if time.monotonic() > ends:
            raise CannotDecode(f"it had not ended after {LONGEST:.0f} seconds")
    decoder.close()
    return bytes(body), False


def _said(error: Exception) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "no answer in time"
    return str(error) or type(error).__name__
