from __future__ import annotations

import pytest

from proxy.decide import Grounds, decide_all
from proxy.html.page import Page
from proxy.model import Reach
from proxy.relay.styles import rewrite_style
from proxy.settings import Settings
from tests.relay.vendors import ORIGIN, a_vendor, a_visit, used

FONTS = a_vendor("fonts", "fonts.example")
ADS = a_vendor("ads", "ads.example", categories=("advertising",))
OPEN = a_vendor("open", "open.example", reach=Reach.DIRECT)
CLOSED = a_vendor("closed", "closed.example", reach=Reach.SERVER)
RELAYED = b"https://shop.example/_consent/v/fonts/fonts.example"


def rewritten(source: bytes, *granted: str, settings: Settings | None = None) -> bytes:
    use = used(FONTS, ADS, *([OPEN, CLOSED] if settings else []), settings=settings)
    visit = a_visit("/", *granted)
    decisions = decide_all(use.vendors.values(), Grounds(visit.standing, visit.law))
    page = Page(origin=ORIGIN, url=ORIGIN + "/", use=use, decisions=decisions, first_party=frozenset({"shop.example"}))
    return rewrite_style(source, "https://fonts.example/css/all.css?x=1", page)


@pytest.mark.parametrize(
    ("written", "target"),
    [
        (b"url(https://fonts.example/font/a.woff2)", b"/font/a.woff2"),
        (b"url( 'https://fonts.example/font/a.woff2' )", b"/font/a.woff2"),
        (b'URL("//fonts.example/font/a.woff2?x=1&y")', b"/font/a.woff2?x=1&y"),
        (b"url(../font/a.woff2)", b"/font/a.woff2"),
        (b"url(/font/a.woff2)", b"/font/a.woff2"),
        (b"url(b.css)", b"/css/b.css"),
        (b"url('/font/a%20b\\'c.woff2')", b"/font/a%20b'c.woff2"),
        (b"url(/font/a\\2e woff2)", b"/font/a.woff2"),
        (b"url(https://fonts.example/\\66ont/x)", b"/font/x"),
        (b"url(/pixel.gif)", None),
        (b"url(/pixel?a)", b"/pixel?a"),
    ],
)
def test_a_granted_vendors_urls_lead_through_the_relay(written: bytes, target: bytes | None) -> None:
    found = rewritten(b"a{src:" + written + b"}", "analytics")
    assert found == b"a{src:url(" + (b'"' + RELAYED + target + b'"' if target else b'"about:invalid"') + b")}"


def test_strings_that_are_a_vendors_url_count_as_urls() -> None:
    source = (
        b"a{b:image-set('https://ads.example/pixel' 1x, \"//fonts.example/pixel\" 2x)}@namespace 'https://w3.example/';"
    )
    assert rewritten(source, "analytics") == (
        b'a{b:image-set("about:invalid" 1x, "' + RELAYED + b"/pixel\" 2x)}@namespace 'https://w3.example/';"
    )


def test_imports_lead_through_the_relay() -> None:
    assert rewritten(b'@import "b.css" screen;', "analytics") == b'@import "' + RELAYED + b'/css/b.css" screen;'
    assert rewritten(b"@import url(b.css);", "analytics") == b'@import url("' + RELAYED + b'/css/b.css");'


def test_a_denied_vendors_urls_lead_nowhere() -> None:
    source = (
        b"@import 'https://ads.example/css';a{b:url(https://ads.example/pixel);c:url(\\68ttps://ads.example/pixel)}"
    )
    assert rewritten(source, "analytics") == b'@import "about:invalid";a{b:url("about:invalid");c:url("about:invalid")}'


def test_what_contacts_nobody_stays_byte_for_byte() -> None:
    source = (
        b"/* url(https://ads.example/pixel) @import 'x' */\n"
        b"a::after{content:\"url(https://ads.example/pixel)\";b:'\\'';c:url(data:image/gif;base64,AA==);d:url(#e)}\n"
        b'f{g:url()}h{i:"unclosed\n}j{k:\xff}/* to the end'
    )
    assert rewritten(source, "analytics") == source


def test_unknown_hosts_go_by_the_shops_setting_and_keep_their_place() -> None:
    assert rewritten(b"a{b:url(https://unknown.example/x)}") == b"a{b:url(https://unknown.example/x)}"
    block = Settings.model_validate(
        {"origin": ORIGIN, "vendors": {"unknown": "block"}, "vendor": {"open": {"direct": True}}}
    )
    source = b"a{b:url(https://unknown.example/x);c:url(https://img.shop.example/x)}"
    assert rewritten(source, settings=block) == b'a{b:url("about:invalid");c:url(https://img.shop.example/x)}'


def test_direct_vendors_are_reached_as_the_shop_said_and_server_ones_not_at_all() -> None:
    direct = Settings.model_validate({"origin": ORIGIN, "vendor": {"open": {"direct": True}}})
    source = b"a{b:url(https://open.example/pixel);c:url(https://closed.example/pixel)}"
    assert rewritten(source, "analytics", settings=direct) == (
        b'a{b:url("https://open.example/pixel");c:url("about:invalid")}'
    )


def test_source_maps_are_dropped() -> None:
    assert rewritten(b"a{}\n/*# sourceMappingURL=a.css.map */\n") == b"a{}\n"
