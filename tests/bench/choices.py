"""Whether records hold under load: `make soak`, or `python -m tests.bench.choices [--short]`.

A thousand visitors a second choose, on SQLite and on PostgreSQL: how long the slowest hundredth waits. Then the process
is killed in the middle, and every choice that was answered must be on record. Then PostgreSQL stops answering for a
while (whatever is between the two swallows all that is sent): pages must come as before, choices too, and all of them
must be on record afterwards. Exit 1 where anything does not hold. Written to bench-results.json under "choices".

A choice is on the disk before it is answered, so none is faster than the disk: what a flush alone takes is measured
beside it, at the same time. The long form allows nothing for that; the short one, which runs where others use the disk,
adds the slowest hundredth of flushes to what the slowest hundredth of choices may take.

PostgreSQL is at TEST_POSTGRESQL (default: postgres at 127.0.0.1:5432); where it does not answer, its part is left out,
and said so.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from rich.console import Console
from rich.table import Table

from tests.cli.command import GOOD_KEYS, GOOD_SETTINGS, environment
from tests.consent.records.places import fresh_database
from tests.free_port import free_port
from tests.places import MISSING, ROOT

#: Choices a second; of these every other one allows something.
RATE = 1000
#: Connections that they come over.
VISITORS = 64
#: Milliseconds that the slowest hundredth may take; and any choice while the store is gone, and any page.
P99, GONE = 100.0, 50.0
#: Flushes a second beside the choices.
FLUSHES = 100

_HEAD = b"Host: shop.example\r\nOrigin: https://shop.example\r\nContent-Type: application/x-www-form-urlencoded\r\n"
_PAGE = b"GET / HTTP/1.1\r\nHost: shop.example\r\nAccept: text/html\r\nSec-Fetch-Dest: document\r\n\r\n"


def _form(body: bytes) -> bytes:
    return b"POST /_consent HTTP/1.1\r\n%bContent-Length: %d\r\n\r\n%b" % (_HEAD, len(body), body)


_ACCEPT, _REJECT = _form(b"choice=accept&shown=1&lang=en"), _form(b"choice=reject&shown=1&lang=en")


@dataclass
class Load:
    """What came back. Times in milliseconds, from the moment when a request was due."""

    times: list[float] = field(default_factory=list)
    numbers: set[str] = field(default_factory=set)
    refusals: int = 0
    failed: int = 0

    def at(self, share: float) -> float:
        """The time within which that share was answered."""
        ordered = sorted(self.times)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("inf")


async def choosing(port: int, seconds: float, rate: int = RATE) -> Load:
    """Visitors who choose, each when it is due, however slow the answers are."""
    load = Load()
    due = asyncio.Queue[tuple[float, bytes]]()
    start = time.perf_counter()
    count = int(seconds * rate)

    async def visit() -> None:
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        while (turn := await due.get())[1]:
            moment, asked = turn
            try:
                streams = streams or await asyncio.open_connection("127.0.0.1", port)
                streams[1].write(asked)
                head = await streams[0].readuntil(b"\r\n\r\n")
            except (OSError, asyncio.IncompleteReadError):
                load.failed += 1
                if streams is not None:
                    streams[1].close()
                streams = None
                continue
            load.times.append((time.perf_counter() - moment) * 1000)
            if not head.startswith(b"HTTP/1.1 303"):
                raise SystemExit(f"a choice was answered {head[:60]!r}")
            if asked is _ACCEPT:
                load.numbers.add(head.split(b"__Host-consent=", 1)[1].split(b"~", 8)[7].decode())
            else:
                load.refusals += 1
        if streams is not None:
            streams[1].close()

    visitors = [asyncio.create_task(visit()) for _ in range(VISITORS)]
    for number in range(count):
        moment = start + number / rate
        if (wait := moment - time.perf_counter()) > 0.001:
            await asyncio.sleep(wait)
        due.put_nowait((moment, _ACCEPT if number % 2 else _REJECT))
    for _ in visitors:
        due.put_nowait((0, b""))
    await asyncio.gather(*visitors)
    return load


async def reading(port: int, seconds: float) -> Load:
    """Somebody who opens fifty pages a second."""
    load = Load()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        moment = time.perf_counter()
        writer.write(_PAGE)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise SystemExit(f"a page was answered {head[:60]!r}")
        while not (await reader.readuntil(b"\n")).startswith(b"0\r\n"):
            pass
        await reader.readuntil(b"\n")
        load.times.append((time.perf_counter() - moment) * 1000)
        await asyncio.sleep(0.02)
    writer.close()
    return load


def _allowed(disk: Load, *, strict: bool) -> float:
    """Milliseconds that the disk may add to the slowest hundredth."""
    return 0 if strict else disk.at(0.99)


@contextlib.contextmanager
def flushing(folder: Path) -> Iterator[Load]:
    """Somebody else who has lines to keep on the same disk. What was written before is let go first: a flush waits for
    that, too."""
    os.sync()
    load, ended = Load(), threading.Event()
    start = time.perf_counter()

    def flush() -> None:
        with (folder / "flushed").open("ab", buffering=0) as file:
            for number in itertools.count():
                moment = start + number / FLUSHES
                if ended.wait(max(0, moment - time.perf_counter())):
                    return
                file.write(b"a line about as long as a record of a choice\n" * 10)
                os.fdatasync(file.fileno())
                load.times.append((time.perf_counter() - moment) * 1000)

    thread = threading.Thread(target=flush)
    thread.start()
    try:
        yield load
    finally:
        ended.set()
        thread.join()


# ── the proxy, and what stands between it and PostgreSQL ─────────────────────────────────────────────────────────────


@dataclass
class Proxy:
    """Consentry before a small shop, with its records in `state` or at `url`."""

    folder: Path
    url: str | None
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def _environment(self) -> dict[str, str]:
        return environment(GOOD_KEYS | ({"CONSENTRY_STORE_URL": self.url} if self.url else {}))

    async def start(self, storefront: int) -> None:
        (self.folder / "consentry.toml").write_text(GOOD_SETTINGS)
        command = [sys.executable, "-m", "proxy", "serve", "--storefront", f"http://127.0.0.1:{storefront}"]
        command += ["--config", f"{self.folder}/consentry.toml", "--state", f"{self.folder}/state"]
        command += ["--listen", f"127.0.0.1:{self.port}", "--admin", "127.0.0.1:0"]
        log = (self.folder / "log").open("ab")
        self.process = subprocess.Popen(command, stdout=log, stderr=log, env=self._environment, cwd=ROOT)  # noqa: ASYNC220
        for _ in range(200):
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.close()
                return
            await asyncio.sleep(0.05)
        raise SystemExit(f"Consentry did not start:\n{(self.folder / 'log').read_text()}")

    async def end(self, number: int = signal.SIGINT) -> None:
        assert self.process is not None
        self.process.send_signal(number)
        await asyncio.to_thread(self.process.wait)

    async def on_record(self) -> tuple[set[str], int]:
        """The numbers of all grants, and how many refusals; the chains verify."""
        refusals, numbers = 0, set()
        for line in (await self._consents("export", "--json")).splitlines():
            record = json.loads(line)
            refusals += record["event"] == "refusal"
            numbers.add(record.get("visitor"))
        await self._consents("verify")
        return numbers, refusals

    async def landed(self) -> None:
        """Wait until nothing waits on the disk."""
        for _ in range(1200):
            if not list((self.folder / "state" / "spool").glob("*")):
                return
            await asyncio.sleep(0.1)
        raise SystemExit("records still wait on the disk after two minutes")

    async def _consents(self, *arguments: str) -> bytes:
        command = [sys.executable, "-m", "proxy", "consents", *arguments]
        command += ["--config", f"{self.folder}/consentry.toml", "--state", f"{self.folder}/state"]
        ran = await asyncio.create_subprocess_exec(
            *command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self._environment, cwd=ROOT
        )
        told, said = await ran.communicate()
        if ran.returncode:
            raise SystemExit(f"consents {arguments[0]}: {told[-2000:].decode()}{said.decode()}")
        return told


@contextlib.asynccontextmanager
async def storefront() -> AsyncIterator[int]:
    page = b"<!doctype html><html lang=en><body>" + b"<p>Shop</p>\n" * 200 + b"</body></html>"
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%b" % (len(page), page)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


class Wire:
    """A port before PostgreSQL's. While it is not `whole`, nothing passes in either direction, and nobody is told."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._there = (parts.hostname or "127.0.0.1", parts.port or 5432)
        self.whole = asyncio.Event()
        self.whole.set()

    async def listen(self) -> int:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return int(server.sockets[0].getsockname()[1])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            there, back = await asyncio.open_connection(*self._there)
            await asyncio.gather(self._pass(reader, back), self._pass(there, writer))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                await self.whole.wait()
                writer.write(data)
                await writer.drain()
        writer.close()


# ── what is measured ─────────────────────────────────────────────────────────────────────────────────────────────────


async def _loaded(
    folder: Path, url: str | None, shop: int, seconds: int, *, strict: bool
) -> tuple[dict[str, float], list[str]]:
    """A thousand a second; then a kill in the middle of more."""
    proxy = Proxy(folder, url)
    await proxy.start(shop)
    await choosing(proxy.port, 1, 50)  # which makes the tables
    await proxy.landed()
    with flushing(folder) as disk:
        load = await choosing(proxy.port, seconds)
    killing = asyncio.create_task(choosing(proxy.port, 4))
    await asyncio.sleep(2)
    await proxy.end(signal.SIGKILL)
    cut = await killing
    await proxy.start(shop)
    await proxy.landed()
    await proxy.end()
    numbers, refusals = await proxy.on_record()
    answered, refused = load.numbers | cut.numbers, load.refusals + cut.refusals
    measured = {
        "choices": len(load.times),
        "a second": len(load.times) / seconds,
        "median ms": load.at(0.5),
        "p99 ms": load.at(0.99),
        "slowest ms": load.at(1),
        "a flush alone, p99 ms": disk.at(0.99),
        "answered before the kill": len(cut.times),
        "missing": len(answered - numbers) + max(0, refused - refusals),
    }
    failures = []
    most = P99 + _allowed(disk, strict=strict)
    if load.at(0.99) >= most:
        failures.append(f"the slowest hundredth took {load.at(0.99):.0f} ms; {most:.0f} at most")
    if measured["missing"] or load.failed:
        failures.append(f"{measured['missing']} choices were answered and are not on record; {load.failed} failed")
    return measured, failures


async def _store_gone(
    folder: Path, url: str, shop: int, seconds: int, *, strict: bool
) -> tuple[dict[str, float], list[str]]:
    """PostgreSQL does not answer for so long, while visitors read and choose."""
    wire = Wire(url)
    there = urlunsplit(urlsplit(url)._replace(netloc=f"postgres@127.0.0.1:{await wire.listen()}"))
    proxy = Proxy(folder, there)
    await proxy.start(shop)
    await choosing(proxy.port, 1, 50)
    await proxy.landed()
    before = await reading(proxy.port, 5)
    calm = await choosing(proxy.port, 3, 200)
    wire.whole.clear()
    with flushing(folder) as disk:
        pages, choices = await asyncio.gather(reading(proxy.port, seconds), choosing(proxy.port, seconds, 200))
    waiting = len(list((folder / "state" / "spool").glob("*")))
    wire.whole.set()
    after = await choosing(proxy.port, 3, 200)
    await proxy.landed()
    await proxy.end()
    numbers, refusals = await proxy.on_record()
    all_loads = (calm, choices, after)
    missing = len(set().union(*(load.numbers for load in all_loads)) - numbers)
    missing += max(0, sum(load.refusals for load in all_loads) - refusals)
    measured = {
        "page median ms before": before.at(0.5),
        "page median ms meanwhile": pages.at(0.5),
        "page p99 ms before": before.at(0.99),
        "page p99 ms meanwhile": pages.at(0.99),
        "choices meanwhile": len(choices.times),
        "choice median ms before": calm.at(0.5),
        "choice median ms meanwhile": choices.at(0.5),
        "choice p99 ms meanwhile": choices.at(0.99),
        "a flush alone, p99 ms": disk.at(0.99),
        "files that waited": waiting,
        "missing": missing,
    }
    failures = []
    if not waiting or missing or choices.failed:
        failures.append(f"{missing} choices are not on record; {choices.failed} failed; {waiting} files waited")
    if choices.at(0.99) > calm.at(0.5) + GONE + _allowed(disk, strict=strict):
        failures.append(
            f"a choice took {choices.at(0.99):.0f} ms meanwhile, {calm.at(0.5):.0f} before, and a "
            f"flush alone {disk.at(0.99):.0f}"
        )
    if pages.at(0.5) > 2 * before.at(0.5) + 1:
        failures.append(f"a page took {pages.at(0.5):.1f} ms meanwhile, {before.at(0.5):.1f} before")
    return measured, failures


async def _measured(short: bool) -> tuple[dict[str, dict[str, float]], list[str]]:
    measured: dict[str, dict[str, float]] = {}
    failures: list[str] = []

    async def run(name: str, made: tuple[dict[str, float], list[str]]) -> None:
        measured[name], wrong = made
        failures.extend(f"{name}: {one}" for one in wrong)

    with tempfile.TemporaryDirectory() as top:
        folders = [Path(top, name) for name in ("sqlite", "postgresql", "gone")]
        for folder in folders:
            folder.mkdir()
        async with storefront() as shop:
            seconds = 5 if short else 30
            await run("SQLite", await _loaded(folders[0], None, shop, seconds, strict=not short))
            if "postgresql" in MISSING:
                Console(stderr=True).print(f"PostgreSQL left out: {MISSING['postgresql']}")
                return measured, failures
            async with fresh_database() as url:
                await run("PostgreSQL", await _loaded(folders[1], url, shop, seconds, strict=not short))
            async with fresh_database() as url:
                gone = await _store_gone(folders[2], url, shop, 8 if short else 60, strict=not short)
                await run("PostgreSQL gone", gone)
    return measured, failures


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--short", action="store_true", help="seconds instead of minutes")
    options.add_argument("--out", type=Path, default=ROOT / "bench-results.json")
    chosen = options.parse_args()
    measured, failures = asyncio.run(_measured(chosen.short))
    table = Table("", *measured, title="Choices on record")
    for name in dict.fromkeys(name for found in measured.values() for name in found):
        cells = (f"{found[name]:,.1f}" if name in found else "" for found in measured.values())
        table.add_row(name, *cells)
    Console().print(table)
    for failure in failures:
        Console().print(f"does not hold: {failure}", style="red")
    kept = json.loads(chosen.out.read_text("utf-8")) if chosen.out.exists() else {}
    chosen.out.write_text(json.dumps(kept | {"choices": measured | {"failures": failures}}, indent=2) + "\n")
    if failures:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
