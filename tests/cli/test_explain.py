from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.command import consentry

GA = "https://www.google-analytics.com/g/collect?v=2"
FBEVENTS = '<script src="https://connect.facebook.net/en_US/fbevents.js"></script>'


def test_a_vendor_s_url() -> None:
    shown = consentry("explain", GA).stdout.decode()
    for words in ("google-analytics (Google Analytics, Google LLC)", "google-analytics.com", "analytics", "relay"):
        assert words in shown
    assert "cut (not asked yet)" in shown
    assert "relay (granted)" in shown


def test_a_vendor_s_url_as_json() -> None:
    told = json.loads(consentry("explain", "--json", "https://connect.facebook.net/en_US/fbevents.js").stdout)
    assert (told["vendor"], told["needs"], told["first_party"]) == ("meta-pixel", ["advertising"], False)
    script = told["tags"]["<script>"]
    actions = {visitor: [tag["action"] for tag in outcome["tags"]] for visitor, outcome in script.items()}
    assert actions == {"nothing granted": ["cut"], "all granted, then Sec-GPC": ["cut"], "all granted": ["relay"]}
    assert script["all granted, then Sec-GPC"]["tags"][0]["reason"] == "Sec-GPC"


def test_an_unknown_url_says_how_to_describe_it() -> None:
    shown = consentry("explain", "cdn.nobody.invalid/tag.js").stdout.decode()
    assert "unknown" in shown
    assert "consentry vendors new KEY --from-snippet" in shown


def test_the_shop_itself() -> None:
    shown = consentry("explain", "--site", "https://www.acme.co.uk", "https://cdn.acme.co.uk/x.js").stdout.decode()
    assert "first party" in shown
    assert "vendors new" not in shown


def test_a_piece_of_a_page_before_and_after() -> None:
    shown = consentry("explain", "--html", FBEVENTS + '<img src="https://nobody.invalid/">').stdout.decode()
    assert FBEVENTS in shown
    assert '<script src="https://shop.example/_consent/stub/meta-pixel.js"></script>' in shown
    assert "cut (not asked yet)" in shown
    assert "consentry vendors new" in shown


def test_a_piece_of_a_page_from_standard_input_as_json() -> None:
    told = json.loads(consentry("explain", "--json", "--html", "-", stdin=FBEVENTS.encode()).stdout)
    assert told["before"] == FBEVENTS
    (tag,) = told["visitors"]["nothing granted"]["tags"]
    assert (tag["vendor"], tag["action"]) == ("meta-pixel", "cut")


def test_a_piece_that_contacts_nobody() -> None:
    shown = consentry("explain", "--html", "<p>Shop</p>").stdout.decode()
    assert "Nothing in it contacts anybody" in shown


def test_bytes_that_are_no_text() -> None:
    done = consentry("explain", "--html", "-", stdin=b"\xff\xfe<p>\x00")
    assert done.returncode == 0


def test_a_vendor_not_in_use(tmp_path: Path) -> None:
    (tmp_path / "consentry.toml").write_text("[vendors]\nuse = []\n")
    shown = consentry("explain", "--config", tmp_path / "consentry.toml", GA).stdout.decode()
    assert "no: it is cut for everybody" in shown
    assert "cut (vendor not in use)" in shown


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "name one URL"),
        ([GA, "--html", "<p>"], "name one URL"),
        (["ftp://shop.example/"], "ftp://shop.example/"),
        (["https://"], "https://"),
        (["https://[broken/"], "https://[broken/"),
        (["mailto:shop@shop.example"], "mailto:"),
        (["--site", "https://a..b", GA], "https://a..b"),
        (["--site", "shop.example", GA], "shop.example"),
    ],
)
def test_wrong_usage(arguments: list[str], told: str) -> None:
    done = consentry("explain", *arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert told in done.stderr.decode()


SETTLED = """\
[vendors]
use = ["matomo"]
unknown = "block"
allow = [
  "good.example.org",
]
[vendor.matomo]
hosts = ["stats.shop.example"]
"""


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://a.good.example.org/x.js", 'vendors.allow names "good.example.org", {}:5'),
        ("https://bad.example.org/x.js", 'vendors.unknown = "block", {}:3'),
        ("https://bad.example.org/x.js", '[vendors] allow = ["bad.example.org"]'),
        ("https://ads.example.org/x.js", "an ad server, by its name"),
        ("https://ads.example.org/x.js", '[vendors] allow = ["ads.example.org"]'),
        ("https://www.google-analytics.com/analytics.js", "vendors.use does not name it, {}:2"),
        ("https://stats.shop.example/matomo.js", "[vendor.matomo] hosts, {}:8"),
    ],
)
def test_the_line_that_decides_is_named(tmp_path: Path, url: str, told: str) -> None:
    config = tmp_path / "consentry.toml"
    config.write_text(SETTLED)
    shown = consentry("explain", "--config", config, "--site", "https://www.other.example", url).stdout.decode()
    assert told.format(config) in shown
    said = json.loads(
        consentry("explain", "--config", config, "--site", "https://www.other.example", "--json", url).stdout
    )
    assert any(told.format(config) in value for _, value in said["settings"])


def test_without_a_file_no_line_is_named() -> None:
    shown = consentry("explain", "https://bad.example.org/x.js").stdout.decode()
    assert 'vendors.unknown = "allow", which nobody has set' in shown
