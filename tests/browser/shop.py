"""A file server as the shop, and the installed command before it, for browser tests."""

from __future__ import annotations

import contextlib
import functools
import http.server
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from playwright.sync_api import Page


class _Files(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    more: Sequence[tuple[str, str]] = ()

    def end_headers(self) -> None:
        for name, value in self.more:
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


@contextlib.contextmanager
def file_server(folder: Path, headers: Sequence[tuple[str, str]] = ()) -> Iterator[str]:
    """Serves a folder as it is, with these headers; yields its origin."""
    kind = type("_WithHeaders", (_Files,), {"more": headers})
    handler = functools.partial(kind, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def consentry(storefront: str, folder: Path, settings: str = "") -> Iterator[str]:
    """`consentry serve --dev` before a storefront, as a subprocess on free ports; yields the origin to visit."""
    config = folder / "consentry.toml"
    config.write_text(settings, encoding="utf-8")
    command = [sys.executable, "-m", "proxy", "serve", "--dev", "--storefront", storefront, "--config", str(config)]
    command += ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--state", str(folder / "state")]
    log = (folder / "consentry.log").open("w+b")
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1", "COLUMNS": "200"},
    )
    try:
        yield where(process, folder / "consentry.log")
    finally:
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        process.stdout.close()
        process.wait(10)
        log.close()


def press(page: Page, choice: str) -> None:
    """Make a choice with the first button for it on a page; return when what comes then has loaded."""
    with page.expect_navigation(wait_until="load", timeout=20_000):
        page.locator(f"button[value={choice}]").first.click()


def where(process: subprocess.Popen[str], log: Path) -> str:
    """The origin that a starting proxy says it is at."""
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        found = re.search(r"look at\s+(http://127\.0\.0\.1:\d+)", line)
        if found:
            return found[1]
    raise AssertionError(f"consentry did not start:\n{said}\n{log.read_text()}")
