from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.cli.command import GOOD_KEYS, GOOD_SETTINGS, consentry

VENDOR = """\
name = "Acme Pixel"
company = "Acme Ltd"
categories = ["advertising"]
purposes = ["show-ads"]
data = ["page"]
role = "independent"
transfer = { to = ["US"], basis = "scc" }
retention = "1 year"
policy = "https://acme.example/privacy"
checked = 2026-11-22
[technical]
match = ["acme.example"]
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "consentry.toml"
    file.write_text(GOOD_SETTINGS)
    return file


def test_good_settings_and_vendor_files_are_summarised(config: Path) -> None:
    done = consentry("check", "--config", config, environ=GOOD_KEYS)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"https://shop.example" in done.stdout
    assert b"Shop Ltd" in done.stdout


def test_the_summary_as_json(config: Path) -> None:
    done = consentry("check", "--config", config, "--json", environ=GOOD_KEYS)
    summary = json.loads(done.stdout)
    assert summary["problems"] == []
    assert summary["origin"] == "https://shop.example"
    assert summary["unknown"] == "block"
    assert summary["vendors_in_use"] < summary["vendors_described"]


def test_development_needs_no_settings() -> None:
    assert consentry("check", "--dev").returncode == 0


def test_production_without_settings_gets_the_block_to_paste(tmp_path: Path) -> None:
    done = consentry("check")
    assert (done.returncode, done.stdout) == (1, b"")
    told = done.stderr.decode()
    assert "consentry keys new" in told
    block = told.partition("To paste into consentry.toml")[2].partition("\n\n")[2].rpartition("\n\n")[0]
    pasted = tmp_path / "consentry.toml"
    pasted.write_text(block)
    again = consentry("check", "--config", pasted, environ=GOOD_KEYS)
    assert (again.returncode, again.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("settings", "environ", "told"),
    [
        pytest.param("origin = [", {}, ["consentry.toml:1:", "not valid TOML"], id="broken TOML"),
        pytest.param(GOOD_SETTINGS + "unknwon = 1\n", {}, ["consentry.toml:9:", "vendors.unknwon"], id="unknown key"),
        pytest.param('mode = "on"\n' + GOOD_SETTINGS, {}, ["consentry.toml:1:", "mode"], id="no such mode"),
        pytest.param("dev = true\n" + GOOD_SETTINGS, {}, ["consentry.toml:1:", "--dev"], id="dev in the file"),
        pytest.param(
            GOOD_SETTINGS, {"CONSENTRY_SECRET_KEYS": "short"}, ["CONSENTRY_SECRET_KEYS", "5 bytes"], id="short key"
        ),
        pytest.param(GOOD_SETTINGS, {"CONSENTRY_SECRET_KEYS": "x" * 40}, ["guess"], id="guessable key"),
        pytest.param(GOOD_SETTINGS, {"CONSENTRY_ORIGN": "https://a.example"}, ["CONSENTRY_ORIGIN?"], id="variable"),
        pytest.param(GOOD_SETTINGS.partition("\n")[2], {}, ["origin", "is not set"], id="no origin"),
        pytest.param(
            GOOD_SETTINGS.replace("https:", "http:"), {}, ["consentry.toml:1:", "origin", "https"], id="plain http"
        ),
        pytest.param(
            GOOD_SETTINGS.replace("meta-pixel", "meta-pixels"), {}, ["meta-pixels", "meta-pixel"], id="no such vendor"
        ),
        pytest.param("\ufeff" + GOOD_SETTINGS, {}, ["consentry.toml:1:", "byte order mark"], id="BOM"),
    ],
)
def test_bad_settings(config: Path, settings: str, environ: Mapping[str, str], told: list[str]) -> None:
    config.write_text(settings, encoding="utf-8")
    done = consentry("check", "--config", config, environ={**GOOD_KEYS, **environ})
    assert (done.returncode, done.stdout) == (1, b"")
    for words in told:
        assert words in done.stderr.decode()


@pytest.mark.parametrize("name", ["nowhere.toml", "."])
def test_a_settings_file_that_is_none(tmp_path: Path, name: str) -> None:
    done = consentry("check", "--dev", "--config", tmp_path / name)
    assert done.returncode == 1
    assert str(tmp_path / name).encode() in done.stderr


def test_everything_wrong_is_told_at_once(config: Path, tmp_path: Path) -> None:
    config.write_text(GOOD_SETTINGS + "first = 1\nsecond = 2\n")
    vendors = tmp_path / "vendors"
    vendors.mkdir()
    (vendors / "acme-pixel.toml").write_text(VENDOR.replace("show-ads", "sell-ads"))
    (vendors / "other.toml").write_text(VENDOR + "surprise = 1\n")
    nowhere = tmp_path / "nowhere"
    done = consentry("check", "--config", config, "--vendors", vendors, "--vendors", nowhere)
    told = done.stderr.decode()
    assert done.returncode == 1
    for place in (
        "CONSENTRY_SECRET_KEYS:",
        f"{config}:9: vendors.first:",
        f"{config}:10: vendors.second:",
        f"{vendors / 'acme-pixel.toml'}:4: purposes:",
        f"{vendors / 'other.toml'}:13: technical.surprise:",
        f"{nowhere}: ",
    ):
        assert place in told


def test_vendors_that_nobody_describes_are_told_beside_what_is_wrong(tmp_path: Path) -> None:
    config = tmp_path / "shop.toml"
    config.write_text(
        'mode = "fast"\n[vendors]\nuse = ["gogle-analytics"]\n[vendor.nobody]\nreach = "relay"\n'
        '[vendor.matomo]\nreach = "direkt"\ndirect = true\n'
    )
    done = consentry("check", "--dev", "--config", config)
    lines = done.stderr.decode().splitlines()
    assert done.returncode == 1
    assert [line.split(": ")[0:2] for line in lines[:4]] == [
        [f"{config}:1", "mode"],
        [f"{config}:3", "vendors.use"],
        [f"{config}:4", "vendor.nobody"],
        [f"{config}:7", "vendor.matomo.reach"],
    ]
    assert lines[-1] == "consentry: 4 problems"


def test_settings_that_lie_there_and_were_not_asked_for_are_pointed_to(tmp_path: Path) -> None:
    (tmp_path / "consentry.toml").write_text(GOOD_SETTINGS)
    done = consentry("check", cwd=tmp_path)
    assert done.returncode == 1
    assert b"Pass --config consentry.toml." in done.stderr
    assert b"Pass --config" not in consentry("check", "--config", "consentry.toml", cwd=tmp_path).stderr


def test_problems_as_json(tmp_path: Path) -> None:
    done = consentry("check", "--json", "--config", tmp_path / "nowhere.toml")
    assert done.returncode == 1
    (problem,) = json.loads(done.stdout)["problems"]
    assert problem["file"] == str(tmp_path / "nowhere.toml")
