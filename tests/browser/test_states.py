"""Every state of what visitors meet: accessible by axe-core (WCAG 2.2 AA), wide, narrow, zoomed, dark and from right to
left, under a hostile style sheet of the shop's too. A picture of each goes to tests/browser/output, for people to see.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, Playwright

from tests.browser.chromium import chromium
from tests.browser.internet import Internet
from tests.browser.shop import consentry, file_server, press
from tests.places import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

OUTPUT = ROOT / "tests" / "browser" / "output"
AXE = Axe()
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}

HOSTILE = """body { display: flex; margin: 40px; font: 9px/1 serif; color: #ddd; background: #eee }
header { position: fixed; top: 0; left: 0; right: 0; height: 80px; background: #333; z-index: 9999 }
button { display: none !important; all: unset !important; font-size: 4px !important; color: transparent !important }
a { color: inherit !important; text-decoration: none !important } form, section, p { visibility: hidden; float: right }
* { box-sizing: content-box; text-transform: uppercase } body > * { max-width: 90px; opacity: .2; height: 10px }"""
PAGE = """<!doctype html><html lang="{lang}"><head><meta charset="utf-8"><title>Pots</title>
<link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width">{style}</head><body><header>Shop</header><main><h1>Pots</h1>
<img src="https://www.facebook.com/tr?id=1&amp;ev=PageView" width="1" height="1" alt="">
<iframe title="A video" width="280" height="160" src="https://www.youtube.com/embed/abc"></iframe></main></body></html>"""


@dataclass(frozen=True)
class View:
    """How a page is looked at. 400 % zoom of a screen 1280 pixels wide leaves 320 (WCAG 1.4.10)."""

    name: str
    width: int = 1280
    height: int = 800
    dark: bool = False


VIEWS = [View("narrow", 320, 568), View("dark", dark=True)]
if os.environ.get("ALL_PAGES"):
    VIEWS += [View("wide"), View("zoomed", 320, 256)]

#: Where each state is, what to do there first, and in which language.
STATES: dict[str, tuple[str, Callable[[Page], object], str]] = {
    "banner": ("/pots.html", lambda page: None, "en"),
    "banner-hostile": ("/hostile.html", lambda page: None, "en"),
    "banner-arabic": ("/ar.html", lambda page: None, "ar"),
    "footer": ("/pots.html", lambda page: press(page, "accept"), "en"),
    "footer-hostile": ("/hostile.html", lambda page: press(page, "accept"), "en"),
    "preferences": ("/_consent", lambda page: page.locator("summary").first.click(), "en"),
    "preferences-arabic": ("/_consent?lang=ar", lambda page: page.locator("summary").first.click(), "ar"),
    "receipt": (
        "/pots.html",
        lambda page: (press(page, "accept"), page.goto(_beside(page, "/_consent/receipt"))),
        "en",
    ),
    "receipt-none": ("/_consent/receipt", lambda page: None, "en"),
    "receipt-german": (
        "/pots.html",
        lambda page: (press(page, "accept"), page.goto(_beside(page, "/_consent/receipt?lang=de"))),
        "de",
    ),
    "placeholder": ("/_consent/embed/youtube?return_to=/pots.html", lambda page: None, "en"),
    "failure": ("/_consent/nothing-here", lambda page: None, "en"),
}


def _beside(page: Page, path: str) -> str:
    return "/".join(page.url.split("/")[:3]) + path


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory, around: Internet) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("states")
    pages = folder / "pages"
    pages.mkdir()
    for name, lang, style in (("pots", "en", ""), ("ar", "ar", ""), ("hostile", "en", f"<style>{HOSTILE}</style>")):
        (pages / f"{name}.html").write_text(PAGE.format(lang=lang, style=style), encoding="utf-8")
    settings = (
        '[controller]\nname = "Blue Teapot & Sons"\nemail = "privacy@shop.example"\nprivacy_policy = "/privacy"\n'
        '[consent]\nage = 18\nprevails = "de"\n'
        '[vendors]\nuse = ["google-analytics", "meta-pixel", "youtube", "klaviyo"]\n'
        f'gateway = "http://127.0.0.1:{around.port}"\n'
    )
    with file_server(pages) as files, consentry(files, folder, settings) as address:
        yield address


@pytest.fixture(scope="module")
def browser(running: Playwright, around: Internet) -> Iterator[BrowserContext]:
    with chromium(running, around.flags, locale="en-GB") as context:
        yield context


def show(browser: BrowserContext, origin: str, state: str, view: View) -> Page:
    """A page in that state, for a visitor who is new."""
    browser.clear_cookies()
    page = browser.new_page()
    page.set_viewport_size({"width": view.width, "height": view.height})
    page.emulate_media(color_scheme="dark" if view.dark else "light")
    path, do, _ = STATES[state]
    page.goto(origin + path)
    do(page)
    page.wait_for_load_state()
    return page


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
@pytest.mark.parametrize("state", STATES)
def test_each_state_is_accessible_in_each_view(browser: BrowserContext, origin: str, state: str, view: View) -> None:
    page = show(browser, origin, state, view)
    try:
        OUTPUT.mkdir(exist_ok=True)
        page.screenshot(path=OUTPUT / f"{state}-{view.name}.png", full_page=not state.startswith(("banner", "footer")))
        ours = "#consentry, #consentry-choices"
        context = {"include": [[one] for one in ours.split(", ") if page.locator(one).count()]}
        found = AXE.run(page, context=context if context["include"] else None, options=RULES)
        assert [
            (one["id"], [node["failureSummary"] for node in one["nodes"]]) for one in found.response["violations"]
        ] == []
        if not state.endswith("hostile"):
            assert page.evaluate("document.documentElement.scrollWidth") <= view.width
        if state != "footer-hostile":  # there it stands behind what is already too wide
            assert page.evaluate(WIDEST) <= view.width + 1
    finally:
        page.close()


#: How far to the right anything of ours reaches, but for tables, which scroll by themselves.
WIDEST = """() => {
    const roots = [...document.querySelectorAll("#consentry, #consentry-choices")].map(host => host.shadowRoot);
    if (!roots.length) roots.push(document.body);
    return Math.max(...roots.flatMap(root => [...root.querySelectorAll("*")])
        .filter(one => !one.closest(".table, head")).map(one => one.getBoundingClientRect().right));
}"""

#: What two buttons look like, as the browser computed it.
LOOKS = """button => {
    const looks = getComputedStyle(button), box = button.getBoundingClientRect();
    const names = ["color", "backgroundColor", "borderColor", "borderWidth", "fontSize", "fontWeight", "fontFamily",
        "padding", "opacity", "visibility", "display", "textTransform", "cursor", "boxShadow", "height"];
    return [...names.map(name => looks[name]), Math.round(box.height)];
}"""


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
@pytest.mark.parametrize("state", ["banner", "banner-hostile", "banner-arabic", "preferences"])
def test_yes_and_no_look_the_same(browser: BrowserContext, origin: str, state: str, view: View) -> None:
    page = show(browser, origin, state, view)
    try:
        yes, no = (page.locator(f"button[value={choice}]").first for choice in ("accept", "reject"))
        assert yes.is_visible()
        assert no.is_visible()
        assert yes.evaluate(LOOKS) == no.evaluate(LOOKS)
        assert abs(yes.bounding_box()["width"] - no.bounding_box()["width"]) < 60  # type: ignore[index]
        assert yes.bounding_box()["height"] >= 24  # type: ignore[index]  # WCAG 2.5.8
        if state.startswith("banner"):
            assert page.locator("#consentry").bounding_box()["y"] < 120  # type: ignore[index]
    finally:
        page.close()


def test_a_choice_by_keyboard_alone(browser: BrowserContext, origin: str) -> None:
    for choice in ("Reject all", "Accept all", "Choose"):
        page = show(browser, origin, "banner", View("wide"))
        try:
            for _ in range(12):
                page.keyboard.press("Tab")
                focused = page.evaluate(FOCUSED)
                if focused and focused["text"] == choice:
                    break
            assert focused["text"] == choice
            assert focused["outline"] != "none"
            with page.expect_navigation():
                page.keyboard.press("Enter")
            assert re.search(r"/_consent\?" if choice == "Choose" else r"/pots\.html$", page.url)
        finally:
            page.close()


FOCUSED = """() => {
    const one = document.activeElement?.shadowRoot?.activeElement;
    return one && {text: one.textContent.trim(), outline: getComputedStyle(one).outlineStyle};
}"""
