"""Whether it holds: `make soak`, or `python -m tests.bench.soak [--seconds N] [--short]`.

Visitors and a storefront that break off at random, on both sides, in bodies, uploads and WebSockets: each body carries
its own checksum and the number that was asked for, so that none can be wrong, cut short or another's unnoticed; and
afterwards descriptors, tasks, connections and memory must be back where they began. Then slowhttptest (Debian) holds on
to as many connections as it can, and the other visitors' median must not feel it. Exit 1 where anything does not hold.
Written to bench-results.json under "soak".
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from tests.bench.serving import memory
from tests.bench.soak_shop import body_of
from tests.free_port import free_port
from tests.http.shop import read_answer, request
from tests.places import ROOT, SLOWHTTPTEST

VISITORS, PAGES = 48, 100
#: Seconds of churn before the first look (what is remembered is full by then), and of rest before each.
WARM, REST = 45, 4
#: How much more memory (MB) and how many more descriptors and tasks are still where it began.
MEMORY, FEW = 12.0, 4


@dataclass
class Outcome:
    """What happened, and what must not have."""

    done: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Held:
    """What the process holds."""

    descriptors: int
    tasks: int
    busy: int
    memory: float


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--seconds", type=int, default=600, help="of churn (600)")
    options.add_argument("--short", action="store_true", help="a minute of churn, and ten seconds of each attack")
    options.add_argument("--out", type=Path, default=ROOT / "bench-results.json")
    chosen = options.parse_args()
    seconds = 60 if chosen.short else chosen.seconds
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        shop = free_port()
        _start(stack, ["-m", "tests.bench.soak_shop", str(shop)], shop)
        port, admin = free_port(), free_port()  # now: the storefront takes further ones
        (Path(folder) / "consentry.toml").write_text(f'[storefront]\nurl = "http://127.0.0.1:{shop}"\nidle = 5\n')
        serve = ["-m", "proxy", "serve", "--dev", "--config", f"{folder}/consentry.toml", "--state", f"{folder}/state"]
        pid = _start(stack, [*serve, "--listen", f"127.0.0.1:{port}", "--admin", f"127.0.0.1:{admin}"], port)
        with Progress(console=Console(stderr=True), transient=True) as progress:
            found, failures = asyncio.run(_churned(port, admin, pid, seconds, progress))
            slow, felt = _attacked(port, 10 if chosen.short else 60, progress)
    failures += felt
    _show(found, slow, failures)
    kept = json.loads(chosen.out.read_text("utf-8")) if chosen.out.exists() else {}
    measured = {"churn": found, "slowhttptest": slow, "failures": failures}
    chosen.out.write_text(json.dumps(kept | {"soak": measured}, indent=2) + "\n", encoding="utf-8")
    if failures:
        raise SystemExit(1)


def _start(stack: contextlib.ExitStack, arguments: list[str], port: int) -> int:
    quiet = subprocess.DEVNULL
    process = subprocess.Popen([sys.executable, *arguments], stdout=quiet, stderr=quiet, cwd=ROOT)
    stack.callback(process.wait)
    stack.callback(process.terminate)
    for _ in range(400):
        with contextlib.suppress(httpx.HTTPError):
            httpx.get(f"http://127.0.0.1:{port}/body/1/10/length", trust_env=False)
            return process.pid
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise SystemExit(f"did not start: {' '.join(arguments)}")


# ── churn ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _churned(
    port: int, admin: int, pid: int, seconds: int, progress: Progress
) -> tuple[dict[str, object], list[str]]:
    outcome = Outcome()
    await _churn(port, WARM, outcome, progress, "warming up")
    before = await _held(admin, pid)
    await _churn(port, seconds, outcome, progress, "churning")
    after = await _held(admin, pid)
    failures = list(outcome.wrong[:20])
    if after.descriptors > before.descriptors + FEW or after.tasks > before.tasks + FEW or after.busy > 0:
        failures.append(f"not back where it began: {before} became {after}")
    if after.memory > before.memory + MEMORY:
        failures.append(f"memory grew from {before.memory:.1f} to {after.memory:.1f} MB")
    return {"done": dict(outcome.done), "before": vars(before), "after": vars(after)}, failures


async def _held(admin: int, pid: int) -> Held:
    """Once it is at rest; connections that are kept for the next request do not count."""
    await asyncio.sleep(REST)
    async with httpx.AsyncClient(trust_env=False) as client:
        told = (await client.get(f"http://127.0.0.1:{admin}/metrics")).text

    def value(name: str) -> int:
        found = re.search(rf"^{re.escape(name)} ([\d.]+)", told, re.M)
        return int(float(found[1])) if found else 0

    kept = value('consentry_connections{side="storefront-kept"}')
    descriptors = len(os.listdir(f"/proc/{pid}/fd")) - kept
    busy = value('consentry_connections{side="storefront-busy"}')
    return Held(descriptors, value("consentry_tasks"), busy, round(memory(pid), 1))


async def _churn(port: int, seconds: float, outcome: Outcome, progress: Progress, what: str) -> None:
    end = time.monotonic() + seconds
    bar = progress.add_task(what, total=seconds)
    chances = [random.Random(f"{what} {number}") for number in range(VISITORS)]
    visitors = [asyncio.create_task(_visitor(port, chance, end, outcome)) for chance in chances]
    while (left := end - time.monotonic()) > 0:
        progress.update(bar, completed=seconds - left)
        await asyncio.sleep(0.5)
    await asyncio.gather(*visitors)
    progress.remove_task(bar)


async def _visitor(port: int, chance: random.Random, end: float, outcome: Outcome) -> None:
    while time.monotonic() < end:
        act = chance.choice(_ACTS)
        try:
            async with asyncio.timeout(30):
                outcome.done[await act(port, chance, outcome)] += 1
        except TimeoutError:
            outcome.wrong.append(f"{act.__name__}: nothing happened for 30 s")
        except (OSError, asyncio.IncompleteReadError, WebSocketException):
            outcome.done["broken off"] += 1


def _asked(chance: random.Random) -> tuple[int, int, str]:
    """Number, size and framing of a body. Pages are asked for again and again, as a shop's are."""
    size = chance.choice((0, 1, 100, 5_000, 40_000, 200_000, 1_000_000))
    framing = chance.choice(("length", "chunked", "close", "page"))
    return chance.randrange(PAGES if framing == "page" else 1 << 30), size, framing


async def _whole(port: int, chance: random.Random, outcome: Outcome) -> str:
    """Several bodies, whole, on one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for _ in range(chance.randint(1, 5)):
            number, size, framing = _asked(chance)
            writer.write(request(f"/body/{number}/{size}/{framing}", "Sec-Fetch-Dest: empty"))
            answer = await read_answer(reader)
            if not answer.whole or answer.body != body_of(number, size):
                outcome.wrong.append(f"body {number} of {size} bytes, {framing}: {len(answer.body)} came")
            if answer.get(b"connection") == [b"close"]:
                break
    finally:
        writer.close()
    return "whole"


async def _broken_by_storefront(port: int, chance: random.Random, outcome: Outcome) -> str:
    number, size = chance.randrange(1 << 30), chance.choice((5_000, 200_000))
    framing = chance.choice(("break-length", "break-chunked"))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request(f"/body/{number}/{size}/{framing}", "Sec-Fetch-Dest: empty"))
        answer = await read_answer(reader)
        if answer.whole and answer.status == 200:
            outcome.wrong.append(f"a body that broke off looks whole: {number}, {framing}")
    finally:
        writer.close()
    return "broken by the storefront"


async def _left(port: int, chance: random.Random, outcome: Outcome) -> str:
    """Goes away in the middle of a body, or before it."""
    number, size, framing = _asked(chance)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request(f"/body/{number}/{size}/{framing}", "Sec-Fetch-Dest: empty"))
    if chance.random() < 0.7:
        await reader.read(chance.randint(1, 50_000))
    writer.transport.abort()
    return "left"


async def _uploaded(port: int, chance: random.Random, outcome: Outcome) -> str:
    number, size = chance.randrange(1 << 30), chance.choice((1, 5_000, 300_000))
    sent, chunked, leaves = body_of(number, size), chance.random() < 0.5, chance.random() < 0.3
    framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(sent)}"
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request(f"/upload/{number}", framing, method="POST"))
        for start in range(0, len(sent), 50_000):
            piece = sent[start : start + 50_000]
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
            await writer.drain()
            if leaves:
                writer.transport.abort()
                return "left while uploading"
        if chunked:
            writer.write(b"0\r\n\r\n")
        answer = await read_answer(reader)
        if answer.body != hashlib.sha256(sent).hexdigest().encode():
            outcome.wrong.append(f"upload {number} of {size} bytes arrived as something else")
    finally:
        writer.close()
    return "uploaded"


async def _talked(port: int, chance: random.Random, outcome: Outcome) -> str:
    async with connect(f"ws://127.0.0.1:{port}/chat", proxy=None, max_size=None) as talk:
        for _ in range(chance.randint(1, 5)):
            sent = chance.randbytes(chance.choice((1, 1_000, 100_000)))
            await talk.send(sent)
            if await talk.recv() != sent:
                outcome.wrong.append("a WebSocket's message came back as another")
        if chance.random() < 0.4:
            talk.transport.abort()
            return "vanished from a WebSocket"
    return "talked"


_ACTS: tuple[Callable[[int, random.Random, Outcome], Awaitable[str]], ...] = (
    _whole,
    _whole,
    _whole,
    _broken_by_storefront,
    _left,
    _uploaded,
    _talked,
)


# ── slow clients ─────────────────────────────────────────────────────────────────────────────────────────────────────

_MODES = {
    "slow headers": ["-H", "-i", "3", "-x", "24"],
    "slow body": ["-B", "-i", "3", "-s", "8192", "-x", "10"],
    "slow read": ["-X", "-w", "10", "-y", "20", "-n", "3", "-z", "32", "-k", "3"],
}


def _attacked(port: int, seconds: int, progress: Progress) -> tuple[dict[str, dict[str, float]], list[str]]:
    """Other visitors' milliseconds, without and with an attack: the median, and the slowest under it."""
    if SLOWHTTPTEST is None:
        raise SystemExit("slowhttptest is needed: apt-get install slowhttptest")
    found: dict[str, dict[str, float]] = {}
    failures = []
    target = f"http://127.0.0.1:{port}/body/7/1000000/length"
    bar = progress.add_task("slow clients", total=len(_MODES))
    for mode, options in _MODES.items():
        alone, _ = _asked_by_others(port, 3)
        command = [SLOWHTTPTEST, "-c", "500", "-r", "250", "-p", "3", "-l", str(seconds + 3), *options, "-u", target]
        attack = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(3)
        under, slowest = _asked_by_others(port, seconds)
        attack.terminate()
        attack.wait()
        found[mode] = {"alone": alone, "under attack": under, "slowest": slowest}
        if under > 2 * alone + 1:
            failures.append(f"{mode}: other visitors' median went from {alone:.2f} to {under:.2f} ms")
        progress.advance(bar)
    return found, failures


def _asked_by_others(port: int, seconds: float) -> tuple[float, float]:
    """Median and slowest, in milliseconds, of a visitor who comes and asks again and again."""
    taken, end = [], time.monotonic() + seconds
    with httpx.Client(trust_env=False, base_url=f"http://127.0.0.1:{port}") as client:
        while time.monotonic() < end:
            start = time.perf_counter()
            client.get("/body/1/2000/length").raise_for_status()
            taken.append((time.perf_counter() - start) * 1000)
            time.sleep(0.02)
    return round(statistics.median(taken), 3), round(max(taken), 3)


def _show(found: dict[str, object], slow: dict[str, dict[str, float]], failures: list[str]) -> None:
    console = Console()
    console.print("churn:", found)
    table = Table("", "median alone", "median under attack", "slowest then", title="Other visitors, ms")
    for mode, row in slow.items():
        table.add_row(mode, f"{row['alone']:.2f}", f"{row['under attack']:.2f}", f"{row['slowest']:.2f}")
    console.print(table)
    console.print("\n".join(failures) if failures else "Everything held.")


if __name__ == "__main__":
    main()
