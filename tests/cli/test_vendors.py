from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from proxy.catalogue.load import load
from proxy.model import Category
from tests.cli.command import consentry
from tests.cli.test_check import VENDOR

SNIPPET = b'<script async src="https://cdn.acme-pixel.example/tag.js?id=1"></script><script>acme("init")</script>'


def test_every_described_vendor_is_listed() -> None:
    lines = consentry("vendors", "list").stdout.decode().splitlines()
    assert lines[0].split() == ["key", "name", "categories", "reach", "checked"]
    assert [line.split()[0] for line in lines[1:]] == list(load().vendors)


def test_the_list_as_json_by_category() -> None:
    listed = json.loads(consentry("vendors", "list", "--json", "--category", "social").stdout)
    social = [key for key, vendor in load().vendors.items() if Category.SOCIAL in vendor.categories]
    assert [vendor["key"] for vendor in listed] == social
    assert "youtube" in social


def test_vendor_files_of_the_shop_are_listed_too(tmp_path: Path) -> None:
    (tmp_path / "acme-pixel.toml").write_text(VENDOR)
    listed = json.loads(consentry("vendors", "list", "--json", "--vendors", tmp_path).stdout)
    assert "acme-pixel" in [vendor["key"] for vendor in listed]


def test_all_that_a_file_says_is_shown() -> None:
    shown = consentry("vendors", "show", "google-analytics").stdout.decode()
    vendor = load().vendors["google-analytics"]
    for words in (vendor.name, vendor.company, vendor.policy, vendor.retention, *vendor.purposes, *vendor.data):
        assert words in shown
    for pattern in (*vendor.technical.match, *vendor.technical.relay.script, *vendor.technical.stub):
        assert pattern in shown
    for cookie in vendor.cookies:
        assert f"name: {cookie.name}, keeps: {cookie.keeps}" in shown


def test_one_vendor_as_json() -> None:
    shown = json.loads(consentry("vendors", "show", "stripe", "--json").stdout)
    assert (shown["key"], shown["categories"]) == ("stripe", ["essential"])
    assert shown["essential_because"] == "payment"


def test_a_vendor_that_is_not_there() -> None:
    done = consentry("vendors", "show", "google-analytic")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"Did you mean google-analytics" in done.stderr


def test_a_new_file_is_started_from_a_snippet(tmp_path: Path) -> None:
    snippet = tmp_path / "snippet.html"
    snippet.write_bytes(SNIPPET)
    folder = tmp_path / "vendors"
    done = consentry("vendors", "new", "acme-pixel", "--from-snippet", snippet, "--dir", folder)
    file = folder / "acme-pixel.toml"
    assert (done.returncode, done.stdout.decode().strip()) == (0, str(file))
    assert b"consentry check" in done.stderr
    assert "acme-pixel.example" in file.read_text()
    todo = consentry("check", "--dev", "--vendors", folder)
    assert todo.returncode == 1
    assert f"{file}:".encode() in todo.stderr
    assert b"categories" in todo.stderr


def test_a_snippet_from_standard_input_that_is_described_already(tmp_path: Path) -> None:
    gtag = b'<script src="https://www.googletagmanager.com/gtag/js?id=G-1"></script>'
    done = consentry("vendors", "new", "acme", "--from-snippet", "-", "--dir", tmp_path, stdin=gtag)
    assert done.returncode == 0
    assert b"google-analytics" in done.stderr


def test_a_new_file_without_a_snippet_goes_into_vendors(tmp_path: Path) -> None:
    done = consentry("vendors", "new", "acme", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, b"vendors/acme.toml\n")
    assert (tmp_path / "vendors" / "acme.toml").is_file()


@pytest.mark.parametrize(
    ("key", "snippet", "told"),
    [
        ("acme", b"hello", b"No address of a vendor was found"),
        ("acme", SNIPPET, b""),
        ("matomo", SNIPPET, b"It will stand in for the file of matomo"),
    ],
)
def test_what_is_special_about_a_new_file_is_said(tmp_path: Path, key: str, snippet: bytes, told: bytes) -> None:
    done = consentry("vendors", "new", key, "--from-snippet", "-", "--dir", tmp_path, stdin=snippet)
    said = done.stderr.partition(b"consentry check --dev --vendors ")[2].partition(b"\n")[2]
    assert (done.returncode, told in said, bool(said)) == (0, True, bool(told))


def test_a_file_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "acme.toml").write_text("mine")
    done = consentry("vendors", "new", "acme", "--dir", tmp_path)
    assert done.returncode == 1
    assert b"is there already" in done.stderr
    assert (tmp_path / "acme.toml").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["list", "--category", "adverts"], 2, "adverts"),
        (["list", "--vendors", "missing"], 1, "missing"),
        (["new", "Acme Pixel"], 2, "is no key"),
        (["new", "../acme"], 2, "is no key"),
        (["new", "acme", "--from-snippet", "missing.html"], 1, "missing.html cannot be read"),
        (["new", "acme", "--from-snippet", "."], 1, "directory"),
        (["new", "acme", "--dir", "file/below"], 1, "cannot be written"),
        (["new"], 2, "KEY"),
        (["show"], 2, "KEY"),
        ([], 2, ""),
    ],
)
def test_wrong_input(tmp_path: Path, arguments: list[str], code: int, told: str) -> None:
    (tmp_path / "file").write_text("")
    done = consentry("vendors", *arguments, cwd=tmp_path)
    assert done.returncode == code
    assert told in done.stderr.decode()


def test_what_is_only_known_is_shown_and_can_be_described(tmp_path: Path) -> None:
    key, known = next((key, one) for key, one in load().known.items() if not one.essential)
    shown = json.loads(consentry("vendors", "show", key, "--json").stdout)
    assert (shown["key"], shown["described"], shown["domains"]) == (key, False, list(known.domains))
    done = consentry("vendors", "describe", key, "--dir", tmp_path)
    assert done.returncode == 0
    document = tomllib.loads((tmp_path / f"{key}.toml").read_text("utf-8"))
    assert (document["name"], document["technical"]["match"]) == (known.name, list(known.domains))
    assert document["categories"] == [category.value for category in known.categories]
    again = consentry("vendors", "describe", key, "--dir", tmp_path)
    assert (again.returncode, b"is there already" in again.stderr) == (1, True)


def test_what_is_described_or_unknown_cannot_be_described(tmp_path: Path) -> None:
    for key, said in (("google-analytics", b"described already"), ("nobody-at-all", b"no vendor file is named")):
        done = consentry("vendors", "describe", key, "--dir", tmp_path)
        assert (done.returncode, said in done.stderr) == (1, True)
    assert not list(tmp_path.iterdir())


def test_a_list_of_the_operators_own_is_cut(tmp_path: Path) -> None:
    hosts = tmp_path / "My list.txt"
    hosts.write_text("# mine\n0.0.0.0 nobody-knows.example.org\n||www.google-analytics.com^\n||a.example/b^\n")
    done = consentry("vendors", "import", hosts, "--dir", tmp_path / "own")
    assert (done.returncode, done.stdout.decode().strip()) == (0, str(tmp_path / "own" / "my-list.csv"))
    assert b"1 host will be cut" in done.stderr
    assert b"google-analytics" in done.stderr
    assert b"lines 4" in done.stderr
    page = b'<img src="https://nobody-knows.example.org/i">'
    assert consentry("rewrite", "--no-banner", stdin=page).stdout == page
    assert consentry("rewrite", "--no-banner", "--vendors", tmp_path / "own", stdin=page).stdout == b"<img>"


def test_a_list_that_cannot_be_imported(tmp_path: Path) -> None:
    hosts = tmp_path / "hosts.txt"
    hosts.write_text("# nothing\n")
    assert b"no host that would be new" in consentry("vendors", "import", hosts, "--dir", tmp_path).stderr
    assert b"cannot be read" in consentry("vendors", "import", tmp_path / "none", "--dir", tmp_path).stderr
    assert consentry("vendors", "import", hosts, "--category", "essential").returncode == 2
