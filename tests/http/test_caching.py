"""Validators with a salt, and which requests may bring a page back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.http.caching import cache_control, salt, salted, unsalted

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


def test_what_is_personal_is_never_stored() -> None:
    assert cache_control(personal=True) == b"private, no-store"
    assert cache_control(personal=False) == b"private, no-cache"
