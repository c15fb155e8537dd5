"""The scan as `scan` and `init` run it: their common options, the progress bar, and what ends it before it began.

What a page's tags are is the page rewriting's own answer for a visitor who has granted nothing.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace
from typing import Annotated
from urllib.parse import urlsplit

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from proxy.cli.console import err
from proxy.cli.options import Loaded, Unknown
from proxy.cli.pages import Rewriting, rewritten, web_address
from proxy.errors import Problem, Refused
from proxy.html.page import TagReport
from proxy.http.cookies import VendorCookies
from proxy.model import Reason, Standing
from proxy.scan.fetch import Fetched, Fetcher
from proxy.scan.findings import Found, PageFound, parties
from proxy.scan.manners import CannotScan
from proxy.scan.survey import Bounds, Survey

UrlArgument = Annotated[str, typer.Argument(metavar="URL", help="Where to begin: the shop's address, or a page of it.")]
PagesOption = Annotated[int, typer.Option("--pages", min=1, max=10_000, metavar="N", help="How many pages at most.")]
SecondsOption = Annotated[float, typer.Option("--seconds", min=1, metavar="N", help="How long at most, in all.")]
PauseOption = Annotated[float, typer.Option("--pause", min=0, metavar="SECONDS", help="Between two requests.")]
IgnoreRobots = Annotated[
    bool, typer.Option("--ignore-robots", help="The site is yours: ask for what its robots.txt forbids, too.")
]

#: How many pages, for how many seconds in all, with how many seconds between two requests, where nobody says.
PAGES, SECONDS, PAUSE = 50, 300.0, 0.5

#: Pages whose problems are told where none could be read.
_TOLD = 5

#: The note of a scan that was broken off from the keyboard.
INTERRUPTED = "Interrupted: this is what was read by then."


@dataclass(frozen=True, slots=True)
class _Reading:
    """How tags are found in the pages of a scan."""

    rewriting: Rewriting

    def tags_of(self, address: str, fetched: Fetched) -> tuple[TagReport, ...]:
        """The tags of one page that make a browser contact somebody. Raises `CannotRead`, `CannotRewrite`."""
        tags: list[TagReport] = []
        page = self.rewriting.page(address, tags.append)
        for _ in rewritten([fetched.body], page, fetched.header(b"content-type")):
            pass
        return tuple(tag for tag in tags if tag.reason != Reason.LINK)


def read_start(text: str) -> str:
    """The address that was typed; without a scheme it is https, or http on this machine. Wrong usage is told."""
    typed = text.strip()
    if "://" not in typed:
        typed = f"{'http' if _is_here(typed) else 'https'}://{typed}"
    try:
        web_address(typed)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="URL") from None
    return typed


def _is_here(place: str) -> bool:
    try:
        host = urlsplit(f"//{place}").hostname or ""
        return host == "localhost" or host.endswith(".localhost") or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def survey(start: str, loaded: Loaded, bounds: Bounds, unknown: Unknown, *, in_part: bool = False) -> Found:
    """Scan from this address on. Raises `Refused` where no page could be read, with the reasons.

    `in_part`: an interrupt ends the scan with what it has, and the note `INTERRUPTED`, as soon as there is anything.
    """
    use = replace(loaded.use, unknown=unknown.value)
    reading = _Reading(Rewriting(loaded.settings, use, Standing(), with_banner=False))
    owners, prefix = VendorCookies(loaded.catalogue.vendors.values()), loaded.settings.consent.prefix
    with Fetcher() as fetcher:
        run = Survey(fetcher.get, reading.tags_of, owners, bounds, prefix)
        try:
            pages = _followed(run, start, in_part=in_part)
        except CannotScan as error:
            raise Refused([Problem("URL", None, "", error.message, error.mend)]) from None
    if not any(page.was_read for page in pages):
        raise Refused(_nothing_read(pages, run.notes))
    found = parties(pages, loaded.catalogue)
    return Found(run.origin, use.unknown, tuple(pages), tuple(found), tuple(run.notes))


def _followed(run: Survey, start: str, *, in_part: bool) -> list[PageFound]:
    """All pages, with a bar on a terminal that says how far it is."""
    shown = TextColumn("{task.description}")
    columns = (TextColumn("Scanning"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), shown)
    found: list[PageFound] = []
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task(start, total=run.bounds.pages)
        try:
            for page in run.pages(start):
                found.append(page)
                progress.update(task, completed=run.frontier.taken, total=run.frontier.known, description=page.address)
        except KeyboardInterrupt:
            if not in_part or not any(page.was_read for page in found):
                raise
            run.notes.append(INTERRUPTED)
    return found


def _nothing_read(pages: list[PageFound], notes: list[str]) -> list[Problem]:
    problems = [Problem(page.address, None, "", f"{page.problem}.") for page in pages[:_TOLD]]
    return [*problems, *(Problem("URL", None, "", note) for note in notes)]
