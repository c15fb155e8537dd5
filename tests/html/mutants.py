"""Documents with a tracker put somewhere into them: pieces of real pages, html5lib's cases, and odd markup.

`mutant(chance)` makes one from a source of chance, so that a seed names it. In the lists below one line is one piece of
markup; `{u}` is where a tracker's URL goes, `{q}` what quotes it. `⏎` stands for a line's end, `␀` for a NUL.
"""

from __future__ import annotations

import json
import random
from base64 import b64encode
from functools import lru_cache
from html import escape
from urllib.parse import quote

from tests.places import CONFORMANCE_DIR, real_pages


def _lines(text: str) -> tuple[str, ...]:
    return tuple(text.replace("⏎", "\n").replace("␀", "\0").strip("\n").split("\n"))


#: Hosts and paths of trackers: of vendors that files describe, and of one that nobody knows.
TRACKERS = (
    "www.facebook.com/tr?id=zq7",
    "connect.facebook.net/zq7.js",
    "www.google-analytics.com/zq7.js",
    "www.googletagmanager.com/gtag/js?id=zq7",
    "www.youtube.com/embed/zq7",
    "third.example.net/zq7",
)

#: An attribute that is a URL and loads.
ATTRIBUTES = _lines("""
<img src={q}{u}{q}>
<img alt=x src = {q}{u}{q} width=1>
<IMG SRC={q}{u}{q}/>
<a>/<img src={q}{u}{q}>
<image src={q}{u}{q}>
<img src=/own.png src={q}{u}{q} alt>
<img data-src={q}{u}{q} class=lazy>
<img data-original={q}{u}{q}>
<img attributionsrc={q}{u}{q}>
<video poster={q}{u}{q}>
<video src={q}{u}{q}></video>
<video><source src={q}{u}{q}></video>
<video><track src={q}{u}{q}></video>
<audio src={q}{u}{q}>
<input type=image src={q}{u}{q}>
<body background={q}{u}{q}>
<table background={q}{u}{q}>
<table><td background={q}{u}{q}>
<iframe src={q}{u}{q}></iframe>
<iframe loading=lazy data-src={q}{u}{q}></iframe>
<frame src={q}{u}{q}>
<embed src={q}{u}{q}>
<object data={q}{u}{q}></object>
<div data-bg={q}{u}{q}></div>
<script src={q}{u}{q}></script>
<script async type=module src={q}{u}{q} integrity=x></script>
<svg><script href={q}{u}{q} /></svg>
<svg><script xlink:href={q}{u}{q}></script></svg>
<svg><image href={q}{u}{q} /></svg>
<svg><use xlink:href={q}{u}{q} /></svg>
<svg><feImage href={q}{u}{q} />
<svg><set attributeName=href to={q}{u}{q} /></svg>
<a ping={q}{u}{q} href=/>x</a>
<area ping={q}{u}{q}>
<link rel=stylesheet href={q}{u}{q}>
<link rel=icon href={q}{u}{q}>
<link rel=preload href={q}{u}{q} as=script>
<link rel=modulepreload href={q}{u}{q}>
<link href={q}{u}{q} rel="x Prefetch">
<link rel=preconnect href={q}{u}{q}>
<link rel=dns-prefetch href={q}{u}{q}>
<link rel=manifest href={q}{u}{q}>
""")
#: An attribute in which a URL stands among other things.
AMONG = _lines("""
<img srcset="/a.png 1x, {u} 2x">
<img srcset="{u}" src=/a.png>
<source srcset="{u} 300w, /b.png 600w">
<img data-srcset="/a.png 1x, {u} 2x">
<link rel=preload as=image imagesrcset="{u} 2x">
<a ping="/own {u}" href=/>
<p onclick="new Image().src='{u}'">
<img src=/x onerror="this.src='{u}'">
<body onload="fetch(`{u}`)">
<svg onload="f('{u}')"></svg>
<iframe srcdoc="<img src='{u}'>"></iframe>
<iframe srcdoc="<script>f('{u}')</script>"></iframe>
<iframe src="javascript:f('{u}')"></iframe>
""")
#: The same for style, and for shapes.
STYLED = _lines("""
<p style="background:url({u})">
<p style="background: url( '{u}' )">
<p style="background:image-set('{u}' 2x)">
<div data-bg="url('{u}')"></div>
<svg><rect fill="url({u}#a)" d=x /></svg>
<svg mask="url({u})"></svg>
<svg><path filter="url({u})"></path></svg>
""")
#: Style sheets and scripts.
SHEETS = _lines("""
<style>@import '{u}';</style>
<style>@import url("{u}") print;</style>
<style>a{{b:url({u})}}</style>
<style>a{{b:image-set('{u}' 1x)}}</style>
<svg><style>a{{b:url({u})}}</style></svg>
<style media=x>a{{b:url( '{u}' )}}
""")
SCRIPTS = _lines("""
<script>var i=new Image;i.src='{u}'</script>
<script>fetch("{u}")</script>
<script type=module>import `{u}`</script>
<svg><script>f('{u}')</script></svg>
<script><!--⏎f('{u}')⏎--></script>
<SCRIPT>f('{u}')
""")
#: Markup by which the visitor goes there.
STARTED = _lines("""
<a href="{u}">x</a>
<a class=b href={u}>
<form action='{u}'></form>
<button formaction="{u}">x</button>
<svg><a xlink:href='{u}'><text>x</text></a></svg>
<area href="{u}">
<blockquote cite="{u}">
""")
#: What may stand around it, before and behind the `…`.
AROUND = _lines("""
…
<noscript>…</noscript>
<head><noscript>…</noscript></head>
<noscript><p>…
<noscript><!--…--></noscript>
<noscript><style>…</noscript>
<noscript><a b="…</noscript>">
<svg>…</svg>
<svg><foreignObject>…</foreignObject></svg>
<svg><desc>…</desc>
<svg><title>…</title></svg>
<svg><g>…
<svg><style>…
<svg><![CDATA[…]]></svg>
<svg/>…
<svg><font color=x>…
<svg></p>…
<math>…</math>
<math><mi>…</mi></math>
<math><annotation-xml encoding=text/html>…</math>
<math><annotation-xml><svg>…
<math><mi><svg><style>…
<math></br>…
<template>…</template>
<template><tr>…</tr></template>
<template><svg></template>…
<table>…</table>
<table><tr><td>…</td></tr></table>
<table><caption>…
<table><colgroup>…
<select>…</select>
<select><option>…</option></select>
<title>…</title>
<textarea>…</textarea>
<xmp>…</xmp>
<noembed>…</noembed>
<noframes>…</noframes>
<iframe>…</iframe>
<style>…</style>
<script>…</script>
<script type=text/plain>…</script>
<script><!--<script>…</script>
<script><!--…--></script>
<!--…-->
<!-->…-->
<!--->…
<!…>
<?…?>
</…>
<plaintext>…
<frameset>…</frameset>
<frameset><plaintext>…
<button>…</button>
<form>…</form>
<p>…</p>
</p>…
</body>…
</html>…
<body>…</body>
<head>…</head>
<picture>…</picture>
<object>…</object>
<a href=/>…</a>
<b><p>…</b>
<p title='…'>
<p title="…">
<p title=…>
<p …>
<img alt='>'…
<a b='"' c="'">…
<details open><summary>…</summary>
<dIv X='⏎'>…</DIV⏎>
<ruby><rt>…
␀…␀
é\ufeff…☃
&lt;…&amp
<…>
<a…
""")
#: Documents of our own, where there are no others.
SMALL = _lines("""
<!doctype html><html lang=en><head><title>a</title><meta charset=utf-8></head><body><p>b</p></body></html>
<table><tr><td>a<td>b</table><select><option>c<option>d</select><svg viewBox='0 0 1 1'><path d='M0 0'/></svg>
<noscript><p>a</noscript><script>var a='<b>';</script><style>b{c:d}</style><!-- e --><textarea>f</textarea>
<p>text<br/>more <b><i>x</b>y</i> <a href='/z'>z</a> &copy; <img src=/own.png srcset='/a 1x, /b 2x'>
<svg><g><title>a</title><foreignObject><p>b</p></foreignObject></g></svg><math><mi>c</mi></math><template><i></template>
""")


def mutant(chance: random.Random) -> bytes:
    """A document with one tracker in it; most of them load something from it."""
    element = _loading(chance) if chance.random() < 0.9 else chance.choice(STARTED).format(u=_plain(chance))
    for _ in range(chance.choice((0, 1, 1, 2))):
        before, _, after = chance.choice(AROUND).partition("…")
        element = before + element + after
    base = _base(chance)
    at = _place(base, chance)
    return base[:at] + element.encode("utf-8", "surrogatepass") + base[at:]


def _plain(chance: random.Random) -> str:
    return f"https://{chance.choice(TRACKERS)}"


def _loading(chance: random.Random) -> str:
    """Something that loads, its URL spelled in one of the ways that hold where it stands."""
    kinds = (_attribute, _among, _styled, _sheet, _script, _document)
    return chance.choices(kinds, (50, 15, 10, 10, 10, 5))[0](chance)


def _attribute(chance: random.Random) -> str:
    quoted = chance.choice(("", "'", '"'))
    url = _spelled(chance)
    if quoted and chance.random() < 0.2:
        url = chance.choice((" ", "\t\n", "\x01")) + url[:4] + "\n" + url[4:]
    if chance.random() < 0.1:
        url = url.replace("/", "\\", 2)
    return chance.choice(ATTRIBUTES).format(q=quoted, u=_referenced(url, chance))


def _among(chance: random.Random) -> str:
    form = chance.choice(AMONG)
    return form.format(u=_plain(chance) if "srcdoc" in form else _referenced(_spelled(chance), chance))


def _styled(chance: random.Random) -> str:
    return chance.choice(STYLED).format(u=_referenced(_escaped(chance), chance))


def _sheet(chance: random.Random) -> str:
    return chance.choice(SHEETS).format(u=_escaped(chance))


def _escaped(chance: random.Random) -> str:
    """A URL in CSS, at times with a character as an escape."""
    url = _spelled(chance)
    if chance.random() < 0.6:
        return url
    place = chance.randrange(len(url))
    plain = url[place] if url[place] not in "0123456789abcdefABCDEF" else ""
    escapes = (
        f"\\{ord(url[place]):x} ",
        f"\\{ord(url[place]):06X}",
        f"\\{plain}" if plain else f"\\{ord(url[place]):x} ",
    )
    return url[:place] + chance.choice(escapes) + url[place + 1 :]


def _script(chance: random.Random) -> str:
    url = _spelled(chance)
    slash = chance.choice(("/", "/", r"\/", r"\x2f", r"\u002F"))
    return chance.choice(SCRIPTS).format(u=url.replace("/", slash))


def _document(chance: random.Random) -> str:
    document = f"<img src='{_plain(chance)}'>"
    if chance.random() < 0.5:
        return f'<iframe src="data:text/html,{quote(document)}"></iframe>'
    return f'<iframe src="data:text/html;base64,{b64encode(document.encode()).decode()}"></iframe>'


def _spelled(chance: random.Random) -> str:
    """A tracker's URL in one of the ways to write it that hold everywhere."""
    host, slash, path = chance.choice(TRACKERS).partition("/")
    if chance.random() < 0.2:
        host = host.upper()
    if chance.random() < 0.1:
        host += ":443"
    scheme = chance.choice(("https://", "https://", "http://", "HTTPS://", "//", "//"))
    return scheme + host + slash + path


def _referenced(url: str, chance: random.Random) -> str:
    """The URL as an attribute's value, at times with a character as a reference."""
    if chance.random() < 0.7:
        return escape(url, quote=False)
    place = chance.randrange(len(url))
    char = url[place]
    named = {"/": "&sol;", ":": "&colon;", ".": "&period;"}.get(char, f"&#{ord(char)};")
    reference = chance.choice((f"&#{ord(char)};", f"&#x{ord(char):x};", f"&#X{ord(char):04X};", named))
    return escape(url[:place], quote=False) + reference + escape(url[place + 1 :], quote=False)


def _base(chance: random.Random) -> bytes:
    """What the element is put into: often a piece of a page, of some kilobytes, that begins at a tag."""
    pages, cases = _pages(), _cases()
    kind = chance.random()
    if pages and kind < 0.5:
        page = chance.choice(pages)
        at = page.find(b"<", chance.randrange(len(page)))
        return page[max(at, 0) :][: chance.choice((200, 1000, 3000))]
    if cases and kind < 0.85:
        return chance.choice(cases)
    return chance.choice(SMALL).encode()


def _place(base: bytes, chance: random.Random) -> int:
    """Where: most often between tokens."""
    at = chance.randint(0, len(base))
    if chance.random() < 0.6:
        at = base.find(b">", at) + 1 or len(base)
    return at


@lru_cache(1)
def _pages() -> list[bytes]:
    return [path.read_bytes() for path in real_pages()]


@lru_cache(1)
def _cases() -> list[bytes]:
    """The markup of html5lib's tokenizer cases."""
    files = sorted((CONFORMANCE_DIR / "html5lib-tokenizer").glob("*.test"))
    tests = [test for file in files for test in json.loads(file.read_text()).get("tests", ())]
    return [test["input"].encode("utf-8", "surrogatepass") for test in tests]
