"""`consentry events`: what waits for vendors, what is among the dead and why, and letting that wait again.

Rules of this file: it reads the outbox that `serve` writes to, while that runs. Nothing of a visitor is printed but
what a vendor would have got, and that only where it is asked for by name.
"""

from __future__ import annotations

import asyncio
import time
import urllib.request
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from prometheus_client.parser import text_string_to_metric_families
from rich.live import Live
from rich.table import Table

from proxy.cli.console import counted, out, print_json, say
from proxy.cli.options import AdminOption, AsJson, ConfigFile, Loaded, StateFolder, VendorDirs, load_all
from proxy.database import Down
from proxy.errors import Problem, Refused
from proxy.events.opening import open_outbox, outbox_place
from proxy.events.outbox import Backlog, Dead, Outbox
from proxy.events.wiring import routes
from proxy.listen import ListenAddress

app = typer.Typer(
    no_args_is_help=True,
    help="What waits for vendors that the proxy tells itself: status, dead, retry.",
    rich_markup_mode="rich",
)

Dev = Annotated[bool, typer.Option("--dev", help="As for serve --dev.")]
_Vendor = Annotated[str | None, typer.Option("--vendor", metavar="KEY", help="Only this vendor's.")]
_Number = Annotated[int | None, typer.Argument(metavar="NUMBER", help="The event's number in `events dead`.")]

#: Seconds between looks.
_LOOK = 1.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Counted:
    """What a running process says that it did for a vendor since it started."""

    sent: int = 0
    retried: int = 0
    paused: bool = False
    delay: float | None = None


@app.command(epilog="Example: consentry events status --config consentry.toml")
def status(
    config: ConfigFile = None,
    vendors: VendorDirs = None,
    state: StateFolder = Path("consentry-state"),
    admin: AdminOption = "127.0.0.1:8001",  # type: ignore[assignment]  # typer parses defaults, too
    once: Annotated[bool, typer.Option("--once", help="Print the table once, and end.")] = False,
    as_json: AsJson = False,
    dev: Dev = False,
) -> None:
    """Show what waits for each vendor: live on a terminal, until Ctrl-C.

    What was sent since its start is asked of the process whose admin listener is at --admin, where that answers.
    """
    loaded = load_all(config, vendors, dev=dev)
    told = sorted({key for site, use in loaded.sites for key in routes(site, use)})

    async def work(outbox: Outbox) -> None:
        if as_json or once or not out.is_terminal:
            backlog, counted = await _looked(outbox, admin)
            if as_json:
                print_json([_row(key, backlog, counted) for key in _keys(told, backlog)])
            else:
                out.print(_table(told, backlog, counted))
            return
        with Live(console=out, auto_refresh=False) as live:
            while True:
                backlog, counted = await _looked(outbox, admin)
                live.update(_table(told, backlog, counted), refresh=True)
                await asyncio.sleep(_LOOK)

    _with_outbox(loaded, state, work)


@app.command(epilog="Example: consentry events dead --vendor x --json")
def dead(
    vendor: _Vendor = None,
    remove: Annotated[
        int | None, typer.Option("--remove", metavar="NUMBER", help="Remove this one for good instead.")
    ] = None,
    remove_all: Annotated[
        bool, typer.Option("--remove-all", help="Remove all of them for good instead (or all of --vendor).")
    ] = False,
    most: Annotated[int, typer.Option("--most", min=1, max=100_000, help="So many of them, newest first.")] = 50,
    config: ConfigFile = None,
    vendors: VendorDirs = None,
    state: StateFolder = Path("consentry-state"),
    as_json: AsJson = False,
    dev: Dev = False,
) -> None:
    """List the events that no vendor took, and why: refused, too old, or perhaps sent already."""

    async def work(outbox: Outbox) -> None:
        if remove is not None or remove_all:
            count = await outbox.bury(vendor, remove)
            say(f"Removed: {counted(count, 'event')}.")
            if not count:
                raise typer.Exit(1)
            return
        found = await outbox.dead(vendor, most)
        if as_json:
            print_json([_public(one) for one in found])
            return
        if not found:
            out.print("None is dead.")
            return
        table = Table(box=None, padding=(0, 2, 0, 0))
        for name in ("number", "vendor", "event", "happened", "why"):
            table.add_column(name, overflow="fold")
        for one in found:
            name = str(one.waiting.facts.get("event.name", ""))
            table.add_row(str(one.number), one.waiting.vendor, name, _moment(one.waiting.at), one.why)
        out.print(table)

    _with_outbox(load_all(config, vendors, dev=dev), state, work)


@app.command(epilog="Example: consentry events retry --vendor meta-pixel")
def retry(
    number: _Number = None,
    vendor: _Vendor = None,
    all_: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    config: ConfigFile = None,
    vendors: VendorDirs = None,
    state: StateFolder = Path("consentry-state"),
    dev: Dev = False,
) -> None:
    """Let dead events wait again. One that may have been sent already may then be counted twice."""
    if sum((number is not None, vendor is not None, all_)) != 1:
        raise typer.BadParameter("give a NUMBER, or --vendor KEY, or --all")

    async def work(outbox: Outbox) -> None:
        count = await outbox.retry(vendor, number)
        say(f"Waiting again: {counted(count, 'event')}.")
        if not count:
            raise typer.Exit(1)

    _with_outbox(load_all(config, vendors, dev=dev), state, work)


def _with_outbox(loaded: Loaded, state: Path, work: Callable[[Outbox], Awaitable[None]]) -> None:
    async def run() -> None:
        outbox = open_outbox(loaded.settings, state)
        try:
            if outbox.fresh:
                say(f"Nothing has been put into the outbox yet ({outbox_place(loaded.settings, state)}).")
            else:
                await work(outbox)
        except Down as down:
            mend = "See to it that it runs, and that [outbox] url names it."
            raise Refused([Problem(outbox_place(loaded.settings, state), None, "", f"{down}.", mend)]) from None
        finally:
            await outbox.aclose()

    asyncio.run(run())


async def _looked(outbox: Outbox, admin: ListenAddress) -> tuple[Mapping[str, Backlog], Mapping[str, Counted]]:
    return await outbox.backlog(), await asyncio.to_thread(_counted, admin.url)


def _counted(url: str) -> dict[str, Counted]:
    """By the metrics of a running process; empty where none answers."""
    try:
        with urllib.request.urlopen(f"{url}/metrics", timeout=1) as answer:  # noqa: S310  (an address of ours)
            families = list(text_string_to_metric_families(answer.read().decode()))
    except (OSError, ValueError):
        return {}
    samples = [sample for family in families for sample in family.samples if "vendor" in sample.labels]
    found: dict[str, dict[str, float]] = {}
    for sample in samples:
        one = found.setdefault(sample.labels["vendor"], {})
        one[f"{sample.name} {sample.labels.get('outcome', '')}".strip()] = sample.value
    return {vendor: _of_samples(one) for vendor, one in found.items()}


def _of_samples(one: Mapping[str, float]) -> Counted:
    count = one.get("consentry_events_delay_seconds_count", 0)
    return Counted(
        int(one.get("consentry_events_total sent", 0)),
        int(one.get("consentry_events_total retried", 0)),
        bool(one.get("consentry_events_paused", 0)),
        one.get("consentry_events_delay_seconds_sum", 0) / count if count else None,
    )


def _keys(told: list[str], backlog: Mapping[str, Backlog]) -> list[str]:
    return sorted({*told, *backlog})


def _row(key: str, backlog: Mapping[str, Backlog], counted: Mapping[str, Counted]) -> dict[str, Any]:
    waits, done = backlog.get(key, Backlog()), counted.get(key)
    return {
        "vendor": key,
        "waiting": waits.waiting,
        "oldest_seconds": None if waits.oldest is None else max(time.time() - waits.oldest / 1000, 0),
        "dead": waits.dead,
        "sent": done and done.sent,
        "retried": done and done.retried,
        "delay_seconds": done and done.delay,
        "paused": done and done.paused,
    }


def _table(told: list[str], backlog: Mapping[str, Backlog], counted: Mapping[str, Counted]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("vendor", no_wrap=True)
    for name in ("waiting", "oldest", "dead", "sent", "retried", "delay"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for key in _keys(told, backlog):
        row = _row(key, backlog, counted)
        table.add_row(
            key,
            f"{row['waiting']:,}",
            _span(row["oldest_seconds"]),
            f"[red]{row['dead']:,}[/]" if row["dead"] else "0",
            "-" if row["sent"] is None else f"{row['sent']:,}",
            "-" if row["retried"] is None else f"{row['retried']:,}",
            _span(row["delay_seconds"]),
            "[yellow]left alone for a while: it failed[/]" if row["paused"] else "",
        )
    if not table.row_count:
        table.add_row('no vendor has reach = "server", and nothing waits', *[""] * 7)
    return table


def _span(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"


def _public(one: Dead) -> dict[str, Any]:
    waiting = one.waiting
    return {
        "number": one.number,
        "vendor": waiting.vendor,
        "site": waiting.site,
        "id": waiting.id,
        "happened": _moment(waiting.at),
        "died": _moment(one.died),
        "why": one.why,
        "facts": dict(waiting.facts),
    }


def _moment(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="seconds")
