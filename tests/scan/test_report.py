from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from selectolax.lexbor import LexborHTMLParser

from proxy.catalogue.load import load
from proxy.html.page import TagReport
from proxy.model import Action, Category, Reason
from proxy.scan.findings import Cookie, Found, PageFound, parties
from proxy.scan.report import LITERALS, report
from tests.browser.chromium import chromium, playwright

CATALOGUE = load()
DAY = date(2026, 11, 26)
NASTY = "</style><script>alert(1)</script><img src=https://evil.example/x>"


def _tag(url: str, vendor: str | None, element: str = "script src", *categories: Category) -> TagReport:
    return TagReport(7, element, url, vendor, categories, Action.CUT, Reason.UNDECIDED)


def _report(*pages: PageFound, notes: tuple[str, ...] = ()) -> str:
    return report(
        Found("https://shop.example", "block", pages, tuple(parties(pages, CATALOGUE)), notes), CATALOGUE, DAY
    )


def _page(*tags: TagReport, cookies: tuple[Cookie, ...] = ()) -> PageFound:
    return PageFound("https://shop.example/a?b=1&c=2", 200, tags, cookies)


PIXEL = _tag("https://connect.facebook.net/a.js", "meta-pixel", "script src", Category.ADVERTISING)
SOME = _page(PIXEL, _tag("https://new.example/x", None, "script text"), cookies=(Cookie("_ga", ("google-analytics",)),))


def test_it_names_everything() -> None:
    text = LexborHTMLParser(_report(SOME, notes=("A note.",))).body.text()  # type: ignore[union-attr]
    for words in ("Third parties on https://shop.example", "2026-11-26", "Meta Pixel", "meta-pixel", "new.example"):
        assert words in text
    for words in ("A note.", "_ga", "google-analytics", "not asked yet", "https://new.example/x", "at byte 7"):
        assert words in text


def test_it_needs_nothing_else() -> None:
    page = LexborHTMLParser(_report(SOME))
    assert page.css("script, link, img, iframe, object, embed, [style], [src]") == []
    assert "url(" not in page.css_first("style").text()
    assert {each.attributes["href"] for each in page.css("[href]")} == {SOME.address}
    assert [meta.attributes["content"] for meta in page.css("meta[http-equiv]")] == [
        "default-src 'none'; style-src 'unsafe-inline'"
    ]


def test_whatever_a_page_holds_is_text() -> None:
    nasty = _page(_tag(NASTY, None, "script text"), cookies=(Cookie(NASTY, ()),))
    html = _report(PageFound(f"https://shop.example/{NASTY}", 200, nasty.tags, nasty.cookies, NASTY), notes=(NASTY,))
    page = LexborHTMLParser(html)
    assert page.css("script, img") == []
    assert len(page.css("style")) == 1


def test_pictures_have_words() -> None:
    pictures = LexborHTMLParser(_report(SOME)).css("svg[role=img]")
    assert [each.attributes["aria-label"] for each in pictures] == [
        "cut 2",
        "advertising: 1",
        "no category known: 1",
        "connect.facebook.net: 1",
        "new.example: 1",
    ]


def test_colours_are_in_the_style_sheet() -> None:
    style = LexborHTMLParser(_report(SOME)).css_first("style").text()
    for tone in (*Category, *Action, "unknown", "track"):
        assert f".{tone} {{" in style
        assert style.count(f"--{tone}:") == 2  # for light and for dark


def test_nothing_found() -> None:
    text = LexborHTMLParser(_report(_page())).body.text()  # type: ignore[union-attr]
    assert "Nothing in the pages that were read contacts anybody but the shop itself." in text
    assert "Cookies that scripts set in a browser do not show in a scan." in text


def test_what_could_not_be_read_is_told() -> None:
    dead = PageFound("https://shop.example/dead", 404, (), (), "answers 404", was_read=False)
    summaries = [each.text() for each in LexborHTMLParser(_report(SOME, dead)).css("summary")]
    assert summaries[1] == "https://shop.example/dead : answers 404"


def test_a_page_with_very_many_literals() -> None:
    text = _report(
        _page(*[_tag(f"https://new.example/{number}", None, "script text") for number in range(LITERALS + 5)])
    )
    assert "and 5 more" in text
    assert f"new.example/{LITERALS - 1}" in text
    assert f"new.example/{LITERALS}<" not in text


@pytest.mark.browser
def test_in_a_browser(tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    wide = _page(PIXEL, *[_tag(f"https://{'long-' * 11}{number}.example/{'x' * 99}", None) for number in range(30)])
    file.write_text(_report(wide, SOME), encoding="utf-8")
    asked: list[str] = []
    said: list[str] = []
    with playwright() as running:
        for scheme in ("light", "dark"):
            with chromium(running, color_scheme=scheme, viewport={"width": 320, "height": 640}) as browser:
                page = browser.new_page()
                page.on("request", lambda request: asked.append(request.url))
                page.on("console", lambda message: said.append(message.text))
                page.goto(file.as_uri())
                page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
                assert page.evaluate("document.documentElement.scrollWidth") <= 320
                assert _contrast(page.evaluate(_COLOURS)) >= 4.5
    assert asked == [file.as_uri()] * 2
    assert said == []


_COLOURS = "['color', 'backgroundColor'].map(name => getComputedStyle(document.body)[name])"


def _contrast(colours: list[str]) -> float:
    """Of two CSS colours (WCAG 2.2, relative luminance)."""

    def luminance(colour: str) -> float:
        channels = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
        red, green, blue = ((c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4) for c in channels)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    dark, light = sorted(map(luminance, colours))
    return (light + 0.05) / (dark + 0.05)
