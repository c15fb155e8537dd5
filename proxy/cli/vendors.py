"""`consentry vendors`: what is described, all that is said of one vendor, a new file."""

from __future__ import annotations

import difflib
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from proxy.catalogue.load import Catalogue, load
from proxy.catalogue.schema import Vendor
from proxy.catalogue.snippet import described_in, start_vendor
from proxy.catalogue.snippet_scan import scan
from proxy.cli.console import out, print_facts, print_json, say
from proxy.cli.options import AsJson, VendorDirs
from proxy.errors import Problem, Refused
from proxy.model import Category

app = typer.Typer(no_args_is_help=True, help="List, show and start vendor files.", rich_markup_mode="rich")

_KEY = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_VendorKey = Annotated[str, typer.Argument(metavar="KEY", help="The vendor's key: its file's name without .toml.")]


@app.command("list", epilog="Example: consentry vendors list --category advertising")
def list_(
    vendors: VendorDirs = None,
    category: Annotated[Category | None, typer.Option(help="Only vendors of this category.")] = None,
    as_json: AsJson = False,
) -> None:
    """List every described vendor."""
    chosen = [
        vendor for vendor in load(vendors or ()).vendors.values() if category is None or category in vendor.categories
    ]
    if as_json:
        print_json([_public(vendor) for vendor in chosen])
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("key", no_wrap=True, min_width=max((len(vendor.key) for vendor in chosen), default=0))
    for name in ("name", "categories"):
        table.add_column(name, overflow="fold")
    for name in ("reach", "checked"):
        table.add_column(name, no_wrap=True)
    for vendor in chosen:
        table.add_row(
            vendor.key, vendor.name, ", ".join(vendor.categories), vendor.reach.value, vendor.checked.isoformat()
        )
    out.print(table)


@app.command(epilog="Example: consentry vendors show google-analytics")
def show(key: _VendorKey, vendors: VendorDirs = None, as_json: AsJson = False) -> None:
    """Show all that one vendor's file says: what visitors are told, then the technical part."""
    catalogue = load(vendors or ())
    vendor = catalogue.vendors.get(key)
    if vendor is None:
        raise Refused([_no_vendor(catalogue, key)])
    if as_json:
        print_json(_public(vendor))
        return
    out.print(f"{vendor.key}  {catalogue.files.get(key, '')}", style="bold")
    print_facts(_rows(vendor.model_dump(mode="json", exclude={"technical"}, exclude_none=True)))
    out.print("\ntechnical", style="bold")
    print_facts(_rows(vendor.technical.model_dump(mode="json")))


def _public(vendor: Vendor) -> dict[str, object]:
    return {"key": vendor.key, **vendor.model_dump(mode="json")}


#: Lists of single words, which fit on one line.
_WORDS = ("categories", "purposes", "data", "fields", "accounts")


def _rows(fields: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """A line a field, and one for each member of a list of more than words; empty fields say nothing."""
    for name, value in fields.items():
        told = before + name.replace("_", " ")
        if name == "relay":
            yield from _rows(value, "relay ")
        elif isinstance(value, list) and name not in _WORDS:
            yield from ((told if index == 0 else "", _one_line(item)) for index, item in enumerate(value))
        elif value not in ("", None, {}, []):
            yield told, _one_line(value)


def _one_line(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_one_line(inner)}" for name, inner in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _no_vendor(catalogue: Catalogue, key: str) -> Problem:
    near = difflib.get_close_matches(key, catalogue.vendors, 3)
    mend = f"Did you mean {' or '.join(near)}?" if near else "`consentry vendors list` shows all of them."
    return Problem("KEY", None, "", f"no vendor file is named {key!r}.", mend)


@app.command(epilog="Example: consentry vendors new acme-pixel --from-snippet snippet.html")
def new(
    key: _VendorKey,
    from_snippet: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="The vendor's own snippet, to fill [technical] from; - reads standard input."
        ),
    ] = None,
    folder: Annotated[Path, typer.Option("--dir", metavar="DIR", help="Where the file goes.")] = Path("vendors"),
) -> None:
    """Start a vendor file. One that is there is never overwritten."""
    if not _KEY.fullmatch(key):
        mend = "a key is lower-case letters and digits with hyphens between them, like google-ads"
        raise typer.BadParameter(f"{key!r} is no key; {mend}", param_hint="KEY")
    snippet = _read_snippet(from_snippet) if from_snippet is not None else None
    catalogue = load()
    file = folder / f"{key}.toml"
    text = start_vendor(key, snippet, catalogue)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as started:
            started.write(text)
    except FileExistsError:
        raise Refused([Problem(str(file), None, "", "is there already.", "Edit it, or take another key.")]) from None
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise Refused([Problem(str(file), None, "", f"cannot be written: {reason}.")]) from None
    out.print(file)
    say("Fill in what is empty; each line says what goes there. Then:")
    say(f"  consentry check --dev --vendors {folder}")
    if key in catalogue.vendors:
        say(f"It will stand in for the file of {key} that comes with Consentry, as a whole.")
    if snippet is None:
        return
    if described := [one for one in described_in(snippet, catalogue) if one != key]:
        say(f"The snippet contacts what is described already: {', '.join(described)}.")
    elif not scan(snippet).contacts:
        say("No address of a vendor was found in the snippet: `match` is left empty, for an engineer.")


def _read_snippet(name: str) -> str:
    if name == "-":
        return sys.stdin.buffer.read().decode("utf-8", "replace")
    try:
        return Path(name).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise Refused([Problem("--from-snippet", None, "", f"{name} cannot be read: {reason}.")]) from None
