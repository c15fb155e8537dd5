from __future__ import annotations

from datetime import date

import pytest

from proxy.catalogue.load import load
from proxy.catalogue.use import InUse, in_use
from proxy.cli.pages import Rewriting, first_party, read_grant, site_of_page, web_address
from proxy.decide import Grounds, decide_all
from proxy.model import ASKED, Category, How, Standing
from proxy.settings import Settings

TODAY = date(2026, 11, 22)


@pytest.fixture(scope="module")
def use() -> InUse:
    return in_use(load(), Settings(dev=True))


def test_nothing_granted_is_a_visitor_who_has_not_chosen(use: InUse) -> None:
    assert read_grant("none", use, TODAY) == Standing()


def test_all_allows_every_vendor_in_use(use: InUse) -> None:
    decisions = decide_all(use.vendors.values(), Grounds(read_grant("all", use, TODAY)))
    assert decisions.keys() == use.vendors.keys()
    assert all(decision.allowed for decision in decisions.values())


def test_categories_and_single_vendors(use: InUse) -> None:
    consent = read_grant("analytics, vendor:youtube", use, TODAY).consent
    assert consent is not None
    assert (consent.granted, consent.allowed, consent.how) == ({Category.ANALYTICS}, {"youtube"}, How.SAVE)
    decisions = decide_all(use.vendors.values(), Grounds(Standing(consent)))
    assert decisions["google-analytics"].allowed
    assert decisions["youtube"].allowed
    assert not decisions["meta-pixel"].allowed


def test_all_categories_are_all(use: InUse) -> None:
    named = read_grant(",".join(ASKED), use, TODAY).consent
    everything = read_grant("all", use, TODAY).consent
    assert named is not None
    assert everything is not None
    assert named.granted == everything.granted


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "grants nothing"),
        (",", "grants nothing"),
        ("essential", "'essential' cannot be granted"),
        ("adverts", "'adverts' cannot be granted"),
        ("all,none", "'all' cannot be granted"),
        ("vendor:youtub", "did you mean vendor:youtube?"),
        ("vendor:", "no vendor ''"),
    ],
)
def test_what_is_no_grant(use: InUse, text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told.replace("?", r"\?")):
        read_grant(text, use, TODAY)


@pytest.mark.parametrize(
    ("host", "suffix"),
    [
        ("www.shop.example", "shop.example"),
        ("WWW.Shop.Example.", "shop.example"),
        ("a.b.shop.co.uk", "shop.co.uk"),
        ("seller.myshopify.com", "seller.myshopify.com"),
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "::1"),
        ("localhost", "localhost"),
        ("co.uk", "co.uk"),
    ],
)
def test_the_shop_is_its_registrable_domain(host: str, suffix: str) -> None:
    assert first_party(host) == {suffix}


@pytest.mark.parametrize(
    ("page", "site"),
    [
        (b'<link rel="canonical" href="https://shop.example/a">', "https://shop.example/a"),
        (b"<LINK HREF='https://shop.example/?a=1&amp;b=2' REL='x Canonical'>", "https://shop.example/?a=1&b=2"),
        (b'<link rel=canonical href=//shop.example/>', "https://shop.example/"),
        (b'<meta property="og:url" content="https://og.example/">', "https://og.example/"),
        (b'<meta property="og:url" content="https://og.example/"><link rel=canonical href="https://c.example">',
         "https://c.example"),
        (b'<link rel=canonical href="/relative"><meta name="og:url" content="http://og.example">', "http://og.example"),
        (b'<!-- <link rel=canonical href="https://comment.example"> -->', None),
        (b'<script>"<link rel=canonical href=https://script.example>"</script>', None),
        (b'<link rel=canonical href="javascript:alert(1)">', None),
        (b'<link rel=canonical href="https://[broken">', None),
        (b'<link rel=canonical>', None),
        (b"<![foo[<a", None),
        (b"", None),
        ('\ufeff<link rel=canonical href="https://wide.example/">'.encode("utf-16-le"), "https://wide.example/"),
    ],
)  # fmt: skip
def test_the_address_that_a_page_gives_for_itself(page: bytes, site: str | None) -> None:
    assert site_of_page(page) == site


@pytest.mark.parametrize(
    "text", ["shop.example", "ftp://shop.example", "https://", "https://shop.example:99999", "https://a..b", ""]
)
def test_what_is_no_web_address(text: str) -> None:
    with pytest.raises(ValueError, match=r"address|[Pp]ort|URL"):
        web_address(text)


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("https://Shop.Example/a?b", "https://shop.example"),
        ("https://user:secret@shop.example:443/", "https://shop.example"),
        ("http://shop.example:8080", "http://shop.example:8080"),
        ("http://[::1]:8080/", "http://[::1]:8080"),
    ],
)
def test_a_page_stands_on_its_own_origin(use: InUse, address: str, origin: str) -> None:
    page = Rewriting(Settings(dev=True), use, Standing()).page(address)
    assert page.origin == origin


def test_a_banner_before_the_choice_a_footer_after_it_and_neither_if_unwanted(use: InUse) -> None:
    settings = Settings(dev=True)
    before = Rewriting(settings, use, Standing()).page("https://shop.example/")
    after = Rewriting(settings, use, read_grant("all", use, TODAY)).page("https://shop.example/")
    unwanted = Rewriting(settings, use, Standing(), with_banner=False).page("https://shop.example/")
    assert [(page.banner is None, page.footer is None) for page in (before, after, unwanted)] == [
        (False, True),
        (True, False),
        (True, True),
    ]
