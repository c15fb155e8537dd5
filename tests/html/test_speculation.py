"""Speculation rules: JSON before, JSON after, and nobody fetched ahead who is denied."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.html.page import CannotRewrite
from proxy.html.rules import rules_of
from proxy.html.speculation import LARGEST, Speculation
from proxy.model import Action
from tests.html.pages import page_of, reports, rewrite

TR = "https://www.facebook.com/tr?id=1"


def ruled(text: str | bytes, size: int = 1 << 30) -> bytes:
    body = text.encode() if isinstance(text, str) else text
    rules = Speculation(rules_of(page_of()))
    pieces = [rules.feed(body[at : at + size]) for at in range(0, len(body), size)]
    return b"".join(pieces) + rules.feed(b"", last=True)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f'{{"prefetch":[{{"urls":["/a","{TR}"]}}]}}', '{"prefetch":[{"urls":["/a","about:invalid"]}]}'),
        (r'["https:\/\/www.facebook.com\/tr?id=1", "x\"y"]', r'["about:invalid", "x\"y"]'),
        (r'["\u002f\u002Fwww.facebook.com/tr?id=1"]', '["about:invalid"]'),
        ('{"where": {"href_matches": "https://www.facebook.com/tr*"}}', '{"where": {"href_matches": "about:invalid"}}'),
        ('["https://shop.example/a", "//third.example.net/", "moderate", "/b"]', None),
        (f'["{TR}', None),
        (f"['{TR}']", None),
        (f'["{TR} \\x"]', None),
        ("", None),
    ],
)
def test_only_urls_of_the_denied_change(before: str, after: str | None) -> None:
    for size in (1 << 30, 1, 2, 5):
        assert ruled(before, size).decode() == (before if after is None else after)


def test_they_are_rewritten_in_a_page_and_told_of() -> None:
    page = f'<p><script type=SpeculationRules>{{"prefetch":[{{"urls":["{TR}"]}}]}}</script>'
    assert rewrite(page) == page.replace(TR, "about:invalid").encode()
    assert rewrite(page, size=1) == rewrite(page)
    [told] = reports(page)
    assert (told.element, told.url, told.action) == ("script text", TR, Action.CUT)
    assert page[told.offset :].startswith(TR)


def test_documents_are_not_relayed() -> None:
    page = '<script type=speculationrules>["https://www.google-analytics.com/analytics.js"]</script>'
    assert b'["about:invalid"]' in rewrite(page, page_of(all_granted=True))


def test_a_string_without_end_is_refused_when_it_is_too_long() -> None:
    with pytest.raises(CannotRewrite):
        ruled(b'"' + b"x" * (LARGEST * 2), 4096)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from([TR, "//www.facebook.com/tr?id=1", "/own"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(json_values, st.booleans(), st.integers(1, 9))
def test_json_stays_json(value: Any, escaped: bool, size: int) -> None:
    text = json.dumps(value, ensure_ascii=escaped)
    after = ruled(text)
    assert ruled(text, size) == after
    wanted = text.replace(f'"{TR}"', '"about:invalid"').replace('"//www.facebook.com/tr?id=1"', '"about:invalid"')
    assert json.loads(after) == json.loads(wanted)
