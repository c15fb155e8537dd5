"""Where the banner and the footer go: right after `<body>`, and before `</body>`.

Rules of this file: in a document that leaves `<body>` out, the banner goes where a browser opens it (WHATWG HTML
13.2.6.4.1-6): at the first start tag that is no head content, or the first text that is not white space. A document of
frames has no body and gets neither. What stands in a `<template>` opens and closes no body.
"""

from __future__ import annotations

import re

from proxy.html import grammar
from proxy.html.attributes import decode, parse
from proxy.html.page import Page
from proxy.html.scan import Kind, Scanner, Token

_HEAD_CONTENT = frozenset(
    b"html head base basefont bgsound link meta title noscript noframes style script template".split()
)
_AFTER_HEAD = _HEAD_CONTENT - {b"noscript"}
_BODY_ENDS = frozenset({b"body", b"html", b"br"})
#: The names of the tags that matter once the body is open.
MARKS = frozenset({b"html", b"body", b"template"})
NOWHERE = (-1, b"")


class Place:
    """Follows a document's tokens and says what to put where."""

    def __init__(self, page: Page) -> None:
        self._banner = page.banner
        self._footer = page.footer
        #: Whether the body is not open yet: every token matters.
        self.waiting = page.banner is not None
        #: What `<html lang>` says.
        self.lang: str | None = None
        self._seen_html = False
        self._after_head = False
        self._templates = 0

    @property
    def phase(self) -> int | None:
        """What tells which tokens matter from here on: 0 once the body is open; None within a `<template>`."""
        return None if self._templates else self.waiting + (self.waiting and self._after_head)

    @property
    def standing(self) -> tuple[object, ...]:
        """What decides, once the body is open, where what goes."""
        return (self._footer is None, self.lang, self._seen_html)

    @property
    def skip(self) -> re.Pattern[bytes]:
        """What the scanner may pass over now."""
        return grammar.SKIP_HEAD if self.waiting else grammar.SKIP_BODY

    def put(self, token: Token, scanner: Scanner) -> tuple[int, bytes]:
        """Where to put which markup; NOWHERE if nothing goes in."""
        kind, start, end, name = token
        if name == b"template" and scanner.foreign is None:
            self._templates = max(0, self._templates + (1 if kind is Kind.START else -1 if kind is Kind.END else 0))
        elif self._templates:
            return NOWHERE
        if kind is Kind.START and name == b"html" and not self._seen_html:
            self._seen_html = True
            self.lang = _lang(scanner.buffer[start:end])
        if self.waiting:
            return self._before_body(token)
        if kind is Kind.END and name in (b"body", b"html") and self._footer is not None:
            footer, self._footer = self._footer(self.lang), None
            return start, footer
        return NOWHERE

    def at_end(self) -> bytes:
        """What has found no place when the document ends."""
        banner = self._banner(self.lang) if self.waiting and self._banner is not None else b""
        return banner + (self._footer(self.lang) if self._footer is not None else b"")

    def _before_body(self, token: Token) -> tuple[int, bytes]:
        kind, start, end, name = token
        if kind is Kind.RAW or (kind is Kind.START and name in (_AFTER_HEAD if self._after_head else _HEAD_CONTENT)):
            return NOWHERE
        if kind is Kind.END and name not in _BODY_ENDS:
            self._after_head |= name == b"head"
            return NOWHERE
        self.waiting = False
        if kind is Kind.START and name == b"frameset":
            self._footer = None
            return NOWHERE
        assert self._banner is not None
        banner = self._banner(self.lang)
        if kind is Kind.END and name in (b"body", b"html") and self._footer is not None:
            banner += self._footer(self.lang)
            self._footer = None
        return end if kind is Kind.START and name == b"body" else start, banner


def _lang(tag: bytes) -> str | None:
    for attribute in parse(tag):
        if attribute.first and attribute.name == b"lang":
            return decode(attribute.raw).strip() or None
    return None
