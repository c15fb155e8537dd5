"""Every way of loading that a page has, in a real browser: each from a host of its own, without the proxy and with it.

Without it the browser contacts all of them, but for `PERHAPS`; with it, and unknown third parties blocked, nobody. Ways
by headers are there too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest
from playwright.sync_api import Playwright

from tests.browser.chromium import chromium
from tests.browser.internet import Internet
from tests.browser.shop import consentry, file_server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

#: Markup by the name of its host; `{u}` is a URL there.
CARRIERS = {
    "img": "<img src={u}>",
    "img-set": "<img srcset='{u} 1x'>",
    "picture": "<picture><source srcset={u}><img></picture>",
    "input": "<input type=image src={u}>",
    "poster": "<video poster={u}></video>",
    "video": "<video src={u}></video>",
    "video-source": "<video><source src={u}></video>",
    "audio": "<audio src={u}></audio>",
    "frame": "<iframe src={u}></iframe>",
    "frame-doc": "<iframe srcdoc='<img src={u}>'></iframe>",
    "frame-data": "<iframe src='data:text/html,<img src={u}>'></iframe>",
    "frame-code": "<iframe src=\"javascript:'<img src={u}>'\"></iframe>",
    "embed": "<embed src={u}>",
    "object": "<object data={u}></object>",
    "background": "<table><td background={u}>x</table>",
    "style-url": "<p style='background:url({u})'>x",
    "style-set": "<p style='background:image-set(\"{u}\" 1x)'>x",
    "style-escape": "<p style='background:u\\72l(\\68{rest})'>x",
    "style-var": "<p style='--a:url({u});background:var(--a)'>x",
    "sheet-import": "<style>@import '{u}';</style>",
    "sheet-url": "<p id=sheet>x<style>#sheet{{background:url({u})}}</style>",
    "sheet-font": "<p id=font>x<style>@font-face{{font-family:q;src:url({u})}}#font{{font-family:q}}</style>",
    "stylesheet": "<link rel=stylesheet href={u}>",
    "stylesheet-data": "<link rel=stylesheet href=\"data:text/css,@import '{u}'\">",
    "icon": "<link rel=icon href={u}>",
    "preload": "<link rel=preload as=image href={u}>",
    "preload-set": "<link rel=preload as=image imagesrcset='{u} 1x'>",
    "modulepreload": "<link rel=modulepreload href={u}>",
    "prefetch": "<link rel=prefetch href={u}>",
    "preconnect": "<link rel=preconnect href={u}>",
    "svg-image": "<svg><image href={u} /></svg>",
    "svg-fe-image": "<svg><filter id=fe><feImage href={u} /></filter><rect filter='url(#fe)' width=9 height=9 /></svg>",
    "svg-mask": "<svg><rect mask='url({u})' width=9 height=9 /></svg>",
    "svg-filter": "<svg><rect filter='url({u}#a)' width=9 height=9 /></svg>",
    "svg-set": "<svg><image width=9 height=9><set attributeName=href to={u} /></image></svg>",
    "svg-script": "<svg><script href={u}></script></svg>",
    "script": "<script src={u}></script>",
    "module": "<script type=module src={u}></script>",
    "script-text": "<script>new Image().src='{u}'</script>",
    "script-import": "<script type=module>import('{u}').catch(() => 0)</script>",
    "script-fetch": "<script>fetch(`{u}`,{{mode:'no-cors'}})</script>",
    "script-escape": "<script>new Image().src='https:\\x2f\\u002f{name}.example.net/x'</script>",
    "script-written": "<script>document.write('<img src={u}>')</script>",
    "handler": "<img src=data:, onerror=\"new Image().src='{u}'\">",
    "lazy": "<img data-src={u}><script>document.querySelectorAll('[data-src]')"
    ".forEach(i=>i.src=i.dataset.src)</script>",
    "lazy-bg": "<div data-bg={u} class=b>x</div><script>document.querySelectorAll('[data-bg]')"
    ".forEach(i=>i.style.background=`url(${{i.dataset.bg}})`)</script>",
    "template": "<template id=t><img src={u}></template><script>document.body"
    ".append(t.content.cloneNode(true))</script>",
    "declared": "<div><template shadowrootmode=open><img src={u}></template></div>",
    "speculation": '<script type=speculationrules>{{"prefetch":[{{"urls":["{u}"],"eagerness":"immediate"}}]}}</script>',
}
#: What this Chromium may leave alone: it is here for others, or waits for a good moment.
PERHAPS = frozenset("icon svg-filter prefetch preconnect speculation".split())
#: Those that need a script are left out where there is none.
SCRIPTED = "script module handler lazy template frame-code svg-script".split()
#: How long nobody must have been contacted before a page counts as quiet, in seconds.
SETTLE = 1.5
#: A page of frames, and relative URLs against somebody's base.
FRAMES = "<frameset cols='50%,50%'><frame src=https://framed.example.net/x><frame src=about:blank></frameset>"
BASED = (
    "<base href=https://based.example.net/><body><img src=a><p style='background:url(b)'>x<style>p{color:red}</style>"
    "<script src=c></script>"
)
#: The same by headers.
HEADERS = [
    ("Link", "<https://link-style.example.net/x>; rel=stylesheet, <https://link-connect.example.net>; rel=preconnect"),
    ("Link", "<https://link-preload.example.net/x>; rel=preload; as=image"),
    ("Link", '<>; rel=preload; as=image; imagesrcset="https://link-set.example.net/x 1x"'),
    ("Speculation-Rules", '"https://rules.example.net/x"'),
    ("Reporting-Endpoints", 'a="https://report-a.example.net/x"'),
    ("Report-To", '{"group":"b","max_age":99,"endpoints":[{"url":"https://report-b.example.net/x"}]}'),
    ("Content-Security-Policy-Report-Only", "img-src 'none'; report-uri https://report-uri.example.net/x"),
    ("Content-Security-Policy-Report-Only", "img-src 'none'; report-to a"),
]
HEADED = {"link-preload", "report-uri"}


def markup(names: Iterable[str]) -> str:
    pieces = []
    for name in names:
        url = f"https://{name}.example.net/x"
        pieces.append(CARRIERS[name].format(u=url, name=name, rest=url[1:]))
    return "\n".join(pieces)


def contacted(running: Playwright, around: Internet, url: str, *, scripting: bool = True) -> set[str]:
    """Which of our hosts are contacted when the page is opened."""
    around.forget()
    with chromium(running, around.flags, java_script_enabled=scripting) as context:
        opened = context.new_page()
        opened.goto(url)
        opened.wait_for_load_state("load")
        around.until_quiet(SETTLE)
    return {contact.host.removesuffix(".example.net") for contact in around.seen() if "example.net" in contact.host}


@pytest.fixture(scope="module")
def ways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The pages' origin, and the proxy's before it."""
    folder = tmp_path_factory.mktemp("carriers")
    (folder / "all.html").write_text(f"<!doctype html><body>{markup(CARRIERS)}")
    (folder / "noscript.html").write_text(f"<!doctype html><body><noscript>{markup(unscripted())}</noscript>")
    (folder / "frames.html").write_text(FRAMES)
    (folder / "based.html").write_text(BASED)
    settings = '[vendors]\nunknown = "block"\n'
    with file_server(folder, HEADERS) as direct, consentry(direct, folder, settings) as proxied:
        yield direct, proxied


def unscripted() -> list[str]:
    return [name for name in CARRIERS if not name.startswith(tuple(SCRIPTED))]


@pytest.mark.parametrize(
    ("file", "scripting", "wanted"),
    [
        ("all.html", True, {*CARRIERS, *HEADED}),
        ("noscript.html", False, set(unscripted())),
        ("frames.html", True, {"framed"}),
        ("based.html", True, {"based"}),
    ],
)
def test_whatever_loads_is_cut(
    running: Playwright, around: Internet, ways: tuple[str, str], file: str, scripting: bool, wanted: set[str]
) -> None:
    direct, proxied = ways
    before = contacted(running, around, f"{direct}/{file}", scripting=scripting)
    assert wanted - PERHAPS - before == set(), "the page must load something from them for this to mean anything"
    assert contacted(running, around, f"{proxied}/{file}", scripting=scripting) == set()
