"""A visitor's whole life with a shop, under each kind of law, in a real browser with scripting off.

They arrive, read, choose by vendor, shop, come back a day before their choice lapses and on that day, live through a
new policy version and a new vendor, look at their receipt, withdraw, and have everything erased. The proxy is the
installed command, stopped and started again with its clock set (libfaketime); the browser is the same throughout.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, Playwright

from tests.browser.chromium import chromium
from tests.browser.internet import Internet
from tests.browser.shop import file_server, press, where
from tests.cli.command import GOOD_KEYS
from tests.free_port import free_port
from tests.places import FAKETIME

pytestmark = [pytest.mark.browser, pytest.mark.faketime, pytest.mark.timeout(240)]

PIXELS = {
    "google-analytics": "https://www.google-analytics.com/collect?v=1&amp;tid=UA-1-1&amp;t=pageview",
    "meta-pixel": "https://www.facebook.com/tr?id=1&amp;ev=PageView",
    "pinterest": "https://ct.pinterest.com/v3/?tid=1&amp;event=pagevisit&amp;noscript=1",
}
SHOP = '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{0}</title><link rel="icon" href="data:,">'
SHOP += '</head><body><h1>{0}</h1><p><a href="/pans.html">Pans</a></p>'
SHOP += "".join(f'<img class="pixel" src="{url}" width="1" height="1" alt="">' for url in PIXELS.values())
OLD = {"google-analytics", "meta-pixel"}


@dataclass(frozen=True)
class Law:
    """What a visitor there meets. `before`: what runs before they choose; `asked`: whether a banner asks them;
    `lapsed`: what runs when a choice that refuses something is six months old; `steps`: clicks to allow again what was
    refused."""

    region: str
    before: frozenset[str]
    asked: bool
    lapsed: frozenset[str]
    steps: int = 1


NONE, BOTH = frozenset[str](), frozenset(OLD)
LAWS = [
    Law("DE", NONE, True, NONE),
    Law("US-CA", BOTH, False, frozenset({"google-analytics"}), steps=2),  # an objection never lapses
]
if os.environ.get("ALL_PAGES"):
    LAWS.append(Law("US-TX", BOTH, False, frozenset({"google-analytics"})))
    LAWS.append(Law("NZ", BOTH, False, BOTH))  # notice, by the shop's own table
    LAWS += [Law(region, NONE, True, NONE) for region in ("GB", "BR", "CH", "ZZ")]  # like Germany's


@dataclass
class Shop:
    """A shop on one port; `open` runs the proxy before it, so many days from now, with these settings."""

    folder: Path
    storefront: str
    gateway: int
    port: int

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def open(self, days: int = 0, policy: int = 1, more: str = "") -> Iterator[None]:
        use = '["google-analytics", "meta-pixel", "pinterest"]' if more else '["google-analytics", "meta-pixel"]'
        config = self.folder / "consentry.toml"
        config.write_text(
            f'[listen]\ntrusted = ["127.0.0.0/8"]\n[region]\nheaders = ["X-Country"]\n'
            f"[consent]\npolicy = {policy}\n"
            f'[regimes.new-zealand]\nregions = ["NZ"]\nregime = "notice"\n'
            f'[vendors]\nuse = {use}\ngateway = "http://127.0.0.1:{self.gateway}"\n{more}',
            encoding="utf-8",
        )
        assert FAKETIME is not None
        command = [sys.executable, "-m", "proxy", "serve", "--dev"]
        command += ["--storefront", self.storefront, "--config", str(config), "--state", str(self.folder / "state")]
        command += ["--listen", f"127.0.0.1:{self.port}", "--admin", "127.0.0.1:0"]
        clock = {"LD_PRELOAD": FAKETIME, "FAKETIME": f"+{days}d", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        quiet = {"PYTHONUNBUFFERED": "1", "COLUMNS": "200"}
        log = self.folder / "log"
        with log.open("ab") as errors:
            process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=errors, text=True, env=os.environ | GOOD_KEYS | clock | quiet
            )
            try:
                where(process, log)
                yield
            finally:
                process.send_signal(signal.SIGINT)
                assert process.stdout is not None
                process.stdout.close()
                process.wait(10)

    def records(self) -> list[dict[str, object]]:
        command = [sys.executable, "-m", "proxy", "consents", "export", "--json", "--dev"]
        done = subprocess.run(
            [*command, "--state", self.folder / "state"], capture_output=True, check=True, env=os.environ | GOOD_KEYS
        )
        return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(params=LAWS, ids=lambda law: law.region)
def law(request: pytest.FixtureRequest) -> Law:
    found: Law = request.param
    return found


@pytest.fixture
def shop(tmp_path: Path, around: Internet) -> Iterator[Shop]:
    pages = tmp_path / "pages"
    pages.mkdir()
    for name in ("pots", "pans"):
        (pages / f"{name}.html").write_text(SHOP.format(name.title()), encoding="utf-8")
    with file_server(pages) as storefront:
        yield Shop(tmp_path, storefront, around.port, free_port())


@pytest.fixture
def page(law: Law, running: Playwright, around: Internet) -> Iterator[Page]:
    headers = {"X-Country": law.region}
    with chromium(
        running, around.flags, java_script_enabled=False, locale="en-GB", extra_http_headers=headers
    ) as browser:
        yield browser.new_page()


def runs(page: Page) -> set[str]:
    """The vendors whose pixels are in the page that is shown; each through the relay."""
    found = set()
    for pixel in page.locator("img.pixel").all():
        source = pixel.get_attribute("src")
        if source is not None:
            found.add(re.fullmatch(r"http://127\.0\.0\.1:\d+/_consent/v/([a-z-]+)/.*", source)[1])  # type: ignore[index]
    return found


def seen(shop: Shop, page: Page, name: str = "pots") -> tuple[set[str], bool]:
    """What runs in a page of the shop, and whether a banner asks."""
    page.goto(f"{shop.origin}/{name}.html")
    return runs(page), page.locator("#consentry").count() == 1


def allow_all(page: Page, law: Law) -> None:
    """From the preferences page, with as many clicks as the law wants."""
    page.locator("#consentry a[href*=lang], #consentry-choices a[href*=lang]").first.click()
    press(page, "accept")
    if law.steps == 2:
        page.locator("main form button").click()


def test_a_visitors_life_with_a_shop(law: Law, shop: Shop, page: Page) -> None:
    some = {"google-analytics"}
    with shop.open():
        # They arrive, and read.
        assert seen(shop, page) == (law.before, law.asked)
        page.locator("#consentry a[href*=lang], #consentry-choices a[href*=lang]").first.click()
        page.locator("#vendor-meta-pixel summary").click()
        about = page.locator("#vendor-meta-pixel").inner_text()
        assert "Meta Platforms" in about
        assert "Sent to" in about
        assert "Your rights" in page.locator("#rights").inner_text()

        # They choose by vendor.
        for category in ("analytics", "advertising"):
            page.locator(f"input[name=category][value={category}]").check()
        page.locator("input[name=refuse][value=meta-pixel]").check()
        press(page, "save")
        assert page.url == f"{shop.origin}/pots.html"
        assert runs(page) == some

        # They shop.
        page.locator("a", has_text="Pans").click()
        assert (runs(page), page.locator("#consentry").count()) == (some, 0)

    with shop.open(days=181):  # five months and 29 days
        assert seen(shop, page) == (some, False)

    with shop.open(days=182):  # six months
        assert seen(shop, page) == (law.lapsed, law.asked)
        allow_all(page, law)
        assert seen(shop, page) == (OLD, False)

    with shop.open(days=183, policy=2):  # what they are told has changed; their answers stay
        assert seen(shop, page) == (OLD, False)

    with shop.open(days=184, policy=2, more="[vendor.pinterest]\nsince = 3\n"):
        # A vendor is added: it is undecided, and the other answers stay.
        now = OLD if law.asked else {*OLD, "pinterest"}
        assert seen(shop, page) == (now, law.asked)
        if law.asked:
            assert "new partners" in page.locator("#consentry .notice").inner_text()
            press(page, "accept")
        assert seen(shop, page) == ({*OLD, "pinterest"}, False)

        # Their receipt.
        page.locator(".footer a").click()
        page.locator("a", has_text="Your receipt").click()
        number = page.locator("code").inner_text()
        assert "Meta Platforms" in page.locator("main").inner_text()
        told = page.request.get(f"{shop.origin}/_consent/receipt?as=json").json()
        assert told["receipt"]["receipt_id"] == number

        # They withdraw, with one click, from any page: gone on the next one, and on the way back.
        seen(shop, page, "pots")
        seen(shop, page, "pans")
        page.locator("#consentry-choices button[value=withdraw]").click()
        page.wait_for_load_state()
        assert runs(page) == set()
        page.go_back()
        page.wait_for_load_state()
        assert runs(page) == set()
        assert seen(shop, page) == (set(), False)

        # They come back in, and have everything erased.
        allow_all(page, law)
        assert seen(shop, page)[0] == {*OLD, "pinterest"}
        page.goto(f"{shop.origin}/_consent/receipt")
        page.locator("button[name=erase]").click()
        page.wait_for_load_state()
        assert seen(shop, page) == (set(), False)
        page.goto(f"{shop.origin}/_consent/receipt")
        assert "There is no receipt" in page.locator("main").inner_text()

    events = [record["event"] for record in shop.records()]
    assert events[-1] == "erasure"
    assert "withdrawal" in events
    assert events.count("erased") == 1
