"""Which elements are open inside `<svg>` and `<math>`, where other rules hold (WHATWG HTML 13.2.6.5).

Rules of this file: only what is open inside the outermost foreign element is known. It answers two questions: are the
next tags read by HTML's rules (an integration point such as `<foreignObject>` is open) or by those of foreign content,
where `<title>`, `<style>` and `<script>` hold markup and CDATA sections exist; and when foreign content ends. What a
browser would need the whole tree for (an end tag of an element that was open before the `<svg>`) is answered from the
name: a name of HTML ends foreign content, an unknown one is ignored. Each element is pushed and popped once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import IntEnum

from proxy.html.page import CannotRewrite

#: Elements open at once inside one `<svg>`; more is refused, so that what is held has an end.
DEEPEST = 1 << 20

_BREAKOUT = frozenset(
    b"b big blockquote body br center code dd div dl dt em embed h1 h2 h3 h4 h5 h6 head hr i img li listing menu meta "
    b"nobr ol p pre ruby s small span strong strike sub sup table tt u ul var".split()
)
_BREAKING_FONT = frozenset({b"color", b"face", b"size"})
_VOID = frozenset(
    b"area base basefont bgsound br col embed frame hr img image input keygen link meta param source track wbr".split()
)
#: Elements that may have been open before the `<svg>`: their end tags end foreign content with them. Not `</body>` and
#: `</html>`, which close nothing, nor those of elements without content; of a `<template>` it is known.
_HTML_ENDS = (_BREAKOUT - _VOID - {b"body", b"head"}) | frozenset(
    b"a abbr address article aside button caption cite details dialog fieldset figcaption figure footer form header "
    b"hgroup label legend main mark nav object option optgroup picture q search section select summary tbody td tfoot "
    b"th thead tr video audio".split()
)
_SVG_POINTS = frozenset({b"foreignobject", b"desc", b"title"})
_MATH_POINTS = frozenset({b"mi", b"mo", b"mn", b"ms", b"mtext"})
_HTML_ENCODINGS = frozenset({b"text/html", b"application/xhtml+xml"})


class _Kind(IntEnum):
    SVG = 0
    MATH = 1
    ANNOTATION = 2  # <annotation-xml>: an <svg> in it is read by HTML's rules
    TEXT_POINT = 3  # MathML text integration point
    HTML_POINT = 4  # HTML integration point
    HTML = 5  # an element of HTML inside an integration point


class Foreign:
    """The open elements from the outermost `<svg>` or `<math>` inward; empty once that is left."""

    def __init__(self, name: bytes) -> None:
        self._open: list[tuple[bytes, _Kind]] = []
        #: How often each name is open in each run of elements that are all of HTML, or all foreign.
        self._runs: list[Counter[bytes]] = []
        self._points = 0
        self._push(name, _Kind.SVG if name == b"svg" else _Kind.MATH)

    def __bool__(self) -> bool:
        return bool(self._open)

    @property
    def top(self) -> bytes:
        return self._open[-1][0]

    @property
    def by_html_rules(self) -> bool:
        """Whether text and tags here are read as HTML; CDATA sections exist only where not."""
        return self._open[-1][1] >= _Kind.TEXT_POINT

    def start(self, name: bytes, attributes: Mapping[bytes, bytes], closed: bool) -> bool:
        """A start tag was read; `closed` with `/>`. True if it makes an element of HTML."""
        kind = self._open[-1][1]
        by_html = kind >= _Kind.HTML_POINT
        by_html |= kind is _Kind.TEXT_POINT and name not in (b"mglyph", b"malignmark")
        by_html |= kind is _Kind.ANNOTATION and name == b"svg"
        if not by_html and (name in _BREAKOUT or (name == b"font" and not _BREAKING_FONT.isdisjoint(attributes))):
            self._break_out()
            by_html = True
        if not by_html:
            if not closed:
                self._push(name, self._kind_of(name, attributes))
            return False
        if name in (b"svg", b"math"):
            if not closed:
                self._push(name, _Kind.SVG if name == b"svg" else _Kind.MATH)
            return False
        if self._open and name not in _VOID:
            self._push(name, _Kind.HTML)
        return True

    def end(self, name: bytes, *, open_outside: bool = False) -> None:
        """An end tag was read; `open_outside`: of an element that is known to have been open before."""
        in_html = self._open[-1][1] is _Kind.HTML
        if not in_html and name in (b"br", b"p"):
            self._break_out()
        elif self._runs[-1][name]:
            depth = len(self._open) - 1
            while self._open[depth][0] != name:
                depth -= 1
            self._pop_to(depth)
        elif not in_html and (open_outside or name in _HTML_ENDS) and not self._points:
            self._pop_to(0)

    def _break_out(self) -> None:
        """Leaves foreign elements up to the next integration point or element of HTML, or altogether."""
        depth = len(self._open)
        while depth and self._open[depth - 1][1] < _Kind.TEXT_POINT:
            depth -= 1
        self._pop_to(depth)

    def _kind_of(self, name: bytes, attributes: Mapping[bytes, bytes]) -> _Kind:
        if self._open[-1][1] is _Kind.SVG:
            return _Kind.HTML_POINT if name in _SVG_POINTS else _Kind.SVG
        if name in _MATH_POINTS:
            return _Kind.TEXT_POINT
        if name == b"annotation-xml":
            encoding = attributes.get(b"encoding", b"").lower()
            return _Kind.HTML_POINT if encoding in _HTML_ENCODINGS else _Kind.ANNOTATION
        return _Kind.MATH

    def _push(self, name: bytes, kind: _Kind) -> None:
        if len(self._open) >= DEEPEST:
            raise CannotRewrite(f"more than {DEEPEST} elements are open inside <svg> or <math>")
        if not self._open or (kind is _Kind.HTML) != (self._open[-1][1] is _Kind.HTML):
            self._runs.append(Counter())
        self._open.append((name, kind))
        self._runs[-1][name] += 1
        self._points += _Kind.TEXT_POINT <= kind <= _Kind.HTML_POINT

    def _pop_to(self, depth: int) -> None:
        while len(self._open) > depth:
            name, kind = self._open.pop()
            self._points -= _Kind.TEXT_POINT <= kind <= _Kind.HTML_POINT
            run = self._runs[-1]
            if run[name] > 1:
                run[name] -= 1
            else:
                del run[name]
            if not run:
                self._runs.pop()
