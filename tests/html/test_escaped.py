r"""URLs in style sheets as browsers read them: escapes, escaped names, and relative ones under a third party's base."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.html.escaped import token_at, unescaped
from proxy.html.inline import Literals
from proxy.html.rules import rules_of
from tests.html.pages import page_of, rewrite

TR = "www.facebook.com/tr?id=1"
CUT = [
    (rf"a{{b:url(\68 ttps://{TR})}}", "a{b:url(about:invalid)}"),
    (rf'a{{b:url("\000068ttps://{TR}")}}', 'a{b:url("about:invalid")}'),
    (r"a{b:url(//www.\000066acebook.com/tr?id=1)}", "a{b:url(about:invalid)}"),
    (rf"a{{b:url(\h\ttp\73://{TR})}}", "a{b:url(about:invalid)}"),
    (rf"a{{b:u\72l(https://{TR})}}", r"a{b:u\72l(about:invalid)}"),
    (rf"a{{b:\55\52\4c(  https://{TR} )}}", r"a{b:\55\52\4c(  about:invalid )}"),
    (rf"a{{b:u\72 l(\2f/{TR})}}", r"a{b:u\72 l(about:invalid)}"),
    (r"a{b:url(https:\2f\2fwww.facebook.com/tr?id=1)}", "a{b:url(about:invalid)}"),
    (rf"a{{b:url(https:\/\/{TR})}}", "a{b:url(about:invalid)}"),
    (rf'a{{b:url("https:\\\\{TR}")}}', 'a{b:url("about:invalid")}'),
    (r"a{b:url(//www.f\61 cebook.com/tr?id=1)}", "a{b:url(about:invalid)}"),
    ("a{b:url('//www.face\\\nbook.com/tr?id=1')}", "a{b:url('about:invalid')}"),
    (rf"@import '\//{TR}';", "@import 'about:invalid';"),
    (rf"@import'\2f/{TR}'", "@import'about:invalid'"),
    (rf"a{{b:image-set('\2f/{TR}' 1x)}}", "a{b:image-set('about:invalid' 1x)}"),
    (rf"a{{b:url('/own\.png'),url(\2f/{TR})}}", r"a{b:url('/own\.png'),url(about:invalid)}"),
]
KEPT = [
    r".md\:flex{content:'\e900 \:x'} .w-1\/2{width:50%}",
    r"a{content:'\2014' '\201C' '\\' '\"' '//'}",
    r"a{b:url(//shop.example/a\ b.png) url(\#a) url(a\.png) url()}",
    r"a:not(.x\/\/www\.facebook\.com){b:c(\2f/www.facebook.com/tr)}",
    r"/* \2f/www.facebook.com/tr?id=1 */",
    r"a{b:url(data:image/png;base64,\41 AAA)}",
]


def styled(sheet: str | bytes, size: int = 1 << 20) -> bytes:
    text = sheet.encode() if isinstance(sheet, str) else sheet
    literals = Literals(rules_of(page_of()), style=True)
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    return b"".join(map(literals.feed, pieces)) + literals.feed(b"", last=True)


@pytest.mark.parametrize(("before", "after"), [*CUT, *((sheet, sheet) for sheet in KEPT)])
def test_escapes_hide_nobody(before: str, after: str) -> None:
    for size in (1 << 20, 1, 2, 3, 5, 8):
        assert styled(before, size).decode() == after, size


@pytest.mark.parametrize(("before", "after"), [pair for pair in CUT if '"' not in pair[0] and "import" not in pair[0]])
def test_the_same_in_an_attribute(before: str, after: str) -> None:
    before, after = before[2:-1], after[2:-1]
    assert rewrite(f'<p style="{before}">') == f'<p style="{after.replace(chr(39), "&#39;")}">'.encode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a{b:url(tr?id=1)}", "a{b:url(about:invalid)}"),
        ("a{b:url( 'tr?id=1' )}", "a{b:url( 'about:invalid' )}"),
        ('@import "tr?id=1";', '@import "about:invalid";'),
        ("a{b:url(https://shop.example/x)}", "a{b:url(https://shop.example/x)}"),
        (r"a{content:'x\:y';b:url(#x)}", r"a{content:'x\:y';b:url(#x)}"),
    ],
)
def test_relative_urls_are_read_against_the_base(before: str, after: str) -> None:
    for size in (1 << 20, 1, 3, 7):
        page = "<base href=https://www.facebook.com/tr><style>{}</style>"
        assert rewrite(page.format(before), size=size).decode() == page.format(after)


def test_a_granted_vendors_url_is_written_so_that_it_stays_one_token() -> None:
    page = page_of(all_granted=True)
    after = rewrite(r"<style>a{b:url(\2f/fonts.googleapis.com/css?family=\(x\'\))}</style>", page)
    assert after.count(b"(") == 1
    assert b"/_consent/v/google-fonts/fonts.googleapis.com/css?family=%28x%27%29)}" in after


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        (r"\68 ttps", "https"),
        (r"\000068ttps", "https"),
        ("\\68\r\nt", "ht"),
        (r"\:\/\zx", ":/zx"),
        ("a\\\nb\\\r\nc", "abc"),
        (r"\0\d800\110000", "\ufffd\ufffd\ufffd"),
    ],
)
def test_what_escapes_spell(text: str, spelled: str) -> None:
    assert unescaped(text) == spelled


PIECES = [
    "url(", "u\\72l(", "@import ", "image-set(", "'", '"', ")", " ", "\n", "\\68 ", "\\2f", "\\/", "\\\n", "\\", "h",
    ":", "ttps:", "//", "www.facebook.com/tr?id=1", "www.f\\61 cebook.com/tr", "/own.png", "{", "}", ";", "/*", "*/",
    "\\e900", "https://www.facebook.com/tr?id=1", "shop.example", "x" * 300,
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=24), st.randoms(use_true_random=False))
def test_a_sheet_is_the_same_whatever_the_pieces(parts: list[str], chance: random.Random) -> None:
    text = "".join(parts).encode()
    literals, out, at = Literals(rules_of(page_of(unknown="block")), style=True), [], 0
    while at < len(text):
        size = chance.randint(1, 9)
        out.append(literals.feed(text[at : at + size]))
        at += size
    whole = Literals(rules_of(page_of(unknown="block")), style=True)
    assert b"".join([*out, literals.feed(b"", last=True)]) == whole.feed(text, last=True)


@given(st.binary(max_size=200), st.integers(0, 200), st.booleans())
def test_any_place_is_looked_at(text: bytes, at: int, last: bool) -> None:
    token = token_at(text, min(at, len(text)), last=last)
    assert token is None or token.end is None or 0 <= token.start <= token.end <= len(text)
    assert not last or token is None or token.end is not None


def test_a_hostile_sheet_is_read_in_linear_time() -> None:
    started = time.process_time()
    for hostile in (r"\:" * 50_000, "url(" * 25_000, r"url(\:" * 15_000, "url(" + r"\:" * 50_000, '"' + "\\" * 100_000):
        styled(hostile)
        styled(hostile, 4096)
    assert time.process_time() - started < 20
