"""URL literals in scripts and style sheets: what is one, what becomes of it, whatever the pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.html.inline import Literals, rewrite_script
from proxy.html.rules import Weighed, rules_of
from proxy.model import Action, Reason
from tests.html.pages import page_of

OURS = "https://shop.example/_consent"
GA = f"{OURS}/stub/google-analytics.js?"
FULLSTORY = f"{OURS.partition('//')[2]}/stub/fullstory.js?"
GTM = f"{OURS}/stub/google-tag-manager.js?"
PIXEL = f"{OURS}/stub/meta-pixel.js?"
FRAGMENTS = [
    "'",
    '"',
    "`",
    "\\",
    "\\/",
    "/",
    "//",
    "https:",
    "p+':",
    "http:\\/\\/",
    "\\x2f",
    "\\u002f",
    "\\x22",
    "\\u0027",
    "%22",
    "&quot;",
    "\\u003ca href=",
    "www.",
    "google-analytics.com",
    "connect.facebook.net",
    "t.co",
    ".",
    "/ga.js",
    "?id=",
    "${a}",
    "url(",
    ")",
    ",",
    " ",
    "\n",
    "<img src=",
    "</a>",
    "é",
    "x" * 300,
    "y" * 2100,
    "+",
]


def inline(source: str, *grants: str, style: bool = False, size: int = 1 << 30) -> str:
    literals = Literals(rules_of(page_of(*grants)), style=style)
    body = source.encode()
    pieces = [literals.feed(body[at : at + size]) for at in range(0, len(body), size)]
    return b"".join([*pieces, literals.feed(b"", last=True)]).decode()


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("'https://www.google-analytics.com/analytics.js'", f"'{GA}'"),
        ("'HTTPS://WWW.Google-Analytics.COM/analytics.js'", f"'{GA}'"),
        ('"//connect.facebook.net/en_US/fbevents.js"', f'"{PIXEL}"'),
        ("`https://www.googletagmanager.com/gtm.js?id=${id}`", f"`{GTM}${{id}}`"),
        ("'https://www.googletagmanager.com/gtm.js?id='+i+dl", f"'{GTM}'+i+dl"),
        (r'{"u":"https:\/\/www.google-analytics.com\/x?a=1\u0026b=2"}', f'{{"u":"{GA}"}}'),
        (r"'https:\x2f\x2fwww.google-analytics.com\x2fx'", f"'{GA}'"),
        (r"'\u002f\u002fgoogle-analytics.com'", f"'{GA}'"),
        (r"'{\"u\":\"https:\\/\\/google-analytics.com\\/x\"}'", rf"'{{\"u\":\"{GA}\"}}'"),
        ("' https://google-analytics.com/x'", f"'{GA}'".replace("'https", "'https")),
        ("'<img src=\"https://www.facebook.com/tr?id=1\" width=1>'", f"'<img src=\"{PIXEL}\" width=1>'"),
        ("'<img src=//www.facebook.com/tr?id=1 width=1>'", f"'<img src={PIXEL} width=1>'"),
        (r'"<script src=\"//google-analytics.com/x\"><\/script>"', rf'"<script src=\"{GA}\"><\/script>"'),
        (r"'\x3Cimg src=\x22https:\x2f\x2fwww.facebook.com/tr\x22\x3E'", rf"'\x3Cimg src=\x22{PIXEL}\x22\x3E'"),
        (r"'\u003cimg src\u003d\u0027//www.facebook.com/tr\u0027'", rf"'\u003cimg src\u003d\u0027{PIXEL}\u0027'"),
        ("unescape('%3Cimg src=%22https://www.facebook.com/tr%22%3E')", f"unescape('%3Cimg src=%22{PIXEL}%22%3E')"),
        ("'&lt;img src=&quot;//www.facebook.com/tr?a&amp;b&quot;&gt;'", f"'&lt;img src=&quot;{PIXEL}&quot;&gt;'"),
        ("'&lt;img src=//www.facebook.com/tr?a&gt;'", f"'&lt;img src={PIXEL}&gt;'"),
        (
            r"'\u003ca\u003e\u003cimg src=\x22//www.facebook.com/tr\x22'",
            rf"'\u003ca\u003e\u003cimg src=\x22{PIXEL}\x22'",
        ),
        ("'a.jpg 1x, https://www.facebook.com/tr?id=1 2x'", f"'a.jpg 1x, {PIXEL} 2x'"),
        ("'background:url(https://www.facebook.com/tr?id=1)'", f"'background:url({PIXEL})'"),
        ("'.google-analytics.com/ga.js'", "'.google-analytics.invalid/ga.js'"),
        ("'www.googletagmanager.com'", "'www.googletagmanager.invalid'"),
        ("'edge.fullstory.com/s/fs.js'", f"'{FULLSTORY}'"),
        ("'https://' + 'edge.fullstory.com/s/fs.js'", "'https://' + 'edge.fullstory.invalid/s/fs.js'"),
        ("'edge.fullstory.com/s/fs.js' + v", "'edge.fullstory.invalid/s/fs.js' + v"),
        ("'edge.fullstory.com/s/page'", "'edge.fullstory.invalid/s/page'"),
        ("'/www.google-analytics.com/x'", "'/www.google-analytics.invalid/x'"),
        ("`https://${r}.google-analytics.com/g`", "`https://${r}.google-analytics.invalid/g`"),
        ("'//google-analytics.com:443/x'", f"'{GA}'"),
        ("location.protocol + '//www.google-analytics.com/x'", f"location.protocol + '{GA[6:]}'"),
        ("(s?'https':'http')+'://www.google-analytics.com/x'", f"(s?'https':'http')+':{GA[6:]}'"),
        ("`${p}://www.google-analytics.com/x`", f"`${{p}}:{GA[6:]}`"),
        ("`${location.protocol}//www.google-analytics.com/x`", f"`${{location.protocol}}{GA[6:]}`"),
        ("u + 'https://www.google-analytics.com/x'", f"u + '{GA}'"),
        ("'https://google-analytics.com'", f"'{GA}'"),
        ("f('//google-analytics.com/a','/b','//google-analytics.com/c')", f"f('{GA}','/b','{GA}')"),
        ("'//google-analytics.com/" + "x" * 5000 + "'", f"'{GA}" + "x" * (5001 - 4096) + "'"),
    ],
)
def test_a_literal_that_names_a_denied_vendor_changes(source: str, result: str) -> None:
    expected = result if not source.startswith("' ") else "'" + result[1:]
    got = inline(source)
    assert got.replace("' https", "'https") == expected
    assert all(inline(f"a={source};b", size=size) == f"a={got};b" for size in (1, 2, 7, 64))


@pytest.mark.parametrize(
    "source",
    [
        "'https://notgoogle-analytics.com/x'",
        "'https://google-analytics.com.evil.example/x'",
        "'https://google-analytics.community/x'",
        "// as https://www.google-analytics.com/x says",
        "/* //www.google-analytics.com/x */",
        "'Read https://www.google-analytics.com/x for more'",
        "'/go?to=https://www.google-analytics.com/x'",
        "'https://shop.example/?u=//www.google-analytics.com/x'",
        "'https%3A%2F%2Fwww.google-analytics.com%2Fx'",
        "/google-analytics\\.com/.test(a)",
        "'someone@google-analytics.com'",
        "'https://www.facebook.com/shop'",
        "'https://www.youtube.com/watch?v=1'",
        '\'<a class="x" href="https://www.youtube.com/embed/1">\'',
        r'"\u003ca class=\"x\" href=\"https:\/\/www.youtube.com\/embed\/1\"\u003e"',
        r'"\x3Ca href\x3D\x22https:\/\/www.youtube.com\/embed\/1\x22\x3E"',
        "'&lt;a href=&quot;https://www.youtube.com/embed/1&quot;&gt;'",
        "document.cookie = 't.co' + 'm'",
        "document.referrer.indexOf('google.com') > 0",
        "['google.com', 'bing.com', 'facebook.com']",
        "'https://js.stripe.com/v3/'",
        "gtag('config', 'G-1')",
        "a.google-analytics.com",
        "",
        "'",
    ],
)
def test_what_is_no_literal_of_a_denied_vendor_is_left_alone(source: str) -> None:
    expected = source.replace("'t.co'", "'t.co'")
    assert inline(source) == expected
    assert inline(f"a={source};b", size=1) == f"a={expected};b"


@pytest.mark.parametrize(
    ("source", "result"),
    [
        (
            "'https://www.google-analytics.com/analytics.js'",
            f"'{OURS}/v/google-analytics/www.google-analytics.com/analytics.js'",
        ),
        (
            r'"https:\/\/www.google-analytics.com\/collect?v=1"',
            rf'"{OURS}/v/google-analytics/www.google-analytics.com\/collect?v=1"',
        ),
        ("'//www.google-analytics.com:443/x'", f"'{OURS}/v/google-analytics/www.google-analytics.com/x'"),
        (
            "'https://' + 'www.google-analytics.com' + p",
            "'https://' + 'shop.example/_consent/v/google-analytics/www.google-analytics.com' + p",
        ),
        (
            "p + '://www.google-analytics.com/analytics.js'",
            f"p + ':{OURS[6:]}/v/google-analytics/www.google-analytics.com/analytics.js'",
        ),
        (
            "location.protocol+'//www.google-analytics.com/analytics.js'",
            f"location.protocol+'{OURS[6:]}/v/google-analytics/www.google-analytics.com/analytics.js'",
        ),
        ("'https://ssl' + '.google-analytics.com/ga.js'", "'https://ssl' + '.google-analytics.invalid/ga.js'"),
    ],
)
def test_what_is_granted_goes_through_the_relay(source: str, result: str) -> None:
    assert inline(source, "google-analytics") == result
    assert inline(source, "google-analytics", size=1) == result


def test_what_is_granted_and_direct_is_left_alone() -> None:
    assert inline("'https://www.youtube.com/iframe_api'", "youtube") == "'https://www.youtube.com/iframe_api'"


def test_an_unfinished_url_is_a_granted_vendors_if_it_could_be() -> None:
    """`gtag/js?id=` is Analytics' or Ads', by what is put behind it: the relay holds to what each may load."""
    source = "'https://www.googletagmanager.com/gtag/js?id=' + id"
    assert "/stub/" in inline(source)
    assert "/v/google-analytics/www.googletagmanager.com/gtag/js?id=' + id" in inline(source, "google-analytics")


def test_an_unfinished_url_whose_path_is_settled_is_nobody_elses() -> None:
    """PayPal's own pattern takes all of paypal.com, which the marketing tag's longer one stands before."""
    assert "/stub/paypal-marketing.js" in inline("'https://www.paypal.com/tagmanager/pptm.js?id=' + id")
    assert "/stub/paypal-marketing.js" in inline("'https://www.paypal.com/tagmanager/' + name")
    for open_to_all in (
        "'https://www.paypal.com/tagmanager' + name",
        "'https://www.paypal.com/' + name",
        "'https://www.paypal.com/sdk/js?client-id=' + id",
    ):
        assert inline(open_to_all) == open_to_all


def test_essential_fonts_are_relayed() -> None:
    source = "WebFontConfig='https://fonts.googleapis.com/css?family='+f"
    assert inline(source) == f"WebFontConfig='{OURS}/v/google-fonts/fonts.googleapis.com/css?family='+f"


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("a{b:url(https://www.facebook.com/tr?id=1)}", "a{b:url(about:invalid)}"),
        ("a{b:url( '//www.facebook.com/tr?id=1' )}", "a{b:url( 'about:invalid' )}"),
        ('@import "https://www.youtube.com/x.css" screen;', '@import "about:invalid" screen;'),
        ("/* https://www.facebook.com/tr */ a{b:url(/x)}", "/* https://www.facebook.com/tr */ a{b:url(/x)}"),
        ("a::after{content:'www.google-analytics.com'}", "a::after{content:'www.google-analytics.com'}"),
        (
            "@import url(https://fonts.googleapis.com/css?family=A);",
            f"@import url({OURS}/v/google-fonts/fonts.googleapis.com/css?family=A);",
        ),
    ],
)
def test_style_sheets(source: str, result: str) -> None:
    assert inline(source, style=True) == result
    assert inline(source, style=True, size=1) == result


def test_a_relayed_script_is_rewritten_as_the_pages_own() -> None:
    assert rewrite_script(b"u='//google-analytics.com/x'", page_of()) == f"u='{GA}'".encode()


def test_every_literal_is_told_of_once_where_it_stands() -> None:
    told: list[tuple[int, Weighed]] = []
    source = b"var a='https://www.facebook.com/shop', " + b"b" * 4000 + b"='//google-analytics.com/x';"
    literals = Literals(rules_of(page_of()), lambda offset, weighed: told.append((offset, weighed)))
    for at in range(len(source)):
        literals.feed(source[at : at + 1])
    literals.feed(b"", last=True)
    assert [(offset, weighed.key, weighed.action, weighed.reason) for offset, weighed in told] == [
        (source.index(b"https"), "facebook", Action.KEEP, Reason.LINK),
        (source.index(b"//goo"), "google-analytics", Action.CUT, Reason.UNDECIDED),
    ]


def test_only_the_literal_at_hand_is_held() -> None:
    literals = Literals(rules_of(page_of()))
    script = b"var a = 1; f('x');\n" * 10_000
    assert literals.feed(script) == script
    assert literals.feed(b"u='https://www.google-analy") == b"u='"
    assert literals.feed(b"tics.com/x") == b""
    assert literals.feed(b"';") == f"{GA}';".encode()


def test_a_script_end_tag_can_never_be_made() -> None:
    assert b"<" not in inline("'//google-analytics.com/</script>'").encode().split(b"</script>")[0]


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=40), st.lists(st.integers(1, 400), max_size=60), st.booleans())
def test_pieces_change_nothing(fragments: list[str], sizes: list[int], style: bool) -> None:
    body = "".join(fragments).encode()
    whole = Literals(rules_of(page_of()), style=style).feed(body, last=True)
    literals = Literals(rules_of(page_of()), style=style)
    out, at = [], 0
    for size in sizes:
        out.append(literals.feed(body[at : at + size]))
        at += size
    out.append(literals.feed(body[at:], last=True))
    assert b"".join(out) == whole
