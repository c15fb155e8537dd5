"""`consentry check`: everything that is wrong with settings and vendor files, at once."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Annotated

import typer

from proxy.catalogue.use import InUse
from proxy.cli.console import out, print_facts, print_json
from proxy.cli.options import AsJson, ConfigFile, Loaded, VendorDirs, load_all
from proxy.errors import Refused
from proxy.settings import Settings


def check(
    config: ConfigFile = None,
    vendors: VendorDirs = None,
    dev: Annotated[bool, typer.Option("--dev", help="Check by development's rules, which require less.")] = False,
    as_json: AsJson = False,
) -> None:
    """Read settings and vendor files as `serve` would, and say everything that is wrong with them.

    Exit 0: `serve` would start with them. Exit 1: every problem is listed, with its place and what would be right.
    """
    try:
        loaded = load_all(config, vendors, dev=dev, needs_events=True)
    except Refused as refused:
        if not as_json:
            raise
        print_json({"problems": [asdict(problem) for problem in refused.problems]})
        raise typer.Exit(1) from None
    summaries = [_summary(site, use, loaded) for site, use in zip(loaded.settings.sites, loaded.uses, strict=True)]
    if as_json:
        sites = {"sites": summaries} if loaded.settings.site else summaries[0]
        print_json({"problems": [], **sites})
        return
    for summary in summaries:
        print_facts((name.replace("_", " "), _readable(value)) for name, value in summary.items())
    out.print("Nothing is wrong.")


def _summary(settings: Settings, use: InUse, loaded: Loaded) -> dict[str, object]:
    categories = Counter(str(category) for vendor in use.vendors.values() for category in vendor.categories)
    return {
        "mode": settings.mode,
        "origin": settings.origin,
        "controller": settings.controller.name if settings.controller else None,
        "storefront": ", ".join(settings.storefront.url) or None,
        "vendors_described": len(loaded.catalogue.vendors),
        "vendors_in_use": len(use.vendors),
        "categories": dict(sorted(categories.items())),
        "unknown": use.unknown,
        "policy": use.version,
    }


def _readable(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {count}" for key, count in value.items())
    return "-" if value is None else str(value)
