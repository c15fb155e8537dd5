"""Several shops in one file."""

from __future__ import annotations

from pathlib import Path

from proxy.settings import load_settings
from tests.settings.test_load import SECRET, refused, written

TWO = """\
[controller]
name = "Shop Ltd"
email = "privacy@shop.example"
privacy_policy = "/privacy"
[vendors]
use = ["google-analytics"]
unknown = "block"
[storefront]
url = "http://127.0.0.1:3000"
first_byte = 9

[[site]]
origin = "https://shop.example"
hosts = ["www.shop.example"]

[[site]]
origin = "https://laden.example"
controller = { name = "Laden GmbH" }
[site.storefront]
url = ["http://127.0.0.1:3001", "http://127.0.0.1:3002"]
[site.vendors]
use = ["matomo"]
"""


def test_a_site_is_the_file_with_its_own_tables_over_it(tmp_path: Path) -> None:
    one, other = load_settings(written(tmp_path, TWO), environ=SECRET).sites
    assert (one.origin, one.storefront.url) == ("https://shop.example", ("http://127.0.0.1:3000",))
    assert one.netlocs >= {"shop.example", "www.shop.example", "www.shop.example:443"}
    assert other.storefront.url == ("http://127.0.0.1:3001", "http://127.0.0.1:3002")
    assert (other.storefront.first_byte, other.vendors.use, other.vendors.unknown) == (9, ("matomo",), "block")
    assert other.controller is not None
    assert (other.controller.name, other.controller.email) == ("Laden GmbH", "privacy@shop.example")
    assert one.digest != other.digest
    assert one.secret_keys == other.secret_keys


def test_without_sites_the_file_is_the_only_one(tmp_path: Path) -> None:
    text = 'origin = "https://shop.example"\n' + TWO.partition("[[site]]")[0]
    settings = load_settings(written(tmp_path, text), environ=SECRET)
    assert settings.sites == (settings,)


def test_what_is_wrong_is_told_once_at_its_own_place(tmp_path: Path) -> None:
    wrong = TWO.replace("first_byte = 9", "first_byte = -9").replace('use = ["matomo"]', 'unknown = "perhaps"')
    problems = refused(written(tmp_path, wrong + "[site.limits]\nqueue = 3\n"))
    lines = wrong.splitlines()
    assert sorted((problem.key, problem.line) for problem in problems) == [
        ("limits", len(lines) + 1),
        ("storefront.first_byte", lines.index("first_byte = -9") + 1),
        ("vendors.unknown", lines.index('unknown = "perhaps"') + 1),
    ]


def test_no_two_sites_share_a_host_and_each_has_one(tmp_path: Path) -> None:
    same = TWO.replace("https://laden.example", "https://www.shop.example")
    (problem,) = refused(written(tmp_path, same))
    assert problem.message == "www.shop.example is the host of site 1, too."
    assert problem.line == same.splitlines().index('origin = "https://www.shop.example"') + 1
    without = written(tmp_path, TWO.replace('origin = "https://laden.example"\n', ""))
    assert [problem.key for problem in refused(without)] == ["origin"]
    assert [problem.key for problem in refused(without, dev=True)] == ["origin"]


def test_a_site_is_a_table(tmp_path: Path) -> None:
    (problem, *_) = refused(written(tmp_path, 'site = "x"\n' + TWO.partition("[[site]]")[0]))
    assert (problem.key, problem.mend) == ("site", "Write [[site]].")
