"""Reads sitemaps and their indexes (sitemaps.org protocol 0.9): XML, gzip of it, or a list of addresses. Pure.

Rules of this file: a document type is refused, so that no entity is ever declared or expanded; what inflates beyond
`LARGEST` is refused; at most `ADDRESSES` are read. Only a `loc` directly in `url` or `sitemap` counts: pictures and
films have addresses of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.parsers import expat

from proxy.http.coding import CannotDecode, Decoder

#: Bytes of a sitemap, inflated, and addresses in it. (The protocol allows 50 MB; no scan needs so many.)
LARGEST = 16 * 1024 * 1024
ADDRESSES = 20_000

_GZIP = b"\x1f\x8b"


class CannotReadSitemap(Exception):
    """It is no sitemap, or one that is not safe to read."""


class _Enough(Exception):
    """As many addresses as are read."""


@dataclass(slots=True)
class Sitemap:
    """`pages` are addresses of pages, `further` of other sitemaps, as they stand and in their order."""

    pages: list[str] = field(default_factory=list)
    further: list[str] = field(default_factory=list)


def read_sitemap(body: bytes) -> Sitemap:
    """What a sitemap names. Raises `CannotReadSitemap`."""
    if body.startswith(_GZIP):
        body = _inflated(body)
    if len(body) > LARGEST:
        raise CannotReadSitemap(f"it is larger than {LARGEST >> 20} MiB")
    start = body[:64].removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith((b"http://", b"https://")):
        lines = body.decode("utf-8-sig", "replace").splitlines()
        return Sitemap([line.strip() for line in lines[:ADDRESSES] if line.strip()])
    return _parsed(body)


def _inflated(body: bytes) -> bytes:
    decoder = Decoder("gzip")
    whole = bytearray()
    try:
        for piece in decoder.feed(body):
            whole += piece
            if len(whole) > LARGEST:
                raise CannotReadSitemap(f"it inflates to more than {LARGEST >> 20} MiB")
        decoder.close()
    except CannotDecode as error:
        raise CannotReadSitemap(f"its gzip is broken: {error}") from None
    return bytes(whole)


def _parsed(body: bytes) -> Sitemap:
    found = Sitemap()
    path: list[str] = []
    text: list[str] = []

    def started(name: str, _attributes: object) -> None:
        path.append(name.rpartition(" ")[2])
        text.clear()

    def ended(_name: str) -> None:
        if path[-2:] in (["url", "loc"], ["sitemap", "loc"]):
            (found.pages if path[-2] == "url" else found.further).append("".join(text).strip())
            if len(found.pages) + len(found.further) >= ADDRESSES:
                raise _Enough
        path.pop()

    def declared(*_doctype: object) -> None:
        raise CannotReadSitemap("it declares a document type, which no sitemap needs")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = started
    parser.EndElementHandler = ended
    parser.CharacterDataHandler = text.append
    parser.StartDoctypeDeclHandler = declared
    try:
        parser.Parse(body, True)
    except expat.ExpatError as error:
        raise CannotReadSitemap(f"it is no XML: {error}") from None
    except _Enough:
        pass
    return found
