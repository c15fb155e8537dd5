"""Which requests may pass to a vendor at all: what is asked for, of whom, by what.

Rules of this file: every test is an allow-list. A relayed answer stands on the shop's own origin, so only what a page
of the shop loads as a script, style, font, image or by fetch may be answered; never a document, frame, object or
worker, never for another site (Fetch Metadata, W3C). What matches and what is sent are the same bytes; a path that a
server could read as another one is refused. Only what a vendor's file lists passes. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote, unquote_plus, urlsplit

from proxy.catalogue.match import Destination, relays
from proxy.catalogue.schema import Vendor

Headers = Sequence[tuple[bytes, bytes]]


class Refusal(StrEnum):
    """Why a request does not reach the vendor: a closed set, for logs and metrics."""

    MALFORMED = "malformed"
    METHOD = "method"
    CROSS_SITE = "cross-site"
    DESTINATION = "destination"
    NOT_IN_USE = "vendor not in use"
    NOT_GRANTED = "vendor not granted"
    NOT_LISTED = "not among the vendor's relayed requests"
    CALLBACK = "callback parameter"
    TOO_LARGE = "body too large"
    WITHHELD = "cannot be minimised"


class NotRelayed(Exception):
    """This request is not relayed. Nothing of it is in the exception but the reason."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        super().__init__(refusal.value)


@dataclass(frozen=True, slots=True)
class Place:
    """What a relay path names: `{prefix}/v/<key>/<host>/<path>?<query>`. `target` is path and query, as they came."""

    key: str
    host: str
    target: str


#: Lower case, no port, no user name, a last label that makes it no IPv4 address in any notation.
_HOST = r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])"
_PLACE = re.compile(rf"/(?P<key>[a-z0-9-]{{1,64}})/(?P<host>(?=[^/]{{1,253}}/){_HOST})(?P<target>/[\x21-\x7e]*)\Z")


def read_place(path: str, prefix: str) -> Place:
    """The place that a request's target names, under our `prefix` ("/_consent"). Raises `NotRelayed`."""
    found = _PLACE.match(path.removeprefix(prefix + "/v"))
    if found is None or not _means_what_it_says(found["target"].partition("?")[0]):
        raise NotRelayed(Refusal.MALFORMED)
    return Place(found["key"], found["host"], found["target"])


def _means_what_it_says(path: str) -> bool:
    """False for a path that some server could read as another: dot segments, backslashes, encoded once or more."""
    for _ in range(4):
        if "\\" in path or "#" in path or any(_dots(segment) for segment in path.split("/")):
            return False
        decoded = unquote(path, errors="replace")
        if decoded == path:
            return not any(char < " " or char == "\x7f" for char in path)
        path = decoded
    return False


def _dots(segment: str) -> bool:
    return segment.partition(";")[0].strip() in (".", "..")


#: What the browser says it will do with the answer (Sec-Fetch-Dest). Everything else is refused.
_DESTINATIONS: Mapping[str, Destination] = {
    "script": Destination.SCRIPT,
    "style": Destination.STYLE,
    "font": Destination.FONT,
    "image": Destination.IMAGE,
    "empty": Destination.BEACON,
}
_READS = frozenset({"GET", "HEAD"})
_METHODS: Mapping[Destination, frozenset[str]] = {
    Destination.SCRIPT: _READS,
    Destination.STYLE: _READS,
    Destination.FONT: _READS,
    Destination.IMAGE: _READS,
    Destination.BEACON: frozenset({"GET", "POST"}),
}
METHODS = frozenset().union(*_METHODS.values())
_MODES = frozenset({"no-cors", "cors", "same-origin"})


def destination_of(vendor: Vendor, place: Place, method: str, headers: Headers, origin: str) -> Destination:
    """What the answer is for, if this request may pass. Raises `NotRelayed`.

    `origin` is the shop's. Browsers that send no Fetch Metadata (plain http, old ones) are judged by Origin and
    Referer, and the destination is then the first of the vendor's lists that has the request.
    """
    if method not in METHODS:
        raise NotRelayed(Refusal.METHOD)
    if not _from_here(headers, origin):
        raise NotRelayed(Refusal.CROSS_SITE)
    said = _value(headers, b"sec-fetch-dest")
    mode = _value(headers, b"sec-fetch-mode")
    if mode is not None and mode not in _MODES:
        raise NotRelayed(Refusal.DESTINATION)
    if said is None:
        possible = [one for one in Destination if method in _METHODS[one]]
    elif said in _DESTINATIONS:
        possible = [_DESTINATIONS[said]]
    else:
        raise NotRelayed(Refusal.DESTINATION)
    listed = next((one for one in possible if relays(vendor, one, place.host, place.target)), None)
    if listed is None:
        raise NotRelayed(Refusal.NOT_LISTED)
    if method not in _METHODS[listed]:
        raise NotRelayed(Refusal.METHOD)
    if listed is Destination.SCRIPT and _calls_back(place.target):
        raise NotRelayed(Refusal.CALLBACK)
    return listed


def _from_here(headers: Headers, origin: str) -> bool:
    """Whether a page of this very origin asks. What a browser leaves out is no proof either way.

    Under `Referrer-Policy: no-referrer` a page's own beacons say `Origin: null`; Sec-Fetch-Site then tells them from a
    sandboxed frame's.
    """
    site = _value(headers, b"sec-fetch-site")
    if site not in (None, "same-origin"):
        return False
    if _value(headers, b"origin") not in (None, origin, "null" if site else None):
        return False
    referer = _value(headers, b"referer")
    return referer is None or referer == origin or referer.startswith(origin + "/")


def _value(headers: Headers, name: bytes) -> str | None:
    values = [value.decode("latin-1").strip() for key, value in headers if key == name]
    return ", ".join(values) if values else None


_CALLBACKS = frozenset({"callback", "jsonp", "jsonpcallback", "jsoncallback", "cb", "jcb", "_callback"})
#: What calls nothing, put before an argument in parentheses.
_NUMBER = re.compile(r"(?:[0-9]\w*(?:\.[0-9]+)?)?", re.ASCII)


def _calls_back(target: str) -> bool:
    """A parameter that says what the answer shall call: the caller would choose what runs on the shop's origin.

    Not every server looks whether it is the name of a function; only a number is sure to be a cache buster, and passes.
    """
    pairs = (piece.partition("=") for piece in urlsplit(target).query.replace(";", "&").split("&"))
    return any(
        unquote_plus(name).lower() in _CALLBACKS and _NUMBER.fullmatch(unquote_plus(value)) is None
        for name, _, value in pairs
    )
