"""What the headers of a request say that the browser wants."""

from __future__ import annotations

import pytest

from proxy.http.wanted import accepts_html, is_document, may_be_html, navigates, prefetches


@pytest.mark.parametrize(
    ("headers", "may", "navigating"),
    [
        ({}, True, False),
        ({b"accept": b"text/html,*/*"}, True, True),
        ({b"accept": b"*/*"}, True, False),
        ({b"accept": b"application/json"}, True, False),
        ({b"accept": b"image/avif,image/webp,*/*;q=0.8"}, False, False),
        ({b"accept": b"text/css,*/*;q=0.1"}, False, False),
        ({b"accept": b"image/png, text/html"}, True, True),
        ({b"sec-fetch-dest": b"document"}, True, True),
        ({b"sec-fetch-dest": b"iframe"}, True, True),
        ({b"sec-fetch-dest": b"object"}, True, True),
        ({b"sec-fetch-dest": b"empty", b"accept": b"text/html"}, True, False),
        ({b"sec-fetch-dest": b"image", b"accept": b"text/html"}, False, False),
        ({b"sec-fetch-dest": b"script"}, False, False),
        ({b"sec-fetch-dest": b"font"}, False, False),
        ({b"sec-fetch-dest": b"video"}, False, False),
        ({b"sec-fetch-dest": b"something-new"}, True, False),
    ],
)
def test_a_page_may_come_back_unless_the_browser_wants_something_else(
    headers: dict[bytes, bytes], may: bool, navigating: bool
) -> None:
    assert may_be_html(list(headers.items())) is may
    assert navigates(list(headers.items())) is navigating


def test_two_wishes_are_not_believed_to_be_one() -> None:
    both = [(b"sec-fetch-dest", b"image"), (b"sec-fetch-dest", b"document")]
    assert may_be_html(both)
    assert navigates(both)


def test_a_type_is_found_among_others_in_any_case() -> None:
    assert accepts_html([(b"accept", b"application/xml, TEXT/html;q=0.9")])


@pytest.mark.parametrize(
    ("headers", "document"),
    [
        ([(b"sec-fetch-dest", b"document")], True),
        ([(b"sec-fetch-dest", b"iframe")], False),
        ([(b"sec-fetch-dest", b"document"), (b"sec-fetch-dest", b"iframe")], False),
        ([], True),
        ([(b"accept", b"text/html")], True),
        ([(b"accept", b"text/html"), (b"x-requested-with", b"XMLHttpRequest")], False),
        ([(b"accept", b"*/*"), (b"referer", b"https://shop.example/")], False),
    ],
)
def test_a_document_of_its_own(headers: list[tuple[bytes, bytes]], document: bool) -> None:
    assert is_document(headers) is document


@pytest.mark.parametrize("name", [b"sec-purpose", b"purpose", b"x-moz"])
def test_what_is_asked_for_ahead(name: bytes) -> None:
    assert prefetches([(name, b"Prefetch;prerender")])
    assert not prefetches([(name, b"other")])
    assert not prefetches([])
