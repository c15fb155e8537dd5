"""Our own Content-Security-Policy: who a page may make the browser contact, for this visit, as the page leaves.

Rules of this file: one directive, `default-src`, so that no way of contacting somebody has rules of its own; inline
scripts and styles, eval, `data:` and `blob:` stay allowed, since the policy is about hosts alone and must not break a
shop. It goes beside the storefront's policies, never into them: policies intersect, so it can only forbid (CSP 3, 2.2).
Who comes first is admitted while there is room: the shop, granted vendors that were seen, the operator's hosts,
essential vendors that were seen, then granted ones that were not, and essential ones without which a first checkout or
sign-in would fail. A vendor is admitted whole or not at all. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest

from proxy.catalogue.known import Known
from proxy.catalogue.schema import Vendor
from proxy.catalogue.use import InUse
from proxy.catalogue.words import EssentialBecause
from proxy.csp.sources import Lodgers, covered, host_sources, own_sources, reached_by_browsers, vendor_sources
from proxy.model import Decision

#: What the header's value may take, in bytes: front servers hold a whole head in 4 or 8 KB.
LONGEST = 4096
#: From this length on, essential vendors that were not seen are no longer admitted ahead.
AMPLE = 2048

_ALWAYS = ("'self'", "'unsafe-inline'", "'unsafe-eval'", "'wasm-unsafe-eval'", "data:", "blob:")
#: Essential vendors that scripts start in one step of a purchase, perhaps on no page seen so far.
_AHEAD = (
    EssentialBecause.PAYMENT,
    EssentialBecause.CAPTCHA,
    EssentialBecause.FRAUD,
    EssentialBecause.SIGN_IN,
    EssentialBecause.SECURITY,
)


@dataclass(frozen=True, slots=True)
class Composed:
    """The policy without `report-uri`, and the keys (or hosts) that the site needs and that had no room."""

    policy: bytes
    left_out: tuple[str, ...]

    def reporting_to(self, url: str) -> bytes:
        """The policy of a view whose browser is asked for reports."""
        return self.policy + _reports(url)


def compose(
    use: InUse,
    lodgers: Lodgers,
    decisions: Mapping[str, Decision],
    *,
    own: Iterable[str],
    seen: Mapping[str, Iterable[str]],
    report_to: str,
) -> Composed:
    """The policy for a visit with these decisions.

    `own` are the shop's hosts. `seen` holds, by key of a vendor, the hosts of its that pages or browsers were seen to
    need. There will be room for `report-uri report_to`.
    """
    room = LONGEST - len(_reports(report_to))
    written = _Written((*_ALWAYS, *own_sources(own)))
    essential = use.essential
    granted = {
        key: vendor_sources(vendor, decisions, lodgers)
        for key, vendor in sorted(use.vendors.items())
        if decisions[key].allowed and not vendor.essential and reached_by_browsers(vendor)
    }
    needed = [(key, sources) for key, sources in granted.items() if key in seen]
    needed += [(host, host_sources((host,))) for host in sorted(use.allow)]
    needed += [
        (key, (*vendor_sources(essential[key], decisions, lodgers), *seen[key]))
        for key in sorted(essential.keys() & seen.keys())
    ]
    left_out = [name for name, sources in needed if not written.add(sources, room)]
    for key, sources in granted.items():
        if key not in seen:
            written.add(sources, room)
    for vendor in _unseen(essential, seen):
        written.add(vendor_sources(vendor, decisions, lodgers), AMPLE - len(_reports(report_to)))
    return Composed(b"default-src " + " ".join(written.sources).encode(), tuple(left_out))


def _unseen(essential: Mapping[str, Vendor | Known], seen: Mapping[str, object]) -> Iterator[Vendor | Known]:
    """One of each kind in turn, so that many of one kind leave room for the others; the described first."""
    fresh = [vendor for key, vendor in essential.items() if key not in seen]
    kinds = ([vendor for vendor in fresh if vendor.essential_because is reason] for reason in _AHEAD)
    return (vendor for turn in zip_longest(*kinds) for vendor in turn if vendor is not None)


def _reports(url: str) -> bytes:
    return b"; report-uri " + url.encode()


class _Written:
    """The sources written so far, and how long the directive is with them."""

    def __init__(self, sources: Iterable[str]) -> None:
        self.sources = dict.fromkeys(sources)
        self._length = len("default-src") + _length(self.sources)

    def add(self, sources: Iterable[str], room: int) -> bool:
        """Write what no source written covers; False, and nothing written, where it makes more than `room`."""
        fresh: list[str] = []
        for source in sources:
            if not covered(source, self.sources) and not covered(source, fresh):
                fresh.append(source)
        if self._length + _length(fresh) > room:
            return False
        self.sources |= dict.fromkeys(fresh)
        self._length += _length(fresh)
        return True


def _length(sources: Iterable[str]) -> int:
    return sum(1 + len(source) for source in sources)
