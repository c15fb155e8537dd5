"""Each command in a process of its own, as it is installed."""

from __future__ import annotations

import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.cli.command import CONSENTRY, environment, installed


def test_the_version() -> None:
    assert installed("--version").stdout.decode() == f"consentry {version('consentry')}\n"


@pytest.mark.parametrize(
    ("arguments", "code", "printed"),
    [
        (["keys", "new"], 0, b"\n"),
        (["vendors", "list"], 0, b"google-analytics "),
        (["vendors", "show", "nobody"], 1, b""),
        (["check", "--dev"], 0, b"Nothing is wrong."),
        (["rewrite", "--no-banner"], 0, b"<p>Shop</p>"),
        (["explain", "https://www.google-analytics.com/"], 0, b"Google LLC"),
        (["serve"], 1, b""),
        (["demo", "--listen", "nowhere"], 2, b""),
    ],
)
def test_every_command(arguments: list[str], code: int, printed: bytes) -> None:
    done = installed(*arguments, stdin=b"<p>Shop</p>")
    assert done.returncode == code
    assert printed in done.stdout
    assert bool(done.stderr) is bool(code)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("arguments", [["rewrite", "--no-banner"], ["vendors", "list"], ["keys", "new"]])
def test_output_that_cannot_be_written(arguments: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*CONSENTRY, *arguments], input=b"<p>" * 100_000, stdout=full, stderr=subprocess.PIPE, env=environment()
        )
    assert done.returncode == 1
    assert b"No space left on device" in done.stderr
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr
