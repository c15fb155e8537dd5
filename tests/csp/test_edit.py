"""Content-Security-Policy, edited so that what we put into a page works and nothing else is loosened."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.csp.edit import admit

ORIGIN = "https://shop.example"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("script-src 'self'", "script-src 'self'"),
        ("script-src https://a.example", "script-src https://a.example 'self'"),
        ("script-src 'none'", "script-src 'self'"),
        ("SCRIPT-SRC  'NONE' ; img-src *", "SCRIPT-SRC  'self' ; img-src *"),
        ("script-src", "script-src 'self'"),
        ("script-src https://shop.example", "script-src https://shop.example"),
        ("script-src https:", "script-src https:"),
        ("script-src *", "script-src *"),
        ("script-src https://shop.example/js/", "script-src https://shop.example/js/ 'self'"),
        ("script-src 'nonce-a' 'strict-dynamic'", "script-src 'nonce-a' 'strict-dynamic' 'self'"),
        ("default-src 'self' https://a.example", "default-src 'self' https://a.example"),
        ("object-src 'none'; base-uri 'none'", "object-src 'none'; base-uri 'none'"),
        ("form-action 'none'", "form-action 'self'"),
        ("form-action https://pay.example;", "form-action https://pay.example 'self';"),
        ("frame-ancestors 'none'", "frame-ancestors 'none'"),
        ("child-src https://a.example", "child-src https://a.example; frame-src https://a.example 'self'"),
        ("script-src-elem https://a.example", "script-src-elem https://a.example 'self'"),
        ("script-src a.example; script-src 'none'", "script-src a.example 'self'; script-src 'none'"),
        ("script-src 'self', script-src 'none'", "script-src 'self', script-src 'self'"),
        ("", ""),
        (" ; ", " ; "),
    ],
)
def test_policies(before: str, after: str) -> None:
    assert admit(before.encode(), ORIGIN).decode() == after


def test_a_default_that_forbids_is_overridden_for_what_we_need_alone() -> None:
    directives = [part.strip() for part in admit(b"default-src 'none'; object-src 'none'", ORIGIN).split(b";")]
    assert directives[:2] == [b"default-src 'none'", b"object-src 'none'"]
    assert {part.split()[0]: part.split()[1:] for part in directives[2:]} == {
        name: [b"'self'"]
        for name in (b"script-src", b"style-src", b"connect-src", b"img-src", b"font-src", b"frame-src")
    }


def test_a_default_with_hosts_goes_on_for_what_is_split_off() -> None:
    after = admit(b"default-src https://a.example; img-src *", ORIGIN)
    assert b"script-src https://a.example 'self'" in after
    assert b"img-src *" in after
    assert after.startswith(b"default-src https://a.example; img-src *;")


_WORDS = [
    "script-src",
    "default-src",
    "img-src",
    "form-action",
    "'none'",
    "'self'",
    "https:",
    "a.example",
    ";",
    ",",
    " ",
]


@given(st.lists(st.sampled_from(_WORDS), max_size=20))
def test_once_admitted_nothing_more_changes(words: list[str]) -> None:
    once = admit(" ".join(words).encode(), ORIGIN)
    assert admit(once, ORIGIN) == once
