"""How fast the shop's traffic goes through: `make bench`, or `python -m tests.bench.serving [--short]`.

Side by side in one run: nginx as the storefront, asked directly; nginx in front of it (`proxy_pass`), nginx that
replaces text (`subs_filter`, with three rules and with one for each described vendor); a plain proxy of Starlette and
httpx; and Consentry. Each proxy is one process on the first core; storefront and wrk share the last. A table of answers
a second in the best turn of each, one of their ratios (by the best turns, and behind it the median of the ratios turn
by turn, which one turn with the machine to itself does not move), the time to the first byte at a hundred requests a
second, and the memory of a worker at rest and under what holds it (`tests.bench.memory`).
Needs nginx with libnginx-mod-http-subs-filter, and wrk (Debian). Written to bench-results.json under "serving".
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import httpx
from rich.console import Console
from rich.table import Table

from proxy.catalogue.load import load
from tests.bench.memory import cases as cases_of_memory
from tests.bench.memory import files as files_for_memory
from tests.free_port import free_port
from tests.places import NGINX, ROOT, real_pages

WRK = shutil.which("wrk")
SUBS_FILTER = Path("/usr/lib/nginx/modules/ngx_http_subs_filter_module.so")
THREE = ("googletagmanager.com", "google-analytics.com", "connect.facebook.net")
#: Turns that each proxy has with a case, and seconds of one: a machine's other work is met by some turns, not by all.
TURNS, SHORT_TURNS = (6, 2), (3, 1)
#: Requests a second at which times to the first byte are taken, and how many of them; seconds of rest before, in which
#: what the load before them began comes to its end.
PACE, SAMPLES, SHORT_SAMPLES, REST = 100, 1000, 500, 1


@dataclass(frozen=True)
class Case:
    """What is asked for: a file of the storefront, under a name for the table. `relayed`: what Consentry is asked for
    instead, by a visitor who granted everything."""

    name: str
    path: str
    gzip: bool = False
    filtered: bool = False
    relayed: str | None = None


@dataclass(frozen=True)
class Proxy:
    """Something that answers for the storefront, and the process whose memory counts."""

    name: str
    port: int
    pid: int


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--short", action="store_true", help="a quarter of the time")
    options.add_argument("--only", help="cases whose name holds this")
    options.add_argument("--out", type=Path, default=ROOT / "bench-results.json")
    chosen = options.parse_args()
    if WRK is None or NGINX is None:
        raise SystemExit("nginx and wrk are needed: apt-get install nginx-light libnginx-mod-http-subs-filter wrk")
    with tempfile.TemporaryDirectory() as name, all_running(Path(name)) as (proxies, cases):
        cases = [case for case in cases if not chosen.only or chosen.only in case.name]
        measured = {
            "answers a second": rates(proxies, cases, *(SHORT_TURNS if chosen.short else TURNS)),
            "first byte, ms": first_bytes(proxies, SHORT_SAMPLES if chosen.short else SAMPLES),
            "memory after that, MB": {proxy.name: round(memory(proxy.pid), 1) for proxy in proxies if proxy.pid},
            "memory of a worker, MB": held(Path(name), proxies[0]) if chosen.only is None else {},
        }
    show(measured)
    kept = json.loads(chosen.out.read_text("utf-8")) if chosen.out.exists() else {}
    chosen.out.write_text(json.dumps(kept | {"serving": measured}, indent=2) + "\n", encoding="utf-8")


# ── what is measured ─────────────────────────────────────────────────────────────────────────────────────────────────


def rates(proxies: list[Proxy], cases: list[Case], turns: int, seconds: int) -> dict[str, dict[str, list[float]]]:
    """Answers a second by case and proxy, turn by turn: the proxies take turns."""
    found: dict[str, dict[str, list[float]]] = {}
    for case in cases:
        row = found.setdefault(case.name, {})
        for _ in range(turns):
            for proxy in proxies:
                if proxy.name.startswith("nginx, ") and not case.filtered:
                    continue
                row.setdefault(proxy.name, []).append(_wrk(proxy, case, seconds))
    return found


def _wrk(proxy: Proxy, case: Case, seconds: int) -> float:
    command = ["taskset", "-c", _last(), str(WRK), "-t1", "-c32", "--timeout=30s", f"-d{seconds}s"]
    relayed = case.relayed is not None and proxy.name == "Consentry"
    if relayed:
        command += [
            "-H",
            f"Cookie: {_granted(proxy.port)}",
            "-H",
            "Accept: image/*",
            "-H",
            "Sec-Fetch-Site: same-origin",
        ]
    else:
        command += ["-H", "Accept: text/html", "-H", "Sec-Fetch-Dest: document"]
    if case.gzip:
        command += ["-H", "Accept-Encoding: gzip"]
    told = subprocess.run(
        [*command, f"http://127.0.0.1:{proxy.port}{case.relayed if relayed else case.path}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    if "Non-2xx" in told or "Socket errors" in told:
        raise SystemExit(f"{proxy.name}, {case.name}: not every answer was one\n{told}")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", told)[1])  # type: ignore[index]


@lru_cache
def _granted(port: int) -> str:
    """The cookie of a visitor who accepts all."""
    ours = f"http://127.0.0.1:{port}"
    answer = httpx.post(f"{ours}/_consent", data={"choice": "accept"}, headers={"Origin": ours}, trust_env=False)
    return answer.headers["set-cookie"].partition(";")[0]


def first_bytes(proxies: list[Proxy], samples: int) -> dict[str, dict[str, float]]:
    """Milliseconds to an answer's first byte, one request after another on one connection each, whose first one does
    not count."""
    found: dict[str, list[float]] = {proxy.name: [] for proxy in proxies if not proxy.name.startswith("nginx, ")}
    open_ones = {proxy.name: socket.create_connection(("127.0.0.1", proxy.port)) for proxy in proxies}
    for one in open_ones.values():
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    ask = b"GET /small.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    time.sleep(REST)
    start = time.perf_counter()
    for turn in range(1 + samples):
        for name, taken in found.items():
            before = time.perf_counter()
            open_ones[name].sendall(ask)
            _answer(open_ones[name])
            if turn:
                taken.append((time.perf_counter() - before) * 1000)
        time.sleep(max(0.0, start + (turn + 1) / PACE - time.perf_counter()))
    for one in open_ones.values():
        one.close()
    return {
        name: {"median": round(statistics.median(taken), 3), "p99": round(sorted(taken)[int(len(taken) * 0.99)], 3)}
        for name, taken in found.items()
    }


def _answer(connection: socket.socket) -> None:
    came = b""
    while b"\r\n\r\n" not in came:
        came += connection.recv(65536)
    head, _, body = came.partition(b"\r\n\r\n")
    size = int(re.search(rb"(?i)content-length: (\d+)", head)[1])  # type: ignore[index]
    while len(body) < size:
        body += connection.recv(65536)


def memory(pid: int) -> float:
    """Resident memory of a process in MB."""
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) / 1024  # type: ignore[index]


def held(folder: Path, direct: Proxy) -> dict[str, float]:
    """The memory cases, each with a fresh Consentry before the storefront that runs."""

    @contextlib.contextmanager
    def running() -> Iterator[tuple[int, int]]:
        with contextlib.ExitStack() as stack:
            port = free_port()
            yield _consentry(stack, folder, f"http://127.0.0.1:{direct.port}", port), port

    return cases_of_memory(running, memory)


def show(measured: Mapping[str, Mapping[str, object]]) -> None:
    console = Console()
    by_case: Mapping[str, Mapping[str, list[float]]] = measured["answers a second"]  # type: ignore[assignment]
    names = list(dict.fromkeys(name for row in by_case.values() for name in row))
    others = [name for name in names if name != "Consentry"]
    table = Table("case", *names, title="Answers a second, one core: best turn")
    ratios = Table("case", *others, title="Consentry's, as a share of theirs: best turns, median of turns")
    for case, row in by_case.items():
        table.add_row(case, *(f"{max(row[name]):,.0f}" if name in row else "" for name in names))
        ratios.add_row(case, *(_share(row["Consentry"], row[name]) if name in row else "" for name in others))
    console.print(table, ratios)
    times = Table("", "median", "p99", title=f"Milliseconds to the first byte of 2 KB, {PACE} requests a second")
    for name, row in measured["first byte, ms"].items():
        times.add_row(name, f"{row['median']:.2f}", f"{row['p99']:.2f}")  # type: ignore[index]
    console.print(times)
    sizes = Table("", "MB", title="Memory of a worker")
    for name, size in measured["memory of a worker, MB"].items():
        sizes.add_row(name, f"{size:.1f}")
    console.print(sizes)
    console.print("memory after all that, MB:", measured["memory after that, MB"])


def _share(ours: list[float], theirs: list[float]) -> str:
    turns = statistics.median(our / their for our, their in zip(ours, theirs, strict=True))
    return f"{max(ours) / max(theirs):.2f}, {turns:.2f}"


# ── what is running ──────────────────────────────────────────────────────────────────────────────────────────────────


@contextlib.contextmanager
def all_running(folder: Path) -> Iterator[tuple[list[Proxy], list[Case]]]:
    cases = _files(folder / "shop")
    ports = [free_port() for _ in range(6)]
    storefront, plain, three, every, starlette, consentry = ports
    shop = f"http://127.0.0.1:{storefront}"
    vendors = [vendor.technical.match[0].partition("/")[0].partition("?")[0] for vendor in load().vendors.values()]
    memory_files = files_for_memory(folder / "shop", (folder / "shop" / "page.html").read_bytes())
    with contextlib.ExitStack() as stack:
        _nginx(
            stack,
            folder / "storefront",
            storefront,
            f"root {folder}/shop; {_TOKENS} {_PIXEL} {memory_files}",
            core=_last(),
        )
        pids = [
            _nginx(stack, folder / "plain", plain, _pass(shop), core="0"),
            _nginx(stack, folder / "three", three, _pass(shop) + _subs(THREE), core="0"),
            _nginx(stack, folder / "every", every, _pass(shop) + _subs(vendors), core="0"),
            _python(stack, ["-m", "tests.bench.plain", shop, str(starlette)], starlette),
            _consentry(stack, folder, shop, consentry),
        ]
        names = ["nginx", "nginx, 3 rules", f"nginx, {len(vendors)} rules", "Starlette + httpx", "Consentry"]
        proxies = [Proxy(name, port, pid) for name, port, pid in zip(names, ports[1:], pids, strict=True)]
        yield [Proxy("direct", storefront, 0), *proxies], cases


def _files(folder: Path) -> list[Case]:
    """The storefront's files, and what is asked for."""
    folder.mkdir()
    (folder / "small.json").write_text(json.dumps({"pots": ["clay"] * 256})[:2048])
    pages = {page.name: page.read_text("utf-8", "replace") for page in real_pages()}
    fitting = [text for text in pages.values() if 200_000 < len(text.encode()) < 300_000]
    page = fitting[0] if fitting else _made(290_000)
    (folder / "page.html").write_text(page, encoding="utf-8")
    (folder / "page.bin").write_text(page, encoding="utf-8")
    (folder / "token.html").write_text(page.replace("<body", "<body data-token=@@@", 1), encoding="utf-8")
    (folder / "short.html").write_text(_made(20_000), encoding="utf-8")
    (folder / "plain.html").write_text(_made(270_000, tags=False), encoding="utf-8")
    (folder / "tr").write_bytes(b"GIF89a" + bytes(37))
    with (folder / "large.bin").open("wb") as large:
        large.write(os.urandom(1 << 20) * 10)
    kilobytes = f"{len(page.encode()) // 1000} KB"
    return [
        Case("2 KB JSON", "/small.json"),
        Case("20 KB page, rewritten", "/short.html", filtered=True),
        Case(f"{kilobytes}, not HTML", "/page.bin"),
        Case("270 KB page, uncut", "/plain.html", filtered=True),
        Case(f"{kilobytes} page, rewritten", "/page.html", filtered=True),
        Case(f"{kilobytes} page with a token, rewritten", "/token.html", filtered=True),
        Case(f"{kilobytes} page, rewritten, gzip", "/page.html", gzip=True),
        Case("10 MB, not HTML", "/large.bin"),
        Case("43 bytes, relayed", "/tr", relayed="/_consent/v/meta-pixel/www.facebook.com/tr?id=1&ev=PageView"),
    ]


def _made(size: int, *, tags: bool = True) -> str:
    """A page put together: what a shop's has, over and over. `tags`: with those of vendors."""
    head = (
        "<!doctype html><html lang=en><head><meta charset=utf-8><title>Pots</title>"
        "<script async src='https://www.googletagmanager.com/gtag/js?id=G-1'></script></head><body>"
    )
    piece = (
        '<div class="product" data-id="{0}"><a href="/pots/{0}"><img src="/img/{0}.jpg" alt="A pot" loading=lazy></a>'
        "<p>Made of clay, fired twice, and glazed by hand in our own workshop.</p>"
        '<img src="https://www.facebook.com/tr?id={0}&ev=PageView" width=1 height=1><script>track("pot", {0})</script>'
        "</div>\n"
    )
    if not tags:
        head, piece = (re.sub(r"<script async.*?</script>|<img src=.https://.*?>", "", text) for text in (head, piece))
    return head + "".join(piece.format(number) for number in range(size // len(piece))) + "</body></html>"


#: What the storefront does besides: a token in each answer, so that no two pages are the same; a pixel.
_PIXEL = "location = /tr { default_type image/gif; }"
_TOKENS = "location = /token.html { sub_filter '@@@' '\"$request_id\"'; }"


def _pass(shop: str) -> str:
    return (
        "location / { proxy_pass http://shop; proxy_http_version 1.1; proxy_set_header Connection ''; "
        "proxy_set_header Host $host; proxy_set_header Accept-Encoding ''; proxy_buffers 16 64k; } "
        f"# {shop}\n"
    )


def _subs(texts: tuple[str, ...] | list[str]) -> str:
    return "subs_filter_types text/html; " + " ".join(f"subs_filter '{text}' 'consentry.invalid';" for text in texts)


def _nginx(stack: contextlib.ExitStack, folder: Path, port: int, server: str, *, core: str) -> int:
    folder.mkdir()
    shop = re.search(r"# http://(\S+)", server)
    upstream = f"upstream shop {{ server {shop[1]}; keepalive 64; }}" if shop else ""
    module = f"load_module {SUBS_FILTER};" if "subs_filter " in server else ""
    user = "user root;" if os.getuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"{module} daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log; {user}\n"
        "events { worker_connections 1024; }\n"
        f"http {{ access_log off; default_type application/octet-stream; sendfile on; tcp_nodelay on;\n"
        "types { text/html html; application/json json; } gzip_types text/html; keepalive_requests 1000000;\n"
        f"client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;\n"
        f"uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;\n"
        f"{upstream} server {{ listen 127.0.0.1:{port}; {server}\n }} }}\n"
    )
    command = ["taskset", "-c", core, str(NGINX), "-p", str(folder), "-c", str(folder / "nginx.conf")]
    pid = _run(stack, command, port)
    return int(subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=True).stdout.split()[0])


def _python(stack: contextlib.ExitStack, arguments: list[str], port: int) -> int:
    return _run(stack, ["taskset", "-c", "0", sys.executable, *arguments], port)


def _consentry(stack: contextlib.ExitStack, folder: Path, shop: str, port: int) -> int:
    (folder / "consentry.toml").write_text(f'[storefront]\nurl = "{shop}"\n[vendors]\ngateway = "{shop}"\n')
    arguments = ["-m", "proxy", "serve", "--dev", "--config", str(folder / "consentry.toml")]
    arguments += ["--listen", f"127.0.0.1:{port}", "--admin", "127.0.0.1:0", "--state", str(folder / "state")]
    return _python(stack, arguments, port)


def _run(stack: contextlib.ExitStack, command: list[str], port: int) -> int:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT)
    stack.callback(process.wait)
    stack.callback(process.send_signal, signal.SIGTERM)
    for _ in range(200):
        if process.poll() is not None:
            raise SystemExit(f"did not start: {' '.join(command)}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return process.pid
        time.sleep(0.05)
    raise SystemExit(f"did not listen: {' '.join(command)}")


def _last() -> str:
    return str((os.cpu_count() or 1) - 1)


if __name__ == "__main__":
    main()
