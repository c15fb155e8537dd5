"""A script that makes up its trackers' addresses at run time, in a real browser with the policy enforced.

Each way of contacting somebody has a host of its own, which stands in no byte of the page: no reading of it could cut
them. Without the proxy the browser asks all of them for something; with it, and unknown third parties blocked, none but
those of `BEYOND`, where a Content-Security-Policy has no say.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from playwright.sync_api import Playwright

from tests.browser.chromium import chromium
from tests.browser.internet import Contact, Internet
from tests.browser.shop import consentry, file_server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

#: By the name of its host, what a script does with a URL `u` there; `make(tag, {…})` puts an element into the page.
WAYS = {
    "script": "make('script', {src: u})",
    "module": "make('script', {type: 'module', src: u})",
    "script-text": "make('script', {text: `new Image().src = '${u}'`})",
    "script-written": "document.write('<scr' + 'ipt src=' + u + '></scr' + 'ipt>')",
    "import": "import(u).catch(() => 0)",
    "eval": "eval(`new Image().src = '${u}'`)",
    "timer": "setTimeout(`new Image().src = '${u}'`, 9)",
    "image": "new Image().src = u",
    "image-set": "make('img', {srcset: u + ' 1x'})",
    "markup": "make('div', {innerHTML: `<img src=${u}>`})",
    "handler": "make('img', {onerror: () => (new Image().src = u), src: 'data:,'})",
    "input": "make('input', {type: 'image', src: u})",
    "poster": "make('video', {poster: u})",
    "video": "make('video', {src: u})",
    "audio": "new Audio(u).load()",
    "object": "make('object', {data: u})",
    "embed": "make('embed', {src: u})",
    "frame": "make('iframe', {src: u})",
    "frame-doc": "make('iframe', {srcdoc: `<img src=${u}>`})",
    "frame-data": "make('iframe', {src: `data:text/html,<img src=${u}>`})",
    "frame-blob": "make('iframe', {src: blob(`<img src=${u}>`, 'text/html')})",
    "frame-blank": "make('iframe', {}).contentDocument.body.append(Object.assign(new Image(), {src: u}))",
    "frame-moved": "make('iframe', {name: 'moved'}); open(u, 'moved')",
    "form": "make('iframe', {name: 'posted'}); make('form', {action: u, method: 'post', target: 'posted'}).submit()",
    "stylesheet": "make('link', {rel: 'stylesheet', href: u})",
    "style": "make('p', {textContent: 'x'}).style.background = `url(${u})`",
    "sheet": "make('style', {textContent: `@import '${u}';`})",
    "sheet-built": "const s = new CSSStyleSheet(); s.replaceSync(`body { background: url(${u}) }`);"
    " document.adoptedStyleSheets = [s]",
    "font": "new FontFace('q', `url(${u})`).load().catch(() => 0)",
    "fetch": "fetch(u, {mode: 'no-cors', keepalive: true}).catch(() => 0)",
    "xhr": "const x = new XMLHttpRequest(); x.open('GET', u); x.send()",
    "beacon": "navigator.sendBeacon(u, 'a')",
    "events": "new EventSource(u)",
    "socket": "new WebSocket(u.replace('https', 'wss'))",
    "ping": "make('a', {href: '#', ping: u}).click()",
    "worker": "new Worker(blob(`fetch('${u}', {mode: 'no-cors'})`))",
    "worker-import": "new Worker(blob(`importScripts('${u}')`))",
    "worker-file": "new Worker('/worker.js#' + u)",
    "worker-shared": "new SharedWorker('/worker.js#' + u)",
    "preload": "make('link', {rel: 'preload', as: 'image', href: u})",
    "modulepreload": "make('link', {rel: 'modulepreload', href: u})",
    "prefetch": "make('link', {rel: 'prefetch', href: u})",
    "icon": "make('link', {rel: 'icon', href: u})",
    "manifest": "make('link', {rel: 'manifest', href: u})",
    "svg": "make('div', {innerHTML: `<svg><image href=${u} /></svg>`})",
    "mask": "make('div', {style: `width: 9px; height: 9px; mask: url(${u})`})",
    "shadow": "make('div', {}).attachShadow({mode: 'open'}).innerHTML = `<img src=${u}>`",
    "preconnect": "make('link', {rel: 'preconnect', href: u})",
    "speculation": "make('script', {type: 'speculationrules',"
    " textContent: JSON.stringify({prefetch: [{urls: [u], eagerness: 'immediate'}]})})",
}
#: What this Chromium leaves alone by itself: it is here for others, or waits for a good moment.
PERHAPS = frozenset("icon manifest".split())
#: No policy holds these back (CSP 3): what Chromium fetches for a visit to come.
BEYOND = frozenset({"speculation"})
#: Nor these: Chromium opens a connection, and asks nothing on it, before it looks at a policy.
BARE = frozenset("preconnect frame frame-moved form".split())

#: How long nobody must have been contacted before the page counts as quiet, in seconds.
SETTLE = 2

SCRIPT = """
const address = name => ["htt", "ps:", "", name + ".exam" + "ple.net", "x"].join("/").replace("/ps:", "ps:");
const make = (tag, given) => {
    const made = Object.assign(document.createElement(tag), given);
    document.body.append(made);
    return made;
};
const blob = (text, type = "text/javascript") => URL.createObjectURL(new Blob([text], {type}));
const ways = {
%s
};
for (const [name, way] of Object.entries(ways)) {
    try { way(address(name)); } catch (problem) { console.log(name, problem.message); }
}
"""
WORKER = "fetch(location.hash.slice(1), {mode: 'no-cors'}).catch(() => 0);"


def page() -> str:
    ways = ",\n".join(f'"{name}": u => {{ {way} }}' for name, way in WAYS.items())
    return f"<!doctype html><title>shop</title><body><h1>Shop</h1><script>{SCRIPT % ways}</script>"


def contacts(running: Playwright, around: Internet, url: str) -> tuple[set[str], set[str]]:
    """Which of our hosts are connected to when the page is opened, and which are asked for something."""
    around.forget()
    with chromium(running, around.flags) as context:
        opened = context.new_page()
        opened.goto(url)
        opened.wait_for_load_state("load")
        around.until_quiet(SETTLE)
    ours = [contact for contact in around.seen() if contact.host.endswith(".example.net")]
    return names(ours), names(contact for contact in ours if contact.target)


def names(of: Iterable[Contact]) -> set[str]:
    return {contact.host.removesuffix(".example.net") for contact in of}


def test_what_scripts_start_at_run_time_is_held_back(running: Playwright, around: Internet, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text(page())
    (tmp_path / "worker.js").write_text(WORKER)
    settings = '[vendors]\nunknown = "block"\n[csp]\nmode = "enforce"\n'
    with file_server(tmp_path) as direct, consentry(direct, tmp_path, settings) as proxied:
        connected, asked = contacts(running, around, f"{direct}/")
        assert set(WAYS) - PERHAPS - connected == set(), "the page must contact them for this to mean anything"
        assert set(WAYS) - PERHAPS - {"preconnect"} - asked == set()
        connected, asked = contacts(running, around, f"{proxied}/")
    assert asked - BEYOND == set()
    assert connected - BEYOND - BARE == set()
