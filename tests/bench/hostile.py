"""Hostile pages at n, 2n and 4n, in one piece, in pieces of 1 KiB and byte by byte: `python -m tests.bench.hostile`.

Prints, for each, the seconds at n and how they grow: twice the page may take about twice the time. A page that is
refused counts as done: a response that is reset is safe.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from rich.console import Console
from rich.table import Table

from proxy.html import CannotRewrite, Page, Rewriter
from tests.html.pages import page_of

PATTERNS: dict[str, Callable[[int], bytes]] = {
    text: (lambda n, text=text: (text.encode() * (n // len(text.encode()) + 1))[:n])  # type: ignore[misc]
    for text in (
        "<a ",
        "<!--",
        "<!-",
        "-",
        "--",
        "--!",
        "</",
        "<",
        "&",
        "<?",
        '"',
        '<a b="',
        "<a b='>",
        "<a b",
        "<a =",
        "<a b= ",
        "<img src",
        "<svg>",
        "<svg><g></x>",
        "<svg><desc><x></y>",
        "<svg><foreignObject><svg>",
        "<math><mi>",
        "<template>",
        "<noscript>",
        "<noscript><noscript></noscript>",
        "<noscript><!--</noscript>",
        "<script>",
        "<title>",
        "<style>",
        "<base href=//x.example/>",
        "<p style='url(",
    )
}


def inside(before: str, text: str, after: str = "") -> Callable[[int], bytes]:
    return lambda n: before.encode() + text.encode() * (n // len(text)) + after.encode()


PATTERNS |= {
    f"{before} {text[:24]}… {after[:12]}": inside(before, text, after)
    for before, text, after in (
        ("<script>", "<!--<script>", ""),
        ("<script>", "<!--", "</script>"),
        ("<script>", "</scrip", ""),
        ("<script>", "'\"", "</script>"),
        ("<script>'", "\\", "'</script>"),
        ("<script>'", "\\/", "google-analytics.com'</script>"),
        ("<script>", "google-analytics.com", "</script>"),
        ("<script>", "'//google-analytics.com/", "</script>"),
        ("<script>", "'//google-analytics.com/,", "</script>"),
        ("<script>", "'google-analytics.com' ", "</script>"),
        ("<script>", "t.co", "</script>"),
        ("<script>", "x", "google-analytics.com</script>"),
        ("<script>'//google-analytics.com/", "x", "'</script>"),
        ("<script>'//google-analytics.com/", "\\/", "'</script>"),
        ("<script>'//", "a.", "google-analytics.com'</script>"),
        ("<style>", "url(", "</style>"),
        ("<style>", "url(//google-analytics.com/x)", "</style>"),
        ("<style>", "@import '//google-analytics.com/", "</style>"),
        ('<img srcset="', ",", '">'),
        ('<img srcset="', "a ,", '">'),
        ('<img srcset="', "//google-analytics.com/x 1x,", '">'),
        ('<img srcset="', "a (", '">'),
        ('<img alt="', "&amp", '" src=//google-analytics.com/>'),
        ('<img src="', "&#", '">'),
        ('<img src="', "//", '">'),
        ('<img src="//', "a.", '">'),
        ('<img srcset="//', "a.,//b.", '">'),
        ('<img src="https://google-analytics.com/', "../", '">'),
        ("<img ", "src=//google-analytics.com/ ", ">"),
        ("<img ", " ", ">"),
        ("<img", "/", ">"),
        ('<div onclick="', "a.b&quot;", '">'),
        ('<a style="', "url(", '">'),
        ('<iframe srcdoc="', "&lt;a ", '">'),
        ('<iframe srcdoc="', "<iframe srcdoc='", '">'),
        ("<meta http-equiv=content-security-policy content='", "script-src;", "'>"),
        ("<link rel='", "preload ", "' href=//google-analytics.com/>"),
        ("<iframe src='data:text/html,", "%3Ca ", "'>"),
    )
}


COUNT = itertools.count()


def run(page: Page, body: bytes, size: int) -> float:
    """Seconds of this process for one page in pieces of `size` bytes."""
    rewriter = Rewriter(replace(page, origin=f"https://{next(COUNT)}.shop.example"))  # nothing is remembered
    started = time.process_time()
    try:
        for at in range(0, len(body), size):
            rewriter.feed(body[at : at + size])
        rewriter.close()
    except CannotRewrite:
        pass
    return time.process_time() - started


def main(arguments: Iterable[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=64 << 10, help="n, in bytes (a quarter of it byte by byte)")
    parser.add_argument("--only", default="", help="patterns that hold this text")
    parser.add_argument("--unknown", choices=("allow", "block"), default="block")
    chosen = parser.parse_args(None if arguments is None else list(arguments))
    page = page_of(unknown=chosen.unknown, banner=lambda _: b"<section>banner</section>")
    table = Table(title=f"Hostile pages, n = {chosen.size} bytes (byte by byte: a quarter), seconds of CPU")
    for column in ("pattern", "whole", "2n", "4n", "1 KiB", "2n", "4n", "1 byte", "2n", "4n"):
        table.add_column(column, justify="left" if column == "pattern" else "right", no_wrap=True)
    for name, make in PATTERNS.items():
        if chosen.only in name:
            table.add_row(repr(name)[1:-1].replace("[", r"\["), *_cells(page, make, chosen.size))
    Console(width=150).print(table)


def _cells(page: Page, make: Callable[[int], bytes], n: int) -> list[str]:
    cells: list[str] = []
    for size in (1 << 30, 1024, 1):
        length = n if size > 1 else n // 4
        first = run(page, make(length), size)
        cells.append(f"{first * 1000:.1f} ms")
        for times in (2, 4):
            growth = run(page, make(length * times), size) / max(first, 1e-4)
            cells.append(f"[red]x{growth:.1f}[/red]" if growth > times * 1.7 else f"x{growth:.1f}")
    return cells


if __name__ == "__main__":
    main()
