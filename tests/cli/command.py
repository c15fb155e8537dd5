"""The command, run as a person runs it: its exit code, what it printed where.

`installed` starts another process; `consentry` does the same in this one, which is quick enough for tables: the shipped
catalogue, which no test changes, is read once.
"""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from subprocess import CompletedProcess
from unittest import mock

from proxy.catalogue.load import Catalogue, load
from proxy.cli import main

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
    """This process's, without any CONSENTRY_* of the person who runs the tests, and as wide as no table is."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("CONSENTRY_")}
    return {**own, "NO_COLOR": "1", "COLUMNS": "200", "PYTHONWARNINGS": "error", **more}


def installed(*arguments: str | Path, stdin: bytes = b"") -> CompletedProcess[bytes]:
    """Run the command in a process of its own, to its end."""
    command = [*CONSENTRY, *map(str, arguments)]
    done = subprocess.run(command, input=stdin, capture_output=True, env=environment(), timeout=60)
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    return done


_shipped = lru_cache(maxsize=1)(load)


def _load(dirs: Sequence[Path] = ()) -> Catalogue:
    return load(dirs) if dirs else _shipped()


def consentry(
    *arguments: str | Path, stdin: bytes = b"", environ: Mapping[str, str] = {}, cwd: Path | None = None
) -> CompletedProcess[bytes]:
    """Run the command in this process, to its end. Whatever the input, it ends by an exit code, not an exception."""
    told, said = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.TextIOWrapper(io.BytesIO(), "utf-8")
    code: object = 0
    with (
        mock.patch.dict(os.environ, environment(environ), clear=True),
        mock.patch("proxy.cli.options.load", _load),
        mock.patch("proxy.cli.vendors.load", _load),
        mock.patch.object(sys, "argv", ["consentry", *map(str, arguments)]),
        mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin))),
        contextlib.redirect_stdout(told),
        contextlib.redirect_stderr(said),
        contextlib.chdir(cwd or Path.cwd()),
    ):
        try:
            main()
        except SystemExit as ended:
            code = ended.code
    told.flush()
    said.flush()
    assert isinstance(code, int | None), code
    return CompletedProcess(arguments, code or 0, told.buffer.getvalue(), said.buffer.getvalue())  # type: ignore[attr-defined]
