"""`consentry init`: the settings of a shop, begun from what a scan of it finds.

The same walk as `consentry scan`; what is written is complete, and says what is still to be filled in.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from proxy.cli.console import say
from proxy.cli.files import write_whole
from proxy.cli.options import Unknown, VendorDirs, load_all
from proxy.cli.survey import (
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
from proxy.errors import Problem, Refused
from proxy.scan.findings import Found, Kind
from proxy.scan.start import start_settings
from proxy.scan.survey import Bounds
from proxy.settings.load import to_fill_in

_STDOUT = Path("-")


def init(
    url: UrlArgument,
    vendors: VendorDirs = None,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where it goes; - is standard output.")] = Path(
        "consentry.toml"
    ),
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    storefront: Annotated[
        str | None, typer.Option("--storefront", metavar="URL", help="The web server to put the proxy in front of.")
    ] = None,
    pages: PagesOption = PAGES,
    seconds: SecondsOption = SECONDS,
    pause: PauseOption = PAUSE,
    ignore_robots: IgnoreRobots = False,
) -> None:
    """Walk a shop and write its settings: a complete consentry.toml with the vendors that its pages contact.

    What only the shop can know stands in <…>, and `consentry check` names it.

    consentry init https://shop.example
    """
    start = read_start(url)
    if out != _STDOUT and out.exists() and not force:
        mend = "Pass --force to write over it, or --out FILE for another place."
        raise Refused([Problem(str(out), None, "", "is there already.", mend)])
    loaded = load_all(None, vendors, dev=True, storefront=storefront)
    found = survey(start, loaded, Bounds(pages, seconds, pause, ignore_robots), Unknown.BLOCK)
    text = start_settings(found, loaded.catalogue, "".join(loaded.settings.storefront.url), datetime.now(UTC).date())
    if out == _STDOUT:
        sys.stdout.write(text)
    else:
        write_whole(out, text)
    _tell(found, out, text)


def _tell(found: Found, out: Path, text: str) -> None:
    kinds = [party.kind for party in found.parties if not party.essential]
    counts = {kind: kinds.count(kind) for kind in Kind}
    where = "" if out == _STDOUT else f" in {out}"
    say(
        f"Settings for {found.site}{where}, from {len(found.read)} pages: {counts[Kind.DESCRIBED]} vendors in use, "
        f"{counts[Kind.KNOWN]} that no file describes yet, {counts[Kind.UNKNOWN]} unknown hosts."
    )
    for note in found.notes:
        say(note)
    left = to_fill_in(text)
    if left:
        say(f"To fill in: {', '.join(left)}.")
    if out == _STDOUT:
        return
    say("Next:")
    say(f"  consentry check --config {out}")
    say("  export CONSENTRY_SECRET_KEYS=$(consentry keys new)   # once; keep it")
    say(f"  consentry serve --config {out}")
    say('It begins with mode = "observe": pages leave as they came. Then "enforce" with rollout = 5, then 100.')
