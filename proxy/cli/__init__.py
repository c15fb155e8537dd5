"""The `consentry` command: what is typed, what is printed, how it ends.

Rules of this package: exit 0 on success, 1 on refused input with every problem listed to stderr, 2 on wrong usage; no
traceback for anything that an operator can get wrong. What a machine may read goes to stdout, all talk to stderr. A
module holds one group of commands, reads its input, calls what does the work and prints; heavy parts are imported when
a command needs them, so that `--help` answers at once.
"""

from __future__ import annotations

import io
import os
import sys
from importlib.metadata import version
from typing import Annotated

import typer

from proxy.cli.check import check
from proxy.cli.consents import app as consents
from proxy.cli.console import refuse
from proxy.cli.demo import demo
from proxy.cli.events import app as events
from proxy.cli.explain import explain
from proxy.cli.init import init
from proxy.cli.keys import app as keys
from proxy.cli.rewrite import rewrite
from proxy.cli.scan import scan
from proxy.cli.serve import serve
from proxy.cli.vendors import app as vendors
from proxy.errors import Refused

app = typer.Typer(
    name="consentry",
    epilog="Try it: consentry demo",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (serve, demo, check, scan, init, rewrite, explain):
    app.command()(command)
app.add_typer(vendors, name="vendors")
app.add_typer(consents, name="consents")
app.add_typer(events, name="events")
app.add_typer(keys, name="keys")


def _version(asked: bool) -> None:
    if asked:
        print(f"consentry {version('consentry')}")
        raise typer.Exit


@app.callback()
def _consentry(
    _: Annotated[bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)] = False,
) -> None:
    """Make every third-party tag of a storefront obey the visitor's choice."""


def main() -> None:
    """The entry point of the `consentry` script."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a locale may know less than a vendor's name needs
    try:
        app(prog_name="consentry")
    except Refused as refused:
        sys.exit(refuse(refused))
    except BrokenPipeError:
        _forget_stdout()
        sys.exit(1)
    except OSError as error:  # what a command reads and writes is its own to report; this is its output, on a full disk
        print(f"consentry: {error}", file=sys.stderr)
        _forget_stdout()
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


def _forget_stdout() -> None:
    """Whoever read our output is gone; Python's own flush at exit must not complain of it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
