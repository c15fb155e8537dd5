"""The installed command before a small shop whose back end states events, and one server that stands in for vendors."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from tests.cli.command import GOOD_KEYS

TOKEN = "token-of-the-back-end"
ENVIRONMENT = {
    **GOOD_KEYS,
    "CONSENTRY_ADMIN_TOKEN": TOKEN,
    "CONSENTRY_VISITOR_KEY": "k" * 32,
    "CONSENTRY_META_PIXEL_ACCESS_TOKEN": "secret-of-meta",
    "CONSENTRY_GOOGLE_ANALYTICS_API_SECRET": "secret-of-google",
}

SETTINGS = """\
origin = "https://shop.example"
[controller]
name = "Shop Ltd"
email = "privacy@shop.example"
privacy_policy = "/privacy"
[listen]
trusted = ["127.0.0.1/32"]
[limits]
leave_seconds = 0
[vendors]
use = ["google-analytics", "meta-pixel", "plausible"]
unknown = "block"
gateway = "{gateway}"
[vendor.google-analytics]
reach = "server"
measurement_id = "G-1"
[vendor.meta-pixel]
reach = "server"
pixel_id = "7"
[vendor.plausible]
reach = "server"
domain = "shop.example"
[outbox]
answer_seconds = {answer_seconds}
[[event]]
name = "search"
method = "GET"
path = "/search"
fields = {{ search = "query:q" }}
"""


def settings(folder: Path, gateway: str, *, answer_seconds: float = 20.0, more: str = "") -> Path:
    file = folder / "consentry.toml"
    file.write_text(SETTINGS.format(gateway=gateway, answer_seconds=answer_seconds) + more, encoding="utf-8")
    return file


@dataclass
class Request:
    host: str
    target: str
    headers: dict[str, str]
    body: bytes
    raw: bytes

    @property
    def json(self) -> dict[str, object]:
        said: dict[str, object] = json.loads(self.body)
        return said


@dataclass
class Vendors:
    """Every vendor: answers 200, or what `answer` says; remembers what reached it. `ids` are those of Meta's events."""

    url: str = ""
    answer: Callable[[Request], int | None] = lambda _: 200
    requests: list[Request] = field(default_factory=list)
    ids: Counter[str] = field(default_factory=Counter)

    def to(self, host: str) -> list[Request]:
        return [one for one in self.requests if one.host == host]

    def until(self, happened: Callable[[], bool], seconds: float = 60.0) -> bool:
        end = time.monotonic() + seconds
        while not happened() and time.monotonic() < end:
            time.sleep(0.05)
        return happened()


@contextlib.contextmanager
def vendors(*, remember: bool = True) -> Iterator[Vendors]:
    told = Vendors()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            raw = self.requestline.encode() + b"\r\n" + bytes(self.headers) + body
            one = Request(self.headers["Host"], self.path, dict(self.headers), body, raw)
            status = told.answer(one)
            if remember:
                told.requests.append(one)
            if status == 200 and one.host == "graph.facebook.com":
                told.ids.update(event["event_id"] for event in json.loads(body)["data"])
            if status is None:  # it hangs, then breaks off
                time.sleep(1.5)
                self.close_connection = True
                return
            said = b'{"status":"success","code":0}'
            self.send_response(status)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        do_GET = do_POST  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            pass

    with Server(("127.0.0.1", 0), Handler) as server:
        told.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield told
        server.shutdown()


PAGE = b'<!doctype html><html lang="en"><head></head><body><p>Shop</p></body></html>'


@contextlib.contextmanager
def shop() -> Iterator[str]:
    """A storefront whose answers state an event where their path begins with /event/: what stands behind it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status = 404 if self.path.startswith("/missing") else 200
            self.send_response(status)
            if self.path.startswith("/event/"):
                self.send_header(
                    "Consentry-Event", json.dumps({"name": self.path.split("/")[2], "value": 5, "currency": "EUR"})
                )
            elif self.path == "/wrong":
                self.send_header("Consentry-Event", "purchase")
            self.send_header("X-Seen", json.dumps({name.lower(): text for name, text in self.headers.items()}))
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(PAGE)))
            self.end_headers()
            self.wfile.write(PAGE)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def ask(
    url: str, method: str = "GET", target: str = "/", body: bytes | None = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """One request: status, headers by lower-case name, body."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
    try:
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, target, body, {"Host": "shop.example", **told})
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


BROWSER = {
    "Accept": "text/html",
    "User_Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
    "Sec_Fetch_Dest": "document",
    "Sec_Fetch_Mode": "navigate",
    "Sec_Fetch_Site": "same-origin",
    "Sec_Fetch_User": "?1",
    "X_Forwarded_For": "203.0.113.77",
}


def choose(public: str, form: bytes, cookie: str = "") -> str:
    """Make a choice as a person does; the consent cookie."""
    more = {"Cookie": cookie} if cookie else {}
    kind = "application/x-www-form-urlencoded"
    status, headers, _ = ask(
        public, "POST", "/_consent", form, Origin="https://shop.example", Content_Type=kind, **BROWSER, **more
    )
    assert status == 303, headers
    return headers["set-cookie"].partition(";")[0]


def post(admin: str, events: object, token: str = TOKEN) -> tuple[int, dict[str, object]]:
    """What a back end posts, and what it is told."""
    status, _, body = ask(
        admin,
        "POST",
        "/events",
        json.dumps(events).encode(),
        Authorization=f"Bearer {token}",
        Content_Type="application/json",
    )
    return status, json.loads(body)
