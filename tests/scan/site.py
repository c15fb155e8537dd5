"""A site on this machine, for scans: what it answers is a table, what it was asked is written down."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Answer:
    """`text` is the body, in UTF-8; `{site}` in it, and in headers, is the site's own origin."""

    text: str | bytes = ""
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    kind: str = "text/html; charset=utf-8"


@dataclass
class Site:
    """`asked` are the targets, in order; `headers` what came with the last one. `drop`: closes without an answer."""

    answers: Mapping[str, Answer]
    asked: list[str] = field(default_factory=list)
    headers: Mapping[str, str] = field(default_factory=dict)
    drop: frozenset[str] = frozenset()
    url: str = ""


@contextlib.contextmanager
def serving(answers: Mapping[str, str | Answer], drop: frozenset[str] = frozenset()) -> Iterator[Site]:
    """Listens on a free port until the end of the block. A target that is not in the table gets 404."""
    table = {target: one if isinstance(one, Answer) else Answer(one) for target, one in answers.items()}
    site = Site(table, drop=drop)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            site.asked.append(self.path)
            site.headers = {name.lower(): value for name, value in self.headers.items()}
            if self.path in site.drop:
                self.close_connection = True
                return
            answer = site.answers.get(self.path, Answer("Not here", 404))
            body = answer.text if isinstance(answer.text, bytes) else answer.text.replace("{site}", site.url).encode()
            self.send_response(answer.status)
            for name, value in (("Content-Type", answer.kind), *answer.headers):
                if value:
                    self.send_header(name, value.replace("{site}", site.url))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        site.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()
