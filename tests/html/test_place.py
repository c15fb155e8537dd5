"""Where the banner and the footer go."""

from __future__ import annotations

import pytest

from tests.html.pages import page_of, rewrite


def placed(markup: str, size: int = 1 << 30) -> str:
    page = page_of(banner=lambda lang: f"[{lang}]".encode(), footer=lambda lang: f"({lang})".encode())
    return rewrite(markup, page, size).decode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "<!doctype html><html lang=de><head><title>x</title></head><body class=a><p>y</body></html>",
            "<!doctype html><html lang=de><head><title>x</title></head><body class=a>[de]<p>y(de)</body></html>",
        ),
        ("\ufeff<!doctype html><p>x", "\ufeff<!doctype html>[None]<p>x(None)"),
        ("<title>x</title><meta charset=utf-8> \n<p>y", "<title>x</title><meta charset=utf-8> \n[None]<p>y(None)"),
        ("<head></head> x", "<head></head> [None]x(None)"),
        ("<head><noscript><p></noscript><p>", "<head><noscript><p></noscript>[None]<p>(None)"),
        ("<head></head><noscript><p></noscript>", "<head></head>[None]<noscript><p></noscript>(None)"),
        ("<head></head><script>a</script><p>", "<head></head><script>a</script>[None]<p>(None)"),
        ("</p></head></html>", "</p></head>[None](None)</html>"),
        (
            "<head><template><body><p></body></template></head><body>",
            "<head><template><body><p></body></template></head><body>[None](None)",
        ),
        ("<frameset><frame src=a></frameset>", "<frameset><frame src=a></frameset>"),
        ("", "[None](None)"),
        ("<!-- <body> --><p></p>", "<!-- <body> -->[None]<p></p>(None)"),
        (
            "<body><!-- </body> --><script>'</body>'</script></body>",
            "<body>[None]<!-- </body> --><script>'</body>'</script>(None)</body>",
        ),
        ("<body><template></body></template>x</body>", "<body>[None]<template></body></template>x(None)</body>"),
        ("<body>a</body>b</body>", "<body>[None]a(None)</body>b</body>"),
        ("<body>a</html>", "<body>[None]a(None)</html>"),
        ("<html LANG='pt-BR '><html lang=en><body>", "<html LANG='pt-BR '><html lang=en><body>[pt-BR](pt-BR)"),
        ("<body><script>unfinished", "<body>[None]<script>unfinished"),
        (
            "<head><style>a{}</style><base href=/><link rel=x><b>",
            "<head><style>a{}</style><base href=/><link rel=x>[None]<b>(None)",
        ),
    ],
)
def test_where_a_browser_opens_and_closes_the_body(before: str, after: str) -> None:
    assert placed(before) == after
    assert placed(before, size=1) == after


def test_nothing_is_put_in_where_nothing_is_due() -> None:
    markup = "<html lang=en><head></head><body><p>x</body></html>"
    assert rewrite(markup) == markup.encode()
    assert rewrite(markup, page_of(footer=lambda lang: f"({lang})".encode())).count(b"(en)</body>") == 1


def test_a_banner_and_what_is_cut_at_the_same_place() -> None:
    assert placed("<img src=//www.facebook.com/tr?id=1>") == "[None]<img>(None)"
