"""What a worker's memory is, at rest and under what holds it: part of `tests.bench.serving`.

Each case has a process of its own, at rest first: started, asked for a page and a file, and left alone. Figures are MB
of resident memory; of a case, the most that was seen.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import brotli
import zstandard

#: Visitors who read slowly or not at all, and visitors who are only connected.
READERS, IDLE = 200, 1000
GIGABYTE = 1 << 30

Running = Callable[[], contextlib.AbstractContextManager[tuple[int, int]]]


def files(folder: Path, page: bytes) -> str:
    """The storefront's files for these cases; what nginx must be told of them."""
    with (folder / "gigabyte.bin").open("wb") as file:
        file.truncate(GIGABYTE)
    (folder / "page.br").write_bytes(brotli.compress(page, quality=5))
    (folder / "page.zst").write_bytes(zstandard.compress(page, 3))
    return "".join(
        f"location = /page.{end} {{ default_type text/html; add_header Content-Encoding {coding}; }} "
        for end, coding in (("br", "br"), ("zst", "zstd"))
    )


def cases(running: Running, resident: Callable[[int], float]) -> dict[str, float]:
    """Megabytes by case. `running` starts a fresh process and gives its pid and port."""
    found: dict[str, float] = {}
    with running() as (pid, port):
        _settle(port)
        rest = found["at rest"] = resident(pid)
        with _held(IDLE, port, None):
            found[f"+ {IDLE} idle connections"] = _most(pid, resident, 2) - rest
    for name, target, headers in (
        ("a 1 GB body", "/gigabyte.bin", ""),
        (f"{READERS} visitors who do not read", "/gigabyte.bin", ""),
        (f"{READERS} slow readers of a br page", "/page.br", "Accept-Encoding: br\r\nAccept: text/html\r\n"),
        (f"{READERS} slow readers of a zstd page", "/page.zst", "Accept-Encoding: zstd\r\nAccept: text/html\r\n"),
    ):
        with running() as (pid, port):
            _settle(port)
            rest = resident(pid)
            ask = f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n".encode()
            if name.startswith("a "):
                found[f"+ {name}"] = _while_read(ask, port, pid, resident) - rest
            else:
                with _held(READERS, port, ask):
                    found[f"+ {name}"] = _most(pid, resident, 4) - rest
    return {name: round(size, 1) for name, size in found.items()}


def _settle(port: int) -> None:
    for target in ("/page.html", "/small.json") * 3:
        with socket.create_connection(("127.0.0.1", port)) as one:
            one.sendall(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
            while one.recv(1 << 16):
                pass
    time.sleep(1)


@contextlib.contextmanager
def _held(count: int, port: int, ask: bytes | None) -> Iterator[None]:
    """So many connections that ask this, if anything, and read next to nothing of the answer."""
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            one = stack.enter_context(socket.socket())
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.connect(("127.0.0.1", port))
            if ask is not None:
                one.sendall(ask)
        yield


def _most(pid: int, resident: Callable[[int], float], seconds: float) -> float:
    most, end = 0.0, time.monotonic() + seconds
    while time.monotonic() < end:
        most = max(most, resident(pid))
        time.sleep(0.05)
    return most


def _while_read(ask: bytes, port: int, pid: int, resident: Callable[[int], float]) -> float:
    most, came, next_look = 0.0, 0, 0.0
    into = bytearray(1 << 20)
    with socket.create_connection(("127.0.0.1", port)) as one:
        one.sendall(ask)
        while came < GIGABYTE:
            read = one.recv_into(into)
            if not read:
                raise SystemExit(f"the body broke off after {came} bytes")
            came += read
            if time.monotonic() > next_look:
                most, next_look = max(most, resident(pid)), time.monotonic() + 0.05
    return most
