"""The process part, with a service that does nothing else: sockets, signals, workers."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest


@dataclass
class Running:
    process: subprocess.Popen[str]
    public: str
    admin: str

    def lines_until_end(self) -> str:
        """What it said, once it has ended by itself."""
        _, said = self.process.communicate(timeout=10)
        return said


@contextlib.contextmanager
def toy_service(workers: int, state: Path) -> Iterator[Running]:
    command = [sys.executable, "-m", "tests.toy_service", str(workers), str(state)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert process.stdout is not None
        public, admin = (f"http://127.0.0.1:{port}" for port in process.stdout.readline().split())
        httpx.get(public, timeout=60)  # bound before a worker answers on it
        yield Running(process, public, admin)
    finally:
        process.kill()
        process.communicate()


def eventually(true: Callable[[], bool]) -> None:
    """Waits for something that another process does in its own time."""
    for _ in range(500):
        if true():
            return
        time.sleep(0.02)
    raise AssertionError("did not come true")


def alive(process_id: int) -> bool:
    try:
        state = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_ends_an_idle_process(number: signal.Signals, tmp_path: Path) -> None:
    with toy_service(1, tmp_path) as running, httpx.Client() as browser:
        browser.get(running.public)
        running.process.send_signal(number)
        said = running.lines_until_end()
    assert running.process.returncode == 0
    assert said.split() == ["started", str(running.process.pid), "stopped", str(running.process.pid)]


def test_an_answer_without_end_does_not_hold_the_process_back(tmp_path: Path) -> None:
    with toy_service(1, tmp_path) as running, httpx.stream("GET", f"{running.public}/endless") as answer:
        next(answer.iter_bytes())
        running.process.send_signal(signal.SIGINT)
        said = running.lines_until_end()
    assert running.process.returncode == 0
    assert "Traceback" not in said
    assert "stopped" in said


def test_what_somebody_sends_or_cuts_short_does_not_fill_the_log(tmp_path: Path) -> None:
    with toy_service(1, tmp_path) as running:
        address = running.public.removeprefix("http://").split(":")
        with socket.create_connection((address[0], int(address[1]))) as plug:
            plug.sendall(b"\x16\x03\x01 no HTTP\r\n\r\n")
            assert plug.recv(100).startswith(b"HTTP/1.1 400 ")
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(f"{running.public}/broken")
        running.process.send_signal(signal.SIGINT)
        said = running.lines_until_end()
    assert said.split() == ["started", str(running.process.pid), "stopped", str(running.process.pid)]


def test_a_second_signal_does_not_wait(tmp_path: Path) -> None:
    with toy_service(1, tmp_path) as running, httpx.stream("GET", f"{running.public}/endless") as answer:
        next(answer.iter_bytes())
        running.process.send_signal(signal.SIGTERM)
        eventually(lambda: _refused(running.public))
        running.process.send_signal(signal.SIGTERM)
        said = running.lines_until_end()
    assert running.process.returncode == 0
    assert "Traceback" not in said


def _refused(url: str) -> bool:
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) != 0


def _workers(running: Running, count: int) -> set[int]:
    seen: set[int] = set()

    def all_seen() -> bool:
        seen.add(int(httpx.get(running.public).text))
        return len({one for one in seen if alive(one)}) == count

    eventually(all_seen)
    return {one for one in seen if alive(one)}


def test_workers_share_the_sockets_and_the_metrics_and_end_with_one_signal(tmp_path: Path) -> None:
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics" / "counter_1.db").write_bytes(b"left over")
    with toy_service(2, tmp_path) as running:
        workers = _workers(running, 2)
        counted = httpx.get(f"{running.admin}/metrics").text
        asked = httpx.get(running.public) and 1
        again = httpx.get(f"{running.admin}/metrics").text
        running.process.send_signal(signal.SIGINT)
        said = running.lines_until_end()
    assert running.process.returncode == 0
    assert _count(again) == _count(counted) + asked
    assert not any(alive(worker) for worker in workers)
    assert said.count("stopped") == 2
    assert list((tmp_path / "metrics").glob("*.db")) == []


def test_an_interrupt_from_the_keyboard_reaches_all_processes_and_ends_them_once(tmp_path: Path) -> None:
    with toy_service(2, tmp_path) as running:
        workers = _workers(running, 2)
        os.killpg(running.process.pid, signal.SIGINT)
        said = running.lines_until_end()
    assert running.process.returncode == 0
    assert not any(alive(worker) for worker in workers)
    assert sorted(said.split()[::2]) == ["started", "started", "stopped", "stopped"]


def _count(metrics: str) -> float:
    return float(next(line for line in metrics.splitlines() if line.startswith("toy_asked_total")).split()[1])


def test_a_dead_worker_is_replaced_and_said_so(tmp_path: Path) -> None:
    with toy_service(2, tmp_path) as running:
        before = _workers(running, 2)
        victim = before.pop()
        os.kill(victim, signal.SIGKILL)
        eventually(lambda: not alive(victim))
        after = _workers(running, 2)
        running.process.send_signal(signal.SIGTERM)
        said = running.lines_until_end()
    assert before < after
    assert f"worker {victim} died (signal 9, Killed)" in said


def test_a_busy_worker_is_killed_when_its_time_is_over(tmp_path: Path) -> None:
    with toy_service(2, tmp_path) as running, httpx.stream("GET", f"{running.public}/endless") as answer:
        worker = int(next(answer.iter_text()))
        running.process.send_signal(signal.SIGTERM)
        eventually(lambda: _refused(running.public))
        running.process.send_signal(signal.SIGTERM)
        running.lines_until_end()
    assert not alive(worker)


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    with toy_service(2, tmp_path) as running:
        workers = _workers(running, 2)
        running.process.kill()
        eventually(lambda: not any(alive(worker) for worker in workers))
