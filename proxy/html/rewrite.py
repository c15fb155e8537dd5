"""The streaming page rewriting: bytes in, bytes out, whatever the pieces.

Rules of this file: it puts together what the scanner finds, what the tags and literals become, and where the banner and
the footer go. Bytes that are no tag leave as they came; where nothing changes, what leaves is what came in, uncopied.
`<noscript>` is read both ways: with scripting on it is raw text up to its end tag, so everything in it is also read as
the markup that it is with scripting off; and where that reading would run on past the end tag (an open comment, quote or
raw text element), it is ended there, so that both agree on what follows.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urljoin, urlsplit

from proxy.html import grammar
from proxy.html.attributes import decode, parse
from proxy.html.inline import Literals
from proxy.html.page import Page, TagReport
from proxy.html.place import Place
from proxy.html.rules import Ruled, Weighed, Rules, rules_of
from proxy.html.scan import Kind, Scanner, Token
from proxy.html.tags import rule_tag

#: More closers than any markup needs, for constructs that open again in what closes another.
_CLOSERS = 8


class Rewriter:
    """Rewrites one page for one visitor. Feed it the decoded body as it arrives, then close it.

    Raises `CannotRewrite` from `feed` or `close`; the response must then be reset.
    """

    def __init__(self, page: Page) -> None:
        self._place = Place(page)
        self._markup = Markup(page, rules_of(page), self._place)

    def feed(self, piece: bytes) -> bytes:
        """The bytes that can leave now; may be empty."""
        return self._markup.feed(piece)

    def close(self) -> bytes:
        """What was held back, and the banner and footer if they had no place before."""
        rest = self._markup.feed(b"", last=True)
        return rest + self._place.at_end() if self._markup.in_content else rest


class Markup:
    """Rewrites a stretch of markup: a page, what is in a `<noscript>`, a document in a `srcdoc`."""

    def __init__(
        self,
        page: Page,
        rules: Rules,
        place: Place | None = None,
        *,
        scripting: bool = True,
        offset: int = 0,
        fixed: bool = False,
    ) -> None:
        self._page = page
        self._rules = rules
        self._place = place
        self._scanner = Scanner(place.skip if place else grammar.SKIP_BODY, scripting=scripting)
        #: Where the stretch begins in the page; with `fixed`, everything in it is told of as standing there.
        self._offset = offset
        self._fixed = fixed
        self._based = False
        self._code: Literals | None = None
        self._noscript: Markup | None = None
        self._out: list[bytes] = []
        self._copied = 0
        url = urlsplit(page.url)
        self._path = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"

    @property
    def in_content(self) -> bool:
        """Whether all constructs that began have ended."""
        return self._scanner.in_content

    def feed(self, piece: bytes, *, last: bool = False) -> bytes:
        """The bytes that can leave now."""
        scanner = self._scanner
        scanner.feed(piece)
        self._out, self._copied = [], 0
        place = self._place
        for token in scanner.tokens(last=last):
            kind = token.kind
            if kind is Kind.START:
                self._start(token)
            elif kind is Kind.RAW or kind is Kind.TEXT:
                self._text(token)
            elif self._code is not None or self._noscript is not None:
                self._edit(token.start, token.start, self._ended(closed=True))
            if place is not None and place.watches(token):
                at, markup = place.put(token, scanner)
                self._edit(at, at, markup)
                scanner.skip = place.skip
        if last:
            self._edit(scanner.cursor, scanner.cursor, self._ended())
        return self._leaving()

    def _leaving(self) -> bytes:
        buffer, settled = self._scanner.buffer, self._scanner.cursor
        if not self._out:
            return buffer if settled == len(buffer) else buffer[:settled]
        self._out.append(buffer[self._copied : settled])
        return b"".join(self._out)

    def _edit(self, start: int, end: int, replacement: bytes) -> None:
        if start == end and not replacement:
            return
        self._out.append(self._scanner.buffer[self._copied : start])
        self._out.append(replacement)
        self._copied = end

    # ── tags ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _start(self, token: Token) -> None:
        if self._code is not None:
            self._edit(token.start, token.start, self._ended())
        tag = self._scanner.buffer[token.start : token.end]
        name = token.name
        remembered = self._rules.tags
        ruled: Ruled | None = remembered.get(tag)
        at = self._offset + (0 if self._fixed else self._scanner.base + token.start)
        if ruled is None:
            ruled = rule_tag(name, tag, self._rules, self._path, lambda inner: self._inner(inner, at))
            if ruled.lasting:
                remembered.put(tag, ruled, len(tag) + len(ruled.tag or b"") + 200)
        if ruled.tag is not None:
            self._edit(token.start, token.end, ruled.tag)
        report = self._page.report
        if report is not None:
            for told in ruled.told:
                report(_reported(at, told.element, told.weighed))
        if ruled.code:
            self._begin_code(ruled.code, token)
        elif name == b"noscript":
            offset = self._offset if self._fixed else self._offset + self._scanner.base + token.end
            self._noscript = Markup(self._page, self._rules, scripting=False, offset=offset, fixed=self._fixed)
        elif name == b"base" and not self._based:
            self._rebase(tag)

    def _inner(self, document: bytes, offset: int) -> bytes:
        """A document that stands in an attribute's value, rewritten."""
        inner = Markup(self._page, self._rules, offset=offset, fixed=True)
        return inner.feed(document, last=True)

    def _rebase(self, tag: bytes) -> None:
        """The first `<base href>` is what the page's relative URLs are resolved against."""
        for attribute in parse(tag):
            if attribute.name == b"href" and attribute.first:
                self._based = True
                self._rules = rules_of(self._page, _resolved(decode(attribute.raw), self._page.url))

    # ── text of elements ─────────────────────────────────────────────────────────────────────────────────────────

    def _begin_code(self, code: bytes, token: Token) -> None:
        report = self._page.report
        told: Callable[[int, Weighed], None] | None = None
        if report is not None:
            element = f"{code.decode()} text"
            base = self._offset if self._fixed else self._offset + self._scanner.base + token.end
            fixed = self._fixed

            def told(offset: int, weighed: Weighed) -> None:
                report(_reported(base if fixed else base + offset, element, weighed))

        self._code = Literals(self._rules, told, style=code == b"style")

    def _text(self, token: Token) -> None:
        if self._code is not None:
            text = self._scanner.buffer[token.start : token.end]
            changed = self._code.feed(text, last=self._scanner.text_over)
        elif self._noscript is not None and token.kind is Kind.RAW:
            text = self._scanner.buffer[token.start : token.end]
            changed = self._noscript.feed(text)
        else:
            return
        if changed is not text and changed != text:
            self._edit(token.start, token.end, changed)

    def _ended(self, *, closed: bool = False) -> bytes:
        """What an element's text still held, when the element ends, `closed` by its end tag."""
        if self._code is not None:
            rest = self._code.feed(b"", last=True)
            self._code = None
            return rest
        if self._noscript is None:
            return b""
        inner, self._noscript = self._noscript, None
        rest = b""
        for _ in range(_CLOSERS):
            closer = inner._scanner.closer()
            if not closer or not closed:
                break
            rest += inner.feed(closer)
        return rest + inner.feed(b"", last=True)


def _reported(offset: int, element: str, weighed: Weighed) -> TagReport:
    vendor = weighed.vendor
    key, categories = (None, ()) if vendor is None else (vendor.key, vendor.categories)
    return TagReport(offset, element, weighed.url, key, categories, weighed.action, weighed.reason)


def _resolved(href: str, url: str) -> str | None:
    """A `<base href>` as an absolute http(s) URL; None if it is none, and the page's own address holds."""
    try:
        base = urljoin(url, href.strip())
        return base if urlsplit(base).scheme in ("http", "https") and urlsplit(base).hostname else None
    except ValueError:
        return None
