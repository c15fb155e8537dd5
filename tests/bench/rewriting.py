"""How fast pages are rewritten: `make bench`, or `python -m tests.bench.rewriting [--short]`.

Real pages where they are there, else one that is put together here; the full catalogue, nothing granted, one thread.
Every view of a page carries a token of its own in its markup and in each inline script, so that nothing can remember a
page. Tables of megabytes a second: each page, all of them; the scanner alone; what the same costs at 10, 100, 1,000 and
10,000 catalogue entries; and Lexbor's parsing as a yardstick. Required: 100 MB/s in all, and the sizes within 10 % of
each other. Written to bench-results.json under "rewriting".
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table
from selectolax.lexbor import LexborHTMLParser

from proxy.catalogue.match import Matcher
from proxy.catalogue.use import InUse
from proxy.html import Page, Rewriter, grammar
from proxy.html.scan import Scanner
from proxy.model import Category
from tests.catalogue.vendors import vendor
from tests.html.pages import decisions, everything, page_of
from tests.places import ROOT, real_pages

SIZES = (10, 100, 1_000, 10_000)
#: Vendors that the real pages meet; they are in the catalogue at every size.
MET = (
    "google-analytics google-tag-manager google-ads google-ad-manager meta-pixel google-fonts youtube pinterest "
    "instagram facebook"
).split()


def bodies() -> dict[str, bytes]:
    """The pages by name."""
    return {path.stem: path.read_bytes() for path in real_pages()} or {"made here": _made()}


def _made() -> bytes:
    product = (
        '<li class="product" data-id="{0}"><a href="/p/{0}" title="Shoe {0}"><img src="/img/{0}.webp" alt="Shoe {0}" '
        'loading="lazy" width="300" height="300"><h3>Shoe {0}</h3><span class="price">&euro; {0},00</span></a></li>\n'
    )
    script = "<script>window.dataLayer=window.dataLayer||[];function gtag(){dataLayer.push(arguments)}</script>\n"
    tag = '<script async src="https://www.googletagmanager.com/gtag/js?id=G-1"></script>\n'
    head = f"<!doctype html><html lang=en><head><title>Shoes</title>{tag}{script}</head><body><ul>\n"
    return (head + "".join(product.format(number) for number in range(1_000)) + "</ul></body></html>").encode()


def view(body: bytes, number: int) -> bytes:
    """The page as one visitor gets it: a token in the markup and in every inline script."""
    token = b"t%08x" % (number * 2_654_435_761 & 0xFFFFFFFF)
    body = re.sub(rb"(<body\b)", rb'\1 data-view="' + token + rb'"', body, count=1)
    body = re.sub(rb"(<head\b[^>]*>)", rb'\1<meta name="csrf-token" content="' + token + rb'">', body, count=1)
    return re.sub(rb"(<script(?![^>]*(?:src|json|template))[^>]*>)", rb'\1var view="' + token + rb'";', body)


def took(call: Callable[[bytes], object], body: bytes) -> float:
    """Seconds of this process: what other processes take of a shared machine is not counted."""
    started = time.process_time()
    call(body)
    return time.process_time() - started


def rewriting(page: Page) -> Callable[[bytes], object]:
    def call(body: bytes) -> None:
        rewriter = Rewriter(page)
        rewriter.feed(body)
        rewriter.close()

    return call


def scanning(body: bytes) -> None:
    scanner = Scanner(grammar.SKIP_BODY)
    scanner.feed(body)
    for _ in scanner.tokens(last=True):
        pass


def of_size(size: int) -> InUse:
    """The vendors that the pages meet, and so many more that there are `size` in all."""
    use = everything()
    met = [use.vendors[key] for key in MET]
    more = [
        vendor(f"v{number}", [f"vendor{number}.example", f"t.vendor{number}.net/p"], categories=[Category.ADVERTISING])
        for number in range(size - len(met))
    ]
    vendors = {one.key: one for one in [*met, *more]}
    return replace(use, vendors=vendors, matcher=Matcher(vendors.values()), digest=str(size))


def page_at(size: int) -> Page:
    use = of_size(size)
    return replace(page_of(), use=use, decisions=decisions(use, lambda _: False))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--short", action="store_true", help="a third of the views")
    options.add_argument("--out", type=Path, default=ROOT / "bench-results.json")
    chosen = options.parse_args()
    views = {
        name: [view(body, number) for number in range(5 if chosen.short else 15)] for name, body in bodies().items()
    }
    measured = measure(views)
    show(views, measured)
    rates = {name: round(rate(views, seconds), 1) for name, seconds in measured.items()}
    kept = json.loads(chosen.out.read_text("utf-8")) if chosen.out.exists() else {}
    chosen.out.write_text(json.dumps(kept | {"rewriting": rates}, indent=2) + "\n", encoding="utf-8")


def measure(views: dict[str, list[bytes]]) -> dict[str, dict[str, float]]:
    """The least seconds that a view of each page took, by what is done with it. All take turns, so that a machine
    that is busy for a while slows them alike."""
    full = rewriting(page_of(banner=lambda _: b"<section></section>", footer=lambda _: b"<p></p>"))
    calls: dict[str, Callable[[bytes], object]] = {"rewriting": full, "scanner alone": scanning, "Lexbor": parsing}
    calls |= {f"{size:,} vendors": rewriting(page_at(size)) for size in SIZES}
    measured: dict[str, dict[str, float]] = {name: {} for name in calls}
    for page, bodies_ in views.items():
        for body in bodies_:
            for name, call in calls.items():
                measured[name][page] = min(took(call, body), measured[name].get(page, float("inf")))
    return measured


def parsing(body: bytes) -> None:
    LexborHTMLParser(body)


def rate(views: dict[str, list[bytes]], seconds: dict[str, float]) -> float:
    """Megabytes a second over all pages."""
    return sum(len(bodies_[0]) for bodies_ in views.values()) / sum(seconds.values()) / 1e6


def show(views: dict[str, list[bytes]], measured: dict[str, dict[str, float]]) -> None:
    pages = Table(title="Page rewriting, MB/s (one thread, nothing granted, full catalogue)")
    for column in ("page", "KB", "rewriting", "scanner alone", "Lexbor parses"):
        pages.add_column(column, justify="left" if column == "page" else "right")
    for page, bodies_ in views.items():
        size = len(bodies_[0])
        speeds = (measured[name][page] for name in ("rewriting", "scanner alone", "Lexbor"))
        pages.add_row(page, f"{size / 1000:.0f}", *(f"{size / seconds / 1e6:.0f}" for seconds in speeds))
    total = sum(len(bodies_[0]) for bodies_ in views.values())
    rates = (f"{rate(views, measured[name]):.0f}" for name in ("rewriting", "scanner alone", "Lexbor"))
    pages.add_section()
    pages.add_row("all", f"{total / 1000:.0f}", *rates, style="bold")
    sizes = Table(title="The same at other sizes of the catalogue")
    for column in ("vendors", "MB/s", "against the first"):
        sizes.add_column(column, justify="right")
    first = sum(measured[f"{SIZES[0]:,} vendors"].values())
    for size in SIZES:
        seconds = measured[f"{size:,} vendors"]
        sizes.add_row(f"{size:,}", f"{rate(views, seconds):.0f}", f"{sum(seconds.values()) / first - 1:+.1%}")
    console = Console(width=100)
    console.print(pages, sizes)


if __name__ == "__main__":
    main()
