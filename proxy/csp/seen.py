"""Which vendors a site was seen to need: by its pages' tags, or by what browsers report as blocked.

Rules of this file: being seen makes nobody allowed, so whoever can put a host here (a page, a forged report) opens
nothing that a tag on a page could not. What could not stand in a header is no host. Bounded; what pages did not need
for longest is forgotten first, and reports make nobody forgotten.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping

#: Hosts remembered. A shop needs some dozens.
REMEMBERED = 512

_HOST = re.compile(r"(?:[a-z0-9_-]{1,63}\.)+[a-z0-9-]{2,63}")


class Seen:
    """The memory of one site in one process."""

    def __init__(self) -> None:
        self._hosts: OrderedDict[str, str] = OrderedDict()
        self._vendors: Mapping[str, tuple[str, ...]] = {}

    def note(self, host: str, key: str) -> None:
        """A page needs this host of the vendor `key`."""
        if host in self._hosts:
            self._hosts.move_to_end(host)
        elif _HOST.fullmatch(host):
            if len(self._hosts) >= REMEMBERED:
                self._hosts.popitem(last=False)
            self._hosts[host] = key
            self._vendors = _by_vendor(self._hosts)

    def hear(self, host: str, key: str) -> None:
        """A browser says so: remembered while there is room."""
        if host not in self._hosts and len(self._hosts) < REMEMBERED:
            self.note(host, key)

    @property
    def vendors(self) -> Mapping[str, tuple[str, ...]]:
        """The hosts by vendor, both sorted; the very same mapping until somebody new is noted."""
        return self._vendors


def _by_vendor(hosts: Mapping[str, str]) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for host, key in sorted(hosts.items()):
        found[key] = (*found.get(key, ()), host)
    return found
