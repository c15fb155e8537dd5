"""What of a vendor's answer reaches the browser: response headers built from an allow-list, and stand-ins for answers.

Rules of this file: a vendor's answer stands on the shop's origin, so its type must be one of its destination's, it can
never be sniffed, framed or opened as a page, no redirect leaves, and a cookie is set only where the vendor's file lists
it as first party. Where a vendor fails, the page gets what keeps it whole: its stub, an empty picture, nothing. Pure.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from proxy.catalogue.match import Destination
from proxy.catalogue.schema import Vendor

Headers = list[tuple[bytes, bytes]]

#: A vendor's cookie stays this long at the most, in seconds (CNIL: 13 months).
LONGEST_COOKIE = 395 * 24 * 3600

#: On every answer: no sniffing, no page, no other site, no older browser's plug-ins.
GUARDS: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; sandbox; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"same-origin"),
    (b"x-robots-tag", b"noindex"),
)

#: The smallest transparent GIF there is.
EMPTY_PICTURE = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")

#: WHATWG MIME Sniffing, "JavaScript MIME type".
_SCRIPT = frozenset(
    "text/javascript application/javascript application/x-javascript application/ecmascript text/ecmascript "
    "text/x-javascript text/x-ecmascript application/x-ecmascript text/jscript text/livescript".split()
)
_TYPES: Mapping[Destination, re.Pattern[str]] = {
    Destination.SCRIPT: re.compile("|".join(map(re.escape, sorted(_SCRIPT)))),
    Destination.STYLE: re.compile(r"text/css"),
    Destination.FONT: re.compile(
        r"font/[\w.+-]+|application/(?:x-)?font[\w.+-]*|application/vnd\.ms-fontobject|application/octet-stream"
    ),
    Destination.IMAGE: re.compile(r"image/(?!svg)[\w.+-]+"),
    Destination.BEACON: re.compile(r"text/plain|application/json|image/(?!svg)[\w.+-]+"),
}
_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+", re.ASCII)
_CHARSET = re.compile(r"charset=\"?([\w.:-]{1,40})\"?", re.ASCII | re.IGNORECASE)


def content_type(destination: Destination, value: bytes | None) -> bytes | None:
    """The Content-Type to answer with, built anew; None where the vendor's is none of the destination's."""
    said, *parameters = (value or b"").decode("latin-1").split(";")
    media_type = said.strip().lower()
    if not _TYPE.fullmatch(media_type) or not _TYPES[destination].fullmatch(media_type):
        return None
    if destination is Destination.SCRIPT:
        media_type = "text/javascript"
    charsets = [found[1].lower() for one in parameters if (found := _CHARSET.fullmatch(one.strip()))]
    charset = f"; charset={charsets[0]}" if charsets and media_type.startswith("text/") else ""
    return (media_type + charset).encode("ascii")


def cookies(
    vendor: Vendor, answered: Sequence[tuple[bytes, bytes]], carried: frozenset[str], secure: bool, now: datetime
) -> Headers:
    """The Set-Cookie lines that may reach the browser: those of cookies that the vendor's file lists as first party.

    Each is written anew: host-only, Path=/, SameSite=Lax, Secure on https, at most 13 months. A cookie that the visit
    carries already (`carried`) is not set again: a second visit leaves the expiry as it was. `now` is aware.
    """
    lines = (value.decode("latin-1") for name, value in answered if name == b"set-cookie")
    rewritten = (_cookie(vendor, line, carried, secure, now) for line in lines)
    return [(b"set-cookie", line.encode("ascii")) for line in rewritten if line is not None]


_COOKIE = re.compile(
    r"\s*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)\s*=\s*(\"?[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*\"?)\s*\Z"
)


def _cookie(vendor: Vendor, line: str, carried: frozenset[str], secure: bool, now: datetime) -> str | None:
    pair, *attributes = line.split(";")
    found = _COOKIE.match(pair)
    if found is None or len(line) > 4096 or not _listed(vendor, name := found[1]):
        return None
    said = {key.strip().lower(): value.strip() for key, _, value in (one.partition("=") for one in attributes)}
    seconds = _lifetime(said, now)
    if name in carried and (seconds is None or seconds > 0):
        return None
    life = "" if seconds is None else f"; Max-Age={max(0, min(seconds, LONGEST_COOKIE))}"
    return f"{name}={found[2]}; Path=/{life}; SameSite=Lax{'; Secure' if secure else ''}"


def _listed(vendor: Vendor, name: str) -> bool:
    """Names with a prefix that browsers give a meaning (`__Host-`) are ours to set, never a vendor's."""
    if name.lower().startswith(("__host-", "__secure-")):
        return False
    return any(
        name.startswith(cookie.name[:-1]) if cookie.name.endswith("*") else name == cookie.name
        for cookie in vendor.cookies
        if cookie.party == "first"
    )


def _lifetime(said: Mapping[str, str], now: datetime) -> int | None:
    """Seconds that a cookie asks to live (RFC 6265, 5.3): Max-Age before Expires; None for a session."""
    if re.fullmatch(r"-?\d{1,12}", said.get("max-age", "")):
        return int(said["max-age"])
    try:
        expires = parsedate_to_datetime(said["expires"])
    except (KeyError, ValueError):
        return None
    return int((expires.replace(tzinfo=expires.tzinfo or UTC) - now).total_seconds())


def stand_in(destination: Destination, stub: bytes) -> tuple[int, Headers, bytes]:
    """(status, headers, body) in place of a vendor's answer that there is not. `stub` is the vendor's inert script."""
    match destination:
        case Destination.SCRIPT:
            return 200, [(b"content-type", b"text/javascript; charset=utf-8")], stub
        case Destination.STYLE:
            return 200, [(b"content-type", b"text/css")], b""
        case Destination.IMAGE:
            return 200, [(b"content-type", b"image/gif")], EMPTY_PICTURE
        case Destination.FONT:
            return 502, [], b""
        case Destination.BEACON:
            return 204, [], b""
