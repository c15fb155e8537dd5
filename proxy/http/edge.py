"""The server's protocol, and what it lets through by itself that an edge must not.

Rules: a head is bounded in bytes and in lines, and answered 431 beyond that; trailers never become headers; an
absolute-form target's host is the Host (RFC 9112, 3.2.2); a target is kept to the byte, a `?` with nothing behind it
too, in `scope["consentry.target"]`. Upgrades are not served: a request is answered as if it had not asked for one (RFC
9110, 7.8), on a connection that then ends, and with a body it is refused, since the parser below would read that body
as the next request.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from proxy.http.upload import has_body

#: What a request's head may be: bytes of target, names and values, and how many headers. Browsers and front servers
#: stay below 16 KB.
HEAD_BYTES = 64 * 1024
HEAD_LINES = 128


class Edge(HttpToolsProtocol):
    """Give it to uvicorn as `http=`."""

    _in_head = False
    _fed = 0
    _size = 0
    _refused = False

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        if self._in_head:
            self._fed += len(data)
        super().data_received(data)
        if self._in_head and self._fed > 2 * HEAD_BYTES:
            self._refuse(b"431 Request Header Fields Too Large")

    def on_message_begin(self) -> None:
        self._in_head = True
        self._fed = self._size = 0
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_head or self._refused:
            return
        self._size += len(name) + len(value)
        if self._size + len(self.url) > HEAD_BYTES or len(self.headers) >= HEAD_LINES:
            self._refuse(b"431 Request Header Fields Too Large")
        else:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        if self._refused:
            return
        upgrades = self.parser.should_upgrade()
        if upgrades and has_body(self.headers):
            self._refuse(b"400 Bad Request")
            return
        if b"://" in self.url.partition(b"?")[0] and not self.url.startswith(b"/"):
            host = urlsplit(self.url).netloc.rpartition(b"@")[2]
            self.headers[:] = [(b"host", host), *(header for header in self.headers if header[0] != b"host")]
        super().on_headers_complete()
        _, mark, query = self.url.partition(b"#")[0].partition(b"?")
        self.scope["consentry.target"] = self.scope["raw_path"] + mark + query  # type: ignore[typeddict-unknown-key]
        if upgrades:
            self.cycle.keep_alive = False

    def _unsupported_upgrade_warning(self) -> None:
        """Nothing: whoever asks for an upgrade must not be able to fill the log."""

    def on_body(self, body: bytes) -> None:
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if not self._refused:
            super().on_message_complete()

    def _refuse(self, status: bytes) -> None:
        """Answer and close. What is being answered before it on this connection is broken off, never mixed with it."""
        self._refused = True
        if self.cycle is None or self.cycle.response_complete:
            self.transport.write(b"HTTP/1.1 %b\r\ncontent-length: 0\r\nconnection: close\r\n\r\n" % status)
            self.transport.close()
        else:
            self.transport.abort()
