"""Each command in a process of its own, as it is installed."""

from __future__ import annotations

from importlib.metadata import version

import pytest

from tests.cli.command import installed


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
