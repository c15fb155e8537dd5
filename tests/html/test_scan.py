# ruff: noqa: E501 (a row of a table of markup is one line)
"""The scanner by itself: what html5lib's cases do not say. (They are in tests/conformance.)"""

from __future__ import annotations

import pytest

from proxy.html import grammar
from proxy.html.foreign import DEEPEST, Foreign
from proxy.html.page import CannotRewrite
from proxy.html.scan import END, RAW, START, Scanner


def tokens(page: bytes, size: int = 1 << 30, **how: bool) -> list[tuple[int, bytes]]:
    """Tags and raw text, with raw text in one piece."""
    scanner = Scanner(grammar.SKIP_TEXT, **how)
    found: list[tuple[int, bytes]] = []
    pieces = [page[at : at + size] for at in range(0, len(page), size)]
    for number, piece in enumerate([*pieces, b""]):
        scanner.feed(piece)
        for kind, start, end, _ in scanner.tokens(last=number == len(pieces)):
            text = scanner.buffer[start:end]
            if kind is RAW and found and found[-1][0] is RAW:
                found[-1] = (RAW, found[-1][1] + text)
            elif kind in (START, END, RAW):
                found.append((kind, text))
    return found


@pytest.mark.parametrize("size", [1 << 30, 1, 2, 5])
@pytest.mark.parametrize(
    ("page", "expected"),
    [
        (b"<p a='>'>x</p >", [(START, b"<p a='>'>"), (END, b"</p >")]),
        (b"<p a=\"'\"b='\"'c=\"x\"/>", [(START, b"<p a=\"'\"b='\"'c=\"x\"/>")]),
        (b"<p =a>b<p a==b>", [(START, b"<p =a>"), (START, b"<p a==b>")]),
        (b"<p a=b'>c\"<i>", [(START, b"<p a=b'>"), (START, b"<i>")]),
        (b"<p a = >b>", [(START, b"<p a = >")]),
        (b"<p/a/b='c'/d>", [(START, b"<p/a/b='c'/d>")]),
        (b"<style></styles></style/><b>", [(START, b"<style>"), (RAW, b"</styles>"), (END, b"</style/>"), (START, b"<b>")]),
        (b"<title><b></TITLE><b>", [(START, b"<title>"), (RAW, b"<b>"), (END, b"</TITLE>"), (START, b"<b>")]),
        (
            b"<script><!--<script></script>--></script><b>",
            [(START, b"<script>"), (RAW, b"<!--<script></script>-->"), (END, b"</script>"), (START, b"<b>")],
        ),
        (
            b"<script><!--></script><b>",
            [(START, b"<script>"), (RAW, b"<!-->"), (END, b"</script>"), (START, b"<b>")],
        ),
        (b"<!--><b><!---><b><!--a--!><b><!--a--!b--><b>", [(START, b"<b>")] * 4),
        (b"<!a><b><?a><b></ a><b></><b>", [(START, b"<b>")] * 4),
        (b"<plaintext><b></plaintext>", [(START, b"<plaintext>")]),
        (b"<![CDATA[<b>]]>", [(START, b"<b>")][:0]),
        (b"<svg><![CDATA[<b>]]><a>", [(START, b"<svg>"), (START, b"<a>")]),
    ],
)  # fmt: skip
def test_tags_and_raw_text(page: bytes, expected: list[tuple[int, bytes]], size: int) -> None:
    assert tokens(page, size) == expected


def test_noscript_is_read_by_whether_scripting_is_on() -> None:
    page = b"<noscript><b></noscript>"
    assert tokens(page) == [(START, b"<noscript>"), (RAW, b"<b>"), (END, b"</noscript>")]
    assert tokens(page, scripting=False) == [(START, b"<noscript>"), (START, b"<b>"), (END, b"</noscript>")]


@pytest.mark.parametrize(
    ("page", "closer"),
    [
        (b"<p>", b""),
        (b"<p", b">"),
        (b"<p a='", b"'>"),
        (b'<p a="x', b'">'),
        (b"<p a=", b">"),
        (b"<!--", b"-->"),
        (b"<!-- -", b"-->"),
        (b"<!x", b">"),
        (b"<", b""),
        (b"</", b">"),
        (b"<title>x</tit", b"</title>"),
        (b"<script><!--", b"</script>"),
        (b"<svg><![CDATA[", b"]]>"),
        (b"<plaintext>", b""),
    ],
)
def test_what_would_close_the_open_construct(page: bytes, closer: bytes) -> None:
    scanner = Scanner(grammar.SKIP_BODY)
    scanner.feed(page)
    list(scanner.tokens())
    assert scanner.closer() == closer
    assert scanner.in_content == (page == b"<p>")


def test_foreign_content_has_a_deepest_element() -> None:
    foreign = Foreign(b"svg")
    for _ in range(DEEPEST - 1):
        foreign.start(b"g", {}, False)
    with pytest.raises(CannotRewrite):
        foreign.start(b"g", {}, False)
