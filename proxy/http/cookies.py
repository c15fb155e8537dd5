"""Vendors' own cookies: which of a visit's belong to a denied vendor, and how a browser is made to forget them.

Rules: only first-party cookies that a vendor's file lists are a vendor's (the files may list distinctive names alone);
one that two vendors list is denied only where both are. Everything else is the shop's and is passed on as it came.
"""

from __future__ import annotations

import ipaddress
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import lru_cache

from proxy.catalogue.schema import Vendor
from proxy.catalogue.suffixes import registrable

#: Bytes of Set-Cookie lines that one answer spends on forgetting; what is left over is forgotten with the next ones.
#: Front servers buffer heads of 4 KB.
EXPIRY_BYTES = 2048


class VendorCookies:
    """The cookie names of the vendors in use, looked up by name. Built once."""

    def __init__(self, vendors: Iterable[Vendor]) -> None:
        self._names: defaultdict[str, set[str]] = defaultdict(set)
        self._starts: defaultdict[str, set[str]] = defaultdict(set)
        for vendor in vendors:
            for cookie in vendor.cookies:
                if cookie.party == "first":
                    table = self._starts if cookie.name.endswith("*") else self._names
                    table[cookie.name.removesuffix("*")].add(vendor.key)
        self._lengths = sorted({len(start) for start in self._starts})

    def owners(self, name: str) -> frozenset[str]:
        """The keys of the vendors whose cookie this is; empty for the shop's own."""
        found = set(self._names.get(name, ()))
        for length in self._lengths:
            found |= self._starts.get(name[:length], set()) if length <= len(name) else set()
        return frozenset(found)

    def denied(self, name: str, allowed: Collection[str]) -> bool:
        """Whether this is a vendor's cookie, and of no vendor that is allowed."""
        owners = self.owners(name)
        return bool(owners) and owners.isdisjoint(allowed)


def pairs(lines: Iterable[bytes]) -> Iterator[tuple[str, bytes]]:
    """Name and whole pair of each cookie of Cookie headers, in order (RFC 6265bis 5.8.3); empty ones left out."""
    for line in lines:
        for pair in line.split(b";"):
            pair = pair.strip(b" \t")
            if pair:
                name, equals, _ = pair.partition(b"=")
                yield (name.strip(b" \t").decode("latin-1") if equals else ""), pair


def cookie_header(
    lines: Sequence[bytes], vendor_cookies: VendorCookies, allowed: Collection[str], ours: Collection[str]
) -> bytes | None:
    """One Cookie value for the storefront: without denied vendors' cookies and without `ours` (the consent cookie is
    between the browser and us; the storefront is told Consentry-Consent). None where nothing is left."""
    kept = [pair for name, pair in pairs(lines) if name not in ours and not vendor_cookies.denied(name, allowed)]
    return b"; ".join(kept) or None


def denied_names(lines: Iterable[bytes], vendor_cookies: VendorCookies, allowed: Collection[str]) -> tuple[str, ...]:
    """The denied vendors' cookies that a visit carries, each once."""
    return tuple(dict.fromkeys(name for name, _ in pairs(lines) if vendor_cookies.denied(name, allowed)))


def set_cookie_denied(value: bytes, vendor_cookies: VendorCookies, allowed: Collection[str]) -> bool:
    """Whether a Set-Cookie of the storefront sets a denied vendor's cookie. One that expires it may pass."""
    pair, _, attributes = value.partition(b";")
    name = pair.partition(b"=")[0].strip(b" \t").decode("latin-1")
    if not vendor_cookies.denied(name, allowed):
        return False
    ages = [_AT_ONCE.fullmatch(attribute) for attribute in attributes.split(b";") if _AGE.match(attribute)]
    return not ages or ages[-1] is None


#: Max-Age, the last of which counts (RFC 6265bis, 5.7), and one that says "at once".
_AGE = re.compile(rb"[ \t]*max-age[ \t]*=", re.I)
_AT_ONCE = re.compile(_AGE.pattern + rb"[ \t]*(?:0+|-[0-9]+)[ \t]*", re.I)


def expiries(names: Sequence[str], host: str, *, secure: bool) -> list[bytes]:
    """Set-Cookie values that make a browser forget `names`, host-only and on every domain that `host` may write to.

    `host` is the site's, without a port. At most `EXPIRY_BYTES`, but whole names.
    """
    places = ["", *(f"; Domain={domain}" for domain in domains(host))]
    found: list[bytes] = []
    for name in names:
        needs_secure = secure or name.lower().startswith(("__secure-", "__host-"))
        start = f"{name}=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/"
        lines = [f"{start}{place}{'; Secure' * needs_secure}".encode("latin-1") for place in places]
        if found and sum(map(len, found)) + sum(map(len, lines)) > EXPIRY_BYTES:
            break
        found += lines
    return found


@lru_cache(256)
def domains(host: str) -> tuple[str, ...]:
    """The domains whose cookies a page of `host` may set: itself and its parents down to the registrable one.

    None for an address or a name without a registrable domain (`localhost`). The Public Suffix List says what that is.
    """
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        pass
    else:
        return ()
    own = registrable(host)
    if own is None or "." not in host:
        return ()
    labels = host.split(".")
    all_parents = (".".join(labels[start:]) for start in range(len(labels)))
    return tuple(parent for parent in all_parents if parent == own or parent.endswith(f".{own}"))
