"""Whom a policy of ours admits: a vendor's patterns as the host sources of a Content-Security-Policy (CSP 3, 2.3.1).

Rules of this file: a source is as narrow as the pattern where the policy's language allows it, else wider, never
narrower but in one point: `*.host` is written only where everything below the host is the vendor's to give away: not
below a public suffix (what lies there is other people's), and not where a vendor lives that this visit denies (there,
`www.` is). Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from ipaddress import AddressValueError, IPv4Address

from proxy.catalogue.known import Known
from proxy.catalogue.match import pattern_parts
from proxy.catalogue.schema import Pattern, Vendor
from proxy.catalogue.suffixes import registrable
from proxy.catalogue.use import InUse
from proxy.model import Decision, Reach


class Lodgers:
    """Who lives below a host: the vendors with patterns on its subdomains."""

    def __init__(self, use: InUse) -> None:
        self._use = use
        self._below: dict[str, list[str]] = {}
        for host in use.matcher.hosts:
            above = host.partition(".")[2]
            while above:
                self._below.setdefault(above, []).append(host)
                above = above.partition(".")[2]

    def denied(self, host: str, decisions: Mapping[str, Decision]) -> bool:
        """Whether one of them is denied (or not in use)."""
        return any(
            not match.link and not self._use.decision(match.vendor, decisions).allowed
            for lower in self._below.get(host, ())
            for match in self._use.matcher.under(lower)
        )


def reached_by_browsers(vendor: Vendor | Known) -> tuple[Pattern, ...]:
    """What of an allowed vendor a browser asks for itself; the rest goes through us or is not asked for at all."""
    if vendor.essential or vendor.reach is Reach.DIRECT:
        return vendor.technical.match
    return vendor.technical.embed


def vendor_sources(vendor: Vendor | Known, decisions: Mapping[str, Decision], lodgers: Lodgers) -> tuple[str, ...]:
    """The sources for what browsers ask this allowed vendor for, without those that others of them cover.

    Of essential vendors the subdomains of hosts that are subdomains themselves are left out: those that a shop needs
    are seen.
    """
    places: dict[str, list[str]] = {}
    for pattern in reached_by_browsers(vendor):
        host, path, _ = pattern_parts(pattern)
        places.setdefault(host, []).extend(_paths(path))
    found: list[str] = []
    for host, paths in sorted(places.items(), key=lambda place: place[0].count(".")):
        if covered(host, found):
            continue
        domain = registrable(host)
        below = domain is not None and (domain == host or not vendor.essential)
        for path in [""] if "" in paths else dict.fromkeys(paths):
            found.append(host + path)
            if below:
                narrow = not path and lodgers.denied(host, decisions)
                found.append(f"www.{host}" if narrow else f"*.{host}{path}")
    return tuple(found)


def _paths(path: str) -> Iterator[str]:
    """What a source's path must be for a pattern's: one that ends in a slash is a prefix, another is that path alone.

    Empty: any path. A file's own address has nothing below it.
    """
    fixed, star, _ = path.partition("*")
    if star:
        fixed = fixed[: fixed.rfind("/") + 1]
    exact = fixed.removesuffix("$")
    if exact in ("", "/") and exact == fixed:
        yield ""
        return
    quoted = exact.replace(";", "%3B").replace(",", "%2C")
    yield quoted
    if exact == fixed and not exact.endswith("/") and "." not in exact.rpartition("/")[2]:
        yield f"{quoted}/"


def host_sources(hosts: Iterable[str]) -> tuple[str, ...]:
    """Hosts and all below them, on the ports of their schemes: what the operator allows."""
    return tuple(source for host in hosts for source in (host, f"*.{host}"))


def own_sources(hosts: Iterable[str]) -> tuple[str, ...]:
    """The shop's own hosts and all below them, on any port; an address in numbers has nothing below it."""
    found: list[str] = []
    for host in sorted(hosts):
        if host.startswith("["):
            continue  # the policy's language has no IPv6 addresses; 'self' is the page's own all the same
        found.append(f"{host}:*")
        if not _is_number(host):
            found.append(f"*.{host}:*")
    return tuple(found)


def _is_number(host: str) -> bool:
    try:
        IPv4Address(host)
    except AddressValueError:
        return False
    return True


def covered(source: str, sources: Collection[str]) -> bool:
    """Whether what this source (a host, perhaps with `*.` and a path) admits is admitted by one of these already."""
    place = source.partition("/")[0]
    if source in sources or place in sources:
        return True
    above = place.removeprefix("*.")
    while dot := above.find(".") + 1:
        above = above[dot:]
        if f"*.{above}" in sources:
            return True
    return False
