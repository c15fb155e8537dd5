"""Pictures that nobody can see, and what becomes of them and of other things that look like trackers."""

from __future__ import annotations

import pytest

from proxy.model import Action
from tests.html.pages import page_of, reports, rewrite


@pytest.mark.parametrize(
    ("attributes", "cut"),
    [
        ('width="1" height="1"', True),
        ('width="2px" height="0"', True),
        ("width=1 height=1", True),
        ('style="display:none"', True),
        ('style="width: 1px; height: 1px; border: 0"', True),
        ('style="border:0;visibility: hidden"', True),
        ("hidden", True),
        ('width="1" height="100"', False),
        ('width="1"', False),
        ('width="100%" height="1"', False),
        ('style="max-width:1px;max-height:1px"', False),
        ('style="display:block"', False),
        ("", False),
    ],
)
def test_a_picture_that_nobody_can_see_is_a_web_beacon(attributes: str, cut: bool) -> None:
    html = f'<p><img {attributes} src="https://somebody.example/i?v=1"></p>'
    told = [(tag.action, tag.vendor, tag.categories) for tag in reports(html)]
    assert told == [(Action.CUT, None, ("advertising",)) if cut else (Action.KEEP, None, ())]
    assert (b"somebody.example" in rewrite(html)) is not cut


@pytest.mark.parametrize(
    ("html", "cut"),
    [
        ('<img style="display:none" src="https://somebody.example/photos/coat.jpg">', False),
        ('<img hidden width=600 height=400 src="https://somebody.example/i?photo=1">', False),
        ('<img hidden src="https://somebody.example/coat.jpg?visitor=1">', True),
        ('<img hidden src="https://somebody.example/p.gif">', True),
        ('<img width=1 height=1 src="https://somebody.example/p.png">', True),
    ],
)
def test_a_photograph_that_waits_to_be_shown_is_none(html: str, cut: bool) -> None:
    assert [tag.action for tag in reports(html)] == [Action.CUT if cut else Action.KEEP]


def test_essential_hosts_and_what_the_operator_allows_may_be_small() -> None:
    html = '<img width=1 height=1 src="https://res.cloudinary.com/shop/i.gif">'
    assert [tag.action for tag in reports(html)] != [Action.CUT]
    html = '<img width=1 height=1 src="https://pixel.somebody.example/i.gif">'
    assert rewrite(html, page_of(allow=frozenset({"somebody.example"}))) == html.encode()


@pytest.mark.parametrize(
    "html",
    [
        '<script src="https://ads.somebody.example/tag.js"></script>',
        '<script>load("https://ads.somebody.example/tag.js")</script>',
        '<script>load("https:\\/\\/pixel.somebody.example\\/tag.js")</script>',
        "<style>a{background:url(https://track.somebody.example/i)}</style>",
        '<img src="https://somebody.example/pixel.gif?id=1">',
        '<script src="//somebody.example/matomo.js"></script>',
    ],
)
def test_what_looks_like_a_tracker_is_cut_and_the_report_says_why(html: str) -> None:
    assert b"somebody.example" not in rewrite(html)
    assert all(tag.action is Action.CUT for tag in reports(html))
    assert rewrite(html, page_of(allow=frozenset({"somebody.example"}))) == html.encode()


def test_links_stay_and_so_does_the_shop_itself() -> None:
    html = '<a href="https://track.somebody.example/p">Parcel</a><img src="/pixel.gif"><img src="//ads.shop.example/1">'
    assert rewrite(html) == html.encode()
    html = """<script>s = '<a href="https://track.somebody.example/parcel">Parcel</a>'</script>"""
    assert rewrite(html) == html.encode()
