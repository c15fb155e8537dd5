"""A storefront's HTML on its way to one visitor: found, decoded, rewritten, coded again, as it arrives.

Rules: what browsers may read as a page is a page, also without a Content-Type (WHATWG MIME Sniffing: with one missing
and no `nosniff`, a body that starts with `<`). What cannot be decoded or read is refused, never passed on. A page is
sent on whenever the storefront pauses. A body without a byte stays one.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from enum import Enum
from functools import lru_cache
from typing import Protocol

from proxy.html.page import CannotRewrite, Page
from proxy.html.rewrite import Rewriter
from proxy.http.charset import ASCII_LIKE, PRESCAN, CannotRead, Recoded, Rewrites, encoding_of
from proxy.http.coding import CannotDecode, Decoder, coding_of, encoder
from proxy.http.failing import CannotCut, Refusal
from proxy.http.upstream import Answer

Headers = Sequence[tuple[bytes, bytes]]


class Form(Enum):
    """What a browser takes an answer for."""

    PAGE = "page"
    OTHER = "other"
    UNSAID = "no Content-Type: what it starts with tells"


_PAGE_TYPES = frozenset({b"text/html", b"application/xhtml+xml"})
_UNKNOWN_TYPES = frozenset({b"", b"unknown/unknown", b"application/unknown", b"*/*"})
_MIME = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+/[!#$%&'*+.^_`|~0-9a-z-]+\Z")
#: How many bytes are looked at for what a body starts with. Browsers look at 1,445.
_SNIFFED = 4096
#: Byte order mark and white space that browsers skip before they look for `<`.
_BLANK = b"\xef\xbb\xbf\xfe\xff \t\r\n\f\x00"


def form_of(headers: Headers) -> Form:
    """By Content-Type. Downloads (`Content-Disposition: attachment`) are never shown, and so never cut."""
    return _form(tuple(header for header in headers if header[0] in _TELLING))


def is_event_stream(headers: Headers) -> bool:
    """Whether the answer is events without an end (WHATWG HTML, 9.2.5)."""
    kinds = [value.partition(b";")[0].strip().lower() for name, value in headers if name == b"content-type"]
    return kinds == [b"text/event-stream"] and all(name != b"content-length" for name, _ in headers)


_TELLING = frozenset({b"content-type", b"content-disposition", b"x-content-type-options"})


@lru_cache(512)
def _form(headers: Headers) -> Form:
    handling = [value.partition(b";")[0].strip().lower() for name, value in headers if name == b"content-disposition"]
    if handling and all(value == b"attachment" for value in handling):
        return Form.OTHER
    types = [
        value.partition(b";")[0].strip(b" \t\r\n").lower()
        for name, line in headers
        if name == b"content-type"
        for value in line.split(b",")
    ]
    if any(kind in _PAGE_TYPES for kind in types):
        return Form.PAGE
    if any(kind not in _UNKNOWN_TYPES and _MIME.match(kind) for kind in types):
        return Form.OTHER
    nosniff = any(
        value.partition(b",")[0].strip().lower() == b"nosniff"
        for name, value in headers
        if name == b"x-content-type-options"
    )
    return Form.OTHER if nosniff else Form.UNSAID


async def looks_like_page(answer: Answer) -> bool:
    """Whether the body, of which nothing is lost by this, starts as a page does."""
    decoder, came, start = Decoder(_coding(answer)), b"", b""
    while not start.lstrip(_BLANK) and len(start) < _SNIFFED and (raw := await answer.read()):
        came += raw
        try:
            for piece in decoder.feed(raw):
                start += piece
                if len(start) >= _SNIFFED:
                    break
        except CannotDecode as error:
            raise CannotCut("coding", str(error)) from None
        if not start and len(came) > _SNIFFED:
            raise CannotCut("coding", "a body without a Content-Type that does not begin")
    if came:
        answer.unread(came)
    return start.lstrip(_BLANK).startswith(b"<")


def _coding(answer: Body) -> str:
    values = [value for name, value in answer.headers if name == b"content-encoding"]
    coding = coding_of(values)
    if coding is None:
        raise CannotCut("coding", b", ".join(values).decode("latin-1")[:80])
    return coding


class Body(Protocol):
    """An answer's head and body, as `Answer` has them. `waiting`: the storefront pauses."""

    @property
    def headers(self) -> Headers: ...
    @property
    def waiting(self) -> bool: ...
    async def read(self) -> bytes: ...


class PageBody:
    """The body of one page for one visitor; `coded`: it leaves in the coding in which it came. Raises `CannotCut`,
    `StorefrontDown`, at any point."""

    def __init__(self, answer: Body, *, coded: bool = True) -> None:
        self.coding = _coding(answer)
        self._answer = answer
        self._coded = coded

    async def rewritten(self, page: Page) -> AsyncGenerator[bytes, None]:
        """What leaves, piece by piece. The first comes when so much is there that the encoding is settled, or the
        storefront pauses; a page that then turns out to be in an encoding that cannot be read is broken off."""
        rewriter: Rewrites | None = None
        encode = encoder(self.coding if self._coded else "identity")
        start = b""
        try:
            async with aclosing(self._decoded()) as pieces:
                async for piece, pause in pieces:
                    if rewriter is None:
                        start += piece
                        if len(start) < PRESCAN and not (pause and len(start) > 3):
                            continue
                        rewriter, piece = self._rewriter(page, start), start
                    elif len(start) < PRESCAN:
                        start += piece
                        self._encoding(start)
                    out = encode.feed(rewriter.feed(piece))
                    out += encode.flush() if pause else b""
                    if out:
                        yield out
            if rewriter is None and start:
                rewriter = self._rewriter(page, start)
                yield encode.feed(rewriter.feed(start))
            if rewriter is not None:
                yield encode.feed(rewriter.close()) + encode.close()
        except (CannotDecode, CannotRead, CannotRewrite) as error:
            raise CannotCut(_REFUSALS[type(error)], str(error)) from error

    async def _decoded(self) -> AsyncGenerator[tuple[bytes, bool], None]:
        """Pieces of the page as it is without its coding, and whether the storefront pauses behind each."""
        decoder = Decoder(self.coding)
        while raw := await self._answer.read():
            pieces = decoder.feed(raw)
            held = next(pieces, b"")
            for piece in pieces:
                yield held, False
                held = piece
                await asyncio.sleep(0)  # a body that inflates a lot must not keep others waiting
            yield held, self._answer.waiting
        decoder.close()

    def _rewriter(self, page: Page, start: bytes) -> Rewrites:
        rewriter, encoding = Rewriter(page), self._encoding(start)
        return rewriter if encoding == ASCII_LIKE else Recoded(rewriter, encoding)

    def _encoding(self, start: bytes) -> str:
        types = [value for name, value in self._answer.headers if name == b"content-type"]
        return encoding_of(b", ".join(types), start)


_REFUSALS: Mapping[type[Exception], Refusal] = {
    CannotDecode: "coding",
    CannotRead: "charset",
    CannotRewrite: "rewriter",
}
