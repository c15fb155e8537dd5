"""`consentry explain`: whose a URL or a snippet is, and what would become of it for three visitors.

The answer is the rewriting's own: a tag is made of the URL, rewritten, and its report read.
"""

from __future__ import annotations

import html
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlsplit

import typer
from rich.table import Table

from proxy.catalogue.known import Known
from proxy.catalogue.match import Match
from proxy.catalogue.schema import Vendor
from proxy.catalogue.url import Split, split_url
from proxy.cli.console import out, print_facts, print_json
from proxy.cli.deciding import deciding
from proxy.cli.options import AsJson, ConfigFile, Loaded, VendorDirs, load_all
from proxy.cli.pages import DEFAULT_SITE, Rewriting, first_party, read_grant, rewritten, web_address
from proxy.errors import Problem, Refused
from proxy.html.page import CannotRewrite, TagReport
from proxy.http.charset import CannotRead
from proxy.model import Standing

_UNKNOWN_ADVICE = (
    "No vendor file describes it. Save the vendor's own snippet as snippet.html, and start one with:  "
    "consentry vendors new KEY --from-snippet snippet.html"
)

#: `mailto:` and `https://` start with a scheme, `localhost:3000` does not.
_WITH_SCHEME = re.compile(r"//|[a-z][a-z0-9+.-]*:(?![0-9])", re.I)

#: The tags that a URL is tried in. In a script it is what fetch, sendBeacon and loaders name.
_TAGS: dict[str, Callable[[str], str]] = {
    "<script>": lambda url: f'<script src="{html.escape(url)}"></script>',
    "in a script": lambda url: "<script>fetch({})</script>".format(json.dumps(url).replace("</", "<\\/")),
    "<img>": lambda url: f'<img src="{html.escape(url)}">',
    "<iframe>": lambda url: f'<iframe src="{html.escape(url)}"></iframe>',
    "<link stylesheet>": lambda url: f'<link rel="stylesheet" href="{html.escape(url)}">',
}


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What one visitor gets of some HTML."""

    visitor: str
    after: str
    tags: tuple[TagReport, ...]


def explain(
    url: Annotated[str | None, typer.Argument(metavar="URL", help="An address that a page contacts.")] = None,
    snippet: Annotated[
        str | None, typer.Option("--html", metavar="SNIPPET", help="A piece of a page instead; - reads standard input.")
    ] = None,
    config: ConfigFile = None,
    vendors: VendorDirs = None,
    site: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Whose page it is.", show_default=f"origin of the settings, else {DEFAULT_SITE}"
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say which vendor a URL or a piece of HTML contacts, and what would become of it.

    consentry explain https://www.google-analytics.com/g/collect?v=2

    consentry explain --html '<script src="https://connect.facebook.net/en_US/fbevents.js"></script>'
    """
    if (url is None) == (snippet is None):
        raise typer.BadParameter("name one URL, or pass --html with a piece of a page", param_hint="URL")
    if site is not None:
        try:
            web_address(site)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--site") from None
    contacts = _contacts(url) if url is not None else None
    loaded = load_all(config, vendors, dev=True).of(site)
    site = site or loaded.settings.origin or DEFAULT_SITE
    if contacts is not None:
        _explain_url(loaded, site, *contacts, as_json)
    else:
        markup = sys.stdin.buffer.read() if snippet == "-" else os.fsencode(snippet or "")
        _explain_html(loaded, site, markup, as_json)


def _contacts(text: str) -> tuple[str, Split]:
    """The absolute URL that was meant, and whom it contacts."""
    url = text if _WITH_SCHEME.match(text) else f"https://{text}"
    split = split_url(url, DEFAULT_SITE)
    if split is None:
        raise typer.BadParameter(f"{text!r} is no address that a browser would contact", param_hint="URL")
    return url, split


def _outcomes(loaded: Loaded, site: str, markup: bytes) -> Iterator[_Outcome]:
    granted = read_grant("all", loaded.use, datetime.now(UTC).date())
    for visitor, standing, gpc in (
        ("nothing granted", Standing(), False),
        ("all granted, then Sec-GPC", granted, True),
        ("all granted", granted, False),
    ):
        tags: list[TagReport] = []
        page = Rewriting(loaded.settings, loaded.use, standing, gpc, with_banner=False).page(site, tags.append)
        try:
            after = b"".join(rewritten([markup], page))
        except (CannotRead, CannotRewrite) as error:
            raise Refused([Problem("--html", None, "", f"cannot be rewritten: {error}.")]) from None
        yield _Outcome(visitor, after.decode("utf-8", "replace"), tuple(tags))


def _explain_url(loaded: Loaded, site: str, url: str, contacts: Split, as_json: bool) -> None:
    match = loaded.use.matcher.find(*contacts)
    ours = loaded.use.is_shop(contacts, first_party(urlsplit(site).hostname or ""))
    tried = {name: list(_outcomes(loaded, site, os.fsencode(tag(url)))) for name, tag in _TAGS.items()}
    if as_json:
        print_json(
            {
                "url": url,
                "first_party": ours,
                **_match_json(loaded, match),
                "settings": [] if ours else [list(fact) for fact in deciding(loaded, contacts, _vendor(match))],
                "tags": {name: {one.visitor: _told(one) for one in outcomes} for name, outcomes in tried.items()},
            }
        )
        return
    out.print(url, style="bold")
    print_facts((*_facts(loaded, match, ours), *(() if ours else deciding(loaded, contacts, _vendor(match)))))
    if match is None and not ours:
        out.print(_UNKNOWN_ADVICE)
    table = Table("as", *(one.visitor for one in next(iter(tried.values()))), box=None, padding=(0, 2, 0, 0))
    for name, outcomes in tried.items():
        table.add_row(name, *(_action(one) for one in outcomes))
    out.print()
    out.print(table)


def _vendor(match: Match | None) -> Vendor | Known | None:
    return None if match is None else match.vendor


def _facts(loaded: Loaded, match: Match | None, ours: bool) -> Iterator[tuple[str, str]]:
    if ours:
        yield "first party", "the shop itself; never touched"
    if match is None:
        yield "vendor", "unknown" if not ours else "none"
        return
    vendor: Vendor | Known = loaded.use.vendors.get(match.vendor.key, match.vendor)
    yield "vendor", f"{vendor.key} ({vendor.name}, {vendor.company})"
    yield "pattern", match.pattern + ("  (a page that visitors open themselves)" if match.link else "")
    yield "categories", ", ".join(vendor.categories)
    if vendor.essential_because is not None:
        yield "essential because", vendor.essential_because
    else:
        yield "needs", ", ".join(sorted(vendor.needs))
    yield "reach", vendor.reach
    yield "in use", _in_use(loaded, vendor)


def _in_use(loaded: Loaded, vendor: Vendor | Known) -> str:
    if vendor.essential or vendor.key in loaded.use.vendors:
        return "yes"
    if isinstance(vendor, Known):
        return f"no: known by its domains only; `consentry vendors describe {vendor.key}` starts its file"
    return "no: it is cut for everybody"


def _match_json(loaded: Loaded, match: Match | None) -> dict[str, object]:
    if match is None:
        return {"vendor": None, "pattern": None}
    vendor: Vendor | Known = loaded.use.vendors.get(match.vendor.key, match.vendor)
    return {
        "vendor": vendor.key,
        "name": vendor.name,
        "company": vendor.company,
        "pattern": match.pattern,
        "link": match.link,
        "categories": vendor.categories,
        "needs": sorted(vendor.needs),
        "reach": vendor.reach,
        "described": isinstance(vendor, Vendor),
        "in_use": vendor.key in loaded.use.vendors,
    }


def _action(outcome: _Outcome) -> str:
    return ", ".join(f"{tag.action} ({tag.reason})" for tag in outcome.tags) or "keep"


def _told(outcome: _Outcome) -> dict[str, object]:
    return {"after": outcome.after, "tags": [asdict(tag) for tag in outcome.tags]}


def _explain_html(loaded: Loaded, site: str, markup: bytes, as_json: bool) -> None:
    outcomes = list(_outcomes(loaded, site, markup))
    before = markup.decode("utf-8", "replace")
    if as_json:
        print_json({"before": before, "visitors": {one.visitor: _told(one) for one in outcomes}})
        return
    table = Table("element", "url", "vendor", *(one.visitor for one in outcomes), box=None, padding=(0, 2, 0, 0))
    for same in zip(*(one.tags for one in outcomes), strict=True):
        told = (f"{tag.action} ({tag.reason})" for tag in same)
        table.add_row(same[0].element, same[0].url, same[0].vendor or "unknown", *told)
    if table.row_count:
        out.print(table)
    else:
        out.print("Nothing in it contacts anybody but the shop.")
    if any(tag.vendor is None for tag in outcomes[0].tags):
        out.print(_UNKNOWN_ADVICE)
    for title, text in (("before", before), *((one.visitor, one.after) for one in outcomes)):
        out.print(f"\n{title}", style="bold")
        out.print(text.rstrip("\n"))
