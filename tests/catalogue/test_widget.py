"""The selectors of vendors' widgets: what fits them, and what is none."""

from __future__ import annotations

import pytest

from proxy.catalogue.widget import read_widget

FITS = [
    ("blockquote.acme-post", "blockquote", {"class": "wide acme-post"}, True),
    ("blockquote.acme-post", "div", {"class": "acme-post"}, False),
    ("blockquote.acme-post", "blockquote", {"class": "acme-poster"}, False),
    ("blockquote.acme-post", "blockquote", {"class": "Acme-Post"}, False),
    (".acme-post", "section", {"class": "acme-post"}, True),
    (".acme-post", "script", {"class": "acme-post"}, False),
    (".acme-post", "body", {"class": "acme-post"}, False),
    (".acme-post.wide", "div", {"class": "acme-post"}, False),
    ("div.acme-app-*", "div", {"class": "acme-app-123"}, True),
    ("#acme_thread", "div", {"id": "acme_thread"}, True),
    ("#acme_thread-*", "div", {"id": "acme_thread"}, False),
    ("div[data-acme-map]", "div", {"data-acme-map": ""}, True),
    ("div[data-acme-map]", "div", {}, False),
    ("a[data-acme-do=embed]", "a", {"data-acme-do": "embed"}, True),
    ("a[data-acme-do=embed]", "a", {"data-acme-do": "button"}, False),
    ("acme-map", "acme-map", {}, True),
    ("fb:post", "fb:post", {}, True),
]


@pytest.mark.parametrize(("selector", "type_", "attributes", "fits"), FITS)
def test_what_fits(selector: str, type_: str, attributes: dict[str, str], fits: bool) -> None:
    assert read_widget(selector).fits(type_, attributes) is fits


@pytest.mark.parametrize(
    ("selector", "wrong"),
    [
        ("", "no selector"),
        ("div > .acme-post", "no selector"),
        (".acme-post, .acme-map", "no selector"),
        (".acme-post:hover", "no selector"),
        ("DIV.acme-post", "no selector"),
        ("#acme-one#acme-two", "two ids"),
        ("iframe.acme-post", "in place of <iframe>"),
        ("tr.acme-post", "in place of <tr>"),
        ("div", "what shops write themselves"),
        ("blockquote", "what shops write themselves"),
        (".post", "what shops write themselves"),
    ],
)
def test_what_is_none_says_what_would_be_one(selector: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        read_widget(selector)
