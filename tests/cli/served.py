"""The installed command's `serve`, before a small shop, over real sockets."""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx

from tests.cli.command import CONSENTRY, environment

PAGE = b"""<!doctype html><html lang="en"><head>
<script src="https://connect.facebook.net/en_US/fbevents.js"></script></head><body><p>Shop</p></body></html>"""


class _Shop(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def small_shop() -> Iterator[str]:
    """A storefront with one page; its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Shop) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@dataclass
class Served:
    process: subprocess.Popen[str]
    summary: str
    public: str
    admin: str

    def end(self, number: signal.Signals = signal.SIGINT) -> str:
        """What it said to stderr, from start to end."""
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=20)
        return said


@contextlib.contextmanager
def serving(storefront: str, state: Path, *more: str | Path, **environ: str) -> Iterator[Served]:
    command = [*CONSENTRY, "serve", "--storefront", storefront, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]
    process = subprocess.Popen(
        [*command, "--state", state, *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(environ),
    )
    try:
        assert process.stdout is not None
        summary = ""
        while not summary.endswith("/metrics\n") and (line := process.stdout.readline()):
            summary += line
        places = re.search(r"listening\s+(\S+) for visitors, (\S+) for probes", summary)
        assert places is not None, process.communicate()[1]
        served = Served(process, summary, f"http://{places[1]}", f"http://{places[2]}")
        httpx.get(f"{served.admin}/livez", timeout=60)  # bound before a worker answers on it
        yield served
    finally:
        process.kill()
        process.communicate()
