"""The demo whose proxy tells vendors itself: a whole purchase in Chromium without scripting, as six vendors hear it."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Playwright

from proxy.demo.seen import SAMPLE_ADDRESS
from tests.browser.chromium import chromium, playwright
from tests.browser.internet import Internet, internet
from tests.demo.running import Demo, running
from tests.events import demands

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

EMAIL_SHA256 = "973dfe463ec85785f5f95af5ba3906eedb2d931c24e69824a89ea65dba4e813b"  # of test@example.com

#: Where each vendor is told of events.
TOLD_AT = {
    "www.google-analytics.com": "google-analytics",
    "graph.facebook.com": "meta-pixel",
    "ads-api.x.com": "x",
    "vk.com": "vk",
    "morgenlehm.matomo.cloud": "matomo",
    "plausible.io": "plausible",
}


@pytest.fixture(scope="module")
def around() -> Iterator[Internet]:
    with internet() as one:
        yield one


@pytest.fixture(scope="module")
def browsers() -> Iterator[Playwright]:
    with playwright() as one:
        yield one


@pytest.fixture
def demo() -> Iterator[Demo]:
    with running("--listen", "127.0.0.1:0", "--from-server") as one:
        yield one


@pytest.fixture
def page(demo: Demo, around: Internet, browsers: Playwright) -> Iterator[Page]:
    with chromium(browsers, around.flags, java_script_enabled=False) as context:
        yield context.pages[0]


def _buy(page: Page, demo: Demo, choose: Callable[[Page], None]) -> None:
    """Arrive by an advertisement, choose, look at a thing, put it into the cart, buy it."""
    page.goto(f"{demo.shop}/?twclid=2-1a9m4&fbclid=IwAR0x&gclid=Cj0K1&utm_source=news&mail=test@example.com")
    choose(page)
    page.goto(f"{demo.shop}/?twclid=2-1a9m4&fbclid=IwAR0x&gclid=Cj0K1&utm_source=news&mail=test@example.com")
    page.goto(f"{demo.shop}/products/vase")
    page.locator("form[action$='/cart'] button").first.click()
    page.goto(f"{demo.shop}/checkout")
    page.fill("input[name=email]", "test@example.com")
    page.fill("input[name=name]", "Test")
    page.fill("textarea[name=address]", "Nowhere 1")
    page.locator("form[action$='/checkout'] button").first.click()
    page.wait_for_url("**/thanks**")


def _told(demo: Demo, until: Callable[[dict[str, list[demands.Told]]], bool]) -> dict[str, list[demands.Told]]:
    """What each vendor was told, each request checked for what the vendor's documents demand; by vendor."""
    end = time.monotonic() + 20
    while True:
        told: dict[str, list[demands.Told]] = {}
        for one in demo.received():
            raw = base64.b64decode(str(one["raw"]))
            assert SAMPLE_ADDRESS.encode() not in raw
            key = TOLD_AT.get(str(one["host"]))
            if key is not None:
                told.setdefault(key, []).extend(demands.check(key, str(one["method"]), str(one["target"]), raw))
        if until(told) or time.monotonic() > end:
            return told
        time.sleep(0.2)


def _names(told: list[demands.Told]) -> list[str]:
    return sorted(one.name for one in told)


def _complete(told: dict[str, list[demands.Told]]) -> bool:
    return len(told) == 6 and "Purchase" in _names(told["meta-pixel"]) and "tw-o9m7k-buy" in _names(told["x"])


def test_a_purchase_arrives_at_six_vendors_without_any_script(page: Page, demo: Demo, around: Internet) -> None:
    _buy(page, demo, lambda page: page.locator("button[value=accept]").first.click())
    told = _told(demo, lambda told: _complete(told) and len(told["google-analytics"]) >= 8)
    around_vendors = {one.host for one in around.contacts} & TOLD_AT.keys() if hasattr(around, "contacts") else set()
    assert not around_vendors
    assert set(told) == set(TOLD_AT.values())

    google = {one.name: one for one in told["google-analytics"]}
    assert {"page_view", "view_item", "add_to_cart", "purchase"} <= google.keys()
    assert {one.visitor for one in told["google-analytics"]} == {google["purchase"].visitor}
    bought = google["purchase"].said
    assert (bought["params"]["value"], bought["params"]["currency"]) == (52.0, "EUR")
    assert bought["params"]["items"] == [{"item_id": "vase", "item_name": "Vase Reed", "price": 52.0, "quantity": 1.0}]
    assert google["purchase"].around["consent"] == {"ad_user_data": "GRANTED", "ad_personalization": "GRANTED"}

    meta = {one.name: one for one in told["meta-pixel"]}
    assert {"PageView", "ViewContent", "AddToCart", "Purchase"} <= meta.keys()
    assert meta["Purchase"].said["custom_data"]["order_id"] == bought["params"]["transaction_id"]
    assert meta["Purchase"].said["user_data"]["em"] == [EMAIL_SHA256]
    assert meta["PageView"].said["event_source_url"].startswith(demo.shop)
    landed = [one for one in told["meta-pixel"] if "fbc" in one.said["user_data"]]
    assert landed
    assert urlsplit(landed[0].said["event_source_url"]).query == "utm_source=news"

    x = {one.name: one for one in told["x"]}
    assert {"tw-o9m7k-visit", "tw-o9m7k-buy"} <= x.keys()
    assert {"twclid": "2-1a9m4"} in x["tw-o9m7k-visit"].said["identifiers"]
    assert {"hashed_email": EMAIL_SHA256} in x["tw-o9m7k-buy"].said["identifiers"]

    assert {"page_view", "purchase"} <= set(_names(told["vk"]))
    assert {one.said["p"] for one in told["vk"]} == {["VK-RTRG-482913-1xKpQ"][0]}

    matomo = told["matomo"]
    orders = [one.said for one in matomo if "ec_id" in one.said]
    assert [(order["revenue"], order["idgoal"]) for order in orders] == [("52.0", "0")]
    assert json.loads(orders[0]["ec_items"]) == [["vase", "Vase Reed", "-", 52.0, 1.0]]
    assert {"pageview", "purchase"} <= set(_names(told["plausible"]))

    ids = [{one.visitor for one in told[key]} for key in ("google-analytics", "meta-pixel", "matomo")]
    assert all(len(one) == 1 for one in ids)
    assert not ids[1] & ids[2]


def test_with_advertising_denied_only_analytics_hear_of_it(page: Page, demo: Demo) -> None:
    def choose(page: Page) -> None:
        page.goto(f"{demo.shop}/_consent")
        page.locator("input[name=category][value=analytics]").check()
        page.locator("button[value=save]").first.click()

    _buy(page, demo, choose)
    wanted = {"google-analytics", "matomo", "plausible"}
    told = _told(demo, lambda told: wanted <= told.keys() and "purchase" in _names(told["google-analytics"]))
    time.sleep(1)
    told = _told(demo, lambda _: True)
    assert set(told) == wanted
    purchases = [one for one in told["google-analytics"] if one.name == "purchase"]
    assert [one.around["consent"]["ad_user_data"] for one in purchases] == ["DENIED"]


def test_nobody_hears_of_who_has_not_chosen_or_refused(page: Page, demo: Demo) -> None:
    _buy(page, demo, lambda page: page.locator("button[value=reject]").first.click())
    time.sleep(2)
    assert _told(demo, lambda _: True) == {}


def test_withdrawing_stops_it(page: Page, demo: Demo) -> None:
    _buy(page, demo, lambda page: page.locator("button[value=accept]").first.click())
    _told(demo, _complete)
    page.locator("button[value=withdraw]").first.click()
    time.sleep(1)
    demo.forget()
    page.goto(f"{demo.shop}/products/vase")
    time.sleep(2)
    assert _told(demo, lambda _: True) == {}
