"""The tables of what loads, and that the scanner stops at all that is in them."""

from __future__ import annotations

import pytest

from proxy.html import grammar
from proxy.html.attributes import parse
from proxy.html.elements import CARRIERS, EVERYWHERE, LINK_USES, PRESENTATION, Carrier, Form, lazy
from proxy.html.scan import Kind, Scanner
from tests.html.pages import rewrite

URL = "https://www.facebook.com/tr?id=1"
#: How a third party's URL stands in an attribute of each form.
VALUES = {
    Form.URL: URL,
    Form.SOURCE_SET: f"/own.png 1x, {URL} 2x",
    Form.LIST: URL,
    Form.STYLE: f"background: url({URL})",
    Form.DOCUMENT: f"<img src={URL}>",
    Form.LAZY: URL,
}
SVG = frozenset(
    b"image use feimage cursor pattern lineargradient radialgradient filter mpath textpath tref font-face-uri "
    b"color-profile animate set".split()
)
SHAPES = "path g circle rect line polygon polyline ellipse defs stop linearGradient radialGradient clipPath mask symbol"
LAZY = (
    "data-src data-lazy-src data-srcset data-lazy-srcset data-bg data-background data-background-image data-bgset "
    "data-iframe-src data-video-src data-poster data-image data-original data-lazy data-script data-src-retina "
    "suppressedsrc nitro-lazy-src uc-src data-cfsrc data-cmp-src data-echo"
).split()


def told(markup: str) -> list[bytes]:
    """The names of the elements that the scanner tells of."""
    scanner = Scanner(grammar.SKIP_BODY)
    scanner.feed(markup.encode())
    return [name for kind, _, _, name in scanner.tokens(last=True) if kind is Kind.START]


@pytest.mark.parametrize("quote", ['"', "'", ""], ids=["double", "single", "unquoted"])
@pytest.mark.parametrize("element", sorted(CARRIERS))
def test_the_scanner_stops_at_whatever_loads(element: bytes, quote: str) -> None:
    name = element.decode()
    for attribute, carrier in CARRIERS[element].items():
        value = VALUES[carrier.form] if quote else URL
        tag = f"<{name} class={quote}a{quote} {attribute.decode()}={quote}{value}{quote}>"
        assert element in told(f"<svg>{tag}</svg>" if element in SVG else tag), tag


@pytest.mark.parametrize("attribute", sorted(EVERYWHERE))
@pytest.mark.parametrize("element", ["p", "a", "td", "body", "x-card"])
def test_the_scanner_stops_at_what_loads_everywhere(element: str, attribute: bytes) -> None:
    value = VALUES[EVERYWHERE[attribute].form]
    assert told(f'<{element} {attribute.decode()}="{value}">') == [element.encode()]


@pytest.mark.parametrize("attribute", sorted(PRESENTATION))
@pytest.mark.parametrize("shape", SHAPES.split())
def test_the_scanner_stops_at_shapes_that_load(shape: str, attribute: bytes) -> None:
    tag = f'<{shape} {attribute.decode()}="url({URL})" d="M0 0"/>'
    assert shape.lower().encode() in told(f"<svg>{tag}</svg>")
    assert shape.lower().encode() in told(f"<svg><title>x</title>{tag}</svg>")
    assert b"svg" in told(f'<svg {attribute.decode()}="url({URL})"></svg>')


@pytest.mark.parametrize("attribute", LAZY)
@pytest.mark.parametrize("element", ["img", "iframe", "script", "video", "source", "div", "section", "x-card"])
def test_the_scanner_stops_at_what_is_loaded_later(element: str, attribute: str) -> None:
    """Inside HTML's own elements only `data-…` is looked for: what else is called `…src` is on elements that load."""
    if attribute.startswith("data-") or element in ("img", "iframe", "script", "video", "source"):
        assert told(f'<{element} id=a {attribute}="{URL}">') == [element.encode()]
        assert told(f"<{element} id=a {attribute.upper()}={URL}>") == [element.encode()]


@pytest.mark.parametrize(
    "markup",
    [
        '<div class="a" data-id="7" data-name=\'x\' data-flag data-path="/own/a.jpg" data-json="{&quot;a&quot;:1}">',
        "<div data-id=7 data-b=c>",
        '<svg xmlns="http://www.w3.org/2000/svg" fill="url(#a)"><path fill="url(#b)" d="M0 0"/></svg>',
        '<svg><defs><linearGradient id="b" xlink:href="#a"><stop/></linearGradient></defs></svg>',
    ],
)
def test_the_scanner_passes_over_what_cannot_load(markup: str) -> None:
    assert told(markup) == []


@pytest.mark.parametrize("element", ["img", "script", "iframe", "div", "span", "li", "x-card"])
@pytest.mark.parametrize("attribute", LAZY)
def test_what_a_shops_script_takes_later_is_cut_now(element: str, attribute: str) -> None:
    if not attribute.startswith("data-") and element in ("div", "span", "li", "x-card"):
        return
    after = rewrite(f'<{element} {attribute}="{URL}" data-id="7">')
    assert b"facebook.com" not in after
    assert b'data-id="7"' in after
    own = f'<{element} {attribute}="/own.png" data-id="7">'
    assert rewrite(own) == own.encode()


@pytest.mark.parametrize(
    "markup",
    [
        f"<a data-src={URL} data-image={URL} href=/>",
        f"<button data-src={URL} data-video={URL}>",
        f"<div data-href={URL} data-url={URL} data-share-image={URL} data-page-src={URL}>",
        f"<img data-permalink={URL} data-post-url={URL}>",
        f"<option data-image={URL} value={URL}>",
        f"<div data-note='see {URL}' data-image='a picture (of {URL})'>",
    ],
)
def test_what_the_visitor_starts_is_not_lazy(markup: str) -> None:
    assert rewrite(markup) == markup.encode()


def test_names_of_lazy_attributes_say_what_is_loaded() -> None:
    assert lazy(b"img", b"data-srcset") == Carrier(Form.SOURCE_SET, LINK_USES["icon"])
    assert lazy(b"div", b"data-bg-set") == Carrier(Form.SOURCE_SET, LINK_USES["icon"])
    assert lazy(b"img", b"data-offset") is None
    assert lazy(b"track", b"srclang") is None
    assert lazy(b"div", b"id") is None


def test_every_link_that_loads_is_cut() -> None:
    for rel in LINK_USES:
        tag = f'<link rel="{rel}" href="{URL}">'
        assert rewrite(tag) == f'<link rel="{rel}">'.encode(), rel


def test_the_tables_are_in_lower_case() -> None:
    names = [*CARRIERS, *EVERYWHERE, *PRESENTATION, *(name for row in CARRIERS.values() for name in row)]
    assert [name for name in names if name != name.lower() or not parse(b"<a " + name + b"=1>")] == []
