"""vendors/README.md says what the schema says, and its commands do what it says, one after the other."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from enum import StrEnum
from pathlib import Path

import pytest

from proxy.catalogue.load import describe, shipped_dir
from proxy.catalogue.match import matches
from proxy.catalogue.schema import Relay, Technical, Transfer, Vendor
from proxy.catalogue.url import split_url
from proxy.catalogue.words import Datum, EssentialBecause, Purpose
from proxy.model import Category, Reach

README = (shipped_dir() / "README.md").read_text(encoding="utf-8")
FOR_PEOPLE, _, FOR_ENGINEERS = README.partition("## The technical part")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.S)


@pytest.mark.parametrize("names", [Purpose, Datum, EssentialBecause, Category, Reach], ids=lambda names: names.__name__)
def test_every_word_that_may_be_written_is_explained_above_the_technical_part(names: type[StrEnum]) -> None:
    assert [name for name in names if f"`{name}`" not in FOR_PEOPLE] == []


def test_every_field_is_explained_in_its_part() -> None:
    people = [name for name, field in Vendor.model_fields.items() if not field.exclude and name != "technical"]
    assert [name for name in people if f"\n| `{name}` |" not in FOR_PEOPLE] == []
    assert [name for name in Technical.model_fields if f"\n| `{name}` |" not in FOR_ENGINEERS] == []
    assert [name for name in Relay.model_fields if f"`{name}`" not in FOR_ENGINEERS] == []
    for basis in Transfer.model_json_schema()["properties"]["basis"]["enum"]:
        assert f"`{basis}`" in FOR_PEOPLE


def test_no_word_is_explained_that_may_not_be_written() -> None:
    for title, names in (("purpose", Purpose), ("data", Datum)):
        table = README.partition(f"| {title} | in other words |\n")[2].partition("\n\n")[0]
        assert re.findall(r"^\| `([^`]+)`", table, re.M) == [name.value for name in names]


def test_the_patterns_fit_as_said() -> None:
    table = README.partition("| pattern | fits | does not fit |\n")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| `([^`]+)` \| (.*?) \| (.*?) \|$", table, re.M)
    assert len(rows) == 7
    for pattern, yes, no in rows:
        for cell, fits in ((yes, True), (no, False)):
            for url in re.findall(r"`((?:/|not)[^`]+)`", cell):
                host = "" if url.startswith("not") else "acme.example"
                split = split_url(f"https://{host}{url}", "https://shop.example/")
                assert split is not None
                assert matches((pattern,), *split) is fits, (pattern, url)


def test_the_finished_file_has_nothing_wrong() -> None:
    (finished,) = _blocks("toml")
    assert describe(Path("acme-pixel.toml"), finished).problems == ()


def test_the_collections_are_named_with_their_licences() -> None:
    for name, licence in (("Open Cookie Database", "Apache"), ("third-party-web", "MIT"), ("tarteaucitron.js", "MIT")):
        assert re.search(rf"\[{re.escape(name)}\].*{licence}.* License", README)


def test_the_commands_work_one_after_the_other(tmp_path: Path) -> None:
    """All of them in one folder: list, new, check (what is empty is named), then the finished file: check, show."""
    commands = [line for block in _blocks("sh") for line in block.splitlines()]
    listing, new, check, show = commands
    environment = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(tmp_path), "COLUMNS": "200"}

    def run(command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
        )

    assert "google-analytics" in run(listing).stdout
    (tmp_path / "snippet.html").write_text(_blocks("html")[0], encoding="utf-8")
    assert run(new).returncode == 0
    file = tmp_path / "my-vendors" / "acme-pixel.toml"
    started, finished = tomllib.loads(file.read_text("utf-8")), tomllib.loads(_blocks("toml")[0])
    for field in ("match", "stub", "snippet"):
        assert started["technical"][field] == finished["technical"][field]
    assert started["technical"]["relay"]["script"] == finished["technical"]["relay"]["script"]
    unfilled = run(check)
    assert unfilled.returncode == 1
    line = file.read_text("utf-8").splitlines().index('role = ""') + 1 if 'role = ""' in file.read_text("utf-8") else 0
    assert f"my-vendors{os.sep}acme-pixel.toml:{line}: role: is empty." in (unfilled.stdout + unfilled.stderr)
    file.write_text(_blocks("toml")[0], encoding="utf-8")
    checked = run(check)
    assert checked.returncode == 0, checked.stderr
    assert "Acme Pixel" in run(show).stdout
