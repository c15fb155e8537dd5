"""What a request asks, and what its answer is made with, for one visit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from proxy.consent.cookie import Seal
from proxy.consent.pages import shipped
from proxy.csp.seen import Seen
from proxy.http.asking import Asking
from proxy.model import Standing, Visit
from proxy.ruling import Rulings
from proxy.settings import Settings
from tests.http.shop import in_development
from tests.laws import OPT_IN

DOCUMENT = (b"sec-fetch-dest", b"document")
VISIT = Visit(Standing(), OPT_IN, False, "203.0.113.9", ("de",), "/a")


def asking(**tables: object) -> Asking:
    told = {"origin": "https://www.shop.example", "storefront": {"url": "http://inside.test:8080"}, **tables}
    return Asking(
        Settings.model_validate(told),
        Rulings(in_development()),
        Seal([b"k" * 32], "https://shop.example"),
        Seen(),
        shipped(),
    )


def scope(*headers: tuple[bytes, bytes], visit: Visit = VISIT, method: str = "GET") -> dict[str, Any]:
    return {
        "method": method,
        "scheme": "http",
        "http_version": "1.1",
        "client": ("203.0.113.9", 1),
        "raw_path": visit.path.encode(),
        "query_string": b"",
        "headers": [(b"host", b"www.shop.example"), *headers],
        "consentry.request_id": "7",
        "consentry.visit": visit,
    }


@pytest.mark.parametrize(
    ("headers", "shown"),
    [
        ([DOCUMENT], "banner"),
        ([(b"accept", b"text/html")], "banner"),
        ([(b"accept", b"text/html"), (b"x-requested-with", b"x")], ""),
        ([(b"sec-fetch-dest", b"empty"), (b"accept", b"text/html")], ""),
        ([(b"sec-fetch-dest", b"iframe")], ""),
        ([DOCUMENT, (b"sec-fetch-dest", b"iframe")], ""),
        ([(b"accept", b"*/*")], "banner"),
        ([], "banner"),
        ([(b"accept", b"*/*"), (b"referer", b"https://shop.example/")], ""),
        ([(b"accept", b"*/*"), (b"origin", b"https://shop.example")], ""),
    ],
)
def test_only_documents_are_shown_something(headers: list[tuple[bytes, bytes]], shown: str) -> None:
    assert asking().question(scope(*headers)).terms.shown == shown


@pytest.mark.parametrize(
    ("path", "link", "shown"),
    [
        ("/checkout", "auto", "footer"),
        ("/checkout/pay?x=1", "auto", "footer"),
        ("/checkout", "off", ""),
        ("/checkouts", "auto", "banner"),
    ],
)
def test_on_quiet_paths_the_footer_stands_for_the_banner(path: str, link: str, shown: str) -> None:
    quiet = asking(consent={"quiet": ["/checkout"], "link": link})
    assert quiet.question(scope(DOCUMENT, visit=replace(VISIT, path=path))).terms.shown == shown


def test_the_salt_changes_with_what_is_shown_and_with_the_settings() -> None:
    def salt(asked: Asking, visit: Visit = VISIT, *headers: tuple[bytes, bytes]) -> bytes:
        return asked.question(scope(*(headers or (DOCUMENT,)), visit=visit)).terms.salt

    one = asking()
    assert salt(one) == salt(one, replace(VISIT, address=None, path="/other"))
    others = [
        salt(one, replace(VISIT, languages=("fr",))),
        salt(one, replace(VISIT, gpc=True)),
        salt(one, VISIT, (b"sec-fetch-dest", b"empty")),
        salt(asking(consent={"policy": 7})),
    ]
    assert len({salt(one), *others}) == 5


def test_a_page_is_told_whose_it_is() -> None:
    asked = asking()
    page = asked.page(asked.question(scope(DOCUMENT)), plain=False)
    assert (page.origin, page.url) == ("https://www.shop.example", "https://www.shop.example/a")
    assert page.first_party == {"shop.example", "inside.test"}
    assert page.banner is not None
    assert page.footer is None
    assert b'id="consentry"' in page.banner("de")
    redirect = asked.page(asked.question(scope(DOCUMENT)), plain=True)
    assert redirect.banner is None


@pytest.mark.parametrize(
    ("url", "may"),
    [
        (b"/own.css", True),
        (b"https://cdn.shop.example/x", True),
        (b"https://inside.test/x", True),
        (b"https://unknown.example/x", True),
        (b"https://www.google-analytics.com/x", False),
        (b"//www.google-analytics.com", False),
        (b"data:,x", True),
    ],
)
def test_whom_a_header_may_make_a_browser_contact(url: bytes, may: bool) -> None:
    asked = asking()
    assert asked.given(asked.question(scope()), 200, coding=None).may_contact(url) is may


GA, YOUTUBE = b"https://www.google-analytics.com/collect", b"https://www.youtube.com/embed/x"


@pytest.mark.parametrize(
    ("header", "url", "may"),
    [
        (DOCUMENT, GA, True),
        ((b"accept", b"text/html"), GA, True),
        ((b"accept", b"*/*"), GA, True),
        ((b"accept", b"image/webp,*/*"), GA, False),
        ((b"sec-fetch-dest", b"image"), GA, False),
        ((b"sec-fetch-dest", b"image"), b"https://cdn.unknown.example/x.png", True),
        ((b"sec-fetch-dest", b"empty"), GA, False),
        ((b"sec-fetch-dest", b"script"), b"https://js.stripe.com/v3/", True),
        ((b"sec-fetch-dest", b"iframe"), YOUTUBE, False),
        ((b"sec-fetch-dest", b"iframe"), b"https://www.shop.example/x", True),
    ],
)
def test_where_a_redirect_may_lead(header: tuple[bytes, bytes], url: bytes, may: bool) -> None:
    asked = asking()
    assert asked.given(asked.question(scope(header)), 302, coding=None).may_follow(url) is may


def test_the_kill_switch_says_nothing_of_consent() -> None:
    off = asking(mode="pass")
    cookies = [(b"cookie", b"_ga=1"), (b"cookie", b"__Host-consent=x")]
    sent = dict(off.question(scope(DOCUMENT, *cookies, (b"if-none-match", b'"a"'))).lines.headers)
    assert b"consentry-consent" not in sent
    assert (sent[b"cookie"], sent[b"if-none-match"]) == (b"_ga=1; __Host-consent=x", b'"a"')


def test_the_consent_cookie_is_between_the_browser_and_us() -> None:
    sent = asking().question(scope(DOCUMENT, (b"cookie", b"a=1; __Host-consent=x; consent=y"))).lines.headers
    assert dict(sent)[b"cookie"] == b"a=1; consent=y"


def test_a_storefront_on_a_shared_platform_gets_its_own_name() -> None:
    named = asking(storefront={"url": "http://inside.test", "host": "shop.platform.example"})
    sent = dict(named.question(scope()).lines.headers)
    assert sent[b"host"] == b"shop.platform.example"
    assert (sent[b"x-forwarded-host"], sent[b"x-forwarded-proto"]) == (b"www.shop.example", b"https")


@pytest.mark.parametrize(
    ("headers", "method", "whole"),
    [
        ([DOCUMENT], "GET", True),
        ([(b"sec-fetch-dest", b"empty")], "GET", False),
        ([(b"sec-fetch-dest", b"empty"), (b"if-range", b'"a"')], "GET", True),
        ([(b"sec-fetch-dest", b"video"), (b"if-range", b'"a"')], "GET", False),
        ([DOCUMENT], "POST", False),
    ],
)
def test_when_the_whole_is_asked_for(headers: list[tuple[bytes, bytes]], method: str, whole: bool) -> None:
    sent = dict(asking().question(scope(*headers, (b"range", b"bytes=0-"), method=method)).lines.headers)
    assert (b"range" not in sent) is whole


@pytest.mark.parametrize(
    ("headers", "control"),
    [
        ([(b"sec-fetch-dest", b"empty")], b"private, no-cache"),
        ([(b"sec-fetch-dest", b"empty"), (b"sec-purpose", b"prefetch")], b"private, no-store"),
        ([(b"sec-fetch-dest", b"empty"), (b"x-moz", b"prefetch")], b"private, no-store"),
        ([DOCUMENT], b"private, no-store"),
    ],
)
def test_what_is_fetched_ahead_is_not_stored(headers: list[tuple[bytes, bytes]], control: bytes) -> None:
    asked = asking()
    given = asked.given(asked.question(scope(*headers)), 200, coding="identity")
    assert dict(given.extra)[b"cache-control"] == control


def test_what_changes_something_keeps_its_conditions() -> None:
    question = asking().question(scope((b"if-none-match", b"*"), method="PUT"))
    assert dict(question.lines.headers)[b"if-none-match"] == b"*"
    assert not question.terms.unconditional
