"""Validators with a salt, and which requests may bring a page back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.http.caching import accepts_html, cache_control, may_be_html, navigates, salt, salted, unsalted

SALT = b"0123456789abcdef"


@pytest.mark.parametrize(
    ("etag", "ours"),
    [
        (b'"abc"', b'W/"0123456789abcdef-abc"'),
        (b'W/"abc"', b'W/"0123456789abcdef~abc"'),
        (b'""', b'W/"0123456789abcdef-"'),
        (b"abc", None),
        (b'"a"b"', None),
        (b'w/"abc"', None),
    ],
)
def test_a_validator_is_weak_and_salted_and_comes_back_as_it_was(etag: bytes, ours: bytes | None) -> None:
    assert salted(etag, SALT) == ours
    if ours is not None:
        assert unsalted([ours], SALT) == etag
        assert unsalted([ours.removeprefix(b"W/")], SALT) == etag
        assert unsalted([ours], SALT[::-1]) is None


@given(st.from_regex(rb'(W/)?"[\x21\x23-\x7e]{0,20}"', fullmatch=True))
def test_every_validator_comes_back(etag: bytes) -> None:
    ours = salted(etag, SALT)
    assert ours is not None
    assert unsalted([b'"x"', b"*, " + ours], SALT) == etag


@pytest.mark.parametrize(
    "values", [[], [b"*"], [b'"abc"'], [b'W/"abc"'], [b'"0123456789abcdef"'], [b"0123456789abcdef-a"]]
)
def test_what_is_not_ours_does_not_go_on(values: list[bytes]) -> None:
    assert unsalted(values, SALT) is None


def test_of_several_only_ours_go_on() -> None:
    mixed = [b'"a", W/"0123456789abcdef-b"', b'W/"0123456789abcdef~c", W/"fedcba9876543210-d"']
    assert unsalted(mixed, SALT) == b'"b", W/"c"'


def test_the_salt_changes_with_all_that_changes_a_page() -> None:
    base = salt("d", frozenset({"a", "b"}), ("banner", "de"))
    assert base == salt("d", frozenset({"b", "a"}), ("banner", "de"))
    others = [
        salt("e", frozenset({"a", "b"}), ("banner", "de")),
        salt("d", frozenset({"a"}), ("banner", "de")),
        salt("d", frozenset({"a", "b"}), ("banner", "fr")),
        salt("d", frozenset({"a", "b"}), ()),
    ]
    assert len({base, *others}) == 5
    assert len(base) == 16


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


def test_what_is_personal_is_never_stored() -> None:
    assert cache_control(personal=True) == b"private, no-store"
    assert cache_control(personal=False) == b"private, no-cache"
    assert accepts_html([(b"accept", b"application/xml, TEXT/html;q=0.9")])
