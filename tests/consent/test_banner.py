"""The banner and the footer: plain forms in ASCII that say everything and stay within themselves."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser, LexborNode

from proxy.consent.banner import banner, footer
from proxy.consent.language import LANGUAGES, words
from proxy.consent.pages import shipped
from proxy.model import Doubt, How, Standing
from tests.consent.shop import ADS, ALL, ORIGIN, PAY, STATS, VIDEO, consent, site, visit
from tests.laws import OPT_OUT, law_in

PARTS = (banner, footer)
FOOTED = visit(Standing(consent("analytics")), path="/cart")


def inside(text: bytes) -> LexborHTMLParser:
    """The shadow root's inside, as a tree."""
    whole = re.fullmatch(
        rb'(<section [^>]*>)<template shadowrootmode="open">(.*)</template>(<a [^>]*>[^<]*</a>)</section>\n?',
        text,
        re.S,
    )
    assert whole, text
    return LexborHTMLParser(whole[2])


def buttons(tree: LexborHTMLParser | LexborNode) -> list[tuple[str, str | None, str | None]]:
    return [
        (button.text(), button.attributes.get("name"), button.attributes.get("value")) for button in tree.css("button")
    ]


def hidden(form: LexborNode) -> dict[str, str | None]:
    return {field.attributes["name"] or "": field.attributes["value"] for field in form.css("input[type=hidden]")}


@pytest.mark.parametrize("tag", LANGUAGES)
@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("state", [Standing(), Standing(doubt=Doubt.SEVERAL), Standing(consent("analytics"))])
@pytest.mark.parametrize("gpc", [False, True])
def test_it_is_ascii_without_script_style_or_address_elsewhere(
    tag: str, part: object, state: Standing, gpc: bool
) -> None:
    text = part(site(), visit(state, gpc=gpc, path="/a?b='\"<&"), tag)  # type: ignore[operator]
    assert text.isascii()
    lower = text.lower()
    for never in (b"<script", b"<style", b" style=", b" on", b"javascript:", b"position: fixed", b"<dialog", b"http:"):
        assert never not in re.sub(rb">[^<]*<", b"><", lower), never
    addresses = re.findall(rb'(?:href|src|action)="([^"]*)"', text)
    assert addresses
    assert all(address.startswith(ORIGIN.encode() + b"/") for address in addresses)
    assert text.count(b"<section") == text.count(b"</section>") == 1


def test_it_is_a_named_region_in_its_language() -> None:
    text = banner(site(), visit(), "de-AT").decode()
    assert text.startswith(
        '<section role="region" aria-label="Ihre Datenschutz-Auswahl" id="consentry" lang="de" dir="ltr"'
    )
    assert "data-nosnippet" in text.partition(">")[0]
    assert text.rstrip().endswith(f'</template><a href="{ORIGIN}/_consent">Datenschutz-Auswahl</a></section>')
    assert f'<link rel="stylesheet" href="{ORIGIN}/_consent/style.css?{shipped().style_version}">' in text


def test_the_answers_are_one_form_and_choosing_another() -> None:
    tree = inside(banner(site(version=4), visit(path="/cart?x=1&y=<"), "en"))
    answer, choose = tree.css("form")
    assert answer.attributes["method"] == "post"
    assert answer.attributes["action"] == choose.attributes["action"] == f"{ORIGIN}/_consent"
    assert buttons(answer) == [
        ("Accept all", "choice", "accept"),
        ("Reject all", "choice", "reject"),
        ("Choose", None, None),
    ]
    assert answer.css("button")[2].attributes["form"] == choose.attributes["id"]
    assert hidden(answer) == {"shown": "4", "lang": "en", "return_to": "/cart?x=1&y=<"}
    assert hidden(choose) == {"lang": "en", "return_to": "/cart?x=1&y=<"}
    assert not tree.css("input:not([type=hidden])")
    assert len({button.attributes.get("class") for button in answer.css("button")}) == 1


@pytest.mark.parametrize("tag", LANGUAGES)
def test_the_first_layer_says_everything(tag: str) -> None:
    t = words(tag)
    tree = inside(banner(site(remember_days=182), visit(), tag))
    assert tree.body is not None
    told = re.sub(r"\s+", " ", tree.body.text())
    for expected in (
        "Blue <Teapot> & Söhne",
        t.plural("banner.partners", 4),
        *(t(f"category.{name}.name") for name in ("analytics", "advertising", "marketing", "social")),
        *(t(f"purpose.{name}") for name in ("measure-visits", "show-ads", "send-messages", "show-videos")),
        *(t(f"data.{name}") for name in ("page", "email", "full-ip", "short-ip")),
        t.country("US"),
        t.country("IE"),
        t.plural("banner.direct", 1),
        t("banner.nothing"),
        t.months(182),
        t("link.choices"),
        t("link.policy"),
    ):
        assert unescape(str(expected)) in told
    assert t("purpose.take-payments") not in told
    link = tree.css_first("a")
    assert link is not None
    assert unescape(str(t.plural("banner.partners", 4))) == link.text()
    assert f"{ORIGIN}/privacy" in [anchor.attributes["href"] for anchor in tree.css("a")]


def test_where_nobody_sees_the_whole_address_it_says_so() -> None:
    told = banner(site(STATS, ADS, PAY), visit(), "en").decode()
    assert "None of them sees your full IP address." in told
    assert "2 partners" in told
    assert (
        "2 of them see your full IP address."
        in banner(site(VIDEO, VIDEO.model_copy(update={"key": "video-2"})), visit(), "en").decode()
    )


def test_without_a_controller_the_host_asks() -> None:
    told = banner(site(controller=None), visit(), "en").decode()
    assert "shop.example would like to work with" in told
    assert "Privacy policy" not in told


@pytest.mark.parametrize("tag", LANGUAGES)
@pytest.mark.parametrize("part", PARTS)
def test_an_honoured_signal_is_told(tag: str, part: object) -> None:
    honoured = str(words(tag)("gpc.honoured"))
    told = {gpc: unescape(part(site(), visit(gpc=gpc), tag).decode()) for gpc in (False, True)}  # type: ignore[operator]
    assert honoured in told[True]
    assert honoured not in told[False]


def test_a_doubt_and_new_partners_are_told_apart_from_a_first_visit() -> None:
    t = words("en")
    first, doubt, newer = (
        banner(site(), visit(standing), "en").decode()
        for standing in (Standing(), Standing(doubt=Doubt.SIGNATURE), Standing(consent("analytics")))
    )
    assert (t("banner.doubt") in first, t("banner.newer") in first, t("banner.nothing") in first) == (
        False,
        False,
        True,
    )
    assert (t("banner.doubt") in doubt, t("banner.newer") in doubt, t("banner.nothing") in doubt) == (True, False, True)
    assert (t("banner.doubt") in newer, t("banner.newer") in newer, t("banner.nothing") in newer) == (
        False,
        True,
        False,
    )


def test_the_page_decides_the_language_then_the_visitor() -> None:
    assert b"Accept all" in banner(site(), visit(languages=("fr",)), "en")
    assert b"Tout accepter" in banner(site(), visit(languages=("fr",)), None)
    assert b"Tout accepter" in banner(site(), visit(languages=("fr",)), "sv")


def test_the_footer_links_and_withdraws_with_one_button_where_something_is_granted() -> None:
    tree = inside(footer(site(), FOOTED, "en"))
    form = tree.css_first("form")
    assert form is not None
    assert (form.attributes["method"], form.attributes["action"]) == ("post", f"{ORIGIN}/_consent")
    assert buttons(tree) == [("Withdraw consent", "choice", "withdraw")]
    assert hidden(form) == {"return_to": "/cart"}
    link = tree.css_first("a")
    assert link is not None
    assert link.attributes["href"] == f"{ORIGIN}/_consent?lang=en&return_to=/cart"
    assert link.text() == "Privacy choices"


@pytest.mark.parametrize("standing", [Standing(), Standing(doubt=Doubt.FUTURE), Standing(consent(how=How.REJECT))])
def test_where_nothing_is_granted_the_footer_is_a_link(standing: Standing) -> None:
    tree = inside(footer(site(), visit(standing), "en"))
    assert buttons(tree) == []
    assert len(tree.css("a")) == 1


@pytest.mark.parametrize("part", PARTS)
@given(path=st.text(max_size=40).map("/".__add__) | st.text(max_size=40))
def test_no_path_breaks_out_of_its_attribute(part: object, path: str) -> None:
    text = part(site(), visit(Standing(consent("analytics")), path=path), "en")  # type: ignore[operator]
    assert text.isascii()
    plain = part(site(), visit(Standing(consent("analytics"))), "en")  # type: ignore[operator]
    assert re.findall(rb"<[a-z/]+", text) == re.findall(rb"<[a-z/]+", plain)
    way_back = hidden(inside(text).css("form")[0])["return_to"]
    assert way_back in (path, path.partition("#")[0], "/")


def test_what_is_remembered_is_never_another_shops() -> None:
    one = banner(site(), visit(), "en")
    other = banner(site(origin="https://other.example"), visit(), "en")
    fewer = banner(site(STATS), visit(), "en")
    assert b"https://shop.example" not in other
    assert b"1 partner<" in fewer
    assert banner(site(*ALL), visit(), "en") == one


@pytest.mark.parametrize("tag", LANGUAGES)
def test_laws_on_sale_have_their_own_link_with_its_sign(tag: str) -> None:
    seen = visit(languages=(tag.lower(),), law=law_in("US-CA"))
    tree = inside(footer(site(), seen, None))
    link = tree.css_first("a")
    assert words(tag)("sale.link") in link.text()
    assert link.css_first("svg").attributes["aria-hidden"] == "true"


def test_a_banner_where_partners_run_already_does_not_say_that_they_do_not() -> None:
    asked = replace(OPT_OUT, banner=True)
    text = inside(banner(site(), visit(law=asked), None)).text()
    assert words("en")("banner.running") in text
    assert words("en")("banner.nothing") not in text
