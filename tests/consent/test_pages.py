"""The style sheet and the headers of our pages; failure pages and placeholders."""

from __future__ import annotations

import re

import pytest
from selectolax.lexbor import LexborHTMLParser

from proxy.consent.embed import embed_page
from proxy.consent.failure import failure_headers, failure_page
from proxy.consent.form import Why
from proxy.consent.language import LANGUAGES, words
from proxy.consent.pages import page_headers, shipped
from tests.consent.shop import ORIGIN, STATS, VIDEO, site

STYLE = shipped().style.decode("utf-8")


def palettes() -> list[dict[str, str]]:
    """The colours of the light and of the dark style."""
    found = [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block)) for block in re.findall(r"{([^{}]*)}", STYLE)]
    return [palette for palette in found if palette]


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return sum(share * value for share, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_there_is_a_light_and_a_dark_style_with_the_same_colours() -> None:
    light, dark = palettes()
    assert light.keys() == dark.keys()
    assert luminance(light["ground"]) > luminance(dark["ground"])


@pytest.mark.parametrize("palette", palettes(), ids=["light", "dark"])
@pytest.mark.parametrize(
    ("text", "ground", "least"),
    [
        *((text, ground, 4.5) for text in ("text", "quiet", "link") for ground in ("ground", "raised", "notice")),
        ("action-text", "action", 4.5),
        ("action-text", "action-over", 4.5),
        ("action", "ground", 3.0),
        ("focus", "ground", 3.0),
        ("focus", "raised", 3.0),
    ],
)
def test_everything_is_easy_to_read(palette: dict[str, str], text: str, ground: str, least: float) -> None:
    assert contrast(palette[text], palette[ground]) >= least


def test_the_style_sheet_asks_for_nothing_and_covers_nothing() -> None:
    for never in ("url(", "@import", "@font-face", "expression", "fixed", "http"):
        assert never not in STYLE
    assert ":focus-visible" in STYLE
    assert re.fullmatch(r"[0-9a-f]{16}", shipped().style_version)


def test_no_answer_has_a_style_of_its_own() -> None:
    assert not re.findall(r"button(?::nth|:first|:last|\[)", STYLE)


def test_a_page_of_ours_runs_nothing_and_is_framed_by_nobody() -> None:
    headers = dict(page_headers(words("de")))
    assert headers[b"content-type"] == b"text/html; charset=utf-8"
    assert headers[b"content-language"] == b"de"
    assert headers[b"content-security-policy"] == (
        b"default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        b"frame-ancestors 'none'"
    )
    assert headers[b"cache-control"] == b"no-store"
    assert headers[b"vary"] == b"Cookie, Accept-Language, Sec-GPC"
    assert headers[b"referrer-policy"] == b"same-origin"
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert b"cross-origin-embedder-policy" not in headers


def test_a_placeholder_is_framed_by_the_shop_alone() -> None:
    headers = dict(page_headers(words("zh"), "'self'"))
    assert headers[b"content-security-policy"].endswith(b"frame-ancestors 'self'")
    assert headers[b"cross-origin-embedder-policy"] == b"require-corp"
    assert headers[b"content-language"] == b"zh-Hans"


@pytest.mark.parametrize("tag", LANGUAGES)
@pytest.mark.parametrize("status", [400, 403, 404, 405, 421, 502, 503, 504])
def test_a_failure_is_told_in_the_visitors_language(tag: str, status: int) -> None:
    t = words(tag)
    page = LexborHTMLParser(failure_page(status, ("xx", tag.lower())))  # type: ignore[arg-type]
    heading = page.css_first("h1")
    assert heading is not None
    assert heading.text() == t(f"failure.{status}.title")
    assert page.root is not None
    assert page.root.attributes["lang"] == t.html
    assert page.body is not None
    assert (str(t("failure.no_fault")) in page.body.text()) == (status >= 500)
    assert dict(failure_headers((tag.lower(),)))[b"content-language"].decode() == t.html


@pytest.mark.parametrize("why", Why)
def test_a_choice_that_was_not_taken_is_told_and_leads_back(why: Why) -> None:
    t = words("fr")
    page = LexborHTMLParser(failure_page(403, ("fr",), prefix="/privacy", why=why))
    assert page.body is not None
    assert str(t(f"not_taken.{why}")) in page.body.text()
    assert str(t("not_taken.unchanged")) in page.body.text()
    link = page.css_first("main a")
    assert link is not None
    assert link.attributes["href"] == "/privacy"


def test_a_placeholder_says_who_and_what_and_has_one_button() -> None:
    page = LexborHTMLParser(embed_page(site(version=2), VIDEO, words("de"), "/post?a=1&b=<"))
    assert page.body is not None
    told = page.body.text()
    for expected in (
        "Vi<deo",
        "Video Ltd",
        "welche Seiten Sie öffnen",
        "Videos zeigen",
        "vollständige IP-Adresse",
    ):
        assert expected in told
    form = page.css_first("form")
    assert form is not None
    assert {name: form.attributes[name] for name in ("method", "action", "target")} == {
        "method": "post",
        "action": f"{ORIGIN}/_consent",
        "target": "_top",
    }
    fields = {field.attributes["name"]: field.attributes["value"] for field in form.css("input")}
    assert fields == {"choice": "save", "shown": "2", "lang": "de", "return_to": "/post?a=1&b=<"}
    (button,) = form.css("button")
    assert (button.attributes["name"], button.attributes["value"]) == ("vendor", "video")
    assert button.text() == "Vi<deo erlauben"
    link = page.css_first("a")
    assert link is not None
    assert link.attributes["href"] == f"{ORIGIN}/_consent?lang=de&return_to=/post%3Fa%3D1%26b%3D%3C#vendor-video"
    assert link.attributes["target"] == "_top"


def test_an_embed_of_a_relayed_vendor_sees_the_address_all_the_same() -> None:
    page = embed_page(site(), STATS, words("en"), "//elsewhere.example").decode()
    assert "sees your full IP address" in page
    assert str(words("en")("data.short-ip")) not in page
    assert 'name="return_to" value="/"' in page


@pytest.mark.parametrize("tag", LANGUAGES)
def test_a_placeholder_says_in_every_language_what_for_and_what_is_received(tag: str) -> None:
    t = words(tag)
    page = LexborHTMLParser(embed_page(site(), VIDEO, t, "/post#consentry-embed-2"))
    assert page.body is not None
    told = page.body.text()
    for key in ("purpose.show-videos", "data.page", "data.full-ip", "embed.direct", "embed.more"):
        assert str(t(key)) in told
    (way_back,) = page.css("input[name=return_to]")
    assert way_back.attributes["value"] == "/post#consentry-embed-2"
    link = page.css_first("a")
    assert link is not None
    assert (link.attributes["href"] or "").endswith("return_to=/post%23consentry-embed-2#vendor-video")
