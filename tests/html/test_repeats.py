"""A page becomes the same whether it repeats an earlier one or not, and each of its tags is told of once a view."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.html import CannotRewrite, Page, Rewriter, repeats, stretches
from proxy.html.page import Retold, TagReport
from proxy.html.remembered import Remembered
from proxy.html.rewrite import Markup
from proxy.model import Action
from tests.html.pages import page_of
from tests.places import real_pages

TAG = b'<img src="https://www.facebook.com/tr?id=1" width=1 height=1>'
TUBE = b'<iframe src="https://www.youtube.com/embed/a"></iframe>'
_BASE = b"<base href=//www.facebook.com/>"
SCRIPT = b"<script>fetch('https://www.google-analytics.com/collect')</script>"
PAGE = b"<!doctype html><html lang=de><body>" + TAG + TUBE + SCRIPT + b"<p>a</p>" + TUBE + TAG + b"</body></html>"


@pytest.fixture(autouse=True)
def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeats, "_remembered", Remembered(repeats._size, size=repeats.ROOM))
    monkeypatch.setattr(repeats, "_once", Remembered(lambda *_: 1))
    monkeypatch.setattr(stretches, "SHORTEST", 20)
    monkeypatch.setattr(stretches, "_remembered", Remembered(stretches._size))


class View:
    """One visitor's view: what leaves, and how many tags of each action were told of."""

    def __init__(self, pieces: list[bytes], *, page: Page | None = None, variant: object = "one") -> None:
        self.told: Counter[Action] = Counter()
        page = replace(page or page_of(banner=_banner, footer=_footer), variant=variant)
        rewriter = Rewriter(replace(page, report=self._hear, retold=self._hear_again))
        self.out = [*(rewriter.feed(piece) for piece in pieces), rewriter.close()]

    def _hear(self, tag: TagReport) -> None:
        self.told[tag.action] += 1

    def _hear_again(self, retold: Retold) -> None:
        self.told += Counter(retold.actions)


def _banner(lang: str | None) -> bytes:
    return f"<p lang={lang}>?</p>".encode()


def _footer(_lang: str | None) -> bytes:
    return b"<p>.</p>"


def cut(document: bytes, size: int) -> list[bytes]:
    return [document[at : at + size] for at in range(0, len(document), size)]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How many bytes were read since it was last asked."""
    sizes: list[int] = []
    before = Markup.feed

    def feed(self: Markup, piece: bytes, *, last: bool = False) -> bytes:
        sizes.append(len(piece))
        return before(self, piece, last=last)

    monkeypatch.setattr(Markup, "feed", feed)

    def since() -> int:
        total = sum(sizes)
        sizes.clear()
        return total

    return since


@pytest.mark.parametrize("size", [1, 7, 40, 1000])
def test_every_view_is_like_the_first(size: int) -> None:
    pieces = cut(PAGE, size)
    first = View(pieces, variant=None)
    for _ in range(len(pieces) + 3):
        view = View(pieces)
        assert (view.out, view.told) == (first.out, first.told)


def test_a_page_is_read_no_more_once_all_of_it_was_seen_twice(read: Callable[[], int]) -> None:
    pieces = cut(PAGE, 100)
    for _ in range(len(pieces) + 3):
        View(pieces)
    read()
    View(pieces)
    assert read() == 0


def test_what_was_seen_once_is_not_kept() -> None:
    View([PAGE])
    assert not repeats._remembered._young


@pytest.mark.parametrize("at", range(4))
def test_a_page_that_departs_from_an_earlier_one_is_read_from_there_on(at: int) -> None:
    pieces = cut(PAGE, 80)
    for _ in range(len(pieces) + 2):
        View(pieces)
    other = [*pieces[:at], pieces[at] + b"<p>" + TAG, *pieces[at + 1 :]]
    for _ in range(3):
        view, alone = View(other), View(other, variant=None)
        assert (view.out, view.told) == (alone.out, alone.told)


def with_token(number: int) -> bytes:
    return PAGE.replace(b"<body>", b"<body data-token=%04d>" % number) + b"<p>" * 20 + TAG * 4


def padded(piece: bytes, end: bytes = b"<p>") -> bytes:
    """With white space in it, so that its end, and what follows, stand equally far on."""
    return piece.ljust(-len(piece) // 160 * -160) + end


def test_a_token_leaves_the_pieces_behind_it_as_they_were(read: Callable[[], int]) -> None:
    for number in range(12):
        View(cut(with_token(number), 120))
    read()
    pieces = cut(with_token(99), 120)
    view, had = View(pieces), read()
    assert had < 300 < sum(map(len, pieces))
    alone = View(pieces, variant=None)
    assert (view.out, view.told) == (alone.out, alone.told)


@pytest.mark.parametrize(
    "start",
    [
        b"<html lang=fr><body>",
        b"<body>" + TUBE,
        b"<body><base href=//www.facebook.com/>",
        b"<body><base href=/here>",
        b"<html><body>",
        b"<body><template>",
        b"<body></body>",
        b"<title>",
        b"<frameset>",
        b"<head>",
        b"<body><svg>",
        b"<body><!--",
        b"\xef\xbb\xbf<body>",
    ],
)
def test_pieces_behind_a_page_that_stands_otherwise_are_others(start: bytes) -> None:
    more = b"<html lang=fr>" + _BASE + b"<p>a</p><img src=tr?id=1>" * 4 + TUBE + TAG + b"<p>b</p>" * 9
    rest = cut(more + b"</body><p>c</p>" * 3, 90)
    for _ in range(8):
        View([padded(b"<html lang=de><body>"), *rest])
        View([padded(b"<body>"), *rest])
    pieces = [padded(start), *rest]
    alone = View(pieces, variant=None)
    for _ in range(8):
        view = View(pieces)
        assert (view.out, view.told) == (alone.out, alone.told)


def test_pages_of_another_variant_or_under_other_rules_are_others() -> None:
    granted = page_of(all_granted=True)
    for _ in range(4):
        View([PAGE], variant="one")
        View([PAGE], variant="two", page=page_of())
        View([PAGE], variant="one", page=granted)
    assert _banner("de") in View([PAGE], variant="one").out[0]
    assert _banner("de") not in View([PAGE], variant="two", page=page_of()).out[0]
    assert View([PAGE], page=granted).out == View([PAGE], variant=None, page=granted).out


def test_a_page_that_is_cut_short_ends_as_it_would_have() -> None:
    pieces = cut(PAGE, 60)
    for _ in range(len(pieces) + 2):
        View(pieces)
    for length in range(len(pieces)):
        assert View(pieces[:length]).out == View(pieces[:length], variant=None).out


def test_what_cannot_be_rewritten_is_refused_every_time() -> None:
    for _ in range(4):
        rewriter = Rewriter(replace(page_of(), variant="one"))
        rewriter.feed(b"<body>" + TAG)
        with pytest.raises(CannotRewrite):
            rewriter.feed(_nested(9))


def _nested(depth: int) -> bytes:
    """A document in a document, so deep."""
    page = b"<p>"
    for _ in range(depth):
        page = b'<iframe srcdoc="' + page.replace(b"&", b"&amp;").replace(b'"', b"&quot;") + b'"></iframe>'
    return page


def test_what_is_remembered_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    room = 100_000
    monkeypatch.setattr(repeats, "_remembered", Remembered(repeats._size, size=room))
    for number in range(200):
        for _ in range(3):
            View([PAGE + b"%d" % number])
    held = [*repeats._remembered._young.items(), *repeats._remembered._old.items()]
    assert 0 < sum(repeats._size(key, passed) for key, passed in held) < 2 * room + 5_000


_PLAIN = [b"<p>x</p>" * 4, b"<p>y</p>" * 9, TAG, TUBE, SCRIPT, b"<img src=tr?id=1>", b"<p title='", b"'>"]
_ODD = [b"<!--", b"-->", b"<body>", b"</body>", b"<template>", b"</template>", b"<", b"<svg>", b"</svg>", _BASE]
_PARTS = st.sampled_from(_PLAIN * 2 + _ODD)


@pytest.mark.hypothesis
@given(st.lists(st.lists(_PARTS, min_size=2, max_size=6).map(b"".join).map(padded), min_size=1, max_size=4), st.data())
def test_whatever_is_seen_in_whatever_order(pieces: list[bytes], data: st.DataObject) -> None:
    starts = data.draw(st.lists(_PARTS, min_size=1, max_size=3))
    for _ in range(12):
        shown = [padded(b"<body>" + data.draw(st.sampled_from(starts))), *data.draw(st.permutations(pieces))]
        view, alone = View(shown), View(shown, variant=None)
        assert (view.out, view.told) == (alone.out, alone.told)


@pytest.mark.parametrize("file", real_pages()[:6], ids=lambda file: file.stem)
def test_real_pages_repeat(file: Path) -> None:
    pieces = cut(file.read_bytes(), 50_000)
    alone = View(pieces, variant=None)
    for _ in range(len(pieces) + 3):
        view = View(pieces)
        assert (view.out, view.told) == (alone.out, alone.told)
