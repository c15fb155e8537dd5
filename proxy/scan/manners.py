"""How a site is asked: where it is found, what of it robots.txt allows, and how much time passes between two requests.

Rules of this file: robots.txt of an origin is read before anything else of it. The first page may lead to another host
of the same registrable domain (from `shop.example` to `www.shop.example`): that is then the site. Where robots.txt
cannot be had because the server fails, nothing is allowed (RFC 9309, 2.3.1.4); a site's operator may say otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

from proxy.catalogue.suffixes import registrable
from proxy.scan.address import origin_of, page_address
from proxy.scan.fetch import CannotFetch, Fetched
from proxy.scan.robots import FORBIDDEN, LARGEST, NO_RULES, Robots, read_robots

#: Redirects followed to the first page and to robots.txt.
HOPS = 5

#: Seconds of a `Crawl-delay` that are kept to; a longer one would end most scans after a few pages.
LONGEST_DELAY = 10.0

#: Asks for an address; of the body at most so many bytes. Raises `CannotFetch`.
Get = Callable[[str, int], Fetched]


class CannotScan(Exception):
    """There is nothing to scan. `mend`: what would help."""

    def __init__(self, message: str, mend: str = "") -> None:
        self.message, self.mend = message, mend
        super().__init__(message)


@dataclass
class Manners:
    """Everything that a scan asks for goes through here. `origin` is known once it arrived.

    `pause`: seconds between two requests, or as many as robots.txt asks for, if that is more.
    """

    get: Get
    sleep: Callable[[float], None]
    pause: float
    ignore_robots: bool
    origin: str = ""
    robots: Robots = NO_RULES
    notes: list[str] = field(default_factory=list)
    _asked: bool = field(default=False, init=False)

    def ask(self, address: str, largest: int) -> Fetched:
        """Raises `CannotFetch`."""
        if self._asked:
            self.sleep(max(self.pause, min(self.robots.delay, LONGEST_DELAY)))
        self._asked = True
        return self.get(address, largest)

    def may(self, address: str) -> bool:
        """Whether robots.txt lets this address of the site be asked for."""
        parts = urlsplit(address)
        return self.robots.allows((parts.path or "/") + (f"?{parts.query}" if parts.query else ""))

    def arrive(self, start: str, largest: int) -> tuple[str, Fetched]:
        """The page that the start leads to: on what is from now on the site's origin. Raises `CannotScan`."""
        address = page_address(start)
        for _ in range(HOPS + 1):
            if origin_of(address) != self.origin:
                self.origin = origin_of(address)
                self.robots = NO_RULES if self.ignore_robots else self._read_robots()
            if not self.may(address):
                raise CannotScan(f"robots.txt of {self.origin} forbids {address}.", _IF_YOURS)
            try:
                fetched = self.ask(address, largest)
            except CannotFetch as error:
                raise CannotScan(f"{address} does not answer: {error}.", "Is it right, and up?") from None
            if fetched.leads_to is None:
                return address, fetched
            there = urljoin(address, fetched.leads_to)
            if not same_site(address, there):
                raise CannotScan(f"{address} leads to {there}, which is another site.", "If that is meant, scan it.")
            address = page_address(there)
        raise CannotScan(f"{start} leads on and on, more than {HOPS} times.")

    def _read_robots(self) -> Robots:
        address = f"{self.origin}/robots.txt"
        try:
            for _ in range(HOPS + 1):
                fetched = self.ask(address, LARGEST)
                there = urljoin(address, fetched.leads_to or "")
                if fetched.leads_to is None or not same_site(address, there):
                    break
                address = there
        except CannotFetch:
            return NO_RULES  # nobody is there, as the page itself will say
        if fetched.status >= 500:
            self.notes.append(f"{address} answers {fetched.status}: until it can be read, nothing may be asked for.")
            return FORBIDDEN
        if fetched.status != 200:
            return NO_RULES
        robots = read_robots(fetched.body.decode("utf-8", "replace"))
        if robots.delay > LONGEST_DELAY:
            self.notes.append(f"robots.txt asks for pauses of {robots.delay:g} seconds; {LONGEST_DELAY:g} were kept.")
        return robots


_IF_YOURS = "Begin with a page that it allows or, if the site is yours, pass --ignore-robots."


def same_site(one: str, other: str) -> bool:
    """Whether two addresses are of one registrable domain, or else of one host (an IP address, localhost)."""
    try:
        hosts = [urlsplit(origin_of(address)).hostname or "" for address in (one, other)]
    except ValueError:
        return False
    domains = {registrable(host) for host in hosts}
    return hosts[0] == hosts[1] or (len(domains) == 1 and None not in domains)
