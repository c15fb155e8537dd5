"""Real pages in a real browser: who is contacted before a choice, after each choice, and after it is taken back.

Each page is opened straight from a file server and then through the proxy, with scripting on and off. A contact is a
TCP connection or a request that reaches any host but the shop (see `internet`), so preconnects count. Judged by the
catalogue: before consent no host of a non-essential vendor; after "Accept all" only disclosed direct ones; after
withdrawal, and on Back, as before. With unknown third parties blocked and the policy enforced, no request goes to
anybody but the essential, whatever the page's scripts do. ALL_PAGES=1 takes every page (`make pages`), else a few.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Error, Page, Playwright, Response

from proxy.catalogue.load import load
from proxy.catalogue.match import Matcher, embeds
from proxy.model import Reach
from tests.browser.chromium import ITSELF, chromium, playwright
from tests.browser.internet import Contact, Internet, internet
from tests.browser.shop import consentry, file_server, press
from tests.html.pages import everything
from tests.places import PAGES_DIR, real_pages

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

PAGES = real_pages() if os.environ.get("ALL_PAGES") else real_pages()[20:21]

#: How long nobody must have been contacted before a page counts as quiet, in seconds.
SETTLE = 0.4

#: All that can be done to hold back whom nobody knows.
STRICT = 'unknown = "block"\n[csp]\nmode = "enforce"\n'

#: How often the page is read again, as it is without us, for an error that was not seen there at first.
PATIENCE = 3


@dataclass(frozen=True)
class Stage:
    """The ways to a page, the internet around them, and what vendors get through us."""

    direct: str
    proxied: str
    strict: str
    around: Internet
    gateway: Internet
    running: Playwright


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("pages")
    with internet() as around, internet() as gateway, file_server(PAGES_DIR) as direct, playwright() as running:
        settings = f'[vendors]\ngateway = "http://127.0.0.1:{gateway.port}"\n'
        (folder / "strict").mkdir()
        with (
            consentry(direct, folder, settings) as proxied,
            consentry(direct, folder / "strict", f"{settings}{STRICT}") as strict,
        ):
            yield Stage(direct, proxied, strict, around, gateway, running)


@dataclass(frozen=True)
class Sight:
    """What came of one page view."""

    text: str
    errors: Counter[str]
    contacts: list[Contact]


#: What a reader can read: all of the page, also what is only laid out once it is scrolled to, without what is ours.
READ = """() => {
    const ours = [...document.querySelectorAll("#consentry, #consentry-choices")].map(
        one => [one, one.parentNode, one.nextSibling]
    );
    ours.forEach(([one]) => one.remove());
    document.querySelectorAll("*").forEach(one => {
        if (getComputedStyle(one).contentVisibility === "auto") one.style.contentVisibility = "visible";
    });
    const text = document.body.checkVisibility() ? document.body.innerText : "";
    ours.forEach(([one, parent, next]) => parent.insertBefore(one, next));
    return text;
}"""


def view(stage: Stage, page: Page, go: Callable[[], object], *, after_grant: bool = False) -> Sight:
    """Do one thing that loads a page, wait until it is quiet, and tell what came of it. `after_grant`: the page that is
    left may contact vendors still, so what is contacted before the new one's first byte is left out."""
    errors: Counter[str] = Counter()
    answers: list[Response] = []

    def hear(error: Error) -> None:
        if not error.message.startswith("Transition was"):  # an animated move within one site that was cut short
            errors[error.message] += 1

    def arrive(answer: Response) -> None:
        if answer.request.is_navigation_request() and answer.frame == page.main_frame and answer.status // 100 != 3:
            answers.append(answer)

    page.on("pageerror", hear)
    page.on("response", arrive)
    stage.around.until_quiet(SETTLE)
    stage.around.forget()
    go()
    page.wait_for_load_state("load", timeout=20_000)
    touch(page)
    stage.around.until_quiet(SETTLE)
    page.remove_listener("pageerror", hear)
    page.remove_listener("response", arrive)
    contacts = stage.around.seen()
    if after_grant:
        contacts = [contact for contact in contacts if contact.at >= _first_byte(answers[0])]
    return Sight(page.evaluate(READ), errors, contacts)


def _first_byte(answer: Response) -> float:
    """When it came, in seconds since 1970."""
    timing = answer.request.timing
    return (timing["startTime"] + timing["responseStart"]) / 1000


CATALOGUE = load()
MATCHER = Matcher(CATALOGUE.vendors.values())


def _hosts(essential: bool) -> set[str]:
    return {
        pattern.split("/")[0].split("?")[0]
        for vendor in CATALOGUE.vendors.values()
        if vendor.essential is essential
        for pattern in vendor.technical.match
    }


#: Hosts on which nobody but non-essential vendors live: a bare connection there is a contact with one of them.
VENDOR_HOSTS = _hosts(essential=False) - _hosts(essential=True)


def vendors_met(contacts: list[Contact], *, but_told: bool = False) -> list[str]:
    """Non-essential vendors' hosts among the contacts, with the target where there was a request."""
    met = []
    for contact in contacts:
        if contact.host in ITSELF and not contact.target.startswith("/recaptcha"):
            continue
        found = MATCHER.find(contact.host, contact.target or "/")
        if found is None and not contact.target:
            labels = contact.host.split(".")
            if any(".".join(labels[start:]) in VENDOR_HOSTS for start in range(len(labels))):
                met.append(f"{contact.host} (connection)")
        told = found is not None and (
            found.vendor.reach is Reach.DIRECT or embeds(found.vendor, contact.host, contact.target)
        )
        if found is not None and not found.vendor.essential and not (but_told and told):
            met.append(f"{found.vendor.key}: {contact.host}{contact.target}")
    return met


@pytest.mark.parametrize("scripting", [True, False], ids=["scripting", "no-scripting"])
@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.stem)
def test_nobody_is_contacted_that_the_visitor_did_not_choose(stage: Stage, file: Path, scripting: bool) -> None:
    with chromium(stage.running, stage.around.flags, java_script_enabled=scripting, locale="en-GB") as context:
        page = context.new_page()
        straight = view(stage, page, lambda: page.goto(f"{stage.direct}/{file.name}"))
        page.goto("about:blank")
        first = view(stage, page, lambda: page.goto(f"{stage.proxied}/{file.name}"))
        refused = view(stage, page, lambda: choose(stage, page, file, "reject"))
        page.goto(f"{stage.proxied}/_consent?return_to=/{file.name}")
        granted = view(stage, page, lambda: press(page, "accept"))
        withdrawn = view(stage, page, lambda: choose(stage, page, file, "withdraw"), after_grant=True)
        back = view(stage, page, lambda: go_back(page))
        new_errors = (first.errors | withdrawn.errors) - straight.errors
        for _ in range(PATIENCE):
            if new_errors:
                page.goto("about:blank")
                new_errors -= view(stage, page, lambda: linger(page, f"{stage.direct}/{file.name}")).errors

    met = {
        "first visit": vendors_met(first.contacts),
        "refused": vendors_met(refused.contacts),
        "granted": vendors_met(granted.contacts, but_told=True),
        "withdrawn": vendors_met(withdrawn.contacts),
        "back": vendors_met(back.contacts),
    }
    assert not {when: who for when, who in met.items() if who}
    assert not new_errors
    if not scripting:
        for sight in (first, refused, granted, withdrawn, back):
            assert sight.text == straight.text


@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.stem)
def test_nobody_is_asked_for_anything_where_all_is_held_back(stage: Stage, file: Path) -> None:
    with chromium(stage.running, stage.around.flags) as context:
        page = context.new_page()
        straight = view(stage, page, lambda: page.goto(f"{stage.direct}/{file.name}"))
        page.goto("about:blank")
        first = view(stage, page, lambda: page.goto(f"{stage.strict}/{file.name}"))
        refused = view(stage, page, lambda: choose(stage, page, file, "reject"))
    assert others_asked(straight.contacts), "the page must ask somebody for this to mean anything"
    assert others_asked([*first.contacts, *refused.contacts]) == []


def others_asked(contacts: list[Contact]) -> list[str]:
    """Who is asked for something, but for the essential (described or only known) and the browser's own services."""
    matcher = everything().matcher
    return [
        f"{contact.host}{contact.target}"
        for contact in contacts
        if contact.target
        and contact.host not in ITSELF
        and ((found := matcher.find(contact.host, contact.target)) is None or not found.vendor.essential)
    ]


def touch(page: Page) -> None:
    """What a reader does on a page: some tags wait for it, and start before the page is left."""
    page.mouse.move(40, 40)
    page.mouse.wheel(0, 300)
    page.keyboard.press("Tab")


def linger(page: Page, address: str) -> None:
    """Read a page for long: what it starts when it is touched may come late, and with it the page's own errors."""
    page.goto(address)
    for _ in range(4):
        touch(page)
        time.sleep(0.75)


def choose(stage: Stage, page: Page, file: Path, choice: str) -> None:
    """Press the button on the page itself; on the preferences page where the page shows nothing without scripting."""
    if not page.locator(f"button[value={choice}]").first.is_visible():
        page.goto(f"{stage.proxied}/_consent?return_to=/{file.name}")
    press(page, choice)


def go_back(page: Page) -> None:
    """Back to the page as it was shown before, past the preferences page if that was in between."""
    page.go_back(wait_until="load")
    if "/_consent" in page.url:
        page.go_back(wait_until="load")
