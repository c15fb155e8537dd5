"""Imports run downward only: what is higher in the house may use what is below it, never the other way."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.places import ROOT

PACKAGE = ROOT / "proxy"

#: The rooms, lowest first. Rooms on one floor do not know each other, but for the pairs in `BESIDE`.
FLOORS: tuple[frozenset[str], ...] = tuple(
    frozenset(floor.split())
    for floor in (
        "model errors",
        "address bucket database listen toml_places metrics",
        "toml_file toml_problems spellings",
        "catalogue settings",
        "decide csp",
        "payload",
        "minimise html consent",
        "ruling",
        "http relay",
        "events",
        "admin scan deliveries",
        "app reloading",
        "serve logs",
        "workers",
        "cli demo",
        "__main__",
    )
)

#: (who, whom) on one floor: settings have the vendor schema's types, vendors in use follow from settings; the `demo`
#: command runs the demo.
BESIDE = {("settings", "catalogue"), ("catalogue", "settings"), ("cli", "demo")}

FLOOR = {room: number for number, floor in enumerate(FLOORS) for room in floor}


def _room(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


FILES = [file for file in sorted(PACKAGE.rglob("*.py")) if file != PACKAGE / "__init__.py"]


def _imported(source: str, package: str) -> Iterator[tuple[int, str]]:
    """Line and full name of everything imported, wherever in the file it stands."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            module = ".".join([*above, *filter(None, [node.module])])
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


def _wrong(source: str, room: str, package: str) -> list[str]:
    wrong = []
    for line, name in _imported(source, package):
        first, _, rest = name.partition(".")
        used = rest.partition(".")[0]
        if first != "proxy" or used == room or (room, used) in BESIDE:
            continue
        if FLOOR[used] >= FLOOR[room]:
            wrong.append(f"line {line}: {room} (floor {FLOOR[room]}) imports {name} (floor {FLOOR[used]})")
    return wrong


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_imports_run_downward(file: Path) -> None:
    room = _room(file)
    assert room in FLOOR, f"{room} has no floor yet: say in FLOORS where it stands"
    package = ".".join(file.relative_to(ROOT).parent.parts)
    assert _wrong(file.read_text(encoding="utf-8"), room, package) == []


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("model", "from proxy.errors import Problem"),
        ("html", "from proxy.consent.banner import banner"),
        ("decide", "import proxy.app"),
        ("http", "def late():\n    from proxy.cli import main"),
        ("consent", "from ..http import forward"),
        ("demo", "from proxy import cli"),
    ],
)
def test_an_upward_import_is_seen(room: str, source: str) -> None:
    assert len(_wrong(source, room, f"proxy.{room}")) == 1


def test_nothing_imports_the_tests() -> None:
    for file in FILES:
        names = [name for _, name in _imported(file.read_text(encoding="utf-8"), "proxy")]
        assert not [name for name in names if name.split(".")[0] == "tests"], file
