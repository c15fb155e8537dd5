"""Embeds in a real browser: who and why, one button that allows just that vendor, and back to the same spot.

The page holds a frame and an element that a script would make an embed of, far down, each with scripting on and off.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Playwright

from tests.browser.chromium import chromium
from tests.browser.internet import Internet
from tests.browser.shop import consentry, file_server, press

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

FILLER = "<p>Pots are made of clay.</p>" * 80
SHOP = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Pots</title><link rel="icon" href="data:,"></head><body>
<form action="/login"><a href="https://www.facebook.com/v19.0/dialog/oauth?client_id=1" id="sign-in">Sign in</a></form>
{FILLER}
<iframe width="560" height="315" src="https://www.youtube.com/embed/dQw4w9WgXcQ" title="How to tie it"></iframe>
{FILLER}
<blockquote class="twitter-tweet"><p>What a pot.</p><a href="https://twitter.com/a/status/1">May 1</a></blockquote>
<script async src="https://platform.twitter.com/widgets.js" charset="utf-8"></script>
{FILLER}
</body></html>
"""

#: Frames of which the second is a vendor's, and a script that puts one before them once the visitor comes back.
SHIFTED = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Jugs</title><link rel="icon" href="data:,"></head><body>
<script>if (sessionStorage.returning) document.body.append(document.createElement("iframe"));</script>
<iframe title="The shop's own"></iframe>
<iframe src="https://www.youtube.com/embed/dQw4w9WgXcQ" title="How to tie it"></iframe>
</body></html>
"""

#: Whether an element stands within what is seen of the page now.
IN_SIGHT = """one => {
    const box = one.getBoundingClientRect();
    return box.bottom > 0 && box.top < innerHeight;
}"""


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory, around: Internet) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("embeds")
    (folder / "pots.html").write_text(SHOP, encoding="utf-8")
    (folder / "jugs.html").write_text(SHIFTED, encoding="utf-8")
    settings = f'[vendors]\ngateway = "http://127.0.0.1:{around.port}"\n'
    with file_server(folder) as files, consentry(files, folder, settings) as address:
        yield address


@pytest.fixture(params=[True, False], ids=["scripting", "no-scripting"])
def page(request: pytest.FixtureRequest, running: Playwright, around: Internet) -> Iterator[Page]:
    around.forget()
    with chromium(running, around.flags, java_script_enabled=request.param, locale="en-GB") as context:
        yield context.new_page()


def shown(page: Page) -> dict[str, str]:
    """The frames of the page by what they are: a vendor's placeholder, or the vendor itself."""
    frames = page.locator("iframe").all()
    return {
        source.partition("/_consent/embed/")[2].partition("?")[0] or source: frame.get_attribute("id") or ""
        for frame in frames
        if (source := frame.get_attribute("src") or "")
    }


def vendors_met(around: Internet) -> set[str]:
    """Whom of the page's vendors the browser has contacted itself."""
    return {contact.host for contact in around.seen()} & {"www.youtube.com", "platform.twitter.com"}


@pytest.mark.parametrize(
    ("name", "spot", "left", "host"),
    [
        ("YouTube", "consentry-embed-1", {"x": "consentry-embed-2"}, "www.youtube.com"),
        ("X (Twitter)", "consentry-embed-2", {"youtube": "consentry-embed-1"}, "platform.twitter.com"),
    ],
    ids=["frame", "widget"],
)
def test_one_button_allows_one_vendor_and_leads_back_to_the_spot(
    origin: str, page: Page, around: Internet, name: str, spot: str, left: dict[str, str], host: str
) -> None:
    page.goto(f"{origin}/pots.html")
    assert shown(page) == {"youtube": "consentry-embed-1", "x": "consentry-embed-2"}
    assert vendors_met(around) == set()
    placeholder = page.frame_locator(f"#{spot}")
    assert name in placeholder.locator("h1").inner_text()
    assert "IP address" in placeholder.locator("main").inner_text()
    button = placeholder.get_by_role("button")
    button.scroll_into_view_if_needed()
    with page.expect_navigation(wait_until="load"):
        button.click()
    assert page.url == f"{origin}/pots.html#{spot}"
    after = shown(page)
    assert {key: own for key, own in after.items() if key in ("youtube", "x")} == left
    assert page.locator(f"#{spot}").evaluate(IN_SIGHT)
    if spot == "consentry-embed-2":
        assert page.locator(f"blockquote#{spot}").inner_text().startswith("What a pot.")
        assert page.locator("script[src='https://platform.twitter.com/widgets.js']").count() == 1
    scripts_run = page.evaluate("() => matchMedia('(scripting: enabled)').matches")
    assert vendors_met(around) == ({host} if scripts_run or spot == "consentry-embed-1" else set())


def test_what_it_says_leads_on_to_all_about_the_vendor(origin: str, page: Page) -> None:
    page.goto(f"{origin}/pots.html")
    with page.expect_navigation(wait_until="load"):
        page.frame_locator("#consentry-embed-2").get_by_role("link").click()
    assert page.url.endswith("#vendor-x")
    assert page.locator("#vendor-x").evaluate(IN_SIGHT)


def test_signing_in_is_left_alone(origin: str, page: Page) -> None:
    page.goto(f"{origin}/pots.html")
    assert page.locator("#sign-in").get_attribute("href") == "https://www.facebook.com/v19.0/dialog/oauth?client_id=1"


def test_no_frame_is_restored_on_the_way_back_past_a_withdrawal(
    origin: str, running: Playwright, around: Internet
) -> None:
    around.forget()
    with chromium(running, around.flags, locale="en-GB") as context:
        page = context.new_page()
        page.goto(f"{origin}/jugs.html")
        press(page, "accept")
        around.until_quiet(0.5)
        assert vendors_met(around) == {"www.youtube.com"}
        page.evaluate("sessionStorage.returning = true")
        page.goto(f"{origin}/_consent?return_to=/jugs.html")
        press(page, "withdraw")
        around.forget()
        page.go_back(wait_until="load")
        page.go_back(wait_until="load")
        assert page.url == f"{origin}/jugs.html"
        around.until_quiet(0.5)
        assert vendors_met(around) == set()
