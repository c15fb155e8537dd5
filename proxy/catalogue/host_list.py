"""An operator's own list of hosts to cut -> rows of known companies, for `consentry vendors import`.

Rules of this file: it reads what such lists are written in: a host a line, hosts files (`0.0.0.0 host`), dnsmasq
(`address=/host/`), and of the syntax of Adblock Plus the rules that name a whole domain (`||host^`). What says less or
more than a host (paths, exceptions, cosmetic rules) is passed over and counted. A host that belongs to somebody who is
described or known already stays theirs: a longer name in a list would take it from them.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from proxy.catalogue.known import COLUMNS
from proxy.catalogue.match import Matcher
from proxy.catalogue.schema import is_pattern
from proxy.catalogue.suffixes import is_registrys, registrable
from proxy.model import Category

_LINES = (
    re.compile(r"(?:0\.0\.0\.0|127\.0\.0\.1|::1?|\[::1?\])\s+(\S+)\s*(?:#.*)?\Z"),
    re.compile(r"\|\|([^/^|*$]+)\^?(?:\$(?:third-party|3p|all|important|,)+)?\Z"),
    re.compile(r"(?:address|server|local)=/([^/]+)/\S*\Z"),
    re.compile(r"(?:\*\.)?([^\s/|*$^@#!=,\"]+)(?:\s+#.*)?\Z"),
)
#: Names of the machine itself, which stand at the top of every hosts file.
_LOCAL = frozenset("localhost localhost.localdomain local broadcasthost ip6-localhost ip6-loopback 0.0.0.0".split())


@dataclass(frozen=True)
class HostList:
    """What a list came to. `hosts` are new; `theirs` belong to somebody already, by host; `passed` are the numbers of
    lines that name no whole host."""

    hosts: tuple[str, ...]
    theirs: Mapping[str, str] = field(default_factory=dict)
    passed: tuple[int, ...] = ()


def read_hosts(text: str, matcher: Matcher) -> HostList:
    """The hosts of a list, in its order, each once; a host below another one of the list is left out."""
    hosts: dict[str, None] = {}
    theirs: dict[str, str] = {}
    passed: list[int] = []
    for number, line in enumerate(text.splitlines(), 1):
        host = _host(line.strip())
        if host is None:
            passed.append(number)
        elif host and host not in _LOCAL:
            match = matcher.find(host, "/")
            if match is None:
                hosts[host] = None
            else:
                theirs[host] = match.vendor.key
    return HostList(tuple(host for host in hosts if not _below(host, hosts)), theirs, tuple(passed))


def _host(line: str) -> str | None:
    """The host that a line names; empty for a comment, None for what is something else."""
    if not line or line[0] in "!#;[" or line.startswith("//"):
        return ""
    for shape in _LINES:
        if (found := shape.match(line)) is not None:
            host = _ascii(found[1].rstrip(".").lower())
            return host if host in _LOCAL or (is_pattern(host) and "/" not in host and not is_registrys(host)) else None
    return None


def _ascii(host: str) -> str:
    try:
        return host.encode("idna").decode() if not host.isascii() else host
    except UnicodeError:
        return ""


def _below(host: str, hosts: Mapping[str, None]) -> bool:
    _, dot, above = host.partition(".")
    while dot:
        if above in hosts:
            return True
        _, dot, above = above.partition(".")
    return False


def rows(hosts: Sequence[str], name: str, category: Category) -> str:
    """The text of a file of known companies: a row a registrable domain, under keys that begin with `name`."""
    written = io.StringIO()
    lines = csv.writer(written, lineterminator="\n")
    lines.writerow(COLUMNS)
    for domain, below in _by_domain(hosts):
        lines.writerow((f"{name}-{_key(domain)}", domain, f"listed in {name}", category, "", " ".join(below)))
    return written.getvalue()


def _by_domain(hosts: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    domains: dict[str, list[str]] = {}
    for host in hosts:
        domains.setdefault(registrable(host) or host, []).append(host)
    return iter(sorted(domains.items()))


def _key(domain: str) -> str:
    """Different for different domains: a hyphen of the domain's own becomes a word."""
    return re.sub(r"-+", "-dash-", domain).replace(".", "-").replace("_", "-low-").strip("-")
