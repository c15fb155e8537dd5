"""Settings begun from a scan: complete, accepted for trying out as they are, in production once they are filled in."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from proxy.settings.schema import EventSettings, RegimeSettings, Settings, VendorSettings
from tests.cli.command import GOOD_KEYS, consentry, installed
from tests.scan.site import Answer, serving

HOME = """<!doctype html><title>Pots</title>
<meta property="og:site_name" content="Pots &quot;&amp;&quot; Pans"><link rel="canonical" href="https://www.pots.example/">
<script src="https://www.googletagmanager.com/gtag/js?id=G-1"></script>
<script src="https://cdn.taboola.com/libtrc/pots/loader.js"></script>
<img src="https://ad.yieldlove.com/x.png"><img src="https://img.tail.example/pot.jpg"><img src="https://www.pots.example/a.jpg">
<link rel="stylesheet" href="https://fonts.googleapis.com/css2?family=Inter">
<a href="/datenschutz">Datenschutz</a><a href="/checkout">Buy</a><a href="mailto:privacy@pots.example">us</a>
"""
SHOP: dict[str, str | Answer] = {
    "/": HOME,
    "/checkout": "<!doctype html><p>Pay",
    "/datenschutz": "<!doctype html><p>All",
}
QUICK = ("--pause", "0")


def written(tmp_path: Path, shop: dict[str, str | Answer] = SHOP, *more: str) -> tuple[Path, str]:
    file = tmp_path / "consentry.toml"
    with serving(shop) as site:
        done = consentry("init", site.url, "--out", file, *QUICK, *more)
    assert done.returncode == 0, done.stderr.decode()
    return file, done.stderr.decode()


def test_what_it_writes(tmp_path: Path) -> None:
    file = tmp_path / "consentry.toml"
    with serving(SHOP) as site:
        done = installed("init", site.url, "--out", file, *QUICK)
        url = site.url
    said = done.stderr.decode()
    assert (done.returncode, done.stdout) == (0, b"")
    settings = tomllib.loads(file.read_text("utf-8"))
    assert (settings["origin"], settings["mode"], settings["csp"]["mode"]) == (
        "https://www.pots.example",
        "observe",
        "report",
    )
    assert settings["controller"] == {
        "name": 'Pots "&" Pans',
        "address": "<its postal address>",
        "email": "privacy@pots.example",
        "privacy_policy": "/datenschutz",
    }
    assert settings["storefront"]["url"] == url
    assert settings["consent"]["quiet"] == ["/checkout"]
    assert settings["vendors"]["use"] == ["google-analytics", "taboola"]
    assert (settings["vendors"]["unknown"], settings["vendors"]["allow"]) == ("block", [])
    assert settings["vendor"]["taboola"] == {"direct": True}
    text = file.read_text("utf-8")
    assert re.search(r'^  "google-analytics", +# Google Analytics, analytics, on 1 of 3 pages$', text, re.M)
    assert re.search(r"^#   consentry vendors describe yieldlove +Yieldlove, advertising, on 1 of 3 pages$", text, re.M)
    assert re.search(r'^  # "img\.tail\.example", +# on 1 of 3 pages$', text, re.M)
    assert '# "www.pots.example"' not in text
    assert "from 3 pages: 2 vendors in use, 1 that no file describes yet, 2 unknown hosts." in said
    assert "To fill in: controller.address.\n" in said
    assert f"consentry check --config {file}\n" in said


def _names(model: type[BaseModel]) -> set[str]:
    return {
        name
        for name in model.model_fields
        if name
        not in ("dev", "secret_keys", "visitor_key", "admin_token", "secrets", "vendor", "site", "regimes", "event")
    }


def test_every_setting_is_in_it(tmp_path: Path) -> None:
    text = written(tmp_path)[0].read_text("utf-8")
    top, *tables = re.split(r"^(?:# )?\[\[?(?=[a-z]+(?:\.KEY)?\])", text, flags=re.M)
    there = {table.partition("]")[0]: set(re.findall(r"^(?:# )?([a-z_]+) = ", table, re.M)) for table in tables}
    assert set(re.findall(r"^(?:# )?([a-z_]+) = ", top, re.M)) == {"origin", "hosts", "mode", "rollout"}
    for name in _names(Settings) - {"origin", "hosts", "mode", "rollout"}:
        model = Settings.model_fields[name].annotation
        models = [
            one for one in getattr(model, "__args__", (model,)) if isinstance(one, type) and one is not type(None)
        ]
        assert there[name] >= _names(models[0]), name
    assert there["event"] >= _names(EventSettings)
    assert there["vendor.KEY"] >= _names(VendorSettings)
    assert there["regimes.KEY"] >= _names(RegimeSettings)


def test_it_is_accepted_for_trying_out(tmp_path: Path) -> None:
    done = consentry("check", "--dev", "--config", written(tmp_path)[0])
    assert (done.returncode, b"Nothing is wrong" in done.stdout) == (0, True)


def test_production_wants_it_filled_in(tmp_path: Path) -> None:
    file, _ = written(tmp_path, {"/": "<!doctype html><p>Pots"})
    done = consentry("check", "--config", file, environ=GOOD_KEYS)
    problems = [line for line in done.stderr.decode().splitlines() if "still to be filled in" in line]
    told = [re.match(rf"{re.escape(str(file))}:\d+: ([a-z_.]+): ", line) for line in problems]
    assert done.returncode == 1
    keys = [match[1] for match in told if match]
    assert keys == ["origin", "controller.name", "controller.address", "controller.email", "controller.privacy_policy"]
    assert len(problems) == len(done.stderr.splitlines()) - 2
    text = (
        file.read_text("utf-8")
        .replace("<shop.example>", "shop.example")
        .replace("<privacy@shop.example>", "a@b.example")
    )
    file.write_text(re.sub(r"<(the|its|privacy)[^<>]*>", "filled-in", text), encoding="utf-8")
    assert consentry("check", "--config", file, environ=GOOD_KEYS).returncode == 0


def test_a_shop_on_https_is_its_own_address_and_the_server_behind_is_asked_for() -> None:
    with serving({"/": '<link rel=canonical href="https://pots.example/">'}) as site:
        done = consentry("init", site.url, "--out", "-", "--storefront", "http://10.0.0.7:8080", *QUICK)
    settings = tomllib.loads(done.stdout.decode())
    assert (settings["origin"], settings["storefront"]["url"]) == ("https://pots.example", "http://10.0.0.7:8080")
    assert settings["vendors"]["use"] == []


def test_what_is_there_is_never_written_over_unasked(tmp_path: Path) -> None:
    file = tmp_path / "consentry.toml"
    file.write_text("mine", encoding="utf-8")
    with serving(SHOP) as site:
        done = consentry("init", site.url, *QUICK, cwd=tmp_path)
        assert (done.returncode, file.read_text("utf-8"), site.asked) == (1, "mine", [])
        assert b"is there already. Pass --force" in done.stderr
        assert consentry("init", site.url, "--force", *QUICK, cwd=tmp_path).returncode == 0
    assert "Settings of Consentry" in file.read_text("utf-8")
    assert [one.name for one in tmp_path.iterdir()] == ["consentry.toml"]


def test_where_nothing_answers_nothing_is_written(tmp_path: Path) -> None:
    done = consentry("init", "http://127.0.0.1:9/", cwd=tmp_path)
    assert (done.returncode, list(tmp_path.iterdir())) == (1, [])
    assert done.stderr


def test_where_it_cannot_be_written_the_reason_is_told(tmp_path: Path) -> None:
    with serving(SHOP) as site:
        done = consentry("init", site.url, "--out", tmp_path / "no" / "folder.toml", *QUICK)
    assert done.returncode == 1
    assert b"folder.toml: cannot be written: No such file or directory." in done.stderr


ODD = (
    '<meta property="og:site_name" content="{}"><a href="/privacy/\\u00e9\\&quot;x">p</a>'
    '<a href="mailto:a&quot;b@shop.example">m</a><img src="https://x&#10;y.example/"><img src="https://ü.example/a.png">'
)


@pytest.mark.parametrize(
    "name", ['a"]\n[listen]\ntrusted=["0.0.0.0/0"]#', "\\", "\x00\x07", "<script>", "é" * 999, "'''"]
)
def test_nothing_of_a_page_becomes_a_setting(tmp_path: Path, name: str) -> None:
    page = ODD.format(name.replace('"', "&quot;").replace("<", "&lt;"))
    settings: dict[str, Any] = tomllib.loads(written(tmp_path, {"/": page})[0].read_text("utf-8"))
    assert settings["listen"] == {"trusted": ["127.0.0.1/32", "::1/128"]}
    assert set(settings) == {
        "origin", "mode", "rollout", "controller", "storefront", "listen", "privacy", "consent", "records", "csp",
        "vendors",
    }  # fmt: skip
