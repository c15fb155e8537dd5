"""The preferences page: every vendor with all that its file says, nothing ticked that was not granted."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from selectolax.lexbor import LexborHTMLParser, LexborNode

from proxy.consent.language import LANGUAGES, words
from proxy.consent.preferences import preferences_page
from proxy.model import Category, Doubt, How, Law, Standing
from tests.consent.shop import ADS, MAIL, ORIGIN, PAY, STATS, TODAY, VIDEO, consent, site, vendor, visit
from tests.laws import OPT_IN, OPT_OUT, law_in


def page(
    standing: Standing = Standing(),  # noqa: B008  (it is frozen)
    tag: str = "en",
    return_to: str | None = None,
    chosen: bool = False,
    gpc: bool = False,
    law: Law = OPT_IN,
    **of_site: object,
) -> LexborHTMLParser:
    shop = site(**of_site)  # type: ignore[arg-type]
    seen = visit(standing, gpc=gpc, law=law)
    return LexborHTMLParser(preferences_page(shop, seen, words(tag), return_to, chosen=chosen))


def told(tree: LexborHTMLParser | LexborNode) -> str:
    node = tree.body if isinstance(tree, LexborHTMLParser) else tree
    assert node is not None
    return re.sub(r"\s+", " ", node.text()).strip()


def first(tree: LexborHTMLParser, selector: str) -> LexborNode:
    node = tree.css_first(selector)
    assert node is not None, selector
    return node


def ticked(tree: LexborHTMLParser) -> set[tuple[str | None, str | None]]:
    boxes = [box.attributes for box in tree.css("input[type=checkbox]")]
    return {(box["name"], box["value"]) for box in boxes if "checked" in box}


GRANTED = Standing(
    consent(
        "analytics", "social", policy=2, allowed=frozenset({"mail", "gone"}), refused=frozenset({"stats"}), record="r"
    )
)


def test_nothing_is_ticked_before_a_choice_or_in_doubt() -> None:
    for standing in (Standing(), Standing(doubt=Doubt.SIGNATURE), Standing(consent(how=How.REJECT))):
        tree = page(standing)
        assert len(tree.css("input[type=checkbox]")) == 12
        assert ticked(tree) == set()


def test_what_was_granted_and_excepted_is_ticked() -> None:
    assert ticked(page(GRANTED)) == {
        ("category", "analytics"),
        ("category", "social"),
        ("refuse", "stats"),
        ("vendor", "mail"),
    }


def test_what_the_signal_denies_is_not_ticked_unless_it_was_granted_over_it() -> None:
    assert ticked(page(GRANTED, gpc=True)) == {("category", "analytics"), ("refuse", "stats")}
    assert GRANTED.consent is not None
    over = Standing(replace(GRANTED.consent, signal=True))
    assert ticked(page(over, gpc=True)) == ticked(page(GRANTED))


def test_the_form_says_all() -> None:
    form = page(version=7, return_to="/cart?a=1").css("form")[0]
    assert (form.attributes["method"], form.attributes["action"]) == ("post", f"{ORIGIN}/_consent")
    hidden = {field.attributes["name"]: field.attributes["value"] for field in form.css("input[type=hidden]")}
    assert hidden == {"shown": "7", "lang": "en", "return_to": "/cart?a=1", "category": "essential"}
    assert [(button.text(), button.attributes["value"]) for button in form.css("button")] == [
        ("Save my choice", "save"),
        ("Accept all", "accept"),
        ("Reject all", "reject"),
    ]
    assert [box.attributes["value"] for box in form.css("input[type=checkbox][name=category]")] == [
        "analytics",
        "advertising",
        "marketing",
        "social",
    ]


@pytest.mark.parametrize("tag", LANGUAGES)
def test_each_vendor_stands_under_its_category_with_all_that_its_file_says(tag: str) -> None:
    t = words(tag)
    tree = page(tag=tag)
    places = [[entry.attributes["id"] for entry in group.css(".vendor[id]")] for group in tree.css("fieldset")]
    assert places == [["vendor-stats"], ["vendor-ads"], ["vendor-mail"], ["vendor-video"]]
    stats = first(tree, "#vendor-stats")
    for expected in (
        "Stats",
        "Stats Ltd",
        t("purpose.measure-visits"),
        t("data.page"),
        t("data.short-ip"),
        t("role.processor"),
        t.country("US"),
        t("basis.scc"),
        t.length("14 months"),
        t("reach.relay"),
        "_stats",
        t.length("2 years"),
        t("party.first"),
        t("party.third"),
        "tells visitors apart",
    ):
        assert str(expected) in told(stats)
    assert [link.attributes["href"] for link in stats.css("a")] == [
        "https://stats.example/privacy",
        "https://stats.example/out",
    ]
    assert str(t("preferences.sale")) in told(first(tree, "#vendor-ads"))
    assert str(t("preferences.sale")) not in told(stats)
    assert str(t("preferences.no_cookies")) in told(first(tree, "#vendor-ads"))


@pytest.mark.parametrize(
    ("to", "basis", "said"),
    [
        (("DE", "NO"), "adequacy", "Germany, Norway – stays in the European Economic Area"),
        (("DE", "US"), "adequacy", "Germany, United States – protected by an adequacy decision"),
        (("DE",), "scc", "Germany – protected by standard contractual clauses"),
        (("RU",), "none", "Russia – without a recognised level of protection"),
    ],
)
def test_where_data_goes_and_on_what_footing(to: tuple[str, ...], basis: str, said: str) -> None:
    sent = vendor("sent", "analytics", transfer={"to": to, "basis": basis})
    tree = LexborHTMLParser(preferences_page(site(sent), visit(), words("en"), None))
    assert said in told(first(tree, "#vendor-sent"))


def test_a_vendor_of_two_categories_is_described_once_and_found_under_both() -> None:
    tree = page()
    assert len(tree.css("#vendor-video")) == 1
    assert "Needs all of these to be allowed: Advertising and Social media." in told(first(tree, "#vendor-video"))
    advertising = tree.css("fieldset")[1]
    assert "Vi<deo: see under Social media" in told(advertising)
    assert "#vendor-video" in [link.attributes["href"] for link in advertising.css("a")]
    assert "Partners (2)" in told(advertising)


def test_who_sees_the_full_address_is_said_without_opening_anything() -> None:
    tree = page()
    marks = [told(mark) for mark in first(tree, "#vendor-video").css(".mark")]
    assert "Directly from your browser: it sees your full IP address" in marks
    assert not first(tree, "#vendor-stats").css(".mark")


def test_essential_vendors_are_shown_with_their_reason_and_no_box() -> None:
    pay = first(page(), "#vendor-pay")
    assert "Your payment cannot be taken without it." in told(pay)
    assert not pay.css("input")


def test_no_box_is_there_for_what_only_an_essential_container_loads() -> None:
    container = vendor("tags", "essential", loads=frozenset({Category.MARKETING}))
    shop = site(container, STATS)
    tree = LexborHTMLParser(preferences_page(shop, visit(), words("en"), None))
    assert [box.attributes["value"] for box in tree.css("input[type=checkbox][name=category]")] == ["analytics"]


@pytest.mark.parametrize("tag", LANGUAGES)
def test_english_words_of_vendor_files_are_marked_as_english(tag: str) -> None:
    tree = page(tag=tag)
    marked = {node.text() for node in tree.css("span[lang=en]")}
    english = {"tells visitors apart", "remembers", "as long as it likes", "until you say stop"}
    assert marked == (set() if tag == "en" else english)


@pytest.mark.parametrize(
    ("standing", "law", "lines"),
    [
        (Standing(), OPT_IN, ["You have not chosen yet. Nothing optional is used."]),
        (
            Standing(),
            OPT_OUT,
            ["You have not chosen yet. Where you are, partners may be used until you object."],
        ),
        (
            Standing(doubt=Doubt.SEVERAL),
            OPT_OUT,
            ["Your earlier choice could not be verified. To be safe, nothing optional is used. Please choose again."],
        ),
        (
            Standing(consent(how=How.REJECT, policy=2)),
            OPT_IN,
            [
                "You refused everything on November 22, 2026.",
                "Given under version 2 of this page.",
                "It is kept until May 23, 2027, then you are asked again.",
            ],
        ),
        (
            GRANTED,
            OPT_IN,
            [
                "On November 22, 2026 you allowed: Analytics, Social media, gone, and Mail.",
                "Left out: Stats.",
                "Given under version 2 of this page.",
                "It is kept until May 23, 2027, then you are asked again.",
            ],
        ),
    ],
)
def test_what_holds_now_is_told(standing: Standing, law: Law, lines: list[str]) -> None:
    tree = page(standing, law=law)
    assert [told(line) for line in tree.css(".status p:not(:has(a))")] == lines
    buttons = [button.attributes["value"] for button in tree.css(".status button")]
    assert buttons == (["withdraw"] if standing is GRANTED else [])


def test_an_honoured_signal_is_told() -> None:
    assert "Opt-Out Request Honored" in told(page(gpc=True))
    assert "Opt-Out Request Honored" not in told(page())


def test_without_an_optional_vendor_there_is_nothing_to_choose() -> None:
    tree = LexborHTMLParser(preferences_page(site(PAY), visit(), words("en"), None))
    assert "No partner is in use on this shop, so there is nothing to choose." in told(tree)
    assert not tree.css("form")
    assert tree.css("#vendor-pay")


def test_one_who_granted_something_can_withdraw_even_where_no_vendor_is_left() -> None:
    tree = LexborHTMLParser(preferences_page(site(PAY), visit(GRANTED), words("en"), None))
    assert [button.attributes["value"] for button in tree.css("button")] == ["withdraw"]


@pytest.mark.parametrize(
    ("return_to", "chosen", "hidden", "back"),
    [
        (None, False, "/_consent", "/"),
        (None, True, "/_consent?lang=de", "/"),
        ("/cart?a=1", True, "/cart?a=1", "/cart?a=1"),
        ("//elsewhere.example", False, "/", "/"),
        ("/_consent?x", False, "/_consent?x", "/"),
    ],
)
def test_the_way_back(return_to: str | None, chosen: bool, hidden: str, back: str) -> None:
    tree = page(GRANTED, tag="de", return_to=return_to, chosen=chosen)
    assert {field.attributes["value"] for field in tree.css("input[name=return_to]")} == {hidden}
    assert first(tree, "header a").attributes["href"] == ORIGIN + back


def test_the_language_can_be_changed_and_the_way_back_is_kept() -> None:
    tree = page(tag="fr", return_to="/a?b=1&c=2")
    assert [told(entry) for entry in tree.css(".languages li")] == [
        "English",
        "Deutsch",
        "Français",
        "Español",
        "Italiano",
        "Nederlands",
        "Polski",
        "Português (Brasil)",
        "Русский",
        "العربية",
        "简体中文",
    ]
    assert first(tree, ".languages [aria-current]").text() == "Français"
    links = [link.attributes["href"] for link in tree.css(".languages a")]
    assert links[0] == f"{ORIGIN}/_consent?lang=en&return_to=/a%3Fb%3D1%26c%3D2"
    assert len(links) == 10


@pytest.mark.parametrize("tag", LANGUAGES)
def test_the_page_is_well_made_for_those_who_cannot_see_it(tag: str) -> None:
    tree = page(GRANTED, tag=tag, gpc=True)
    assert tree.root is not None
    assert tree.root.attributes["lang"] == words(tag).html
    assert tree.root.attributes["dir"] == ("rtl" if tag == "ar" else "ltr")
    assert first(tree, "title").text()
    assert len(tree.css("h1")) == len(tree.css("main")) == 1
    for box in tree.css("input[type=checkbox]"):
        assert box.parent is not None
        assert box.parent.tag == "label"
        assert told(box.parent)
    for group in tree.css("fieldset"):
        assert told(first(LexborHTMLParser(group.html or ""), "legend h2"))
    for node in tree.css("[aria-labelledby], [aria-describedby]"):
        target = node.attributes.get("aria-labelledby") or node.attributes.get("aria-describedby")
        assert len(tree.css(f"#{target}")) == 1
    names = [node.attributes["id"] for node in tree.css("[id]")]
    assert len(names) == len(set(names))
    labels = [told(box.parent) for box in tree.css("input[type=checkbox]") if box.parent]
    assert len(labels) == len(set(labels))
    assert not tree.css("script, style, [style], img, iframe, [onclick], [autofocus], table:not(:has(th))")
    addresses = [link.attributes["href"] or "" for link in tree.css("a, link")]
    outside = {address for address in addresses if not address.startswith((f"{ORIGIN}/", "#", "mailto:"))}
    assert outside == {one.policy for one in (STATS, ADS, MAIL, VIDEO, PAY)} | {STATS.opt_out}
    for link in tree.css("a[target=_blank]"):
        assert link.attributes["rel"] == "noopener noreferrer"


def test_who_answers_for_the_shop_is_named() -> None:
    footer = told(first(page(), "footer"))
    assert "Blue <Teapot> & Söhne, 1 Quay, Cork, privacy@shop.example" in footer
    assert not page(controller=None).css("footer")


def test_a_container_is_found_under_every_category_that_it_may_load() -> None:
    tags = vendor("tags", "analytics", loads=VIDEO.needs)
    tree = LexborHTMLParser(preferences_page(site(tags, VIDEO), visit(), words("en"), None))
    assert [told(legend) for legend in tree.css("legend")] == ["Analytics", "Advertising", "Social media"]
    assert "Needs all of these to be allowed: Analytics, Advertising, and Social media." in told(
        first(tree, "#vendor-tags")
    )


def test_a_choice_made_earlier_lapses_from_its_own_day() -> None:
    earlier = Standing(consent("analytics", day=TODAY - timedelta(days=100)))
    assert "It is kept until February 12, 2027" in told(page(earlier))


def test_a_relayed_vendor_that_shows_frames_says_that_these_see_the_address() -> None:
    post = vendor("post", "social", technical={"match": ["post.example"], "embed": ["post.example/embed"]})
    tree = LexborHTMLParser(preferences_page(site(post, STATS), visit(), words("en"), None))
    t = words("en")
    for key, said in (("post", True), ("stats", False)):
        entry = first(tree, f"#vendor-{key}")
        assert (str(t("preferences.framed")) in entry.text()) is said
        assert str(t("reach.relay")) in entry.text()
        assert str(t("reach.direct")) not in entry.text()
        assert len(entry.css("p.mark")) == said


def test_the_page_of_laws_on_sale_is_called_what_they_ask_for_and_shows_what_runs() -> None:
    tree = page(Standing(), law=law_in("US-CA"))
    assert tree.css_first("h1").text() == "Do Not Sell or Share My Personal Information"
    assert tree.css_first("title").text().startswith("Do Not Sell or Share My Personal Information")
    boxes = {box.attributes["value"] for box in tree.css("input[name=category][type=checkbox]")}
    assert {box.attributes["value"] for box in tree.css("input[name=category][checked]")} == boxes
    assert "until you object" in tree.css_first("main").text()


def test_there_the_signal_unticks_what_it_denies() -> None:
    tree = page(Standing(), law=law_in("US-CA"), gpc=True)
    assert {box.attributes["value"] for box in tree.css("input[name=category][checked]")} == {"analytics"}
    assert "Opt-Out Request Honored" in tree.css_first("main").text()


def test_an_objection_is_said_to_last() -> None:
    refused = Standing(consent(how=How.REJECT))
    assert "It holds until you change it." in page(refused, law=law_in("US")).css_first(".status").text()
    assert "It is kept until" in page(refused).css_first(".status").text()


@pytest.mark.parametrize(("tag", "named"), [("en", "Germany"), ("de", "Deutschland"), ("ar", "ألمانيا")])
def test_it_says_where_addresses_are_shortened_if_the_shop_does(tag: str, named: str) -> None:
    assert named in told(page(tag=tag, processed_in="DE"))
    assert named not in told(page(tag=tag))
