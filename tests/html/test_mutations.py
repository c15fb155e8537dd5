"""Trackers put at random places of real pages, of html5lib's cases and of odd markup: none is left that loads.

Another parser is the judge (`judged.py`); what the visitor starts is all there, and so are all elements. A sample here,
20,000 with `make fuzz`, more with `make fuzz EXAMPLES=…`.
"""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.html import Page, Rewriter
from tests.html.judged import loads, started, tags
from tests.html.mutants import TRACKERS, mutant
from tests.html.pages import page_of, rewrite, without_placeholders

#: Pages on which nothing is granted, and the trackers that may not be contacted from them.
OWN = frozenset({"shop.example"})
PAGES = (
    (page_of(unknown="block", first_party=OWN), TRACKERS),
    (page_of(unknown="allow", first_party=OWN), tuple(one for one in TRACKERS if "example" not in one)),
)
SAMPLE = 400
PROFILE = settings.default
FUZZED = max(20_000, PROFILE.max_examples) if settings.get_current_profile_name() == "fuzz" else PROFILE.max_examples


def check(document: bytes, chance: random.Random) -> bool:
    """Whether it held something that loads before it was rewritten."""
    page, trackers = chance.choice(PAGES)
    after = rewrite(document, page)
    assert loads(after, trackers) == [], document
    if b"noscript" not in document.lower():  # what runs on past a `</noscript>` is ended there
        assert started(after, TRACKERS) == started(document, TRACKERS), document
        assert tags(without_placeholders(after)) == tags(document), document
    assert in_pieces(page, document, chance) == after, document
    return loads(document, trackers) != []


def in_pieces(page: Page, document: bytes, chance: random.Random) -> bytes:
    """Rewritten byte by byte, or (what is long) in pieces of some bytes."""
    longest = 1 if len(document) < 400 else chance.choice((7, 64, 512))
    rewriter, out, at = Rewriter(page), [], 0
    while at < len(document):
        size = chance.randint(1, longest)
        out.append(rewriter.feed(document[at : at + size]))
        at += size
    return b"".join([*out, rewriter.close()])


def test_a_sample_of_mutants_loads_nothing() -> None:
    sample = [(mutant(chance), chance) for chance in map(random.Random, range(SAMPLE))]
    held = sum(check(document, chance) for document, chance in sample)
    assert held > SAMPLE // 3, "many of them must load something before they are rewritten"


@settings(max_examples=FUZZED)
@given(st.integers(0, 2**48))
def test_no_mutant_loads_anything(seed: int) -> None:
    chance = random.Random(seed)
    check(mutant(chance), chance)
