"""The shop's pages come, work as plain HTML, and carry the tags that they are there to carry."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from selectolax.lexbor import LexborHTMLParser

from proxy.demo.goods import GOODS, price
from proxy.demo.shop import ACCOUNTS, CARTS, SESSION_COOKIE, Carts, shop

PAGES = ("/", "/products", "/products/mug", "/cart", "/checkout", "/thanks", "/contact", "/search?q=tea", "/privacy")

#: What stands on every page, letter for letter as the vendors tell shops to paste it.
EVERYWHERE = (
    "https://www.googletagmanager.com/gtm.js?id=",
    f'<iframe src="https://www.googletagmanager.com/ns.html?id={ACCOUNTS["gtm"]}"',
    f'<script async src="https://www.googletagmanager.com/gtag/js?id={ACCOUNTS["ga"]}"></script>',
    f"gtag('config', '{ACCOUNTS['ads']}');",
    "'https://connect.facebook.net/en_US/fbevents.js'",
    f'src="https://www.facebook.com/tr?id={ACCOUNTS["meta"]}&ev=PageView&noscript=1"',
    "u.src='https://static.ads-twitter.com/uwt.js'",
    "t.src='https://vk.com/js/api/openapi.js?169'",
    '<link rel="preconnect" href="https://fonts.gstatic.com" crossorigin>',
    'href="https://fonts.googleapis.com/css2?family=Morgen+Ornament&display=swap" rel="stylesheet"',
    '<script defer src="https://static.addtoany.com/menu/page.js"></script>',
    "https://www.facebook.com/sharer/sharer.php?u=",
    '<script type="application/ld+json">',
    '<script async src="https://widget.sternschnuppe-reviews.example/v2/badge.js"',
)


@pytest.fixture
async def visitor() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(shop(hostile=True)), base_url="http://shop") as client:
        yield client


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("lang", ["en", "de"])
async def test_every_page_comes_in_both_languages_with_every_tag(
    visitor: httpx.AsyncClient, path: str, lang: str
) -> None:
    answer = await visitor.get(("/de" if lang == "de" else "") + path)
    assert answer.status_code == 200
    assert f'<html lang="{lang}">' in answer.text
    assert answer.headers["content-language"] == lang
    assert [tag for tag in EVERYWHERE if tag not in answer.text] == []


@pytest.mark.parametrize(
    ("path", "tag"),
    [
        ("/", '<blockquote class="instagram-media" data-instgrm-captioned data-instgrm-permalink='),
        ("/", '<script async src="//www.instagram.com/embed.js"></script>'),
        ("/contact", 'src="https://www.youtube.com/embed/'),
        ("/products/mug", "fbq('track', 'ViewContent'"),
        ("/thanks?order=ML-10001&cents=2800", "gtag('event', 'conversion'"),
        ("/hostile", "window.hostile"),
    ],
)
async def test_some_tags_stand_where_shops_have_them(visitor: httpx.AsyncClient, path: str, tag: str) -> None:
    assert tag in (await visitor.get(path)).text


async def test_pages_hold_together(visitor: httpx.AsyncClient) -> None:
    """Every local address that a page links, shows or posts to is there, in both languages."""
    seen, waiting = set(), ["/"]
    while waiting:
        path = waiting.pop()
        answer = await visitor.get(path)
        assert answer.status_code == 200, path
        if not answer.headers["content-type"].startswith("text/html"):
            continue
        tree = LexborHTMLParser(answer.text)
        for node in tree.css("a[href], link[href], img[src], form[action]"):
            target = node.attributes.get("href") or node.attributes.get("src") or node.attributes.get("action") or ""
            if target.startswith("/") and not target.startswith(("//", "/_consent")) and target not in seen:
                seen.add(target)
                waiting.append(target)
    assert {f"{base}/products/{good.slug}" for good in GOODS for base in ("", "/de")} <= seen


async def test_a_cart_is_kept_under_the_session_until_it_is_ordered(visitor: httpx.AsyncClient) -> None:
    answer = await visitor.post("/de/cart", data={"slug": "mug", "count": "2"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/de/cart")
    assert "56,00 €" in (await visitor.get("/de/cart")).text
    assert '<script src="https://js.stripe.com/v3/"></script>' in (await visitor.get("/checkout")).text
    ordered = await visitor.post("/checkout")
    assert re.fullmatch(r"/thanks\?order=ML-\d{5}&cents=5600", ordered.headers["location"])
    assert "€56.00" in (await visitor.get(ordered.headers["location"])).text
    assert "Still empty" in (await visitor.get("/cart")).text


async def test_a_piece_can_be_taken_out_and_nonsense_changes_nothing(visitor: httpx.AsyncClient) -> None:
    await visitor.post("/cart", data={"slug": "vase", "count": "many"})
    await visitor.post("/cart", data={"slug": "unicorn"})
    assert "€52.00" in (await visitor.get("/cart")).text
    await visitor.post("/cart", data={"remove": "vase"})
    assert "Still empty" in (await visitor.get("/cart")).text


async def test_the_session_cookie_is_set_once(visitor: httpx.AsyncClient) -> None:
    first = await visitor.get("/")
    assert first.headers["set-cookie"].startswith(f"{SESSION_COOKIE}=")
    assert "HttpOnly" in first.headers["set-cookie"]
    assert "set-cookie" not in (await visitor.get("/")).headers


async def test_what_is_typed_stays_text(visitor: httpx.AsyncClient) -> None:
    text = (await visitor.get("/search", params={"q": "</script><b>"})).text
    assert "</script><b>" not in text
    assert "&lt;/script&gt;&lt;b&gt;" in text


async def test_the_shop_shows_what_its_server_was_told(visitor: httpx.AsyncClient) -> None:
    told = "analytics=1, advertising=0"
    assert told in (await visitor.get("/", headers={"Consentry-Consent": told})).text
    assert "Consentry" not in (await visitor.get("/")).text


async def test_there_is_no_hostile_page_unless_asked_for() -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(shop()), base_url="http://shop") as visitor:
        answer = await visitor.get("/hostile")
    assert answer.status_code == 404
    assert "Nothing on this shelf" in answer.text


def test_carts_are_bounded() -> None:
    carts = Carts()
    carts.of("first")["mug"] = 1
    for number in range(CARTS):
        carts.of(str(number))
    assert carts.of("first") == {}


@pytest.mark.parametrize(("lang", "written"), [("de", "118,05 €"), ("en", "€118.05")])
def test_prices_are_written_as_the_language_does(lang: str, written: str) -> None:
    assert price(11805, lang) == written


def test_everything_for_sale_has_a_name_of_its_own() -> None:
    assert len({good.name.de for good in GOODS} | {good.slug for good in GOODS}) == 2 * len(GOODS)
