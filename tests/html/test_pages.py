"""Real pages, and pages made of everything that is odd: the same whatever the pieces, and nothing left that loads."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from proxy.catalogue.url import split_url
from proxy.html import CannotRewrite, Page, Rewriter
from proxy.model import Action
from tests.html.pages import everything, page_of, rewrite, without_placeholders
from tests.places import real_pages

LOADING = {
    "script": ("src", "href", "xlink:href", "data-src"),
    "img": ("src", "data-src", "data-lazy-src"),
    "iframe": ("src", "data-src"),
    "frame": ("src",),
    "embed": ("src",),
    "object": ("data",),
    "input": ("src",),
    "source": ("src",),
    "video": ("src", "poster"),
    "audio": ("src",),
    "track": ("src",),
    "image": ("href", "xlink:href"),
    "body": ("background",),
}
PAGES = real_pages()
needs_pages = pytest.mark.skipif(not PAGES, reason="the real pages are not here (SHARED_DIR)")


def denied(url: str) -> bool:
    split = split_url(url, "https://shop.example/")
    match = split and everything().matcher.find(*split)
    return bool(match) and not match.vendor.essential


def loads_denied(body: bytes) -> list[str]:
    """By another parser: every URL of a denied vendor that an element would still load."""
    found = []
    for node in LexborHTMLParser(body).css("*"):
        attributes = node.attributes
        names = LOADING.get(node.tag or "", ())
        if node.tag == "link" and set((attributes.get("rel") or "").lower().split()) & {
            "stylesheet",
            "preload",
            "preconnect",
            "dns-prefetch",
            "icon",
            "prefetch",
            "modulepreload",
        }:
            names = ("href",)
        found += [f"<{node.tag} {name}={attributes[name]}>" for name in names if denied(attributes.get(name) or "")]
        for part in (attributes.get("srcset") or "").split(","):
            if node.tag in ("img", "source") and part.strip() and denied(part.split()[0]):
                found.append(f"<{node.tag} srcset={part}>")
    return found


def texts(body: bytes) -> list[str]:
    root = LexborHTMLParser(body).body
    if root is None:
        return []
    return [
        node.text_content or ""
        for node in root.traverse(include_text=True)
        if node.tag == "-text" and node.parent and node.parent.tag not in ("script", "style", "noscript")
    ]


def elements(body: bytes) -> list[str | None]:
    return [node.tag for node in LexborHTMLParser(body).css("*")]


def in_pieces(page: Page, body: bytes, chance: random.Random) -> bytes:
    rewriter, out, at = Rewriter(page), [], 0
    while at < len(body):
        size = chance.choice((1, 2, 3, 17, 256, 4096, 20000))
        out.append(rewriter.feed(body[at : at + size]))
        at += size
    return b"".join([*out, rewriter.close()])


@needs_pages
@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_real_page(path: Path) -> None:
    body = path.read_bytes()
    page = page_of(banner=lambda _: b"<section>banner</section>", footer=lambda _: b"<p>footer</p>")
    whole = rewrite(body, page)
    assert in_pieces(page, body, random.Random(path.stem)) == whole
    cut = rewrite(body)
    assert loads_denied(cut) == []
    assert texts(cut) == texts(body)
    assert elements(without_placeholders(cut)) == elements(body)


@needs_pages
@pytest.mark.parametrize("path", PAGES[::8], ids=lambda path: path.stem)
def test_a_real_page_byte_by_byte(path: Path) -> None:
    body = path.read_bytes()[:60_000]
    page = page_of("google-analytics", unknown="block", banner=lambda _: b"<section></section>")
    assert rewrite(body, page, size=1) == rewrite(body, page)


@needs_pages
@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_real_page_with_everything_granted_changes_only_where_it_is_relayed(path: Path) -> None:
    body = path.read_bytes()
    told: list[Action] = []
    after = rewrite(body, page_of(all_granted=True, report=lambda one: told.append(one.action)))
    assert (after == body) == (Action.RELAY not in told and Action.CUT not in told)


PIECES = [
    "<p>", "</p>", "text &amp; more ", "<!--", "-->", "--!>", "<!", "<?", "</", "<", ">", '"', "'", "=", " ", "/", "\n",
    "<svg>", "</svg>", "<math>", "<mi>", "<foreignObject>", "<desc>", "<title>", "</title>", "<![CDATA[", "]]>",
    "<style>", "</style>", "url(", ")", "@import ", "<script>", "</script>", "<script src=", "<noscript>",
    "</noscript>", "<template>", "</template>", "<textarea>", "</textarea>", "<iframe src=", "<iframe srcdoc='",
    "<img src=", "<img srcset='", " 2x, ", "<a onclick='", "<a style='", "<base href=", "<link rel=stylesheet href=",
    "<link rel=preconnect href=", "<body>", "</body>", "<head>", "</head>", "<html lang=en>", "<plaintext>",
    "<input type=image src=", "<annotation-xml encoding=text/html>", "<font color=a>", "<table background=",
    "https://www.google-analytics.com/a.js", "//www.facebook.com/tr?id=1", "https://www.youtube.com/embed/x",
    "/own.png", "&quot;", "&#47;&#x2f;google-analytics.com", "type=module ", " src=", " integrity=x", "\0", "é",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=30), st.randoms(use_true_random=False), st.booleans())
def test_soup_is_the_same_whatever_the_pieces(parts: list[str], chance: random.Random, block: bool) -> None:
    body = "".join(parts).encode()
    page = page_of(unknown="block" if block else "allow", banner=lambda _: b"[b]", footer=lambda _: b"[f]")
    rewriter, out, at = Rewriter(page), [], 0
    try:
        whole = rewrite(body, page)
    except CannotRewrite:
        return
    while at < len(body):
        size = chance.randint(1, 9)
        out.append(rewriter.feed(body[at : at + size]))
        at += size
    assert b"".join([*out, rewriter.close()]) == whole


@given(st.lists(st.sampled_from(PIECES), max_size=30))
def test_soup_keeps_nothing_that_loads(parts: list[str]) -> None:
    body = "".join(parts).encode()
    if b"<base" in body:
        return
    try:
        after = rewrite(body)
    except CannotRewrite:
        return
    assert loads_denied(after) == []


@given(st.lists(st.sampled_from(PIECES), max_size=30))
@settings(max_examples=60)
def test_soup_is_rewritten_once(parts: list[str]) -> None:
    """What was rewritten has nothing left to rewrite."""
    try:
        once = rewrite("".join(parts))
    except CannotRewrite:
        return
    assert rewrite(once) == once
