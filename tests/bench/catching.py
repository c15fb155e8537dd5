"""How much of what public blocklists stop on real pages is cut: `make bench LISTS="easylist.txt easyprivacy.txt"`.

The judge is not ours: Brave's engine (the package `adblock`) with the lists that a developer names by path, none of
which is shipped. Counted are pairs of page and third-party host: those that the lists stop for some URL of that host in
the page; of these, those that are still contacted when nothing is granted; and of the others, those that are cut. What
a page contacts is read from the rewriting's own report, once as it came (everything granted) and once cut. Each shape's
pairs are counted as well: they are what `vendors/shapes.csv` says of it.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console
from rich.table import Table

from proxy.catalogue.load import load
from proxy.cli.pages import DEFAULT_SITE, first_party, site_of_page
from proxy.html import CannotRewrite, Page, Rewriter
from proxy.html.page import TagReport
from proxy.model import Action
from tests.html.pages import decisions, everything
from tests.places import PAGES_DIR, ROOT

#: What the lists' engine calls the kinds of requests, by the element that makes them.
KINDS = {"script": "script", "img": "image", "iframe": "sub_frame", "link": "stylesheet", "source": "media"}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("lists", nargs="+", type=Path, help="files in the syntax of Adblock Plus")
    options.add_argument("--pages", type=Path, default=PAGES_DIR, help="a folder of pages")
    options.add_argument("--out", type=Path, default=ROOT / "bench-results.json")
    chosen = options.parse_args()
    pages = sorted(file for file in chosen.pages.iterdir() if file.suffix in (".html", ".htm"))
    judge = _engine(chosen.lists)
    measured = {unknown: measure(pages, judge, unknown) for unknown in ("allow", "block")}
    kept = json.loads(chosen.out.read_text("utf-8")) if chosen.out.exists() else {}
    chosen.out.write_text(json.dumps(kept | {"catching": measured}, indent=2) + "\n", encoding="utf-8")
    show(measured, len(pages))


def _engine(lists: list[Path]) -> object:
    try:
        import adblock
    except ImportError:
        raise SystemExit("The judge is the package adblock: pip install adblock") from None
    filters = adblock.FilterSet()
    for file in lists:
        filters.add_filter_list(file.read_text("utf-8", errors="replace"))
    return adblock.Engine(filters)


def measure(pages: list[Path], judge: object, unknown: str) -> dict[str, object]:
    """Counts of pairs, the hosts that were missed and those that were cut for nothing."""
    stopped = gone = harmless = cut = 0
    missed: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    shapes: dict[str, list[int]] = {shape.name: [0, 0] for shape in load().shapes}
    for file in pages:
        content = file.read_bytes()
        address = _address(content)
        for host, tags in _hosts(content, address, unknown).items():
            blocked = any(_stops(judge, tag, address) for tag in tags)
            left = any(tag.action is Action.KEEP for tag in tags)
            for reason in shapes.keys() & {tag.reason for tag in tags if tag.action is Action.CUT}:
                shapes[reason][not blocked] += 1
            if blocked:
                stopped += 1
                gone += not left
                missed[host] += left
            else:
                gone_too = all(tag.action in (Action.CUT, Action.PLACEHOLDER) for tag in tags)
                harmless += 1
                cut += gone_too
                wrong[f"{host} ({tags[0].vendor or tags[0].reason})"] += gone_too
    return {
        "stopped by the lists": stopped,
        "of these gone": gone,
        "others": harmless,
        "of these cut": cut,
        "shapes": shapes,
        "missed": dict((+missed).most_common(200)),
        "cut": dict((+wrong).most_common(400)),
    }


def _address(content: bytes) -> str:
    try:
        return site_of_page(content) or DEFAULT_SITE
    except ValueError:
        return DEFAULT_SITE


def _hosts(content: bytes, address: str, unknown: str) -> dict[str, list[TagReport]]:
    told: list[TagReport] = []
    use = replace(everything(), unknown=unknown)
    parts = urlsplit(address)
    page = Page(
        f"{parts.scheme}://{parts.netloc}",
        address,
        use,
        decisions(use, lambda _: False),
        first_party=first_party(parts.hostname or ""),
        report=told.append,
    )
    rewriter = Rewriter(page)
    try:
        rewriter.feed(content)
        rewriter.close()
    except CannotRewrite:
        return {}
    hosts: dict[str, list[TagReport]] = defaultdict(list)
    for tag in told:
        host = urlsplit(tag.url).hostname if "//" in tag.url else None
        if host:
            hosts[host].append(tag)
    return hosts


def _stops(judge: object, tag: TagReport, address: str) -> bool:
    kind = KINDS.get(tag.element.partition(" ")[0], "other")
    url = tag.url if tag.url.startswith("http") else f"https:{tag.url[tag.url.find('//') :]}"
    return bool(judge.check_network_urls(url, address, kind).matched)  # type: ignore[attr-defined]


def show(measured: dict[str, dict[str, object]], pages: int) -> None:
    table = Table(title=f"Pairs of page and third-party host on {pages} pages, nothing granted")
    for column in ("", "unknown allowed", "unknown blocked"):
        table.add_column(column, justify="right" if column else "left")
    for name in ("stopped by the lists", "of these gone", "others", "of these cut"):
        table.add_row(name, *(str(one[name]) for one in measured.values()))
    console = Console(width=110)
    console.print(table)
    table = Table(title="Pairs that a shape cut, unknown allowed")
    for column in ("shape", "stopped by the lists", "others"):
        table.add_column(column, justify="left" if column == "shape" else "right")
    shapes = measured["allow"]["shapes"]
    assert isinstance(shapes, dict)
    for name, (hits, false_hits) in shapes.items():
        table.add_row(name, str(hits), str(false_hits))
    console.print(table)
    for name in ("missed", "cut"):
        rows = measured["allow"][name]
        assert isinstance(rows, dict)
        console.print(f"{name}, unknown allowed: " + ", ".join(f"{host} {count}" for host, count in rows.items()))


if __name__ == "__main__":
    main()
