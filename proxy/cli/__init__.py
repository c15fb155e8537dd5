"""The `consentry` command: what is typed, what is printed, how it ends.

Rules of this package: exit 0 on success, 1 on refused input with every problem listed to stderr, 2 on wrong usage; no
traceback for anything that an operator can get wrong. What a machine may read goes to stdout, all talk to stderr. A
module holds one command or one group of them and is named after it, reads its input, calls what does the work and
prints. It is imported when it is called for, so that no command starts slower, or holds more, for what others need.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

from proxy.cli.console import refuse
from proxy.errors import Refused

#: The commands in the order in which they are listed: modules of this package, each with an `app` of several commands
#: or a function of the module's name.
_COMMANDS = ("serve", "demo", "check", "scan", "init", "rewrite", "explain", "vendors", "consents", "events", "keys")


class _Commands(Mapping[str, Any]):
    """The commands by name, made of their modules when they are asked for."""

    def __getitem__(self, name: str) -> Any:
        if name not in _COMMANDS:
            raise KeyError(name)
        module = import_module(f"proxy.cli.{name}")
        holder = typer.Typer(rich_markup_mode="rich")
        if hasattr(module, "app"):
            holder.add_typer(module.app, name=name)
        else:
            holder.command()(getattr(module, name))
        return get_group(holder).commands[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_COMMANDS)

    def __len__(self) -> int:
        return len(_COMMANDS)


class _Consentry(TyperGroup):
    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = _Commands()  # type: ignore[assignment]  # none is added later


app = typer.Typer(
    name="consentry",
    cls=_Consentry,
    epilog="Try it: consentry demo",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


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
