"""A page becomes the same whether its stretches were seen before or not, and whatever pieces it comes in."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.html import Rewriter, stretches
from proxy.html.page import TagReport
from proxy.html.remembered import Remembered
from proxy.html.rewrite import Markup
from tests.html.mutants import mutant
from tests.html.pages import page_of
from tests.places import real_pages

TAG = '<img src="https://www.facebook.com/tr?id=1" width=1 height=1>'
SCRIPT = '<script>fetch("https://www.google-analytics.com/collect");for(i=0;i<9;i++){if(i<3)a();}</script>'
TUBE = '<iframe src="https://www.youtube.com/embed/a"></iframe>'


@pytest.fixture(params=[1, 6, 40])
def short(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Stretches are so short that every test page has many of them, and nothing is remembered yet."""
    forget(monkeypatch, request.param)
    return request.param


def forget(patch: pytest.MonkeyPatch, shortest: int) -> None:
    patch.setattr(stretches, "SHORTEST", shortest)
    patch.setattr(stretches, "_remembered", Remembered(stretches._size))


def unstretched(document: bytes, granted: bool = False) -> tuple[bytes, list[TagReport]]:
    with pytest.MonkeyPatch.context() as patch:
        forget(patch, 1 << 30)
        return through(document, granted=granted)


def through(document: bytes, size: int = 1 << 30, *, granted: bool = False) -> tuple[bytes, list[TagReport]]:
    """What leaves, and what is told, by where it stands: of text that is read in two ways it is told later."""
    told: list[TagReport] = []
    asking = {"banner": lambda lang: f"<p lang={lang}>?</p>".encode(), "footer": lambda _: b"<p>.</p>"}
    rewriter = Rewriter(page_of(all_granted=granted, report=told.append, **asking))
    pieces = [rewriter.feed(document[at : at + size]) for at in range(0, len(document), size)]
    out = b"".join([*pieces, rewriter.close()])
    return out, sorted(told, key=lambda tag: (tag.offset, tag.element, tag.url))


def hits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Counts the bytes that are passed over from now on."""
    passed: list[int] = []
    before = Markup.pass_over

    def counted(self: Markup, size: int) -> int:
        passed.append(size)
        return before(self, size)

    monkeypatch.setattr(Markup, "pass_over", counted)
    return passed


DOCUMENTS = [
    f"<html lang=en><body>{TAG}<p>a</p>{SCRIPT}<p>b</p>{TAG}{TUBE}<p>c</p>{TUBE}{SCRIPT}<p>d</body></html>",
    f"<body>{TAG * 3}<noscript>{TAG}{TUBE}</noscript>{TAG * 3}<base href=//www.facebook.com/>{TAG}<img src=tr?id=1>",
    f"<body><svg><style>a{{background:url(//www.facebook.com/tr?id=1)}}</style></svg>{TAG}<template>{TAG}</template>{TAG}",
    f"<body>{TAG}<template><body></template><!-- {TAG} -->{TAG}<textarea>{TAG}</textarea><p>{TAG}</p></body>{TAG}",
    f"{SCRIPT * 4}<title>{TAG}</title>{SCRIPT * 4}<p>{TAG}<plaintext>{TAG}",
    f"<frameset>{SCRIPT}<frame src=//www.youtube.com/embed/a><noframes>{TAG}</noframes></frameset>{SCRIPT}",
    f"<body><iframe srcdoc='{TAG}'></iframe>{TAG}<blockquote class=twitter-tweet>{TAG}</blockquote>{TAG * 4}",
]


@pytest.mark.parametrize("document", [document.encode() for document in DOCUMENTS])
@pytest.mark.parametrize("granted", [False, True])
def test_what_was_seen_before_becomes_the_same(short: int, document: bytes, granted: bool) -> None:
    expected = unstretched(document, granted)
    for size in (1 << 30, 1, 50, 1 << 30, 200, 1 << 30):
        assert through(document, size, granted=granted) == expected


def test_what_was_seen_before_is_not_read_again(short: int, monkeypatch: pytest.MonkeyPatch) -> None:
    document = (TAG + "<p>Pots are made of clay, most of them.</p>" * 3).encode() * 20
    through(document)
    passed = hits(monkeypatch)
    expected = unstretched(document)
    assert through(document) == expected
    assert sum(passed) > 0.9 * len(document)
    passed.clear()
    moved = b"<p>" + b"Another token than before.</p>" + document
    assert through(moved) == unstretched(moved)
    assert sum(passed) > 0.8 * len(document), "one token must not undo what is remembered of all that follows"


def test_a_script_longer_than_a_stretch_is_remembered_with_what_it_stands_in(monkeypatch: pytest.MonkeyPatch) -> None:
    forget(monkeypatch, 40)
    document = (f"<p>a</p>{SCRIPT}<p>b</p>" * 12).encode()
    through(document)
    passed = hits(monkeypatch)
    assert through(document) == unstretched(document)
    assert sum(passed) > 0.8 * len(document)


def test_a_noscript_in_foreign_content_ends_where_it_ends() -> None:
    document = b"<math><mi><noscript><p>a</noscript><textarea><img src=//www.facebook.com/tr?id=1></textarea>"
    assert unstretched(document)[1] == []


@given(st.integers(0, 2**48), st.sampled_from([1, 5, 30, 200]), st.sampled_from([1 << 30, 64, 1000]))
def test_mutants_become_the_same(seed: int, shortest: int, size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        forget(patch, shortest)
        documents = [mutant(random.Random(seed + turn)) for turn in range(3)]
        documents += [documents[0] + documents[1] + documents[0], documents[0]]
        for document in documents:
            assert through(document, size) == unstretched(document)


@pytest.mark.parametrize("file", real_pages()[::6], ids=lambda file: file.stem)
def test_real_pages_become_the_same(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = file.read_bytes()
    expected = unstretched(document)
    forget(monkeypatch, stretches.SHORTEST)
    passed = hits(monkeypatch)
    assert through(document, 50_000) == expected
    assert through(re.sub(rb"<body", b"<body data-token=abc", document, count=1), 64 << 10)[1] != []
    passed.clear()
    assert through(document, 50_000) == expected
    assert sum(passed) > len(document) / 10
