from __future__ import annotations

import pytest

from tests.cli.command import consentry

COMMANDS = ["serve", "demo", "keys", "check", "scan", "init", "rewrite", "explain", "vendors"]


def test_help_names_every_command() -> None:
    shown = consentry("--help").stdout.decode()
    for command in COMMANDS:
        assert f"│ {command}" in shown


@pytest.mark.parametrize("command", [*([one] for one in COMMANDS), ["vendors", "new"], ["keys", "new"]])
def test_every_command_explains_itself(command: list[str]) -> None:
    done = consentry(*command, "--help")
    assert done.returncode == 0
    assert f"Usage: consentry {' '.join(command)}" in done.stdout.decode()
    assert "consentry" in done.stdout.decode().partition("Usage:")[2]


@pytest.mark.parametrize("arguments", [[], ["surprise"], ["--surprise"], ["serve", "surprise"], ["keys", "surprise"]])
def test_wrong_usage(arguments: list[str]) -> None:
    assert consentry(*arguments).returncode == 2
