"""Printing: tables for people, JSON for machines, problems on stderr.

Nothing here decides anything. Text of files and pages is never read as markup.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.text import Text

from proxy.errors import Problem, Refused

#: Columns of a table that goes to a file or a pipe: nothing in it is folded.
_UNFOLDED = 10_000


def _console(*, stderr: bool) -> Console:
    folded = (sys.stderr if stderr else sys.stdout).isatty()
    width = None if folded else _UNFOLDED
    return Console(stderr=stderr, width=width, highlight=False, soft_wrap=True, markup=False, emoji=False)


#: For people, on stdout. Lines are not folded: a URL is copied whole.
out = _console(stderr=False)

#: All talk: problems, progress, what was written where.
err = _console(stderr=True)

#: What production must be told, as lines of a settings file; top-level keys come before the tables.
_PASTE = {
    "origin": ("", 'origin = "https://shop.example"'),
    "controller": (
        "[controller]",
        'name = "Shop Ltd"\naddress = "1 High Street, Anytown"\nemail = "privacy@shop.example"\n'
        'privacy_policy = "/privacy"',
    ),
    "vendors.use": ("[vendors]", 'use = ["google-analytics"]   # `consentry vendors list` shows them all'),
    "vendors.unknown": ("[vendors]", 'unknown = "block"   # or "allow": third parties that no file describes'),
    "storefront.url": ("[storefront]", 'url = "http://127.0.0.1:8080"'),
}


def print_json(value: object) -> None:
    """In ASCII, so that it is whole in every locale, lone surrogates of undecodable bytes too."""
    print(json.dumps(value, indent=2))


def print_facts(facts: Iterable[tuple[str, str]]) -> None:
    """A line a fact: its name, then its value, never folded. A further line of the same fact has no name."""
    rows = list(facts)
    wide = max((len(name) for name, _ in rows), default=0)
    for name, value in rows:
        out.print(Text.assemble((name.ljust(wide), "bold"), "  ", value))


def counted(number: int, what: str) -> str:
    """`1 page`, `2,400 pages`."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def say(text: str) -> None:
    """One line of talk."""
    err.print(text)


def refuse(refused: Refused) -> int:
    """Every problem on a line of its own, what to paste where something is only missing. Returns the exit code, 1."""
    problems = refused.problems
    for problem in problems:
        err.print(_line(problem))
    pasted = _paste(problems)
    if pasted:
        err.print(f"\nTo paste into {_settings_file(problems)}, with your own values:\n")
        err.print(Text(pasted, "cyan"))
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    err.print(f"\nconsentry: {count}")
    return 1


def _line(problem: Problem) -> Text:
    place = problem.file if problem.line is None else f"{problem.file}:{problem.line}"
    key = f" {problem.key}:" if problem.key else ""
    line = Text.assemble((f"{place}:", "bold"), (key, "red"), f" {problem.message}")
    return line.append(f" {problem.mend}", "green") if problem.mend else line


def _missing(problems: Sequence[Problem]) -> list[Problem]:
    return [problem for problem in problems if problem.key in _PASTE and problem.message.startswith("is not set")]


def _settings_file(problems: Sequence[Problem]) -> str:
    return _missing(problems)[0].file


def _paste(problems: Sequence[Problem]) -> str:
    keys = {problem.key for problem in _missing(problems)}
    tables: dict[str, list[str]] = {}
    for key, (table, lines) in _PASTE.items():
        if key in keys:
            tables.setdefault(table, []).append(lines)
    return "\n\n".join("\n".join([table, *lines] if table else lines) for table, lines in tables.items())
