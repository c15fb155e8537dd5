"""Who could have registered a host: the Public Suffix List (publicsuffix.org), read once for a process.

A top-level domain that the list does not name is a public suffix, too (the list's own algorithm).
"""

from __future__ import annotations

from functools import lru_cache

from publicsuffixlist import PublicSuffixList


@lru_cache(maxsize=2)
def _list(only_registries: bool) -> PublicSuffixList:
    return PublicSuffixList(only_icann=only_registries)


def registrable(host: str) -> str | None:
    """The domain that somebody registered (acme.co.uk for cdn.acme.co.uk); None for a public suffix itself.

    What platforms hand out to their customers (myshopify.com) counts as a suffix: two shops there are two sites.
    """
    found: str | None = _list(False).privatesuffix(host)
    return found


def is_registrys(host: str) -> bool:
    """Whether a registry hands out names directly under this host (com, co.uk): then it is no one company's."""
    return _list(True).privatesuffix(host) is None
