"""How long it takes to know whose a URL is: `make bench`, or `python -m tests.bench.matching [--short]`.

A table of microseconds a URL at 10, 100, 1,000 and 10,000 vendors (two domains each): `find` alone, for a kind of URL
each, then over the URLs of real pages where those are there; last, what reading a URL costs before. Required: at most 2
microseconds with 5,000 domains, and the same with any number. Written to bench-results.json under "matching".
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from proxy.catalogue.load import load
from proxy.catalogue.match import Matcher
from proxy.catalogue.url import Split, split_url
from proxy.model import Category
from tests.catalogue.vendors import vendor
from tests.places import ROOT, real_pages

SIZES = (10, 100, 1_000, 10_000)
BASE = "https://shop.example/p/"
URLS = {
    "host only": "https://cdn.vendor5.example/x.js",
    "path": "https://t.vendor5-cdn.example/en/pixel/x.js?id=1",
    "container": "https://www.googletagmanager.com/gtag/js?id=G-AB12CD34EF",
    "unknown": "https://images.shop-cdn.test/a/b/c.jpg?w=100&h=200",
    "first party": "/static/app.js?v=12",
}
_SHIPPED = {"google-analytics", "google-ads", "google-tag-manager", "meta-pixel", "youtube"}


def _matcher(size: int) -> Matcher:
    """Five shipped vendors with many patterns, and so many more that there are `size` in all."""
    shipped = [one for key, one in load().vendors.items() if key in _SHIPPED]
    patterns = ("vendor{}.example", "vendor{}-cdn.example/*/pixel")
    made = [
        vendor(f"v{number}", [pattern.format(number) for pattern in patterns], categories=[Category.ADVERTISING])
        for number in range(size - len(shipped))
    ]
    return Matcher([*shipped, *made])


def _microseconds(call: Callable[[], object], times: int) -> float:
    """The best of five runs, a call."""
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(times):
            call()
        best = min(best, (time.perf_counter() - start) / times)
    return best * 1e6


def _page_urls() -> list[str]:
    found: list[str] = []
    for page in real_pages():
        found += re.findall(r"""(?:src|href)=["']([^"']{3,500})["']""", page.read_text("utf-8", "replace"))
    return found


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--short", action="store_true", help="a quarter of the runs")
    options.add_argument("--out", type=Path, default=ROOT / "bench-results.json")
    chosen = options.parse_args()
    times = 5_000 if chosen.short else 20_000
    pages = _page_urls()
    results = {str(size): _finding(_matcher(size), pages, times) for size in SIZES}
    results["reading the URL"] = _reading(pages, times)
    _print(results)
    _keep(chosen.out, results)


def _finding(matcher: Matcher, pages: list[str], times: int) -> dict[str, float]:
    find = matcher.find
    row = {name: _microseconds(partial(find, *_split(url)), times) for name, url in URLS.items()}
    splits = [split for url in pages if (split := split_url(url, BASE)) is not None]
    return row | (
        {"pages": _microseconds(lambda: [find(*split) for split in splits], 1) / len(splits)} if pages else {}
    )


def _reading(pages: list[str], times: int) -> dict[str, float]:
    row = {name: _microseconds(partial(split_url, url, BASE), times) for name, url in URLS.items()}
    return row | (
        {"pages": _microseconds(lambda: [split_url(url, BASE) for url in pages], 1) / len(pages)} if pages else {}
    )


def _split(url: str) -> Split:
    split = split_url(url, BASE)
    assert split is not None
    return split


def _print(results: dict[str, dict[str, float]]) -> None:
    columns = list(results[str(SIZES[0])])
    print("\nURL -> vendor, microseconds a URL (one thread, best of five)\n")
    print(f"{'vendors':>16}  " + "  ".join(f"{name:>12}" for name in columns))
    for size, row in results.items():
        print(f"{size:>16}  " + "  ".join(f"{row[name]:>12.2f}" for name in columns))


def _keep(file: Path, results: dict[str, dict[str, float]]) -> None:
    """Beside what other benchmarks have written there."""
    rounded = {size: {name: round(value, 3) for name, value in row.items()} for size, row in results.items()}
    kept = json.loads(file.read_text("utf-8")) if file.exists() else {}
    file.write_text(json.dumps(kept | {"matching": rounded}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
