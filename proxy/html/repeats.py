"""What equal pieces of equal pages became: most visitors of a shop get the very same bytes of it.

Rules of this file: a piece is remembered by its bytes and by where it stands in a page of these rules and this variant:
behind the same pieces from the page's first byte on, or, where the reader knows what alone decides how things go on,
behind that; so a token in one piece leaves the next ones as they were. It is remembered once it was seen twice, so that
pages made for one visitor alone drive out nothing. What is remembered is bounded, for all pages together.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import replace
from functools import lru_cache

from proxy.html.page import Page, Retold, TagReport
from proxy.html.remembered import Remembered
from proxy.html.rules import Identity, rules_of

#: Bytes that all pieces of a generation may take.
ROOM = 8 << 20


class Passed:
    """What became of a piece: its new bytes (None: as it was), what was told of its tags (None: nobody listened), and
    what the next piece stands behind; itself, where the reader does not know."""

    __slots__ = ("behind", "out", "piece", "told")

    def __init__(self, piece: bytes | None, out: bytes, told: Retold | None, behind: Hashable | None) -> None:
        self.piece = piece
        self.out = None if out == piece else out
        self.told = told
        self.behind: Hashable = self if behind is None else behind


#: What the piece stands behind, and the piece; None for the page's end.
_Key = tuple[Hashable, bytes | None]


def _size(_key: _Key, passed: Passed) -> int:
    told = len(passed.told.tags) if passed.told else 0
    return 2 * len(passed.piece or b"") + len(passed.out or b"") + 300 * told + 300  # with the tail that `behind` holds


_remembered: Remembered[_Key, Passed] = Remembered(_size, size=ROOM)
#: Hashes of what was seen once.
_once: Remembered[int, bool] = Remembered(lambda *_: 1)


@lru_cache(256)
def _start(page: Identity[Page]) -> Hashable:
    """What a page's first piece stands behind."""
    return (rules_of(page.value), page.value.variant, page.value.report is None)


class Repeats:
    """Follows one page where it repeats an earlier one, and remembers what becomes of it where it does not."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._start: Hashable | None = None if page.variant is None else _start(Identity(page))
        #: What the next piece stands behind, as far as that is known.
        self._behind = self._start
        #: What was passed over, and the reader has not had.
        self._passed: list[Passed] = []
        #: What was told of the piece at hand, and whether it was told before.
        self._told: list[TagReport] = []
        self._again = False

    @property
    def page(self) -> Page:
        """For whoever reads the page where it repeats nothing: its hearers are listened in on."""
        if self._start is None or self._page.report is None:
            return self._page
        return replace(self._page, report=self._hear, retold=self._hear_again)

    def repeated(self, piece: bytes | None) -> bytes | None:
        """What the piece (None: the page's end) becomes, if an earlier page had it there."""
        passed = None if self._behind is None else _remembered.get((self._behind, piece))
        if passed is None:
            return None
        self._behind = passed.behind
        self._passed.append(passed)
        if passed.told is not None and self._page.retold is not None:
            self._page.retold(passed.told)
        return piece or b"" if passed.out is None else passed.out

    def reread(self, feed: Callable[[bytes], object]) -> None:
        """Has all that was passed over read after all; what is told of it was told."""
        self._again = True
        for passed in self._passed:
            feed(passed.piece or b"")
        self._again, self._told, self._passed = False, [], []

    def keep(self, piece: bytes | None, out: bytes, standing: Hashable | None) -> None:
        """Remembers what became of the next piece, if it was seen before; `standing` is the reader's behind it."""
        if self._start is None:
            return
        key, told, self._told = (self._behind, piece), self._told, []
        self._behind = behind = None if standing is None else (self._start, standing)
        if key[0] is None:
            return
        if _once.get(hash(key)) is None:
            _once.put(hash(key), True)
            return
        passed = Passed(piece, out, None if self._page.report is None else Retold(tuple(told)), behind)
        if _remembered.put(key, passed):
            self._behind = passed.behind

    def _hear(self, tag: TagReport) -> None:
        self._told.append(tag)
        if self._page.report is not None and not self._again:
            self._page.report(tag)

    def _hear_again(self, retold: Retold) -> None:
        self._told += retold.tags
        if self._page.retold is not None and not self._again:
            self._page.retold(retold)
