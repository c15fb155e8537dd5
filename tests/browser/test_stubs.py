"""Per stub, a page that calls the vendor's documented API after its script was cut: nothing is said in the console.

tests/stubs/KEY.html is written as a shop would write it: the vendor's loader, then the calls that shops make, and as
its last statement the title "done". Each is opened through the proxy with nothing granted. So that this can fail, each
is opened again per global of its stub, with a stub that lacks it: the page then breaks, unless its own loader defines
that global. ALL_PAGES=1 takes every stub and global (`make pages`), else one global of some. Essential vendors are not
cut: there the vendor is down, and the relay answers with the stub.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import ConsoleMessage, Error, Page, Request

from proxy.catalogue.load import load
from proxy.html.stub import stub
from tests.browser.chromium import ITSELF, chromium, playwright
from tests.browser.internet import Internet, internet
from tests.browser.shop import consentry, file_server

FOLDER = Path(__file__).resolve().parent.parent / "stubs"
VENDORS = {key: vendor for key, vendor in load().vendors.items() if vendor.technical.stub}
PAGES = sorted(file.stem for file in FOLDER.glob("*.html"))
OPENED = PAGES if os.environ.get("ALL_PAGES") else PAGES[::6]

#: Nobody listens here: every vendor is down.
DOWN = '[vendors]\ngateway = "http://127.0.0.1:1"\n'

#: How long a page is watched after it ended; how long one is waited for, and one that should hang; in seconds.
SETTLE, PATIENCE, IMPATIENCE = 0.04, 10, 2

DEFINED = "name => name.split('.').reduce((there, part) => there && there[part], window) !== undefined"


@dataclass
class Sight:
    """What a page did since it was opened."""

    said: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    done: bool = False


class Shop:
    """One browser page on the shop, and what came of what was last opened in it."""

    def __init__(self, origin: str, page: Page, around: Internet) -> None:
        self.origin, self.page, self.around = origin, page, around
        self.sight = Sight()
        page.on("console", self._hear)
        page.on("pageerror", self._fail)
        page.on("request", self._ask)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning", "assert"):
            self.sight.said.append(message.text)

    def _fail(self, error: Error) -> None:
        self.sight.failed.append(error.message)

    def _ask(self, request: Request) -> None:
        self.sight.asked.append(request.url)

    def open(self, name: str, patience: float = PATIENCE) -> Sight:
        """Show a page until it has ended or failed, and a little longer."""
        self.page.goto("about:blank")
        self.around.forget()
        sight = self.sight = Sight()
        self.page.goto(f"{self.origin}/{name}.html")
        until = time.monotonic() + patience
        while not sight.failed and self.page.title() != "done" and time.monotonic() < until:
            self.page.wait_for_timeout(10)
        if not sight.failed:
            self.page.wait_for_timeout(SETTLE * 1000)
        sight.done = self.page.title() == "done"
        return sight

    def open_with(self, key: str, script: bytes) -> Sight:
        """Show a vendor's page with another script as its stub."""
        served = answers_with_stub(self.origin, key)
        self.page.route(served, lambda route: route.fulfill(body=script, content_type="text/javascript"))
        try:
            return self.open(key, IMPATIENCE)
        finally:
            self.page.unroute(served)


def answers_with_stub(origin: str, key: str) -> re.Pattern[str]:
    return re.compile(rf"{re.escape(origin)}/_consent/(stub/{key}\.js(\?|$)|v/{key}/)")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("stubs")
    with (
        internet() as around,
        file_server(FOLDER) as files,
        consentry(files, folder, DOWN) as origin,
        playwright() as running,
        chromium(running, around.flags) as context,
    ):
        yield Shop(origin, context.new_page(), around)


def test_every_page_is_a_vendors_and_names_all_that_its_stub_defines() -> None:
    assert set(PAGES) == set(VENDORS)
    written = {key: (FOLDER / f"{key}.html").read_text("utf-8") for key in PAGES}
    assert [(key, name) for key in PAGES for name in VENDORS[key].technical.stub if name not in written[key]] == []


@pytest.mark.browser
@pytest.mark.timeout(120)
@pytest.mark.parametrize("key", OPENED)
def test_a_shops_calls_go_into_the_void(shop: Shop, key: str) -> None:
    sight = shop.open(key)
    assert (sight.said, sight.failed, sight.done) == ([], [], True)
    assert [url for url in sight.asked if not url.startswith((f"{shop.origin}/", "data:", "blob:"))] == []
    assert {contact.host for contact in shop.around.seen()} <= ITSELF
    assert any(answers_with_stub(shop.origin, key).match(url) for url in sight.asked)


@pytest.mark.browser
@pytest.mark.timeout(120)
@pytest.mark.parametrize("key", OPENED)
def test_each_global_of_a_stub_is_one_that_a_page_would_miss(shop: Shop, key: str) -> None:
    names = sorted(VENDORS[key].technical.stub)
    if not os.environ.get("ALL_PAGES"):
        names = [names[PAGES.index(key) % len(names)]]
    assert [name for name in names if not missed(shop, key, name)] == []


def missed(shop: Shop, key: str, name: str) -> bool:
    """Whether the page breaks where the stub does not define this, or has it from its own loader."""
    script = stub(VENDORS[key]).decode()
    without = script.replace(f'define("{name}", ', "void (")
    assert without != script
    sight = shop.open_with(key, without.encode())
    return bool(sight.failed) or not sight.done or bool(shop.page.evaluate(DEFINED, name))
