"""A vendor that comes into use is not taken to have been allowed by those who chose before."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from proxy.catalogue.schema import Vendor
from proxy.consent.asked import FILE, new_purposes, newcomers, remember
from proxy.settings import Settings
from proxy.toml_places import Places
from tests.consent.shop import ADS, MAIL, PAY, STATS, VIDEO, use, vendor

SHOP = Settings.model_validate({"origin": "https://shop.example"})


def told(state: Path, *vendors: Vendor, version: int = 1) -> list[str]:
    sites = [(SHOP, use(*vendors, version=version))]
    return [problem.key for problem in newcomers(state, sites, "consentry.toml", Places())]


def served(state: Path, *vendors: Vendor, version: int = 1) -> None:
    remember(state, [(SHOP, use(*vendors, version=version))])


def test_the_first_start_knows_of_nobody_before(tmp_path: Path) -> None:
    assert told(tmp_path, STATS, ADS) == []


def test_a_newcomer_is_told_with_the_line_to_add(tmp_path: Path) -> None:
    served(tmp_path, STATS, version=3)
    (problem,) = newcomers(tmp_path, [(SHOP, use(STATS, MAIL, PAY, version=3))], "consentry.toml", Places())
    assert problem.key == "vendor.mail.since"
    assert problem.mend == "Add: [vendor.mail] since = 4, and they are asked about it."
    assert told(tmp_path, STATS, version=3) == []


def test_with_a_later_version_it_may_come(tmp_path: Path) -> None:
    served(tmp_path, STATS)
    later = MAIL.model_copy(update={"since": 2})
    assert told(tmp_path, STATS, later, version=2) == []
    served(tmp_path, STATS, later, version=2)
    assert told(tmp_path, STATS, later, version=2) == []
    assert told(tmp_path, STATS, later, ADS, version=2) == ["vendor.ads.since"]


def test_who_left_and_comes_back_is_new(tmp_path: Path) -> None:
    served(tmp_path, STATS, MAIL)
    served(tmp_path, STATS)
    assert told(tmp_path, STATS, MAIL) == ["vendor.mail.since"]


def test_who_needs_less_than_before_is_asked_about_and_who_needs_more_is_not(tmp_path: Path) -> None:
    served(tmp_path, VIDEO, MAIL)
    assert told(tmp_path, vendor("video", "social"), MAIL) == ["vendor.video.since"]
    assert told(tmp_path, VIDEO, vendor("mail", "marketing", "advertising")) == []
    assert told(tmp_path, VIDEO, vendor("mail", "advertising")) == ["vendor.mail.since"]


def test_a_new_purpose_is_warned_about(tmp_path: Path) -> None:
    served(tmp_path, STATS)
    more = vendor("stats", "analytics", purposes=["measure-visits", "show-ads"])
    (warning,) = new_purposes(tmp_path, [(SHOP, use(more))])
    assert "stats is used for more than under version 1 (show-ads)" in warning
    assert list(new_purposes(tmp_path, [(SHOP, use(STATS))])) == []
    assert list(new_purposes(tmp_path, [(SHOP, use(more.model_copy(update={"since": 2}), version=2))])) == []


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", "\x00", '{"https://shop.example": 5}', '{"https://shop.example": {"version": 1, "vendors": [1]}}'],
)
def test_a_file_that_cannot_be_read_is_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    assert told(tmp_path, STATS) == []
    served(tmp_path, STATS)
    assert json.loads((tmp_path / FILE).read_text())["https://shop.example"]["version"] == 1


def test_a_version_that_went_back_is_not_believed(tmp_path: Path) -> None:
    served(tmp_path, STATS, version=5)
    served(tmp_path, STATS, version=2)
    assert json.loads((tmp_path / FILE).read_text())["https://shop.example"]["version"] == 5
