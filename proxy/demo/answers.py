"""What the vendors' stand-ins answer: a table of host, path and answer. Pure: a request's words in, bytes out.

Rules: the scripts in `answers/` are written for this demo and act as the vendors' own do: they read the queue that the
shop's snippet filled, set their first-party cookies and send hits to URLs that stand in them as literals. Every answer
tries to set the third-party cookie that the vendor is known for, so that it can be seen whether it arrives.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

Headers = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers (without Content-Length) and body."""

    status: int
    headers: Headers
    body: bytes


#: The transparent pixel that trackers answer with, 43 bytes.
GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==")


@cache
def _file(name: str) -> bytes:
    return files("proxy.demo").joinpath("answers", name).read_bytes()


def _script(name: str) -> Callable[[], Answer]:
    headers = [("Content-Type", "application/javascript; charset=UTF-8"), ("Cache-Control", "private, max-age=900")]
    return lambda: Answer(200, headers, _file(name))


def _page(name: str) -> Callable[[], Answer]:
    return lambda: Answer(200, [("Content-Type", "text/html; charset=UTF-8")], _file(name))


def _pixel() -> Answer:
    return Answer(200, [("Content-Type", "image/gif"), ("Cache-Control", "no-store")], GIF)


def _nothing() -> Answer:
    return Answer(204, [("Cache-Control", "no-store")], b"")


def _styles() -> Answer:
    headers = [("Content-Type", "text/css; charset=utf-8"), ("Cache-Control", "private, max-age=86400")]
    return Answer(200, [*headers, ("Access-Control-Allow-Origin", "*")], _file("fonts.css"))


def _font() -> Answer:
    headers = [("Content-Type", "font/woff"), ("Cache-Control", "public, max-age=31536000")]
    return Answer(200, [*headers, ("Access-Control-Allow-Origin", "*")], _file("ornament.woff"))


def _json(text: bytes) -> Callable[[], Answer]:
    return lambda: Answer(200, [("Content-Type", "application/json"), ("Cache-Control", "no-store")], text)


#: Host (it or below it), path prefix, answer. The first that fits holds.
_ANSWERS: tuple[tuple[str, str, Callable[[], Answer]], ...] = (
    ("googletagmanager.com", "/gtag/js", _script("gtag.js")),
    ("googletagmanager.com", "/gtm.js", _script("gtm.js")),
    ("googletagmanager.com", "/ns.html", _page("empty.html")),
    ("google-analytics.com", "/", _nothing),
    ("analytics.google.com", "/", _nothing),
    ("googleadservices.com", "/", _pixel),
    ("doubleclick.net", "/", _pixel),
    ("bat.bing.com", "/bat.js", _script("bat.js")),
    ("bat.bing.com", "/", _nothing),
    ("connect.facebook.net", "/signals/", _script("fbconfig.js")),
    ("connect.facebook.net", "/", _script("fbevents.js")),
    ("facebook.com", "/tr", _pixel),
    ("static.ads-twitter.com", "/", _script("uwt.js")),
    ("t.co", "/", _pixel),
    ("analytics.twitter.com", "/", _pixel),
    ("vk.com", "/js/api/", _script("openapi.js")),
    ("vk.com", "/rtrg", _pixel),
    ("instagram.com", "/embed.js", _script("embed.js")),
    ("instagram.com", "/p/", _page("post.html")),
    ("youtube-nocookie.com", "/embed/", _page("film.html")),
    ("youtube.com", "/embed/", _page("film.html")),
    ("static.addtoany.com", "/", _script("addtoany.js")),
    ("js.stripe.com", "/", _script("stripe.js")),
    ("fonts.googleapis.com", "/css", _styles),
    ("fonts.gstatic.com", "/", _font),
    ("graph.facebook.com", "/", _json(b'{"events_received":1,"messages":[]}')),
    ("ads-api.x.com", "/", _json(b'{"data":{"conversions_processed":1}}')),
    ("matomo.cloud", "/matomo.php", _json(b'{"status":"success","tracked":1,"invalid":0}')),
    ("plausible.io", "/api/event", _json(b'"ok"')),
)

#: The third-party cookie that each vendor's answers try to set.
_COOKIES: tuple[tuple[str, str], ...] = (
    ("google-analytics.com", "NID"),
    ("googletagmanager.com", "NID"),
    ("googleadservices.com", "Conversion"),
    ("doubleclick.net", "IDE"),
    ("bat.bing.com", "MUID"),
    ("facebook.com", "fr"),
    ("facebook.net", "fr"),
    ("t.co", "muc_ads"),
    ("analytics.twitter.com", "personalization_id"),
    ("static.ads-twitter.com", "guest_id"),
    ("vk.com", "remixlang"),
    ("instagram.com", "ig_did"),
    ("youtube-nocookie.com", "VISITOR_INFO1_LIVE"),
    ("youtube.com", "VISITOR_INFO1_LIVE"),
    ("addtoany.com", "uvc"),
    ("stripe.com", "m"),
)


def answer(host: str, target: str, *, hostile: bool = False) -> Answer:
    """What the vendor at `host` (lower-case, no port) would answer; 404 where the demo knows nothing of it.

    With `hostile`, a script of its answers also tries to consent in the visitor's name.
    """
    path = target.partition("?")[0]
    made = next((make for known, prefix, make in _ANSWERS if _under(host, known) and path.startswith(prefix)), None)
    if made is None:
        return Answer(404, [("Content-Type", "text/plain")], b"The demo's stand-ins know nothing of this.\n")
    reply = made()
    headers = list(reply.headers)
    if cookie := next((name for known, name in _COOKIES if _under(host, known)), None):
        headers.append(("Set-Cookie", f"{cookie}=stand-in-7f3a91; Path=/; Max-Age=31536000; Secure; SameSite=None"))
    body = reply.body
    if hostile and ("Content-Type", "application/javascript; charset=UTF-8") in headers:
        body += _file("hostile.js")
    return Answer(reply.status, headers, body)


def _under(host: str, known: str) -> bool:
    return host == known or host.endswith("." + known)


def script_text(name: str) -> str:
    """A script of `answers/` as text, for a page that wants to carry it inline."""
    return _file(name).decode()
