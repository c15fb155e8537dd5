"""`consentry vendors`: what is described, all that is said of one vendor, a new file."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from proxy.catalogue.host_list import HostList, read_hosts, rows
from proxy.catalogue.known import COLUMNS, Known
from proxy.catalogue.load import Catalogue, load
from proxy.catalogue.match import Matcher
from proxy.catalogue.schema import Vendor
from proxy.catalogue.snippet import described_in, start_vendor
from proxy.catalogue.snippet_scan import scan
from proxy.cli.console import out, print_facts, print_json, say
from proxy.cli.files import cannot
from proxy.cli.options import AsJson, VendorDirs
from proxy.cli.trying import try_out
from proxy.errors import Problem, Refused
from proxy.model import Category

app = typer.Typer(no_args_is_help=True, help="List, show and start vendor files.", rich_markup_mode="rich")

app.command("test", epilog="Example: consentry vendors test google-analytics --config consentry.toml")(try_out)

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
        if key in catalogue.known:
            return _show_known(catalogue.known[key], as_json=as_json)
        raise Refused([_no_vendor(catalogue, key)])
    if as_json:
        print_json(_public(vendor))
        return
    out.print(f"{vendor.key}  {catalogue.files.get(key, '')}", style="bold")
    print_facts(_rows(vendor.model_dump(mode="json", exclude={"technical"}, exclude_none=True)))
    out.print("\ntechnical", style="bold")
    print_facts(_rows(vendor.technical.model_dump(mode="json")))


def _show_known(known: Known, *, as_json: bool) -> None:
    fields = {name: getattr(known, name) for name in COLUMNS if getattr(known, name)}
    if as_json:
        print_json({**fields, "described": False})
        return
    out.print(f"{known.key}  known by its domains only", style="bold")
    print_facts(_rows({name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()}))
    if not known.essential:
        say(f"It is cut for everybody. To ask visitors about it:  consentry vendors describe {known.key}")


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
    near = difflib.get_close_matches(key, [*catalogue.vendors, *catalogue.known], 3)
    mend = f"Did you mean {' or '.join(near)}?" if near else "`consentry vendors list` shows all of them."
    return Problem("KEY", None, "", f"no vendor file is named {key!r}.", mend)


@app.command(epilog="Example: consentry vendors new acme-pixel --from-snippet snippet.html")
def new(
    key: _VendorKey,
    from_snippet: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="The vendor's own snippet, to fill the technical part from; - reads standard input."
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
    _start(key, snippet, catalogue, folder)
    if key in catalogue.vendors:
        say(f"It will stand in for the file of {key} that comes with Consentry, as a whole.")
    if snippet is None:
        return
    if described := [one for one in described_in(snippet, catalogue) if one != key]:
        say(f"The snippet contacts what is described already: {', '.join(described)}.")
    elif not scan(snippet).contacts:
        say("No address of a vendor was found in the snippet: `match` is left empty, for an engineer.")


@app.command(epilog="Example: consentry vendors describe adform")
def describe(
    key: _VendorKey,
    vendors: VendorDirs = None,
    from_snippet: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="The vendor's own snippet, to add to what is known; - reads standard input."),
    ] = None,
    folder: Annotated[Path, typer.Option("--dir", metavar="DIR", help="Where the file goes.")] = Path("vendors"),
) -> None:
    """Start the file of a company that is known by its domains only, so that visitors can be asked about it."""
    catalogue = load(vendors or ())
    if key not in catalogue.known:
        if key in catalogue.vendors:
            mend = f"Its file is {catalogue.files[key]}."
            raise Refused([Problem("KEY", None, "", f"{key!r} is described already.", mend)])
        raise Refused([_no_vendor(catalogue, key)])
    snippet = _read_snippet(from_snippet) if from_snippet is not None else None
    _start(key, snippet, catalogue, folder)


def _start(key: str, snippet: str | None, catalogue: Catalogue, folder: Path) -> None:
    """Write the start of a vendor file, and say what to do with it."""
    file = folder / f"{key}.toml"
    _write_new(file, start_vendor(key, snippet, catalogue), "Edit it, or take another key.")
    out.print(file)
    say("Fill in what is empty; each line says what goes there. Then:")
    say(f"  consentry check --dev --vendors {folder}")


def _write_new(file: Path, text: str, mend: str) -> None:
    """One that is there is never overwritten."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as started:
            started.write(text)
    except FileExistsError:
        raise Refused([Problem(str(file), None, "", "is there already.", mend)]) from None
    except OSError as error:
        raise Refused([cannot(file, "written", error)]) from None


@app.command("import", epilog="Example: consentry vendors import blocklist.txt --category advertising")
def import_(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Hosts, one a line; hosts files, ||host^ rules, dnsmasq.")
    ],
    category: Annotated[Category, typer.Option(help="What the hosts of this list are for.")] = Category.ADVERTISING,
    vendors: VendorDirs = None,
    folder: Annotated[Path, typer.Option("--dir", metavar="DIR", help="Where the file goes.")] = Path("vendors"),
) -> None:
    """Cut the hosts of a list of your own, like companies that are known by their domains only.

    Hosts that belong to a vendor already stay that vendor's.
    """
    if category is Category.ESSENTIAL:
        mend = "hosts that are never to be cut go into vendors.allow in consentry.toml"
        raise typer.BadParameter(mend, param_hint="--category")
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise Refused([cannot(file, "read", error, place="FILE")]) from None
    catalogue = load(vendors or ())
    read = read_hosts(text, Matcher(catalogue.vendors.values(), catalogue.known.values()))
    if not read.hosts:
        mend = "Every host in it is known already." if read.theirs else "Write a host a line, like ads.example.com."
        raise Refused([Problem(str(file), None, "", "names no host that would be new.", mend)])
    name = re.sub(r"[^a-z0-9]+", "-", file.stem.lower()).strip("-") or "list"
    written = folder / f"{name}.csv"
    _write_new(written, rows(read.hosts, name, category), "Move it away, or rename the list.")
    out.print(written)
    _tell_import(read, folder)


def _tell_import(read: HostList, folder: Path) -> None:
    hosts = "1 host" if len(read.hosts) == 1 else f"{len(read.hosts)} hosts"
    say(f"{hosts} will be cut. Start with them:  consentry serve --vendors {folder}")
    if read.theirs:
        keys = sorted(set(read.theirs.values()))
        named = ", ".join(keys[:8]) + (f" and {len(keys) - 8} more" if len(keys) > 8 else "")
        say(f"{len(read.theirs)} were left out: they belong to vendors that are known already ({named}).")
    if read.passed:
        lines = ", ".join(map(str, read.passed[:8])) + (" …" if len(read.passed) > 8 else "")
        say(f"{len(read.passed)} lines were passed over: they name no whole host (lines {lines}).")


def _read_snippet(name: str) -> str:
    if name == "-":
        return sys.stdin.buffer.read().decode("utf-8", "replace")
    try:
        return Path(name).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise Refused([cannot(Path(name), "read", error, place="--from-snippet")]) from None
