"""What stretches of markup became, remembered by their bytes: most of a page's markup has been seen before.

Rules of this file: a stretch begins and ends at a `<` where the page stands between two constructs, so that what it
becomes depends on its own bytes and the page's rules alone; what depends on more (where it stands, which embed it is,
what the page has said before) is never remembered. Where a stretch ends is decided by the bytes that follow its start,
not by the pieces in which they come: a token in one stretch leaves the next ones as they were. What is remembered is
bounded, for all pages of the process together.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from proxy.html.page import Page, Retold, TagReport
from proxy.html.remembered import Remembered

if TYPE_CHECKING:
    from proxy.html.rewrite import Markup
    from proxy.html.rules import Rules

#: Bytes that a stretch has at least; it ends at the first `<` after them.
SHORTEST = 2048
#: Tags that make of what follows something else.
_PARTICULAR = (b"<html", b"<body")
#: Bytes that all stretches of a generation may take.
ROOM = 4 << 20


class Stretch(NamedTuple):
    """What became of a stretch: its new bytes (None: as it was), and what was told, with offsets from its start (None:
    nobody listened). Where a stretch does not end between two constructs, `size` says how many bytes from its start on
    one does, and nothing else holds."""

    out: bytes | None
    told: Retold | None
    size: int = 0


#: The page's rules, the phase of what is put in, and the bytes.
_Key = tuple["Rules", int | None, bytes]


def _size(key: _Key, stretch: Stretch) -> int:
    return len(key[2]) + len(stretch.out or b"") + 300 * len(stretch.told.tags if stretch.told else ()) + 300


_remembered: Remembered[_Key, Stretch] = Remembered(_size, size=ROOM)


class Stretches:
    """Takes a page's markup through, a stretch at a time. `page` is given to `markup`, which does what is new."""

    def __init__(self, page: Page) -> None:
        self._report = page.report
        self._told: list[TagReport] | None = None
        self.page = page if page.report is None else replace(page, report=self._hear)
        #: Bytes of the stretch that has begun.
        self._since = 0
        #: Where the page stood when it began, and its bytes, if all of them came in the latest piece.
        self.standing: Hashable | None = None

    def through(self, piece: bytes, markup: Markup) -> bytes:
        """What leaves of the next piece of the page."""
        out: list[bytes] = []
        at = self._seen(piece, 0, markup, out)
        while (cut := self._cut(piece, at, markup)) >= 0:
            if self._since or not markup.between:
                out.append(markup.feed(piece[at:cut]))
            else:
                cut = self._stretch(piece, at, cut, markup, out)
            self._since = 0
            at = self._seen(piece, cut, markup, out)
        rest = piece[at:] if at else piece
        stood = None if self._since else markup.standing
        self.standing = None if stood is None else (stood, rest)
        self._since += len(rest)
        out.append(markup.feed(rest))
        return b"".join(out) if len(out) > 1 else out[0]

    def _seen(self, piece: bytes, at: int, markup: Markup, out: list[bytes]) -> int:
        """Takes all through that was seen before and follows one another in the open body; where that ends."""
        if self._since or not markup.between or markup.phase or not markup.offset:
            return at
        rules, start, offset = markup.rules, at, markup.offset
        while (cut := piece.find(b"<", at + SHORTEST)) >= 0:
            found, end = self._known(rules, 0, piece, at, cut)
            if found is None:
                break
            out.append(piece[at:end] if found.out is None else found.out)
            self._tell_again(found.told, offset + at - start)
            at = end
        if at > start:
            markup.pass_over(at - start)
        return at

    def _known(self, rules: Rules, phase: int | None, piece: bytes, at: int, cut: int) -> tuple[Stretch | None, int]:
        """What is remembered of the stretch that begins there, if it can serve here, and where that one ends."""
        found = _remembered.get((rules, phase, piece[at:cut]))
        if found is not None and found.size:
            cut = at + found.size
            found = _remembered.get((rules, phase, piece[at:cut]))
        if found is None or found.size or (found.told is None and self._report is not None):
            return None, cut
        return found, cut

    def _cut(self, piece: bytes, at: int, markup: Markup) -> int:
        """Where what begins at `at` ends: once it is long enough, but after the tags that say what the page is, and
        before the body's end; in a script or the like, after that. -1 where the piece does not say."""
        if not self._since and not markup.between:
            return _after(markup.ender, piece, at)
        cut = piece.find(b"<", at + max(1, SHORTEST - self._since))
        end = cut if cut >= 0 else len(piece)
        for particular in _PARTICULAR if markup.phase or not markup.offset else ():
            if (found := _after(particular, piece, at, end)) >= 0:
                return found
        return piece.rfind(b"</body", at + 1) if cut < 0 else cut

    def _stretch(self, piece: bytes, at: int, cut: int, markup: Markup, out: list[bytes]) -> int:
        """One whole stretch, seen before or not; where it ends."""
        found, end = self._known(markup.rules, markup.phase, piece, at, cut)
        if found is None:
            return self._new(piece, at, cut, markup, out)
        offset = markup.pass_over(end - at)
        out.append(piece[at:end] if found.out is None else found.out)
        self._tell_again(found.told, offset)
        return end

    def _tell_again(self, told: Retold | None, offset: int) -> None:
        """Of a stretch that was seen before and stands so far on in the page."""
        if told is None or not told.tags:
            return
        if self.page.retold is not None:
            self.page.retold(told)
        elif self._report is not None:
            for tag in told.tags:
                self._report(replace(tag, offset=offset + tag.offset))

    def _new(self, piece: bytes, at: int, cut: int, markup: Markup, out: list[bytes]) -> int:
        """Reads a stretch that was not seen before, and on to the end of what stands across its cut."""
        self._told = None if self._report is None else []
        rules, phase, start, end = markup.rules, markup.phase, markup.offset, cut
        made = [markup.feed(piece[at:cut])]
        while not markup.between and (further := _after(markup.ender, piece, end)) >= 0:
            made.append(markup.feed(piece[end:further]))
            end = further
        text, told, self._told = b"".join(made), self._told, None
        if markup.between and (markup.rules, markup.phase) == (rules, phase) and markup.lasting_since(start):
            whole = piece[at:end]
            retold = None if told is None else Retold(tuple(replace(tag, offset=tag.offset - start) for tag in told))
            kept = _remembered.put((rules, phase, whole), Stretch(None if text == whole else text, retold))
            if kept and end > cut:
                _remembered.put((rules, phase, piece[at:cut]), Stretch(None, None, end - at))
        out.append(text)
        return end

    def _hear(self, tag: TagReport) -> None:
        assert self._report is not None
        self._report(tag)
        if self._told is not None:
            self._told.append(tag)


def _after(tag: bytes, piece: bytes, start: int, end: int | None = None) -> int:
    """Where the next `<` stands after such a tag, which begins in these bounds; -1 where the piece does not say."""
    found = piece.find(tag, start, end)
    return found if found < 0 else piece.find(b"<", found + 1)
