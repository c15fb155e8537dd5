"""Everything outside the shop, as one recording server: Chromium is told to find every other host here.

`Internet` notes each connection (a preconnect makes one without a request: its TLS ClientHello names the host) and each
request, and answers so that pages go on: scripts are empty, pictures a pixel, frames an empty page. Nothing leaves the
machine. Certificates are made on the spot; Chromium is started with --ignore-certificate-errors.
"""

from __future__ import annotations

import contextlib
import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import trustme

PIXEL = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")


@dataclass(frozen=True)
class Contact:
    """One connection (`target` empty) or one request on it, `at` seconds since 1970."""

    host: str
    target: str = ""
    head: bytes = field(default=b"", repr=False)
    body: bytes = field(default=b"", repr=False)
    at: float = field(default_factory=time.time, repr=False, compare=False)


class Internet(socketserver.ThreadingTCPServer):
    """Records contacts; `seen()` gives them, `forget()` starts anew."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 256

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self._lock = threading.Lock()
        self._contacts: list[Contact] = []
        self._open: set[socket.socket] = set()
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trustme.CA().issue_cert("internet.invalid").configure_cert(self.tls)
        self.tls.set_alpn_protocols(["http/1.1"])
        self.tls.sni_callback = self._named

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def flags(self) -> list[str]:
        """What Chromium must be started with to find every host but this machine here."""
        rules = f"MAP * 127.0.0.1:{self.port}, EXCLUDE 127.0.0.1, EXCLUDE localhost"
        return [f"--host-resolver-rules={rules}", "--ignore-certificate-errors"]

    def note(self, contact: Contact) -> None:
        with self._lock:
            self._contacts.append(contact)

    def seen(self) -> list[Contact]:
        with self._lock:
            return list(self._contacts)

    def forget(self) -> None:
        """Start anew, without open connections: one that is still warm would hide the next preconnect."""
        with self._lock:
            self._contacts.clear()
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def until_quiet(self, seconds: float) -> None:
        """Wait until nobody has been contacted for so long: what comes late belongs to what was done before."""
        before, last = -1, time.monotonic()
        while time.monotonic() - last < seconds:
            if (seen := len(self.seen())) != before:
                before, last = seen, time.monotonic()
            time.sleep(0.05)

    def opened(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.add(connection)

    def closed(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.discard(connection)

    def _named(self, connection: ssl.SSLObject, host: str | None, _: ssl.SSLContext) -> None:
        self.note(Contact(host or ""))

    def handle_error(self, request: object, client_address: object) -> None:
        """Browsers break off connections all the time; that is no error here."""


class _Connection(socketserver.BaseRequestHandler):
    server: Internet

    def handle(self) -> None:
        plain: socket.socket = self.request
        plain.settimeout(30)
        self.server.opened(plain)
        try:
            self._greet(plain)
        finally:
            self.server.closed(plain)

    def _greet(self, plain: socket.socket) -> None:
        if plain.recv(1, socket.MSG_PEEK) == b"\x16":
            with self.server.tls.wrap_socket(plain, server_side=True) as secured:
                self.server.opened(secured)
                try:
                    self._serve(secured)
                finally:
                    self.server.closed(secured)
        else:
            self._serve(plain)

    def _serve(self, connection: socket.socket) -> None:
        with connection.makefile("rwb") as stream:
            while head := b"".join(_head(stream)):
                line, *fields = head.decode("latin-1").split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (f.partition(":") for f in fields)}
                body = stream.read(int(headers.get("content-length") or 0))
                target = line.split(" ")[1]
                self.server.note(Contact(headers.get("host", ""), target, head, body))
                stream.write(_answer(headers.get("sec-fetch-dest", ""), target))
                stream.flush()


def _head(stream: contextlib.AbstractContextManager[object]) -> Iterator[bytes]:
    while (line := stream.readline(65536)) and line != b"\r\n":  # type: ignore[attr-defined]
        yield line


def _answer(destination: str, target: str) -> bytes:
    kind, body = {
        "script": ("text/javascript", b""),
        "style": ("text/css", b""),
        "image": ("image/gif", PIXEL),
        "iframe": ("text/html", b"<!doctype html><title>vendor</title>"),
    }.get(destination, ("text/plain", b""))
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        "Access-Control-Allow-Origin: *\r\nCache-Control: no-store\r\n\r\n"
    )
    return head.encode() + body


@contextlib.contextmanager
def internet() -> Iterator[Internet]:
    """A running `Internet`, ended at the end of the block."""
    with Internet() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
