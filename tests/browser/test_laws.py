"""What a visitor meets by where they are, in a real browser with scripting off: asked first, or able to object."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Page, Playwright

from tests.browser.chromium import chromium
from tests.browser.internet import Internet
from tests.browser.shop import consentry, file_server, press

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

SHOP = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Pots</title><link rel="icon" href="data:,"></head>
<body><h1>Pots</h1><img src="https://www.facebook.com/tr?id=1&amp;ev=PageView" width="1" height="1" alt=""></body>
</html>
"""
CHOICES = ".footer a"


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory, around: Internet) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("laws")
    (folder / "pots.html").write_text(SHOP, encoding="utf-8")
    settings = (
        '[listen]\ntrusted = ["127.0.0.0/8"]\n[region]\nheaders = ["X-Country"]\n'
        f'[vendors]\nuse = ["meta-pixel"]\ngateway = "http://127.0.0.1:{around.port}"\n'
    )
    with file_server(folder) as files, consentry(files, folder, settings) as address:
        yield address


@pytest.fixture
def visitor(running: Playwright, around: Internet) -> Iterator[Callable[..., Page]]:
    """A browser somewhere, without scripting."""
    with ExitStack() as stack:

        def somewhere(region: str, **headers: str) -> Page:
            sent = {"X-Country": region} | headers
            options = {"java_script_enabled": False, "locale": "en-GB", "extra_http_headers": sent}
            return stack.enter_context(chromium(running, around.flags, **options)).new_page()

        yield somewhere


def runs(page: Page, origin: str) -> bool:
    """Whether the pixel is in the page, through the relay."""
    page.goto(f"{origin}/pots.html")
    source = page.locator("h1 + img").get_attribute("src")
    assert source is None or source.startswith(f"{origin}/_consent/v/meta-pixel/")
    return source is not None


def test_where_the_law_asks_first_there_is_a_banner_and_nothing_runs(visitor: Callable[..., Page], origin: str) -> None:
    page = visitor("DE")
    assert not runs(page, origin)
    assert page.locator("#consentry button[value=reject]").is_visible()
    press(page, "accept")
    assert runs(page, origin)
    press(page, "withdraw")
    assert not runs(page, origin)


def test_in_california_a_link_leads_to_the_objection_and_two_clicks_lead_back(
    visitor: Callable[..., Page], origin: str
) -> None:
    page = visitor("US-CA")
    assert runs(page, origin)
    assert page.locator("#consentry").count() == 0
    assert page.locator(CHOICES).inner_text().strip() == "Your Privacy Choices"
    page.locator(CHOICES).click()
    assert page.locator("h1").inner_text() == "Do Not Sell or Share My Personal Information"
    assert page.locator("input[name=category][value=advertising]").is_checked()
    press(page, "reject")
    assert page.url == f"{origin}/pots.html"
    assert not runs(page, origin)
    page.locator(CHOICES).click()
    press(page, "accept")
    assert page.locator("h1").inner_text() == "Allow these partners again?"
    page.locator("a.button").click()
    assert not runs(page, origin)
    page.locator(CHOICES).click()
    press(page, "accept")
    press(page, "accept")
    assert page.url == f"{origin}/pots.html"
    assert runs(page, origin)


def test_there_the_signal_is_honoured_and_shown_on_every_page(visitor: Callable[..., Page], origin: str) -> None:
    page = visitor("US-CA", **{"Sec-GPC": "1"})
    assert not runs(page, origin)
    assert "Opt-Out Request Honored" in page.locator(".footer").inner_text()
    page.locator(CHOICES).click()
    assert not page.locator("input[name=category][value=advertising]").is_checked()
    assert "Opt-Out Request Honored" in page.locator("main").inner_text()
