"""Whether events hold under load and under faults: `make soak`, or `python -m tests.bench.events [--short]`.

The proxy is killed two hundred times (twenty with --short) at moments of chance while 500 events a second are posted,
on SQLite and on NATS JetStream: each that it took must arrive. Then how many it takes a second, durably, and how many
it delivers, on one core; what a page costs while it does; and how it bears a vendor that fails in every way. Exit 1
where anything does not hold. Written to bench-results.json under "events".

NATS is at TEST_NATS (default: 127.0.0.1:4222); where it does not answer, its part is left out, and said so.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import http.client
import json
import math
import multiprocessing
import os
import random
import secrets
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from tests.events.killing import BackEnd, Proxy, killed, posted
from tests.events.outboxes import forget
from tests.events.served import BROWSER, SETTINGS, choose, settings, shop, vendors
from tests.places import MISSING, NATS, ROOT

#: Events a second that must be taken and delivered, and by how much a page may be slower meanwhile.
TAKEN, DELIVERED, SLOWER = 2000, 1000, 1.05

#: Pages a second at which their times are taken; how many in a turn; how many turns two proxies are compared once they
#: run: more is learnt from starting other two, since how they came to lie in memory makes more difference than what
#: they do. Seconds until what a turn began is delivered.
PACE, PAGES, TURNS, DELIVERED_WITHIN = 100, 150, 3, 1.5

#: Megabytes by which the process may grow while a vendor fails.
GROWTH = 40


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--short", action="store_true", help="a few minutes in all, as in CI")
    options.add_argument("--out", type=Path, default=ROOT / "bench-results.json")
    given = options.parse_args()
    found: dict[str, Any] = {}
    failures: list[str] = []
    with tempfile.TemporaryDirectory() as top, Progress(console=Console(stderr=True)) as progress:
        _kills(Path(top), found, failures, progress, 20 if given.short else 200)
        _rates(Path(top, "rates"), found, failures)
        with _on_core(-1):  # like all that stands for others' machines
            _pages(Path(top, "pages"), found, failures, 6 if given.short else 18, strict=not given.short)
        _faults(Path(top, "faults"), found, failures, 12 if given.short else 120)
    _show(found, failures)
    known = json.loads(given.out.read_text()) if given.out.exists() else {}
    given.out.write_text(json.dumps({**known, "events": {**found, "failures": failures}}, indent=2) + "\n")
    sys.exit(1 if failures else 0)


def _kills(top: Path, found: dict[str, Any], failures: list[str], progress: Progress, rounds: int) -> None:
    kinds = {"SQLite": ""} | ({} if "nats" in MISSING else {"JetStream": f"{NATS}/bench{secrets.token_hex(4)}"})
    if "nats" in MISSING:
        print(MISSING["nats"], file=sys.stderr)
    for kind, url in kinds.items():
        task = progress.add_task(f"killed, {kind}", total=rounds)
        with vendors(remember=False) as told:
            folder = top / kind
            folder.mkdir(parents=True)
            more = {"CONSENTRY_OUTBOX_URL": url} if url else {}
            proxy = Proxy(settings(folder, told.url, answer_seconds=0.5), folder / "state", more=more)
            one = killed(proxy, told, rounds, random.Random(11), lambda task=task: progress.advance(task))
            found[f"killed, {kind}"] = one
            if not one["accepted"] or one["missing"] or one["never posted"]:
                failures.append(f"killed, {kind}: {one['missing']} of {one['accepted']} are missing")
        if url:
            asyncio.run(forget(url))


def _rates(folder: Path, found: dict[str, Any], failures: list[str]) -> None:
    """Taken durably, while the vendor does not answer; then delivered to it. On one core."""
    folder.mkdir()
    with vendors(remember=False) as told:
        told.answer = lambda _: 503
        proxy = Proxy(settings(folder, told.url), folder / "state", core=0)
        proxy.start()
        seconds, connections, together = 5.0, 8, 25
        counts = [0] * connections
        end = time.monotonic() + seconds

        def post(place: int) -> None:
            connection = http.client.HTTPConnection("127.0.0.1", proxy.admin, timeout=20)
            number = 0
            while time.monotonic() < end:
                ids = [f"{place}-{number + one}" for one in range(together)]
                number += together
                counts[place] += together * posted(connection, ids)
            connection.close()

        threads = [threading.Thread(target=post, args=(place,)) for place in range(connections)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        taken = sum(counts)
        told.answer = lambda _: 200
        told.until(lambda: len(told.ids) > 0, 60)
        start, before = time.monotonic(), len(told.ids)
        told.until(lambda: len(told.ids) >= taken, 120)
        delivered = (len(told.ids) - before) / (time.monotonic() - start)
        proxy.end()
    found["rates"] = {"taken a second": round(taken / seconds), "delivered a second": round(delivered)}
    if taken / seconds < TAKEN:
        failures.append(f"{taken / seconds:.0f} events a second were taken; {TAKEN} are wanted")
    if delivered < DELIVERED:
        failures.append(f"{delivered:.0f} events a second were delivered; {DELIVERED} are wanted")


def _pages(folder: Path, found: dict[str, Any], failures: list[str], pairs: int, *, strict: bool) -> None:
    """A page of a visitor who has allowed everything, with events and without, by so many pairs of proxies. `strict`:
    what is measured must hold; else it fails only where it is too slow beyond doubt: few pairs say no more."""
    medians: list[tuple[float, float]] = []
    heard = 0
    for pair in range(pairs):
        with _hosted() as (gateway, storefront, count):
            medians.append(_compared(folder / str(pair), gateway, storefront, events_first=pair % 2 == 0))
            heard += count()
    ratios = [on / off for on, off in medians]
    ratio, doubt = statistics.mean(ratios), 2 * statistics.stdev(ratios) / math.sqrt(pairs)
    found["pages"] = {
        "median ms, with events": round(statistics.median(on for on, _ in medians), 3),
        "median ms, without": round(statistics.median(off for _, off in medians), 3),
        "ratio": round(ratio, 3),
        "give or take": round(doubt, 3),
        "events that arrived": heard,
    }
    if ratio - (0 if strict else doubt) > SLOWER:
        failures.append(
            f"a page takes {ratio:.2f} times as long with events, give or take {doubt:.2f}; {SLOWER} at most"
        )


def _compared(folder: Path, gateway: str, storefront: str, *, events_first: bool) -> tuple[float, float]:
    """Median milliseconds of a page, with events and without, by turns, both proxies on one core."""
    folder.mkdir(parents=True)
    on_file, off_file = settings(folder, gateway), folder / "off.toml"
    off_file.write_text(SETTINGS.format(gateway=gateway, answer_seconds=1).replace('reach = "server"\n', ""))
    proxies = {
        True: Proxy(on_file, folder / "on", storefront=storefront, core=0),
        False: Proxy(off_file, folder / "off", storefront=storefront, core=0),
    }
    order = (events_first, not events_first)
    times: dict[bool, list[float]] = {True: [], False: []}
    cookies = {}
    for events in order:
        proxies[events].start()
        cookies[events] = choose(f"http://127.0.0.1:{proxies[events].public}", b"choice=accept&shown=1&lang=en")
    with _open(proxies[True]) as on, _open(proxies[False]) as off:
        for turn in range(1 + TURNS):
            for events in order:
                start = time.perf_counter()
                for number in range(1, 1 + (PAGES if turn else 50)):
                    took = _page(on if events else off, cookies[events])
                    if turn:  # the first one warms up
                        times[events].append(took)
                    time.sleep(max(0, start + number / PACE - time.perf_counter()))
                if events:  # what is still being told must not slow the other
                    time.sleep(DELIVERED_WITHIN)
    time.sleep(1)
    for proxy in proxies.values():
        proxy.end()
    return statistics.median(times[True]) * 1000, statistics.median(times[False]) * 1000


@contextlib.contextmanager
def _on_core(which: int) -> Iterator[None]:
    """This process, and those that it starts, on one of its cores."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {sorted(cores)[which]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


@contextlib.contextmanager
def _hosted() -> Iterator[tuple[str, str, Callable[[], int]]]:
    """Vendors and a shop, each in a process of its own: neither waits for the other's interpreter, nor for that of who
    measures. Their addresses, and how many events have reached Meta."""
    with _process(_host_vendors) as vendor, _process(_host_shop) as storefront:
        gateway = vendor.recv()

        def count() -> int:
            vendor.send(None)
            return int(vendor.recv())

        yield gateway, storefront.recv(), count


@contextlib.contextmanager
def _process(work: Callable[[Connection], None]) -> Iterator[Connection]:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=work, args=(there,), daemon=True)
    process.start()
    there.close()  # so that its end is heard of
    yield here
    process.terminate()
    process.join()


def _host_vendors(pipe: Connection) -> None:
    os.nice(19)  # they stand for other people's machines
    with vendors(remember=False) as told:
        pipe.send(told.url)
        while True:
            pipe.recv()
            pipe.send(len(told.ids))


def _host_shop(pipe: Connection) -> None:
    with shop() as storefront:
        pipe.send(storefront)
        pipe.recv()


@contextlib.contextmanager
def _open(proxy: Proxy) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection("127.0.0.1", proxy.public, timeout=20)
    yield connection
    connection.close()


def _page(connection: http.client.HTTPConnection, cookie: str) -> float:
    headers = {name.replace("_", "-"): value for name, value in BROWSER.items()}
    start = time.perf_counter()
    connection.request("GET", "/", headers={"Host": "shop.example", "Cookie": cookie, **headers})
    answer = connection.getresponse()
    answer.read()
    took = time.perf_counter() - start
    if answer.status != 200:
        raise SystemExit(f"a page was answered {answer.status}")
    return took


def _faults(folder: Path, found: dict[str, Any], failures: list[str], seconds: int) -> None:
    """A vendor that answers 500, hangs and breaks off, says later, by turns of a few seconds; meanwhile pages."""
    folder.mkdir()
    with vendors(remember=False) as told, shop() as storefront:
        statuses: list[int | None] = [500, None, 429, 503]
        began = time.monotonic()
        told.answer = lambda _: statuses[int(time.monotonic() - began) // 3 % len(statuses)]
        proxy = Proxy(settings(folder, told.url, answer_seconds=1), folder / "state", storefront=storefront)
        proxy.start()
        cookie = choose(f"http://127.0.0.1:{proxy.public}", b"choice=accept&shown=1&lang=en")
        back_end, times = BackEnd(lambda: proxy.admin), list[float]()
        with _open(proxy) as connection, back_end.posting(100):
            for _ in range(100):
                _page(connection, cookie)
            before = proxy.megabytes
            while time.monotonic() < began + seconds:
                times.append(_page(connection, cookie))
                time.sleep(0.02)
        after = proxy.megabytes
        told.answer = lambda _: 200
        arrived = told.until(lambda: back_end.accepted <= told.ids.keys(), 330)
        proxy.end()
    found["faults"] = {
        "seconds": seconds,
        "accepted": len(back_end.accepted),
        "missing": len(back_end.accepted - told.ids.keys()),
        "page median ms": round(statistics.median(times) * 1000, 2),
        "page p99 ms": round(sorted(times)[int(len(times) * 0.99)] * 1000, 2),
        "megabytes before": before,
        "megabytes after": after,
    }
    if not arrived:
        failures.append(f"{found['faults']['missing']} events never arrived after the vendor's faults")
    if after - before > GROWTH:
        failures.append(f"the process grew by {after - before:.0f} MB while the vendor failed")


def _show(found: dict[str, Any], failures: list[str]) -> None:
    console = Console()
    for name, figures in found.items():
        table = Table(title=name)
        table.add_column("")
        table.add_column("", justify="right")
        for what, figure in figures.items():
            table.add_row(what, f"{figure:,}")
        console.print(table)
    for failure in failures:
        console.print(f"[red]{failure}[/]")
    if not failures:
        console.print("Everything held.")


if __name__ == "__main__":
    main()
