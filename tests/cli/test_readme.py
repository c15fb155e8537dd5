"""What the README tells people to type exists: commands and their options, and the targets of the Makefile."""

from __future__ import annotations

import re

import pytest

from tests.cli.command import consentry
from tests.places import ROOT

README = (ROOT / "README.md").read_text("utf-8")
TYPED = sorted(
    {match[1].strip() for match in re.finditer(r"^(?:\S*/|export \S+=\$\()?consentry ([^|<>)#\n]+)", README, re.M)}
)


def test_the_readme_shows_the_main_commands() -> None:
    assert {line.split()[0] for line in TYPED} >= {"serve", "check", "explain", "rewrite", "vendors", "keys"}


@pytest.mark.parametrize("line", TYPED)
def test_commands_and_their_options_exist(line: str) -> None:
    words = line.split()
    command = words[: 2 if words[0] in ("vendors", "keys", "consents", "events") else 1]
    help_text = consentry(*command, "--help").stdout.decode()
    assert f"Usage: consentry {' '.join(command)}" in help_text
    for option in re.findall(r"--[a-z-]+", line):
        assert f" {option} " in help_text


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    named = set(re.findall(r"\bmake ([a-z]+)$|`make ([a-z]+)[ `]", README, re.M))
    assert named
    for target in {one or other for one, other in named}:
        assert re.search(rf"^{target}:", makefile, re.M)
