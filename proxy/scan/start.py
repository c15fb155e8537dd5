"""The settings that a scan suggests, as a whole `consentry.toml` with comments. Pure.

Rules of this file: every setting stands in it, at a careful value or as a comment; what nobody but the shop can know
stands in `<…>`, which `consentry check` refuses until it is filled in. Nothing of a page gets into the file but as a
TOML string, or in a comment as printable text on one line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from functools import cache
from typing import NamedTuple
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined

from proxy.catalogue.load import Catalogue
from proxy.catalogue.schema import Vendor
from proxy.catalogue.suffixes import registrable
from proxy.model import Reach
from proxy.scan.findings import Found, Kind, Party
from proxy.toml_problems import toml_value

#: Unknown hosts that are listed, those on most pages first.
_HOSTS = 60
#: Paths where a visitor fills in what must not be lost, as shops call them.
_FORMS = ("checkout", "cart", "basket", "kasse", "warenkorb", "panier", "commande", "carrito", "checkouts", "order")
_LONGEST = 100


class _Line(NamedTuple):
    """Somebody who was seen, and what is said of it."""

    key: str
    what: str


class _Table(NamedTuple):
    """`[vendor.KEY]` of a vendor in use."""

    key: str
    lines: tuple[str, ...]


def start_settings(found: Found, catalogue: Catalogue, storefront: str | None, day: date) -> str:
    """The file. `storefront`: the web server behind the proxy, as the operator names it; None where nobody has."""
    about, own = found.about, urlsplit(found.site)
    public = found.site if own.scheme == "https" else about.origin
    if public is None or urlsplit(public).scheme != "https":
        public = "https://<shop.example>"
    used = [party for party in found.parties if party.kind is Kind.DESCRIBED and not party.essential]
    vendors = [catalogue.vendors[party.key] for party in used if party.key]
    behind = storefront or (found.site if own.scheme == "http" else "http://<127.0.0.1:3000>")
    return (
        _environment()
        .get_template("consentry.toml")
        .render(
            site=_plain(found.site),
            day=day,
            pages=_pages(len(found.read)),
            origin=public,
            storefront=behind,
            name=about.name or "<the company, as in the imprint>",
            address="<its postal address>",
            email=about.email or "<privacy@shop.example>",
            policy=about.policy or "/<privacy-policy>",
            domain=(urlsplit(public).hostname or "").removeprefix("www."),
            quiet=_quiet(found),
            used=_lines(used, found),
            known=_lines((one for one in found.parties if one.kind is Kind.KNOWN and not one.essential), found),
            unknown=_lines([one for one in found.unknown_hosts if not _is_own(one, public)][:_HOSTS], found),
            tables=[_Table(vendor.key, lines) for vendor in vendors if (lines := tuple(_settled(vendor)))],
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("proxy.scan"),
        autoescape=False,  # noqa: S701  (TOML; `toml` and `_plain` escape)
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
        auto_reload=False,
    )
    environment.globals["toml"] = toml_value
    return environment


def _lines(parties: Iterable[Party], found: Found) -> list[_Line]:
    return [_Line(party.label, _plain(_said(party, len(found.read)))) for party in parties]


def _is_own(party: Party, public: str) -> bool:
    """Whether a host is the shop's, where the scan went to its server by another name."""
    domain = registrable(urlsplit(public).hostname or "")
    return domain is not None and registrable(party.name) == domain


def _said(party: Party, pages: int) -> str:
    name = f"{party.name}, " if party.key else ""
    looks = "looks like " if party.kind is Kind.UNKNOWN else ""
    what = f"{looks}{' and '.join(party.categories)}, " if party.categories else ""
    return f"{name}{what}on {len(party.pages)} of {_pages(pages)}"


def _settled(vendor: Vendor) -> Iterator[str]:
    """What a shop that uses this vendor must say, or may."""
    if vendor.reach is Reach.DIRECT and not vendor.technical.embed:
        yield "direct = true                   # browsers reach it themselves: it sees visitors' full IP addresses"
    for account in vendor.technical.accounts:
        yield f'# {account} = "…"'


def _quiet(found: Found) -> list[str]:
    first = (f"/{urlsplit(page.address).path.split('/')[1]}" for page in found.pages)
    return sorted({path for path in first if path.lower().strip("/") in _FORMS})


def _plain(text: str) -> str:
    """What may stand in a comment: printable, on one line, no longer than one look."""
    shown = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}…"


def _pages(count: int) -> str:
    return "1 page" if count == 1 else f"{count} pages"
