"""What a site's robots.txt allows (RFC 9309). Pure.

Rules of this file: the group that names our product holds, else the one for all (`*`); several such groups are one. The
longest rule that fits decides, and of equal ones the one that allows; `*` stands for anything and `$` for the end.
(The standard library's parser knows neither of them, and shops use both.) `Crawl-delay` is no part of the RFC, but
common: it is read too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

#: As robots.txt files name us: the product token of our User-Agent.
PRODUCT = "consentry"

#: Bytes and lines of a robots.txt that are read (RFC 9309, 2.5, wants 500 KiB at least).
LARGEST = 512 * 1024


@dataclass(frozen=True, slots=True)
class Robots:
    """`rules` are pairs (allows, path pattern); `delay` is in seconds; `sitemaps` are addresses as they stand."""

    rules: tuple[tuple[bool, str], ...] = ()
    delay: float = 0.0
    sitemaps: tuple[str, ...] = ()

    def allows(self, target: str) -> bool:
        """Whether this path and query may be asked for."""
        target = _normal(target)
        fitting = [(len(pattern), allows) for allows, pattern in self.rules if _fits(pattern, target)]
        return max(fitting, default=(0, True))[1]


#: Where there is no such file.
NO_RULES = Robots()

#: Where the file cannot be had for reasons of the server, nothing is allowed (RFC 9309, 2.3.1.4).
FORBIDDEN = Robots(rules=((False, "/"),))


def read_robots(text: str) -> Robots:
    """The rules of a robots.txt that hold for us. Lines that say nothing are passed over."""
    groups: dict[str, list[tuple[bool, str]]] = {}
    delays: dict[str, float] = {}
    sitemaps: list[str] = []
    agents: list[str] = []
    naming = False
    for field, value in _lines(text):
        if field == "sitemap":
            sitemaps.append(value)
        elif field == "user-agent":
            agents = [*agents, value.lower()] if naming else [value.lower()]
            groups.setdefault(value.lower(), [])
        elif field in ("allow", "disallow") and value:
            for agent in agents:
                groups[agent].append((field == "allow", _normal(value)))
        elif field == "crawl-delay" and re.fullmatch(r"[0-9]{1,5}(\.[0-9]+)?", value):
            delays.update(dict.fromkeys(agents, float(value)))
        naming = field == "user-agent" or (naming and field == "sitemap")
    ours = PRODUCT if PRODUCT in groups else "*"
    return Robots(tuple(groups.get(ours, ())), delays.get(ours, 0.0), tuple(sitemaps))


def _lines(text: str) -> Iterable[tuple[str, str]]:
    for line in text.removeprefix("\ufeff").splitlines():
        field, colon, value = line.partition("#")[0].partition(":")
        if colon:
            yield field.strip().lower(), value.strip()


def _normal(path: str) -> str:
    """Percent-encoded the same way on both sides."""
    return quote(unquote_to_bytes(path), safe="/?=&*$!'(),;:@+-._~")


def _fits(pattern: str, target: str) -> bool:
    """Part by part, each where it first stands: linear, whatever the pattern."""
    ends = pattern.endswith("$")
    first, *rest = pattern.removesuffix("$").split("*")
    if not target.startswith(first):
        return False
    at = len(first)
    for part in rest[:-1] if ends else rest:
        found = target.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    if not ends:
        return True
    return at == len(target) if not rest else target.endswith(rest[-1]) and len(target) - len(rest[-1]) >= at
