"""`consentry scan`: which third parties a site's pages contact, and what would become of them.

The table is for people; `--json` and `--html` hold the same numbers, page by page.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from proxy.cli.console import counted, out, print_json, say
from proxy.cli.files import write_whole
from proxy.cli.options import AsJson, ConfigFile, Unknown, VendorDirs, load_all
from proxy.cli.survey import (
    INTERRUPTED,
    PAGES,
    PAUSE,
    SECONDS,
    IgnoreRobots,
    PagesOption,
    PauseOption,
    SecondsOption,
    UrlArgument,
    read_start,
    survey,
)
from proxy.errors import Refused
from proxy.scan.findings import Cookie, Found, Kind, PageFound, Party, numbers
from proxy.scan.json_form import as_json as json_of
from proxy.scan.report import report
from proxy.scan.survey import Bounds

#: Hosts of one party that a table's line names.
_HOSTS = 2


def scan(
    url: UrlArgument,
    config: ConfigFile = None,
    vendors: VendorDirs = None,
    pages: PagesOption = PAGES,
    seconds: SecondsOption = SECONDS,
    pause: PauseOption = PAUSE,
    unknown: Annotated[
        Unknown | None,
        typer.Option(
            help="What becomes of third parties that no file describes.", show_default="the settings', else block"
        ),
    ] = None,
    ignore_robots: IgnoreRobots = False,
    as_json: AsJson = False,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write a report with pictures: one file, for a browser."),
    ] = None,
) -> None:
    """Walk a site and report the third parties in its pages, and what becomes of them before a visitor's choice.

    Follows sitemaps and links, on the same origin only; obeys robots.txt, keeps no cookie and sends no form. Ctrl-C
    ends it with what it has read by then.

    consentry scan https://shop.example

    consentry scan --pages 200 --json https://shop.example > found.json
    """
    start = read_start(url)
    if html is not None and not html.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {html.parent}", param_hint="--html")
    loaded = load_all(config, vendors, dev=True).of(url)
    mode = unknown or Unknown(loaded.settings.vendors.unknown or Unknown.BLOCK)
    try:
        found = survey(start, loaded, Bounds(pages, seconds, pause, ignore_robots), mode, in_part=True)
    except Refused as refused:
        if not as_json:
            raise
        print_json({"problems": [asdict(problem) for problem in refused.problems]})
        raise typer.Exit(1) from None
    if html is not None:
        write_whole(html, report(found, loaded.catalogue, datetime.now(UTC).date()), place="--html")
        say(f"The report is in {html}")
    if as_json:
        print_json(json_of(found, loaded.catalogue))
    else:
        _show(found)
    if INTERRUPTED in found.notes:
        raise typer.Exit(130)


def _show(found: Found) -> None:
    out.print(f"{found.site}: {counted(len(found.read), 'page')} read", style="bold")
    _show_parties(found)
    _show_cookies(found.cookies)
    _show_pages(found.pages)
    for note in found.notes:
        say(note)
    if any(party.kind is Kind.UNKNOWN for party in found.parties):
        say("`consentry explain URL` says more of an unknown host.")


def _show_parties(found: Found) -> None:
    if not found.parties:
        out.print("\nNo third party is contacted by what was read.")
        return
    out.print("\nThird parties, before any choice", style="bold")
    table = _table("third party", "kind", "categories", "hosts", "pages", "becomes", "because")
    for party in found.parties:
        table.add_row(
            party.label,
            party.kind,
            ", ".join(party.categories) or "-",
            _few(party.hosts),
            str(len(party.pages)),
            _actions(party),
            ", ".join(party.reasons),
        )
    out.print(table)


def _show_cookies(cookies: Iterable[tuple[Cookie, int]]) -> None:
    counted = list(cookies)
    if not counted:
        out.print("\nThe server set no cookie.")
        return
    out.print("\nCookies that the server sets", style="bold")
    table = _table("cookie", "whose", "pages")
    for cookie, pages in counted:
        table.add_row(cookie.name, ", ".join(cookie.vendors) or "the shop's own", str(pages))
    out.print(table)


def _show_pages(pages: Iterable[PageFound]) -> None:
    out.print("\nPages", style="bold")
    table = _table("page", "third parties", "unknown hosts", "inline literals", "cookies", "")
    for page in pages:
        counted = map(str, numbers(page)) if page.was_read else ("-", "-", "-", str(len(page.cookies)))
        table.add_row(page.address, *counted, page.problem or "")
    out.print(table)


def _table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in columns:
        table.add_column(name, overflow="fold")
    return table


def _few(hosts: tuple[str, ...]) -> str:
    more = len(hosts) - _HOSTS
    return ", ".join(hosts[:_HOSTS]) + (f" and {more} more" if more > 0 else "")


def _actions(party: Party) -> str:
    return ", ".join(f"{action} {count}" for action, count in party.actions)
