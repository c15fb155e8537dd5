"""The installed command, run as a person runs it: another process, its exit code, what it printed where."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

CONSENTRY = (sys.executable, "-m", "proxy")

#: Settings that production accepts, and the environment that goes with them.
GOOD_SETTINGS = """\
origin = "https://shop.example"
[controller]
name = "Shop Ltd"
email = "privacy@shop.example"
privacy_policy = "/privacy"
[vendors]
use = ["google-analytics", "meta-pixel"]
unknown = "block"
"""
GOOD_KEYS = {"CONSENTRY_SECRET_KEYS": "p3kq9vX2mT7wRz1LbN8cYd5GhJ4sAf6EuQo0iWxKtVn"}


def environment(more: Mapping[str, str] = {}) -> dict[str, str]:
    """This process's, without any CONSENTRY_* of the person who runs the tests."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("CONSENTRY_")}
    return {**own, "NO_COLOR": "1", "PYTHONWARNINGS": "error", **more}


def consentry(
    *arguments: str | Path,
    stdin: bytes = b"",
    environ: Mapping[str, str] = {},
    cwd: Path | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run the command to its end. No outcome, however wrong the input, may show a traceback."""
    done = subprocess.run(
        [*CONSENTRY, *map(str, arguments)],
        input=stdin,
        capture_output=True,
        env=environment(environ),
        cwd=cwd,
        timeout=60,
    )
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    return done
