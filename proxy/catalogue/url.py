"""Which host a URL in a page would make a browser contact, and what it would ask there.

Rules of this file: `split_url` does what browsers do with `http`, `https`, `ws` and `wss` URLs (WHATWG URL Standard,
"basic URL parser"): it trims and drops white space, takes backslashes for slashes, resolves against the base, reads
percent-encoded, full-width and international hosts and numbers that are IPv4 addresses. A URL that browsers refuse, or
that contacts no host (`data:`, `mailto:`, `javascript:`), is None. Ports and user names are dropped: they do not change
who is contacted. A compiled pattern answers for the URLs that need none of this, nearly all of them.
"""

from __future__ import annotations

import re
import stringprep
import unicodedata
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import NamedTuple
from urllib.parse import quote, unquote_to_bytes


class Split(NamedTuple):
    """`host` is lower case, ASCII, without port or trailing dot; `target` is path and query as a browser sends them."""

    host: str
    target: str


class _Base(NamedTuple):
    """`query` starts with its question mark, or is empty."""

    scheme: str
    host: str
    path: str
    query: str


_SAFE = r"A-Za-z0-9\-._~!$&()*+,;=:@%|\[\]"
#: An absolute or scheme-relative URL, or an absolute path, in which nothing needs to be changed.
_PLAIN = re.compile(
    rf"(?:(?:(?:https?|wss?):)?//((?:[a-z0-9_-]+\.)+[a-z]{{2,}})(?::[0-9]{{1,4}})?+(?=[/?#]|\Z)|(?=/(?!/)))"
    rf"(/[{_SAFE}/]*+)?+(\?[{_SAFE}/?^`{{}}]*+)?+(?:#[^\x00-\x1f]*+)?+\Z"
)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):(.*)\Z", re.S)
_TRIM = "".join(map(chr, range(0x21)))
_DROP = str.maketrans("", "", "\t\n\r")
_SPECIAL = frozenset({"http", "https", "ws", "wss"})
_FORBIDDEN_IN_HOST = re.compile(r"[\x00-\x20\x7f#/:<>?@\[\\\]^|%]")
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
_PATH_SAFE = "!$%&'()*+,-./:;=@[]_|~"
_QUERY_SAFE = "!$%&()*+,-./:;=?@[\\]^_`{|}~"


def split_url(url: str | bytes, base: str) -> Split | None:
    """Host and target of a URL as it stands in a page (character references decoded), None if it contacts nobody.

    `base` is the absolute http(s) URL against which relative ones are read: the page's, or its `<base href>`.
    """
    text = url if isinstance(url, str) else _text(url)
    plain = _PLAIN.match(text)
    if plain is not None:
        host, path, query = plain.groups()
        if path is None:
            return Split(host, f"/{query or ''}")
        if "/." not in path and "%2" not in path:
            return Split(host or _base(base).host, path + query if query else path)
    return _split(text.strip(_TRIM).translate(_DROP), _base(base))


def _text(url: bytes) -> str:
    """Hosts are UTF-8 or ASCII; in pages of other charsets only the rest of a URL can hold other bytes."""
    try:
        return url.decode()
    except UnicodeDecodeError:
        return url.decode("latin-1")


@lru_cache(maxsize=256)
def _base(url: str) -> _Base:
    """The parts of a base URL. Raises ValueError for one that is not absolute http(s)."""
    text = url.strip(_TRIM).translate(_DROP)
    scheme = text.partition(":")[0].lower()
    split = _split(text, _Base("", "", "/", "")) if scheme in ("http", "https") else None
    if split is None:
        raise ValueError(f"{url!r} is not an absolute http or https URL")
    path, mark, query = split.target.partition("?")
    return _Base(scheme, split.host, path, mark + query)


def _split(text: str, base: _Base) -> Split | None:
    text = text.partition("#")[0]
    found = _SCHEME.match(text)
    if found is None:
        return _relative(text, base)
    scheme, rest = found[1].lower(), found[2]
    if scheme not in _SPECIAL:
        return None
    slashed = _slashed(rest)
    if scheme == base.scheme and not slashed.startswith("//"):
        return _relative(rest, base)  # "special relative or authority state"
    return _absolute(rest[len(slashed) - len(slashed.lstrip("/")) :])


def _slashed(text: str) -> str:
    """The text with backslashes as slashes, but for the query: browsers do so for the schemes handled here."""
    before, mark, query = text.partition("?")
    return before.replace("\\", "/") + mark + query


def _relative(text: str, base: _Base) -> Split | None:
    slashed = _slashed(text)
    if slashed.startswith("//"):
        return _absolute(text[len(slashed) - len(slashed.lstrip("/")) :])
    path, mark, query = slashed.partition("?")
    if not path:
        return Split(base.host, base.path + (_query(mark + query) or base.query))
    if not path.startswith("/"):
        path = base.path[: base.path.rfind("/") + 1] + path
    return Split(base.host, _path(path) + _query(mark + query))


def _absolute(rest: str) -> Split | None:
    """What follows the slashes: authority, path, query."""
    slashed = _slashed(rest)
    end = next((place for place, char in enumerate(slashed) if char in "/?"), len(slashed))
    host = _host(slashed[:end])
    if host is None:
        return None
    path, mark, query = slashed[end:].partition("?")
    return Split(host, _path(path) + _query(mark + query))


def _path(path: str) -> str:
    """The path without dot segments, percent-encoded as browsers do ("path state")."""
    kept: list[str] = []
    segments = path.removeprefix("/").split("/")
    for index, segment in enumerate(segments):
        dots = segment.replace("%2e", ".").replace("%2E", ".")
        if dots == "..":
            del kept[-1:]
        elif dots != ".":
            kept.append(segment)
            continue
        if index == len(segments) - 1:
            kept.append("")
    return quote("/" + "/".join(kept), safe=_PATH_SAFE, errors="replace")


def _query(query: str) -> str:
    return quote(query, safe=_QUERY_SAFE, errors="replace")


def _host(authority: str) -> str | None:
    """The host in an authority as browsers read it ("host parsing"); None where they refuse it."""
    host = authority.rpartition("@")[2]
    if host.startswith("["):
        inside, closed, port = host[1:].partition("]")
        return _ipv6(inside) if closed and _is_port(port) else None
    host, colon, port = host.partition(":")
    if not _is_port(colon + port):
        return None
    domain = _domain(host)
    if not domain or _FORBIDDEN_IN_HOST.search(domain):
        return None
    labels = domain.removesuffix(".").split(".")
    if not all(labels):
        return None  # a name that cannot be resolved
    return _ipv4(labels) if _NUMBER.fullmatch(labels[-1]) else ".".join(labels)


def _is_port(text: str) -> bool:
    """Whether this is what may follow a host: nothing, or a colon and a number up to 65535, or a colon alone."""
    return re.fullmatch(r"(?::0*([0-9]{0,5}))?", text) is not None and int(text[1:].lstrip("0") or 0) < 65536


def _domain(host: str) -> str | None:
    """Percent-decoded, mapped (UTS 46: ignored characters out, compatibility forms, lower case) and in ASCII."""
    if "%" in host:
        try:
            host = unquote_to_bytes(host).decode()
        except UnicodeDecodeError:
            return None
    if host.isascii():
        return host.lower()
    mapped = "".join(char for char in host if not stringprep.in_table_b1(char))
    mapped = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", mapped).lower()).replace("\u3002", ".")
    return ".".join(map(_label, mapped.split(".")))


def _label(label: str) -> str:
    return label if label.isascii() else "xn--" + label.encode("punycode").decode()


def _ipv4(labels: list[str]) -> str | None:
    """Decimal, octal (0…) and hexadecimal (0x…) numbers, the last one filling the rest ("IPv4 parser")."""
    if len(labels) > 4 or not all(map(_NUMBER.fullmatch, labels)):
        return None
    try:
        *first, last = map(_ipv4_number, labels)
        if any(number > 255 for number in first) or last >= 256 ** (5 - len(labels)):
            return None
        return str(IPv4Address(sum(number << 8 * (3 - place) for place, number in enumerate(first)) + last))
    except ValueError:
        return None


def _ipv4_number(text: str) -> int:
    if text[:2].lower() == "0x":
        return int(text[2:] or "0", 16)
    return int(text, 8 if len(text) > 1 and text[0] == "0" else 10)


def _ipv6(text: str) -> str | None:
    try:
        return f"[{IPv6Address(text)}]" if "%" not in text else None
    except AddressValueError:
        return None
