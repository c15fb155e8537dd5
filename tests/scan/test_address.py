from __future__ import annotations

import pytest

from proxy.scan.address import origin_of, page_address, page_at

ORIGIN = "https://shop.example"


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("https://Shop.Example/a?b#c", "https://shop.example"),
        ("https://shop.example:443", "https://shop.example"),
        ("http://shop.example:443/", "http://shop.example:443"),
        ("http://user:word@shop.example:80/", "http://shop.example"),
        ("https://shop.example./", "https://shop.example"),
        ("http://[::1]:3000/", "http://[::1]:3000"),
        ("https://münchen.example/", "https://xn--mnchen-3ya.example"),
    ],
)
def test_origins_are_written_as_browsers_do(address: str, origin: str) -> None:
    assert origin_of(address) == origin


@pytest.mark.parametrize(
    "address", ["shop.example", "/path", "mailto:a@b.example", "https://", "https://shop.example:x/"]
)
def test_what_is_no_web_address_has_no_origin(address: str) -> None:
    with pytest.raises(ValueError, match=r"absolute|[Pp]ort"):
        origin_of(address)


@pytest.mark.parametrize(
    ("link", "page"),
    [
        ("https://shop.example", "https://shop.example/"),
        ("https://shop.example/a/../b#c", "https://shop.example/b"),
        ("https://shop.example/größe?x=ü", "https://shop.example/gr%C3%B6%C3%9Fe?x=%C3%BC"),
        ("http://shop.example/a", "https://shop.example/a"),
        ("https://shop.example/about.html", "https://shop.example/about.html"),
        ("https://shop.example/v1.2/notes", "https://shop.example/v1.2/notes"),
    ],
)
def test_pages_of_the_site(link: str, page: str) -> None:
    assert page_at(link, ORIGIN) == page


@pytest.mark.parametrize(
    "link",
    [
        "https://cdn.shop.example/",
        "https://shop.example:8443/",
        "https://other.example/",
        "mailto:us@shop.example",
        "javascript:void(0)",
        "https://shop.example/mug.JPG",
        "https://shop.example/terms.pdf?v=2",
        "https://shop.example/?add-to-cart=7",
        "https://shop.example/cart/add?id=7",
        "https://shop.example/account/logout",
        "https://[broken",
    ],
)
def test_what_is_no_page_of_the_site(link: str) -> None:
    assert page_at(link, ORIGIN) is None


def test_https_is_not_taken_for_a_site_on_plain_http() -> None:
    assert page_at("https://127.0.0.1/a", "http://127.0.0.1") is None


def test_a_page_is_asked_for_by_a_path_without_a_fragment() -> None:
    assert page_address("https://Shop.example#top") == "https://shop.example/"
    assert page_address("https://shop.example/a?b=1#top") == "https://shop.example/a?b=1"
