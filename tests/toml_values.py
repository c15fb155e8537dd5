"""Strategies for whatever a TOML document can hold."""

from __future__ import annotations

from hypothesis import strategies as st

KEYS = st.text(st.sampled_from('ab."#[]= \u00e4'), max_size=4)
_SCALARS = st.one_of(
    st.booleans(), st.integers(-99, 99), st.dates(), st.text(st.sampled_from("ab'\"\\#[]{},=\n\u00e4"), max_size=6)
)
VALUES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)
