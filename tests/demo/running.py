"""The demo as a subprocess, for tests: started on free ports, told where it is by what it says, killed at the end."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import httpx

#: The demo with vendors whose scripts are hostile; the command has no option for that.
HOSTILE = """
import asyncio
from proxy.demo.run import run_demo
asyncio.run(run_demo(("127.0.0.1", 0), hostile=frozenset({"static.ads-twitter.com"})))
"""


@dataclass(frozen=True)
class Demo:
    """A running demo: its process and what it said before anybody came."""

    process: subprocess.Popen[str]
    said: str

    def _after(self, words: str) -> str:
        found = re.search(words + r"[^\n]*?(http://127\.0\.0\.1:\d+)", self.said)
        assert found is not None, self.said
        return found[1]

    @property
    def shop(self) -> str:
        return self._after("The shop")

    @property
    def live(self) -> str:
        return self._after("live")

    @property
    def standins(self) -> str:
        return self._after("stand-ins")

    def received(self) -> list[dict[str, object]]:
        answer: list[dict[str, object]] = json.loads(httpx.get(f"{self.standins}/__received").text)
        return answer

    def forget(self) -> None:
        httpx.post(f"{self.standins}/__forget").raise_for_status()


@contextlib.contextmanager
def running(*options: str, command: Sequence[str] = ("-m", "proxy", "demo")) -> Iterator[Demo]:
    """Start it and wait until it has said everything; killed at the end of the block, if it still runs."""
    process = subprocess.Popen(
        [sys.executable, *command, *options],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1", "COLUMNS": "200"},
    )
    assert process.stdout is not None
    try:
        said = ""
        while "Ctrl-C" not in said:
            line = process.stdout.readline()
            assert line, f"it ended, and said: {said}"
            said += line
        yield Demo(process, said)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
