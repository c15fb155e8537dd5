"""`consentry consents`: what is on record of visitors' choices: taken out, looked up, erased, purged, verified.

Rules of this file: it reads the store that `serve` writes to, while that runs. Nothing is changed that was not asked
for by name, and what is changed is on record itself.
"""

from __future__ import annotations

import asyncio
import csv
import json
import os
import secrets
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn

from proxy.cli.console import counted, err, out, print_facts, print_json, say
from proxy.cli.files import cannot, write_whole
from proxy.cli.options import AsJson, ConfigFile, StateFolder
from proxy.consent.cookie import is_receipt_signature
from proxy.consent.notice import unpack
from proxy.consent.records import Down, Entry, Event, Kept, Record, Store
from proxy.consent.records.chain import Place
from proxy.consent.records.opening import open_store, place_of
from proxy.consent.records.record import canonical
from proxy.errors import Problem, Refused
from proxy.settings import Settings, load_settings

app = typer.Typer(
    no_args_is_help=True,
    help="What is on record of visitors' choices: export, show, erase, purge, verify.",
    rich_markup_mode="rich",
)

Dev = Annotated[bool, typer.Option("--dev", help="As for serve --dev: its keys were thrown away, so nothing verifies.")]
_Number = Annotated[str, typer.Argument(metavar="NUMBER", help="The number on the visitor's receipt.")]
_Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="By the choice, UTC.")]

#: The columns of an export for people and spreadsheets.
_COLUMNS = (
    *("at", "site", "event", "how", "granted", "allowed", "refused", "before", "policy", "law", "regime", "region"),
    *("language", "gpc", "proven", "visitor", "notice", "chain", "seq"),
)


@app.command(
    epilog="Example: consentry consents export --config consentry.toml --since 2026-01-01 --json > consents.jsonl"
)
def export(
    config: ConfigFile = None,
    state: StateFolder = Path("consentry-state"),
    since: _Day = None,
    until: _Day = None,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON object a line, for machines; else CSV.")] = False,
    dev: Dev = False,
) -> None:
    """Print every record, oldest first in each chain. Days are UTC; --until is not included."""
    start = 0 if since is None else _milliseconds(since)
    end = 1 << 62 if until is None else _milliseconds(until)

    async def work(store: Store, _: Settings) -> None:
        write = _write_json if as_json else _csv_writer()
        async for kept in store.export(start, end):
            write(_public(kept))

    _with_store(config, state, dev, work)


@app.command(
    epilog="Example: consentry consents show 5Zk2…  or  consentry consents show --receipt consent-receipt.json"
)
def show(
    number: Annotated[str | None, typer.Argument(metavar="NUMBER", help="The number on the visitor's receipt.")] = None,
    receipt: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A receipt that a visitor sent in: whether it is ours, and more."),
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write here what the visitor was shown when they chose last.")
    ] = None,
    config: ConfigFile = None,
    state: StateFolder = Path("consentry-state"),
    as_json: AsJson = False,
    dev: Dev = False,
) -> None:
    """Show what is on record under a receipt's number, and what the visitor was shown."""
    if (number is None) == (receipt is None):
        raise typer.BadParameter("give either a NUMBER or --receipt FILE")

    async def work(store: Store, settings: Settings) -> None:
        wanted = number or ""
        if receipt is not None:
            wanted, ours = _read_receipt(receipt, settings)
            say("The receipt's signature is ours." if ours else "The receipt's signature is NOT ours.")
            if not ours:
                raise typer.Exit(1)
        history = await store.of_visitor(wanted)
        if not history:
            say(f"Nothing is on record under {wanted}: it was erased, purged, or never ours.")
            raise typer.Exit(1)
        if as_json:
            print_json([_public(kept) for kept in history])
        else:
            for kept in history:
                print_facts((name, str(value)) for name, value in _public(kept).items() if value not in (None, "", []))
                out.print()
        if html is not None:
            await _write_shown(store, history, html)

    _with_store(config, state, dev, work)


@app.command(epilog="Example: consentry consents erase 5Zk2… --config consentry.toml")
def erase(
    number: _Number,
    config: ConfigFile = None,
    state: StateFolder = Path("consentry-state"),
    dev: Dev = False,
) -> None:
    """Erase what is on record under a receipt's number. That it was erased stays on record; the chain stays whole."""

    async def work(store: Store, _: Settings) -> None:
        history = await store.of_visitor(number)
        if not history:
            say(f"Nothing is on record under {number}.")
            raise typer.Exit(1)
        now = _now()
        record = Record(history[0].site, now, Event.ERASURE, "operator")
        await store.append([Entry(secrets.token_urlsafe(16), record, erases=number)], now)
        say(f"Erased: {counted(len(history), 'record')}.")

    _with_store(config, state, dev, work)


@app.command(epilog="Example: consentry consents purge --config consentry.toml")
def purge(
    before: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="Instead of what [records] keep says."),
    ] = None,
    config: ConfigFile = None,
    state: StateFolder = Path("consentry-state"),
    dev: Dev = False,
) -> None:
    """Remove what is older than \\[records] keep, leaving a signed checkpoint. A running proxy does so by itself."""

    async def work(store: Store, settings: Settings) -> None:
        oldest = datetime.now(UTC) - timedelta(days=settings.records.keep_days) if before is None else before
        removed = await store.purge(_milliseconds(oldest), _now())
        say(f"Purged: {counted(removed, 'record')} from before {oldest:%Y-%m-%d}.")

    _with_store(config, state, dev, work)


@app.command(epilog="Example: consentry consents verify --save-head heads.json   (later: --head heads.json)")
def verify(
    head: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Heads that were saved earlier: nothing up to them may have changed."),
    ] = None,
    save_head: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write here where each chain ends now. Keep it elsewhere.")
    ] = None,
    config: ConfigFile = None,
    state: StateFolder = Path("consentry-state"),
    as_json: AsJson = False,
    dev: Dev = False,
) -> None:
    """Walk every chain: whether a record was edited, removed, moved or cut off. Exit 1 where one was."""
    noted = _read_heads(head) if head is not None else []

    async def work(store: Store, _: Settings) -> None:
        with _reading() as seen:
            found = await store.verify(noted, seen)
        if as_json:
            print_json(
                {
                    "records": found.records,
                    "faults": [asdict(fault) for fault in found.faults],
                    "unverified": dict(found.unverified),
                    "heads": [_head(place) for place in found.heads],
                }
            )
        else:
            for fault in found.faults:
                out.print(f"{fault.site or '-'} chain {fault.chain} record {fault.seq}: {fault.what}")
            for key, count in found.unverified.items():
                what = f"made with the key {key}, not among the secret keys"
                out.print(f"{counted(count, 'record')} not verified: {what}")
        chains = f"{counted(found.records, 'record')} in {counted(len(found.heads), 'chain')}"
        if found.faults or found.unverified:
            say(f"{chains}: {counted(len(found.faults), 'fault')}, {sum(found.unverified.values())} not verified.")
            raise typer.Exit(1)
        say(f"{chains}: nothing was changed{' since the heads were saved' if noted else ''}.")
        if save_head is not None:
            write_whole(save_head, json.dumps([_head(place) for place in found.heads], indent=2) + "\n")
            say(f"Where each chain ends is in {save_head}. Keep it where whoever can write to the store cannot.")

    _with_store(config, state, dev, work)


def _with_store(
    config: Path | None, state: Path, dev: bool, work: Callable[[Store, Settings], Awaitable[None]]
) -> None:
    """Do something with the store. Raises `Refused` where there is none, or it does not answer."""
    settings = load_settings(config, dev=dev, environ=os.environ, needs_storefront=False, vendor_secrets=None)
    store = open_store(settings, state)
    if store.fresh:
        mend = "Name the folder that serve was given with --state, or the settings with --config."
        raise Refused(
            [Problem("--state", None, "", f"{place_of(settings, state)} is not there: nothing is on record.", mend)]
        )

    async def run() -> None:
        try:
            await work(store, settings)
        finally:
            await store.aclose()

    try:
        asyncio.run(run())
    except Down as down:
        raise Refused([Problem("the store", None, "", f"{down}.", "Start it, or mend [store] url.")]) from None


def _public(kept: Kept) -> dict[str, Any]:
    """A record as it is shown; one whose text was erased has only its place."""
    said = dict(kept.payload or {"site": kept.site, "event": "erased"})
    said["at"] = datetime.fromtimestamp(kept.at / 1000, UTC).isoformat(timespec="milliseconds")
    return {name: said[name] for name in (*_COLUMNS, *sorted(said)) if name in said} | {
        "chain": kept.chain,
        "seq": kept.seq,
    }


def _write_json(said: dict[str, Any]) -> None:
    print(json.dumps(said))


def _csv_writer() -> Callable[[dict[str, Any]], None]:
    rows = csv.writer(sys.stdout)
    rows.writerow(_COLUMNS)

    def write(said: dict[str, Any]) -> None:
        rows.writerow([_cell(said.get(name, "")) for name in _COLUMNS])

    return write


def _cell(value: object) -> object:
    return " ".join(map(str, value)) if isinstance(value, list) else value


async def _write_shown(store: Store, history: Sequence[Kept], file: Path) -> None:
    digests = [kept.payload["notice"] for kept in history if kept.payload and kept.payload.get("notice")]
    body = await store.notice(digests[-1]) if digests else None
    if body is None:
        say("What was shown is not on record: the page was of an earlier version.")
        raise typer.Exit(1)
    shown = unpack(body)
    write_whole(file, _SHOWN.format(lang=shown["language"], banner=shown["banner"], page=shown["preferences"]))
    say(f"What was shown (version {shown['policy']}, {shown['language']}, {shown['law']}) is in {file}.")


_SHOWN = """<!-- The banner, as it stood at the top of each page. -->
<div lang="{lang}">{banner}</div>
<hr>
<!-- The page behind it. -->
{page}
"""


def _read_receipt(file: Path, settings: Settings) -> tuple[str, bool]:
    """The number on it, and whether one of the sites signed it."""
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        text, signature = canonical(told["receipt"]), str(told["signature"]["value"])
        number = str(told["receipt"]["receipt_id"])
    except OSError as error:
        raise Refused([cannot(file, "read", error)]) from None
    except (ValueError, KeyError, TypeError):
        raise Refused(
            [Problem(str(file), None, "", "is no receipt of ours.", "Give the JSON file as it was.")]
        ) from None
    names = {site.identity for site in settings.sites}
    return number, any(is_receipt_signature(settings.secret_keys, name, text, signature) for name in names)


def _head(place: Place) -> dict[str, Any]:
    return {"site": place.site, "chain": place.chain, "seq": place.seq, "link": place.link.hex()}


def _read_heads(file: Path) -> list[Place]:
    try:
        heads = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(heads, list):
            raise TypeError("no list")
        return [
            Place(str(head["site"]), int(head["chain"]), int(head["seq"]), bytes.fromhex(head["link"]))
            for head in heads
        ]
    except OSError as error:
        raise Refused([cannot(file, "read", error)]) from None
    except (ValueError, KeyError, TypeError):
        mend = "Give a file that --save-head wrote."
        raise Refused([Problem(str(file), None, "", "holds no heads of chains.", mend)]) from None


@contextmanager
def _reading() -> Iterator[Callable[[int], None]]:
    """Tells how many records were read so far, on a terminal."""
    columns = (SpinnerColumn(), TextColumn("{task.completed:,.0f} records read"))
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task("", total=None)
        yield lambda count: progress.advance(task, count)


def _milliseconds(day: datetime) -> int:
    return int((day if day.tzinfo else day.replace(tzinfo=UTC)).timestamp() * 1000)


def _now() -> int:
    return time.time_ns() // 1_000_000
