# ruff: noqa: E501 (a row of a table of markup is one line)
"""What becomes of each kind of tag: tables of markup in, markup out."""

from __future__ import annotations

import pytest

from proxy.html import CannotRewrite
from proxy.model import Action, Reason
from tests.html.pages import page_of, reports, rewrite, without_names

OURS = "https://shop.example/_consent"
GA = f"{OURS}/stub/google-analytics.js"
RELAYED = f"{OURS}/v/google-analytics/www.google-analytics.com/analytics.js"
YT = f"{OURS}/embed/youtube?return_to=%2Fcatalogue%2Fshoes%3Fsize%3D42%23consentry-embed-1"

CUT = [
    # scripts: the source becomes the stub's, the pins go, all else stays
    ("<script src=https://www.google-analytics.com/analytics.js></script>", f'<script src="{GA}"></script>'),
    (
        '<SCRIPT nonce=n async SRC = "//www.google-analytics.com/a.js" integrity="sha384-x" crossorigin onload="f()">',
        f'<SCRIPT nonce=n async SRC = "{GA}" onload="f()">',
    ),
    ("<script type=module src='https://google-analytics.com/x.js'>", f"<script type=module src='{GA}'>"),
    ('<svg><script href="//google-analytics.com/x"/></svg>', f'<svg><script href="{GA}"/></svg>'),
    (
        '<svg><script xlink:href="//google-analytics.com/x"></script></svg>',
        f'<svg><script xlink:href="{GA}"></script></svg>',
    ),
    # what browsers make of a URL
    ('<script src=" \thttps:\\\\WWW.google-analytics.com\\a.js">', f'<script src="{GA}">'),
    ('<script src="ht&Tab;tps:&sol;&sol;google-an&NewLine;alytics&period;com/x">', f'<script src="{GA}">'),
    ('<script src="&#104;ttps&#x3a;//google%2Danalytics.com/x">', f'<script src="{GA}">'),
    ("<script src=//ｇoogle-analytics.com/x>", f'<script src="{GA}">'),
    ("<script src=//user:pass@google-analytics.com:443/x>", f'<script src="{GA}">'),
    ("<script href=/>a='//google-analytics.com/x'</script>", f"<script href=/>a='{GA}?'</script>"),
    # pictures: the attribute goes
    ('<img alt="" src="https://www.facebook.com/tr?id=1&ev=PageView" width=1>', '<img alt="" width=1>'),
    ('<img src="https://www.facebook.com/tr?id=1"/>', "<img />"),
    ('<img src="https://www.facebook.com/tr?id=1"alt="x">', '<img alt="x">'),
    ("<img a=b src=//www.facebook.com/tr?id=1>", "<img a=b>"),
    ("<image src=//www.facebook.com/tr?id=1>", "<image>"),
    ("<img src=a.png src=//www.facebook.com/tr?id=1>", "<img src=a.png >"),
    ("<img src=//www.facebook.com/tr?id=1 src=//www.facebook.com/tr?id=2>", "<img>"),
    ("<input type=image src=//www.facebook.com/tr?id=1>", "<input type=image>"),
    ('<img data-src="//www.facebook.com/tr?id=1" data-lazy-src=x>', "<img data-lazy-src=x>"),
    ("<body background=//www.facebook.com/tr?id=1>", "<body>"),
    ("<td background=//www.facebook.com/tr?id=1 class=a>", "<td class=a>"),
    ("<video poster=//www.facebook.com/tr?id=1 src=a.mp4>", "<video src=a.mp4>"),
    ('<img srcset="a.png 1x, //www.facebook.com/tr?id=1 2x, b.png 3x">', '<img srcset="a.png 1x, b.png 3x">'),
    ('<img srcset="//www.facebook.com/tr?id=1 2x" src=a.png>', "<img src=a.png>"),
    ('<source srcset="//www.facebook.com/tr?id=1, b.png 2x">', '<source srcset=" b.png 2x">'),
    ('<link rel=preload as=image imagesrcset="//www.facebook.com/tr?id=1 2x">', "<link rel=preload as=image>"),
    ("<svg><image href=//www.facebook.com/tr?id=1 /></svg>", "<svg><image /></svg>"),
    ("<svg><use xlink:href=//www.facebook.com/tr?id=1 /></svg>", "<svg><use /></svg>"),
    ('<a ping="//www.facebook.com/tr?id=1 /own" href=/>', '<a ping=" /own" href=/>'),
    ("<a ping=//www.facebook.com/tr?id=1 href=/>", "<a href=/>"),
    ("<a attributionsrc=//www.facebook.com/tr?id=1 href=/>", "<a href=/>"),
    # links that load
    ("<link rel=dns-prefetch href=//www.google-analytics.com>", "<link rel=dns-prefetch>"),
    ("<link href=https://www.google-analytics.com rel='x PRECONNECT' crossorigin>", "<link rel='x PRECONNECT'>"),
    ("<link rel=preload as=script href=//google-analytics.com/x.js>", "<link rel=preload as=script>"),
    ("<link rel=stylesheet href=//www.youtube.com/embed/x.css>", "<link rel=stylesheet>"),
    # frames
    (
        '<iframe width=9 src="https://www.youtube.com/embed/x" srcdoc="y" sandbox allowfullscreen></iframe>',
        f'<iframe width=9 src="{YT}" name="consentry-0" id="consentry-embed-1" allowfullscreen></iframe>',
    ),
    (
        "<iframe data-src=//www.youtube.com/embed/x></iframe>",
        f'<iframe data-src="{YT}" name="consentry-0" id="consentry-embed-1"></iframe>',
    ),
    (
        "<iframe src=https://www.googletagmanager.com/ns.html?id=GTM-1 height=0>",
        '<iframe src="about:blank" name="consentry-0" height=0>',
    ),
    ("<link rel=icon href=/a href=//www.facebook.com/tr?id=1>", "<link rel=icon href=/a >"),
    ("<frameset><plaintext><input src=//www.facebook.com/tr?id=1>", "<frameset><plaintext><input>"),
    # in a document of frames only `<noframes>` is raw text; elsewhere what looks like a tag in a script is none
    (
        "<frameset><title><frame src=//www.youtube.com/embed/x>",
        '<frameset><title><frame src="about:blank" name="consentry-17">',
    ),
    ("<frameset><script>a='<b'</script><img src=//www.facebook.com/tr?id=1>", "<frameset><script>a='<b'</script><img>"),
    ("<frame src=//www.youtube.com/embed/x>", '<frame src="about:blank" name="consentry-0">'),
    ("<embed src=//www.youtube.com/v/x type=a>", "<embed type=a>"),
    ("<object data=//www.youtube.com/v/x type=a>", "<object type=a>"),
    (
        '<iframe srcdoc="<script src=&quot;//google-analytics.com/x&quot;></script>">',
        f'<iframe srcdoc="&lt;script src=&quot;{GA}&quot;&gt;&lt;/script&gt;">',
    ),
    (
        '<script src="data:text/javascript;base64,dC5zcmM9Jy8vZ29vZ2xlLWFuYWx5dGljcy5jb20vYS5qcyc=">',
        f'<script src="data:text/javascript,t.src=%27{GA}?%27">',
    ),
    # what the shop's own scripts load later, as far as the visitor does not start it
    ("<div class=a data-bg=//www.facebook.com/tr?id=1>", "<div class=a>"),
    ("<div data-bg='url(//www.facebook.com/tr?id=1)'>", "<div data-bg='url(about:invalid)'>"),
    ("<a href=/ data-bg=//www.facebook.com/tr?id=1>", "<a href=/>"),
    ("<section data-bgset='//www.facebook.com/tr?id=1 300w, /b.png 600w'>", "<section data-bgset=' /b.png 600w'>"),
    ("<img data-src=' http\n://www.facebook.com/tr?id=1'>", "<img>"),
    ("<x-image src=//www.facebook.com/tr?id=1>", "<x-image>"),
    ("<video data-poster=//www.facebook.com/tr?id=1>", "<video>"),
    ("<iframe data-poster=//www.facebook.com/tr?id=1>", "<iframe>"),
    (
        "<div data-src=//www.youtube.com/embed/x></div>",
        f'<div data-src="{YT}"></div>',
    ),
    (
        "<script src=/js/p.js integrity=x data-api=https://www.google-analytics.com/collect></script>",
        "<script src=/js/p.js integrity=x></script>",
    ),
    ("<script data-src=https://www.google-analytics.com/a.js></script>", f'<script data-src="{GA}"></script>'),
    # elements of other days, and of days to come
    ("<html manifest=//www.facebook.com/tr?id=1>", "<html>"),
    ("<bgsound src=//www.facebook.com/tr?id=1>", "<bgsound>"),
    ("<portal src=//www.facebook.com/tr?id=1>", "<portal>"),
    ("<applet codebase=//www.facebook.com/tr?id=1>", "<applet>"),
    ("<param name=Movie value=//www.youtube.com/v/x>", "<param name=Movie>"),
    ("<meta http-equiv=Link content='<//www.facebook.com>; rel=preconnect'>", "<meta http-equiv=Link>"),
    # drawings
    ("<svg><rect fill='url(//www.facebook.com/tr?id=1#a)'/></svg>", "<svg><rect fill='url(about:invalid)'/></svg>"),
    ('<svg mask="url(//www.facebook.com/tr?id=1)"></svg>', '<svg mask="url(about:invalid)"></svg>'),
    ("<svg><pattern xlink:href=//www.facebook.com/tr?id=1 /></svg>", "<svg><pattern /></svg>"),
    (
        "<svg><set attributeName=href to='http\ns://www.facebook.com/tr?id=1'/></svg>",
        "<svg><set attributeName=href /></svg>",
    ),
    ("<svg><style>b{c:url(//www.facebook.com/tr?id=1)}d<e", "<svg><style>b{c:url(about:invalid)}d<e"),
    ("<svg><feImage href=//www.facebook.com/tr?id=1 /></svg>", "<svg><feImage /></svg>"),
    ("<svg><set attributeName=href to=//www.facebook.com/tr?id=1 /></svg>", "<svg><set attributeName=href /></svg>"),
    # style sheets and handlers
    (
        '<p style="background: url(//www.facebook.com/tr?id=1) no-repeat">',
        '<p style="background: url(about:invalid) no-repeat">',
    ),
    (
        "<style>@import '//www.youtube.com/a.css'; b{background:url( \"https://www.facebook.com/tr?id=1\" )}</style>",
        "<style>@import 'about:invalid'; b{background:url( \"about:invalid\" )}</style>",
    ),
    (
        "<a onclick=\"i.src='//google-analytics.com/x?a=1&amp;b=2'\">",
        f'<a onclick="i.src=&#39;{GA}?&#39;">',
    ),
    # noscript: read as markup, too
    (
        '<noscript><img height=1 src="https://www.facebook.com/tr?id=1&noscript=1"/></noscript>',
        "<noscript><img height=1 /></noscript>",
    ),
    (
        "<head><noscript><link rel=stylesheet href=//www.youtube.com/a.css></noscript>",
        "<head><noscript><link rel=stylesheet></noscript>",
    ),
    # what is in a template is not loaded, until a script takes it out
    (
        "<template><img src=//www.facebook.com/tr?id=1></template>",
        "<template><img></template>",
    ),
]

KEPT = [
    "<a href=https://www.google-analytics.com/>x</a>",
    "<form action=https://www.google-analytics.com/>",
    "<a href='//www.facebook.com/tr?id=1'>",
    "<script src=https://notgoogle-analytics.com/x.js></script>",
    "<script src=https://google-analytics.com.evil.example/x.js></script>",
    "<script src=/google-analytics.com/x.js></script>",
    "<img src=https://shop.example/tr?u=https://www.facebook.com/tr?id=1>",
    "<!-- <script src=//google-analytics.com/x> -->",
    "<!--><script>//google-analytics.com</script>",
    "<title><img src=//www.facebook.com/tr?id=1></title>",
    "<textarea><script src=//google-analytics.com/x></textarea>",
    "<xmp><img src=//www.facebook.com/tr?id=1></xmp>",
    "<plaintext><img src=//www.facebook.com/tr?id=1></plaintext>",
    "<a href=/ href=https://www.google-analytics.com/>",
    "<iframe><img src=//www.facebook.com/tr?id=1></iframe>",
    "<svg><title></title><style></style></svg>",
    "<svg><![CDATA[<img src=//www.facebook.com/tr?id=1>]]></svg>",
    '<script type="application/ld+json">{"url":"https://www.google-analytics.com/x"}</script>',
    '<script type=importmap>{"imports":{"a":"https://www.google-analytics.com/x"}}</script>',
    "<script type=text/x-template><img src='//www.facebook.com/tr?id=1'></script>",
    "<link rel=canonical href=https://www.google-analytics.com/>",
    "<link rel=me href=https://www.facebook.com/shop>",
    "<div data-src=/own data-href=//www.facebook.com/tr?id=1>",
    "<svg><a href=https://www.facebook.com/shop><text>x</text></a></svg>",
    "<math href=https://www.facebook.com/shop><mi>x</mi></math>",
    "<param name=title value=//www.youtube.com/v/x>",
    "<meta http-equiv=refresh content='0; url=https://www.facebook.com/shop'>",
    "<meta property=og:image content=https://www.facebook.com/tr?id=1>",
    "<base href=https://www.google-analytics.com/>",
    "<img src=data:image/png;base64,AAAA srcset='data:image/png;base64,AA,AA 1x'>",
    "<p title='<script src=//google-analytics.com/x>'>",
    "<p>https://www.google-analytics.com/x</p>",
    "<img src='https://[::1/' srcset=' , ,, '>",
    "<",
    "</",
    "<!",
    "<img src=//www.facebook.com/tr?id=1",
]


@pytest.mark.parametrize(("before", "after"), CUT)
def test_what_contacts_a_denied_vendor_is_cut(before: str, after: str) -> None:
    assert rewrite(before).decode() == after
    assert rewrite(before, size=1).decode() == after
    assert rewrite(f"<p>é</p>{before}tail".encode("latin-1", "xmlcharrefreplace"))


@pytest.mark.parametrize("markup", KEPT)
def test_all_else_is_left_alone(markup: str) -> None:
    assert rewrite(markup).decode() == markup
    assert rewrite(markup, size=1).decode() == markup


@pytest.mark.parametrize("before", [before for before, _ in CUT if "youtube" in before and "facebook" not in before])
def test_what_is_granted_and_direct_is_left_alone(before: str) -> None:
    assert without_names(rewrite(before, page_of(all_granted=True))).decode() == before


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            '<script src="//www.google-analytics.com/analytics.js?a=1&amp;b=2" integrity=x crossorigin>',
            f'<script src="{RELAYED}?a=1&amp;b=2">',
        ),
        (
            "<link rel=preload as=script href=//www.google-analytics.com/analytics.js crossorigin>",
            f'<link rel=preload as=script href="{RELAYED}">',
        ),
        ("<link rel=preconnect href=//www.google-analytics.com>", "<link rel=preconnect>"),
        (
            "<img src='https://www.facebook.com/tr?id=1&amp;ev=V'>",
            f"<img src='{OURS}/v/meta-pixel/www.facebook.com/tr?id=1&amp;ev=V'>",
        ),
        ("<script src=//www.google-analytics.com/other.html></script>", f'<script src="{GA}"></script>'),
        (
            "<script>s.src='https://www.google-analytics.com/analytics.js'</script>",
            f"<script>s.src='{RELAYED}'</script>",
        ),
        (
            "<iframe src=//www.youtube.com/embed/x>",
            '<iframe src=//www.youtube.com/embed/x name="consentry-granted-0">',
        ),
    ],
)
def test_what_is_granted_is_relayed_as_its_file_lists_it(before: str, after: str) -> None:
    assert rewrite(before, page_of(all_granted=True)).decode() == after


def test_essential_is_never_cut_and_fonts_are_relayed() -> None:
    assert (
        rewrite("<script src=https://js.stripe.com/v3/></script>") == b"<script src=https://js.stripe.com/v3/></script>"
    )
    assert rewrite("<link rel=stylesheet href=https://fonts.googleapis.com/css?family=A>") == (
        f'<link rel=stylesheet href="{OURS}/v/google-fonts/fonts.googleapis.com/css?family=A">'.encode()
    )


def test_unknown_third_parties_follow_the_operator() -> None:
    markup = "<script src=//third.example.net/t.js></script><img src=//picture.example.net/>"
    assert rewrite(markup) == markup.encode()
    blocked = f'<script src="{OURS}/stub/unknown.js"></script><img>'
    assert rewrite(markup, page_of(unknown="block")) == blocked.encode()
    assert rewrite(markup, page_of(unknown="block", allow=frozenset({"example.net"}))) == markup.encode()


def test_unknown_urls_in_scripts_are_blocked_too() -> None:
    script = (
        "<script>a='https://third.example.net/t.js';b='https://www.shop.example/x';c='https://ssl';"
        "d='http://www.w3.org/2000/svg'</script><style>a{b:url( //third.example.net/x)}</style>"
    )
    blocked = script.replace("third.example.net/t", "third.example.invalid/t")
    blocked = blocked.replace("//third.example.net/x", "about:invalid")
    assert rewrite(script, page_of(unknown="block", first_party=frozenset({"shop.example"}))).decode() == blocked
    assert rewrite(script).decode() == script


def test_the_shops_own_hosts_are_never_third_parties() -> None:
    markup = "<script src=https://cdn.shop.example/a.js></script><img src=//shop.example/b>"
    page = page_of(unknown="block", first_party=frozenset({"shop.example"}))
    assert rewrite(markup, page) == markup.encode()


def test_relative_urls_follow_the_first_base() -> None:
    markup = "<base><base href=//www.google-analytics.com/><base href=/><script src=analytics.js></script>"
    assert rewrite(markup).decode() == markup.replace("src=analytics.js", f'src="{GA}"')
    own = "<base href=https://shop.example/x/><script src=analytics.js></script>"
    assert rewrite(own) == own.encode()


def test_a_base_that_browsers_cannot_read_is_none() -> None:
    for href in ("//google-analytics.com<p>", "https://a b/", "//[::1", "https://google-analytics.com:x/", "//"):
        page = f"<base href='{href}'><script src=analytics.js></script>"
        assert rewrite(page) == page.encode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "<noscript><!-- </noscript><img src=//www.facebook.com/tr?id=1> -->",
            "<noscript><!-- --></noscript><img> -->",
        ),
        ('<noscript><img src="//www.facebook.com/tr?</noscript>">', '<noscript><img></noscript>">'),
        (
            "<noscript><style></noscript><img src=//www.facebook.com/tr?id=1>",
            "<noscript><style></style></noscript><img>",
        ),
        ("<noscript><p></noscript><img src=//www.facebook.com/tr?id=1>", "<noscript><p></noscript><img>"),
        (
            "<noscript><script><!--<script></noscript><img src=//www.facebook.com/tr?id=1>",
            "<noscript><script><!--<script></script></script></noscript><img>",
        ),
        ("<noscript><a</noscript><img src=//www.facebook.com/tr?id=1>", "<noscript><a></noscript><img>"),
        ("<noscript></</noscript><img src=//www.facebook.com/tr?id=1>", "<noscript></></noscript><img>"),
        (
            "<svg><noscript><!--</noscript><img src=//www.facebook.com/tr>-->",
            "<svg><noscript><!--</noscript><img src=//www.facebook.com/tr>-->",
        ),
    ],
)
def test_noscript_is_safe_read_both_ways(before: str, after: str) -> None:
    assert rewrite(before).decode() == after
    assert rewrite(before, size=1).decode() == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<svg><title><img src=//www.facebook.com/tr></svg>", "<svg><title><img></svg>"),
        ("<svg><style><img src=//www.facebook.com/tr></style>", "<svg><style><img></style>"),
        (
            "<svg></p><style><img src=//www.facebook.com/tr></style>",
            "<svg></p><style><img src=//www.facebook.com/tr></style>",
        ),
        (
            "<svg><desc><title><img src=//www.facebook.com/tr></title>",
            "<svg><desc><title><img src=//www.facebook.com/tr></title>",
        ),
        ("<math><mi><textarea><img src=//www.facebook.com/tr>", "<math><mi><textarea><img src=//www.facebook.com/tr>"),
        ("<math><textarea><img src=//www.facebook.com/tr>", "<math><textarea><img>"),
        (
            "<math><annotation-xml encoding='TEXT/html'><xmp><img src=//www.facebook.com/tr>",
            "<math><annotation-xml encoding='TEXT/html'><xmp><img src=//www.facebook.com/tr>",
        ),
        ("<math><annotation-xml><xmp><img src=//www.facebook.com/tr>", "<math><annotation-xml><xmp><img>"),
        (
            "<svg/><title><img src=//www.facebook.com/tr></title>",
            "<svg/><title><img src=//www.facebook.com/tr></title>",
        ),
        (
            "<svg><script>s='//google-analytics.com/x'<![CDATA[;t='//google-analytics.com/y']]></script></svg>",
            f"<svg><script>s='{GA}?'<![CDATA[;t='{GA}?']]></script></svg>",
        ),
        (
            "<svg><style>b{c:url(//www.facebook.com/tr?id=1)}</style></svg>",
            "<svg><style>b{c:url(about:invalid)}</style></svg>",
        ),
        (
            "<svg><g><a><font color=x><title><img src=//www.facebook.com/tr>",
            "<svg><g><a><font color=x><title><img src=//www.facebook.com/tr>",
        ),
        (
            "<svg><font><title><b></title><style><img src=//www.facebook.com/tr>",
            "<svg><font><title><b></title><style><img src=//www.facebook.com/tr>",
        ),
    ],
)
def test_foreign_content_is_read_by_its_own_rules(before: str, after: str) -> None:
    assert rewrite(before).decode() == after
    assert rewrite(before, size=1).decode() == after


def test_a_policy_in_the_page_admits_what_we_put_in() -> None:
    before = "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; script-src https://a.example\">"
    after = rewrite(before).decode()
    assert "script-src https://a.example &#39;self&#39;" in after
    assert "frame-src &#39;self&#39;" in after


def test_a_report_tells_of_every_third_party_in_order() -> None:
    markup = (
        "<p>é</p><script src=//google-analytics.com/x?id=1></script><img srcset='//www.facebook.com/tr?a 1x, /own 2x'>"
        "<script>a='//google-analytics.com/y'</script><iframe src=//www.youtube.com/embed/v></iframe><img src=//u.example/>"
    ).encode()
    told = reports(markup)
    assert [(one.element, one.vendor, one.action, one.reason) for one in told] == [
        ("script src", "google-analytics", Action.CUT, Reason.UNDECIDED),
        ("img srcset", "meta-pixel", Action.CUT, Reason.UNDECIDED),
        ("script text", "google-analytics", Action.CUT, Reason.UNDECIDED),
        ("iframe src", "youtube", Action.PLACEHOLDER, Reason.UNDECIDED),
        ("img src", None, Action.KEEP, Reason.UNKNOWN_ALLOWED),
    ]
    assert told[0].url == "https://google-analytics.com/x?id=1"
    assert [markup[one.offset :][:5] for one in told] == [b"<scri", b"<img ", b"//goo", b"<ifra", b"<img "]
    assert told == reports(markup)  # remembered tags are told of again


def test_the_placeholder_names_the_page_that_it_stands_on() -> None:
    markup = "<iframe src=//www.youtube.com/embed/v></iframe>"
    first = rewrite(markup, page_of())
    second = rewrite(markup, page_of().__class__(**{**page_of().__dict__, "url": "https://shop.example/b"}))
    assert b"return_to=%2Fcatalogue" in first
    assert b"return_to=%2Fb" in second


@pytest.mark.parametrize("inside", ["{}", "<noscript>{}</noscript>", "<template>{}</template>"])
def test_the_placeholder_speaks_the_pages_language(inside: str) -> None:
    frame = "<iframe src=//www.youtube.com/embed/x></iframe>"
    told = rewrite(f"<html lang=pt-BR>{inside.format(frame)}")
    assert b"%2Fshoes%3Fsize%3D42%23consentry-embed-1&amp;lang=pt-BR" in told
    assert b"lang=" not in rewrite(f"<html lang='\xff\"&'>{frame}".encode("latin-1")).partition(b"iframe")[2]


def test_what_needs_no_change_is_not_copied() -> None:
    from proxy.html import Rewriter

    body = b"<!doctype html><p class='a'>text</p><script>var a = 1</script>"
    assert Rewriter(page_of()).feed(body) is body


def test_nested_documents_have_an_end() -> None:
    import html as escaping

    document = "<script src=//google-analytics.com/x></script>"
    for _ in range(10):
        document = f'<iframe srcdoc="{escaping.escape(document)}">'
    with pytest.raises(CannotRewrite):
        rewrite(document)


def test_a_tag_without_end_is_refused_when_it_is_too_long() -> None:
    with pytest.raises(CannotRewrite):
        rewrite(b"<img alt='" + b"x" * (5 << 20), size=1 << 16)
