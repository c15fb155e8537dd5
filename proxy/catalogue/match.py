"""URL -> vendor, in about a microsecond whatever the number of vendors.

Rules of this file. A pattern is `host`, `host/path`, `host/path?query`:
- The host matches itself and all below it, on label boundaries: `youtube.com` is not `notyoutube.com`.
- The path is a prefix. One that ends in a letter or digit ends a segment too: `/tr` matches `/tr`, `/tr/` and
  `/tr?id=1`, not `/travel`. `*` stands for any run of characters of the path, so `/tr*` matches `/travel`; a final `$`
  ends the path. Percent-encoded letters and digits are the letters and digits that they encode (RFC 3986, 6.2.2.2).
- The query is one test or several joined by `&`, and all must hold. `id=G-*`: some parameter `id` has such a value;
  `id`: there is some parameter `id`.
The most specific pattern wins: the longest host, then the longest path, then the longest query test.

One dictionary from host to its patterns, walked from the whole host up; the patterns of a host are one regular
expression, most specific first, without backtracking: the time is linear in the length of the URL.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import chain, groupby
from typing import Generic, TypeVar

from proxy.catalogue.known import Known
from proxy.catalogue.schema import Pattern, Vendor
from proxy.catalogue.url import split_url

T = TypeVar("T")
_Test = Callable[[str], re.Match[str] | None]


class Destination(StrEnum):
    """What a browser wants to do with the answer: the lists of `[technical.relay]`."""

    SCRIPT = "script"
    STYLE = "style"
    FONT = "font"
    IMAGE = "image"
    BEACON = "beacon"


@dataclass(frozen=True, slots=True)
class Match:
    """The vendor that a URL belongs to, by which of its patterns; `link`: a page that visitors open themselves."""

    vendor: Vendor | Known
    pattern: Pattern
    link: bool


class Matcher:
    """All described vendors by their `match` and `links` patterns, then the known ones by their domains. Immutable.

    Where a vendor speaks of itself (`policy`, `opt_out`) is a link of its, too: shops' privacy policies lead there.
    """

    def __init__(self, vendors: Iterable[Vendor], known: Iterable[Known] = ()) -> None:
        described = (
            (pattern, Match(vendor, pattern, link))
            for link in (False, True)
            for vendor in sorted(vendors, key=lambda vendor: vendor.key)
            for pattern in ((*vendor.technical.links, *_own_pages(vendor)) if link else vendor.technical.match)
        )
        undescribed = ((domain, Match(one, domain, False)) for one in known for domain in one.domains)
        self._table = _Table(chain(described, undescribed))

    @property
    def hosts(self) -> tuple[str, ...]:
        """Every host that some pattern names, sorted: what to search a text for."""
        return tuple(sorted(self._table.hosts))

    def find(self, host: str, target: str) -> Match | None:
        """The vendor that is contacted by asking `host` (lower case, no port, no trailing dot) for `target`."""
        return self._table.find(host, target)

    def under(self, host: str) -> tuple[Match, ...]:
        """Every match that some URL of this host can have: for where only a part of a URL is known."""
        return self._table.under(host)


def _own_pages(vendor: Vendor) -> Iterator[Pattern]:
    """The addresses of its policy and opt-out, where they stand on a host that its `match` patterns name."""
    hosts = {pattern_parts(pattern)[0] for pattern in vendor.technical.match}
    for url in filter(None, (vendor.policy, vendor.opt_out)):
        split = split_url(url, url)
        if split is not None and any(f".{split.host}".endswith(f".{host}") for host in hosts):
            path = split.target.partition("?")[0].rstrip("/")
            yield f"{split.host}{path}" if path else f"{split.host}/$"


def relays(vendor: Vendor | Known, destination: Destination, host: str, target: str) -> bool:
    """Whether the vendor's file lists this request among those that may pass through us."""
    return matches(getattr(vendor.technical.relay, destination.value), host, target)


def embeds(vendor: Vendor | Known, host: str, target: str) -> bool:
    """Whether a frame of this URL gets a placeholder page when it is cut, and a script makes such frames."""
    return matches(vendor.technical.embed, host, target)


def matches(patterns: tuple[Pattern, ...], host: str, target: str) -> bool:
    """Whether any of these patterns fits."""
    return bool(patterns) and _table_of(patterns).find(host, target) is not None


@lru_cache(maxsize=4096)
def _table_of(patterns: tuple[Pattern, ...]) -> _Table[Pattern]:
    return _Table((pattern, pattern) for pattern in patterns)


def pattern_parts(pattern: Pattern) -> tuple[str, str, tuple[str, ...]]:
    """Host, path and sorted query tests: two patterns with the same parts match the same URLs."""
    place, _, query = pattern.partition("?")
    host, slash, path = place.partition("/")
    path = slash + path
    return host, "/" if path == "/*" else path, tuple(sorted(filter(None, query.split("&"))))


class _Table(Generic[T]):
    """Values by pattern. Of patterns with the same parts the first one given wins."""

    def __init__(self, pairs: Iterable[tuple[Pattern, T]]) -> None:
        by_host: dict[str, list[tuple[str, tuple[str, ...], T]]] = {}
        for pattern, value in pairs:
            host, path, query = pattern_parts(pattern)
            by_host.setdefault(host, []).append((path, query, value))
        self.hosts = by_host.keys()
        self._rows = {host: _row(entries) for host, entries in by_host.items()}

    def find(self, host: str, target: str) -> T | None:
        rows = self._rows
        while True:
            row = rows.get(host)
            if row is not None:
                test, values = row
                if test is None:
                    return values[0]
                found = test(_normal(target) if "%" in target else target)
                if found is not None:
                    return values[(found.lastindex or 1) - 1]
            dot = host.find(".")
            if dot < 0:
                return None
            host = host[dot + 1 :]

    def under(self, host: str) -> tuple[T, ...]:
        found: list[T] = []
        while host:
            if host in self._rows:
                found += self._rows[host][1]
            host = host.partition(".")[2]
        return tuple(found)


def _row(entries: list[tuple[str, tuple[str, ...], T]]) -> tuple[_Test | None, list[T]]:
    """One test for all patterns of a host, most specific first: the number of the group that matched is the value's.

    None where the most specific one takes everything."""
    entries = sorted(entries, key=lambda entry: (-_length(entry[0]), -sum(map(_length, entry[1])), entry[0]))
    values = [value for _, _, value in entries]
    path, query, _ = entries[0]
    if not path and not query:
        return None, values
    by_path = groupby(entries, key=lambda entry: entry[0])  # a path that several query tests follow is read once
    alternatives = (
        f"{_path(path)}(?:{'|'.join(f'({_query(query)})' for _, query, _ in same)})" for path, same in by_path
    )
    return re.compile("|".join(alternatives), re.S).match, values


def _length(text: str) -> int:
    """How much a path or a query test asks for: its characters but the wildcards."""
    return len(text) - text.count("*")


def _path(path: str) -> str:
    body, end = path, ""
    if path.endswith("$"):
        body, end = path[:-1], r"(?=\?|\Z)"
    elif path[-1:].isalnum():
        end = r"(?=[/;?]|\Z)"
    return _glob(body, "[^?]", end)


def _query(tests: tuple[str, ...]) -> str:
    return "".join(rf"(?=[^?]*+\?(?:[^&]*+&)*?{_parameter(test)})" for test in tests)


def _parameter(test: str) -> str:
    name, equals, value = test.partition("=")
    end = r"(?=&|\Z)"
    if not equals:
        return re.escape(name) + r"(?=[=&]|\Z)"
    return re.escape(name) + "=" + _glob(value, "[^&]", end)


def _glob(text: str, character: str, end: str) -> str:
    """A regular expression for a text with `*`: each literal after a `*` is taken where it first stands, for good."""
    first, *rest = text.split("*")
    if not rest:
        return re.escape(first) + end
    middle = "".join(f"(?>{character}*?{re.escape(part)})" for part in rest[:-1] if part)
    last = f"(?>{character}*?{re.escape(rest[-1])}{end})" if rest[-1] else ""
    return re.escape(first) + middle + last


_ENCODED = re.compile(r"%([0-7][0-9A-Fa-f])")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_SEPARATORS = frozenset("&=#%+")


def _normal(target: str) -> str:
    """The target with percent-encoded characters decoded: in the path the unreserved ones, in the query all that do
    not separate parameters."""
    path, mark, query = target.partition("?")
    return _ENCODED.sub(_decode_path, path) + mark + _ENCODED.sub(_decode_query, query)


def _decode_path(found: re.Match[str]) -> str:
    char = chr(int(found[1], 16))
    return char if char in _UNRESERVED else found[0]


def _decode_query(found: re.Match[str]) -> str:
    char = chr(int(found[1], 16))
    return found[0] if char in _SEPARATORS else char
