"""`consentry vendors`: what is described, all that is said of one vendor, a new file."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from proxy.catalogue.load import Catalogue, load
from proxy.catalogue.schema import Vendor
from proxy.cli.console import out, print_json
from proxy.cli.options import AsJson, VendorDirs
from proxy.errors import Problem, Refused
from proxy.model import Category

app = typer.Typer(no_args_is_help=True, help="List, show and start vendor files.", rich_markup_mode="rich")

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
    table = Table("key", "name", "categories", "reach", "checked", box=None, padding=(0, 2, 0, 0))
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
    told, technical = Table.grid(padding=(0, 2)), Table.grid(padding=(0, 2))
    for name, value in _rows(vendor.model_dump(mode="json", exclude={"technical"}, exclude_none=True)):
        told.add_row(name, value)
    for name, value in _rows(vendor.technical.model_dump(mode="json")):
        technical.add_row(name, value)
    out.print(f"{vendor.key}  {catalogue.files.get(key, '')}", style="bold")
    out.print(told)
    out.print("\ntechnical", style="bold")
    out.print(technical)


def _public(vendor: Vendor) -> dict[str, object]:
    return {"key": vendor.key, **vendor.model_dump(mode="json")}


def _rows(fields: dict[str, object]) -> Iterator[tuple[str, str]]:
    """A line a field, a line a member of a list; empty fields say nothing."""
    for name, value in fields.items():
        if isinstance(value, list):
            for index, item in enumerate(value):
                yield (name.replace("_", " ") if index == 0 else ""), _one_line(item)
        elif value not in ("", None, {}):
            if name == "relay" and isinstance(value, dict):
                yield from ((f"relay {part}", text) for part, text in _rows(value))
            else:
                yield name.replace("_", " "), _one_line(value)


def _one_line(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_one_line(inner)}" for name, inner in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


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
    raise NotImplementedError
