"""What pages say of the shop."""

from __future__ import annotations

import pytest

from proxy.scan.about import About, about_in, together

HERE = "https://shop.example/mugs/blue"


@pytest.mark.parametrize(
    ("page", "about"),
    [
        ('<meta property="og:site_name" content=" Pots &amp;\nPans ">', About(name="Pots & Pans")),
        ("<META NAME=application-name CONTENT=Pots>", About(name="Pots")),
        ('<meta property="og:site_name" content="">', About()),
        ('<link rel="canonical" href="https://WWW.Shop.Example/mugs">', About(origin="https://www.shop.example")),
        ('<meta property="og:url" content="https://a.example/x">', About(origin="https://a.example")),
        ('<link rel=canonical href="/mugs">', About(origin="https://shop.example")),
        ('<link rel=canonical href="http://[bad">', About()),
        ('<a href="/legal/privacy-policy?x=1#top">Privacy</a>', About(policy="/legal/privacy-policy")),
        ('<a href="../datenschutz.html">Datenschutz</a>', About(policy="/datenschutz.html")),
        ('<a href="https://legal.example/politique-de-confidentialite#a">', About(policy="https://legal.example/politique-de-confidentialite")),
        ('<link rel="privacy-policy" href="/p/17">', About(policy="/p/17")),
        ('<a href="javascript:privacy()">x</a><a href="http://[privacy">y</a>', About()),
        ('<a href="mailto:hello@shop.example?subject=Hi">', About(email="hello@shop.example")),
        ('<a href="mailto:hi@shop.example"><a href="mailto:dpo%40shop.example">', About(email="dpo@shop.example")),
        ('<a href="mailto:nobody"><a href="mailto:"><a href="mailto:%22x@y%22">', About()),
        ('<!-- <a href="/privacy"> --><script>"<a href=/privacy>"</script>', About()),
    ],
)  # fmt: skip
def test_one_page(page: str, about: About) -> None:
    assert about_in(page.encode(), HERE) == about


def test_what_cannot_be_read_says_nothing() -> None:
    page = b'<meta charset="iso-2022-jp"><meta property="og:site_name" content="Pots">'
    assert about_in(page, HERE, b"text/html; charset=iso-2022-jp") == About()


def test_the_first_that_says_something_holds() -> None:
    one, two = About(name="One", email="hi@a.example"), About(name="Two", policy="/p", email="privacy@a.example")
    assert together([About(), one, two]) == About("One", None, "/p", "privacy@a.example")
    assert together([]) == About()
