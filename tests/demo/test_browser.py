"""The demo in Chromium: nobody learns of a visit before the choice, and no script can choose for the visitor.

The browser finds every host but this machine in `internet`, so that what it contacts by itself is seen as well.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Playwright

from proxy.demo.seen import SAMPLE_ADDRESS
from tests.browser.chromium import chromium, playwright
from tests.browser.internet import Internet, internet
from tests.demo.running import HOSTILE, Demo, running

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

#: What the shop's own settings allow before any choice: essential vendors, and a third party that nobody described.
UNKNOWN = "widget.sternschnuppe-reviews.example"
ESSENTIAL = {"fonts.googleapis.com", "fonts.gstatic.com"}

#: Hosts that Chromium itself calls (its own services), whatever the page is.
CHROMIUM_ITSELF = {
    "accounts.google.com",
    "update.googleapis.com",
    "content-autofill.googleapis.com",
    "clients2.google.com",
    "www.google.com",
}


@pytest.fixture(scope="module")
def around() -> Iterator[Internet]:
    with internet() as one:
        yield one


@pytest.fixture(scope="module")
def browsers() -> Iterator[Playwright]:
    with playwright() as one:
        yield one


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    with running(command=("-c", HOSTILE)) as one:
        yield one


@pytest.fixture
def page(demo: Demo, around: Internet, browsers: Playwright) -> Iterator[Page]:
    demo.forget()
    around.forget()
    with chromium(browsers, around.flags) as context:
        yield context.pages[0]


def _told(page: Page, demo: Demo) -> str:
    """What the storefront is told of this visitor's choice, as its footer shows it."""
    page.goto(f"{demo.shop}/cart")
    return page.inner_text(".told code")


def _vendors(demo: Demo) -> set[str]:
    return {str(one["host"]) for one in demo.received()}


def _reached(demo: Demo, hosts: set[str]) -> set[str]:
    """Whom the proxy has told of something, once it has told these: beacons go by themselves, a little later."""
    end = time.monotonic() + 15
    while not hosts <= _vendors(demo) and time.monotonic() < end:
        time.sleep(0.1)
    return _vendors(demo)


def _contacted(around: Internet) -> set[str]:
    """Whom the browser contacted by itself on the pages' behalf."""
    return {contact.host for contact in around.seen()} - CHROMIUM_ITSELF


def _settled(page: Page) -> None:
    page.wait_for_load_state("load")
    page.wait_for_timeout(500)


def _grant(page: Page, demo: Demo, *categories: str) -> None:
    """Save these categories on the preferences page, as a person would."""
    page.goto(f"{demo.shop}/_consent?return_to=/")
    for category in categories:
        page.check(f'input[name=category][value="{category}"]')
    page.click("button[value=save]")
    _settled(page)


def test_before_the_choice_nobody_is_told_and_after_withdrawal_nobody_is_again(
    page: Page, demo: Demo, around: Internet
) -> None:
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(error.message))
    for path in ("/", "/contact", "/de/products/mug"):
        page.goto(demo.shop + path)
        _settled(page)
    assert _vendors(demo) <= ESSENTIAL
    assert _contacted(around) <= {UNKNOWN}

    page.goto(f"{demo.shop}/products/mug")
    page.click("#consentry button[value=accept]")
    _settled(page)
    pixels = {"www.google-analytics.com", "www.facebook.com", "t.co", "vk.com", "bat.bing.com"}
    scripts = {"googleads.g.doubleclick.net", "connect.facebook.net", "www.googletagmanager.com"}
    assert pixels | scripts <= _reached(demo, pixels | scripts)
    assert _contacted(around) <= {UNKNOWN}
    assert {cookie["name"] for cookie in page.context.cookies()} >= {"_ga", "_fbp", "shop_session"}
    assert not [one for one in demo.received() if SAMPLE_ADDRESS in str(one) or "Cookie" in str(one["headers"])]

    page.click("#consentry-choices button[value=withdraw]")
    _settled(page)
    demo.forget()
    page.go_back()
    _settled(page)
    page.goto(demo.shop)
    _settled(page)
    assert _vendors(demo) <= ESSENTIAL
    assert not {"_ga", "_fbp", "_uetvid"} & {str(cookie["name"]) for cookie in page.context.cookies()}
    assert errors == []


def test_without_scripts_the_same_holds_and_the_pixels_of_noscript_wait_too(
    demo: Demo, around: Internet, browsers: Playwright
) -> None:
    demo.forget()
    around.forget()
    with chromium(browsers, around.flags, java_script_enabled=False) as context:
        page = context.pages[0]
        page.goto(demo.shop)
        page.wait_for_timeout(500)
        assert _vendors(demo) <= ESSENTIAL
        page.click("#consentry button[value=accept]")
        page.wait_for_timeout(500)
        assert {"www.facebook.com", "vk.com"} <= _vendors(demo)
        assert _contacted(around) <= {UNKNOWN}


def test_a_relayed_script_cannot_consent_for_the_visitor(page: Page, demo: Demo) -> None:
    _grant(page, demo, "social", "advertising")
    page.wait_for_function("(window.hostile || []).filter(one => /fetch|xhr|framed/.test(one[0])).length >= 4")
    notes = dict(page.evaluate("window.hostile"))
    assert (notes["fetch"], notes["xhr"]) == (403, 403)
    assert "analytics=0" in _told(page, demo)
    for attempt in ("submit", "requestSubmit"):
        page.goto(f"{demo.shop}/?attempt={attempt}")
        page.wait_for_url("**/_consent")
        assert "analytics=0" in _told(page, demo)


def test_a_script_cannot_press_the_banners_button(page: Page, demo: Demo) -> None:
    for attempt in ("submit", "requestSubmit", "click"):
        with page.expect_response(lambda answer: answer.request.is_navigation_request() and answer.status == 403):
            page.goto(f"{demo.shop}/hostile?attempt={attempt}")
        assert "analytics=0, advertising=0, marketing=0, social=0" in _told(page, demo)
        assert page.query_selector("#consentry") is not None


def test_a_film_is_allowed_where_it_stands_and_only_the_film(page: Page, demo: Demo, around: Internet) -> None:
    page.goto(f"{demo.shop}/contact")
    assert "full IP address" in page.frame_locator("main iframe").locator("body").inner_text()
    page.frame_locator("main iframe").get_by_role("button").click()
    page.wait_for_url("**/contact#consentry-embed-1")
    page.wait_for_selector("iframe#consentry-embed-1[src^='https://www.youtube.com/embed/']")
    _settled(page)
    assert _contacted(around) <= {UNKNOWN, "www.youtube.com"}
    assert "www.youtube.com" in _contacted(around)
    assert _vendors(demo) <= ESSENTIAL
