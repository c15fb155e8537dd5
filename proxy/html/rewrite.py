"""The streaming page rewriting: bytes in, bytes out, whatever the pieces.

Rules of this file: it puts together what the scanner finds, what the tags and literals become, and where the banner and
the footer go. Bytes that are no tag leave as they came; where nothing changes, what leaves is what came in, uncopied.
`<noscript>` is read both ways: with scripting on it is raw text up to its end tag, so everything in it is also read as
the markup that it is with scripting off; and where that reading would run on past the end tag (an open comment, quote
or raw text element), it is ended there, so that both agree on what follows.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from urllib.parse import quote, urljoin, urlsplit

from proxy.html import grammar
from proxy.html.attributes import decode, parse
from proxy.html.inline import Hosts, Literals
from proxy.html.page import CannotRewrite, Page, TagReport
from proxy.html.place import MARKS, NOWHERE, Place
from proxy.html.rules import Rules, Weighed, rules_of
from proxy.html.scan import END, RAW, START, Kind, Scanner
from proxy.html.tags import rule_tag

#: More closers than any markup needs, for constructs that open again in what closes another.
_CLOSERS = 8
#: Language tags are shorter than this many characters (RFC 5646, 4.4.1).
_LONGEST_LANG = 35
#: Documents in documents (`srcdoc`, `data:`); more are refused.
_DEEPEST = 8


class Rewriter:
    """Rewrites one page for one visitor. Feed it the decoded body as it arrives, then close it.

    Raises `CannotRewrite` from `feed` or `close`; the response must then be reset.
    """

    def __init__(self, page: Page) -> None:
        self._place = Place(page)
        self._markup = Markup(page, rules_of(page), self._place)
        #: The page's first bytes, while they could be a byte order mark, which is no text.
        self._mark: bytes | None = b""

    def feed(self, piece: bytes) -> bytes:
        """The bytes that can leave now; may be empty."""
        if self._mark is not None:
            piece = self._mark + piece
            if len(piece) < len(BOM_UTF8) and BOM_UTF8.startswith(piece):
                self._mark = piece
                return b""
            self._mark = None
            if piece.startswith(BOM_UTF8):
                self._markup.begin_at(len(BOM_UTF8))
                return BOM_UTF8 + self._markup.feed(piece[len(BOM_UTF8) :])
        return self._markup.feed(piece)

    def close(self) -> bytes:
        """What was held back, and the banner and footer if they had no place before."""
        rest = self._markup.feed(self._mark or b"", last=True)
        return rest + self._place.at_end() if self._markup.in_content else rest


class Markup:
    """Rewrites a stretch of markup: a page, what is in a `<noscript>`, a document in a `srcdoc`.

    `offset` is where the stretch begins in the page; with `fixed`, everything in it is told of as standing there.
    """

    def __init__(
        self,
        page: Page,
        rules: Rules,
        place: Place | None = None,
        *,
        scripting: bool = True,
        offset: int = 0,
        fixed: bool = False,
        depth: int = 0,
        lang: str | None = None,
    ) -> None:
        if depth > _DEEPEST:
            raise CannotRewrite(f"more than {_DEEPEST} documents are nested in each other")
        self._page = page
        self._rules = rules
        self._place = place
        self._inherited_lang = lang
        self._scanner = Scanner(grammar.SKIP_BODY if place is None else place.skip, scripting=scripting)
        self._offset = offset
        self._fixed = fixed
        self._depth = depth
        self._based = False
        #: What the text of the open element is: b"script" or b"style" if it runs, and where it began in the page.
        self._code = b""
        self._code_offset = 0
        self._literals: Literals | None = None
        self._noscript: Markup | None = None
        self._out: list[bytes] = []
        self._copied = 0

    def begin_at(self, offset: int) -> None:
        """What is fed first stands so far on in the page."""
        self._offset = offset

    @property
    def in_content(self) -> bool:
        """Whether all constructs that began have ended."""
        return self._scanner.in_content

    def feed(self, piece: bytes, *, last: bool = False) -> bytes:
        """The bytes that can leave now."""
        scanner, place = self._scanner, self._place
        scanner.feed(piece)
        self._out, self._copied = [], 0
        for token in scanner.tokens(last=last):
            kind, start, end, name = token
            at, markup = NOWHERE
            if place is not None and (place.waiting or name in MARKS):
                at, markup = place.put(token, scanner)
                scanner.skip = place.skip
            if kind is END:
                if self._code or self._noscript is not None:
                    self._edit(start, start, self._flushed() if scanner.foreign else self._ended(closed=True))
                self._edit(at, at, markup)
                continue
            if at == start:
                self._edit(at, at, markup)
            if kind is START:
                self._start(start, end, name)
            else:
                self._text(kind, start, end)
            if at == end:
                self._edit(at, at, markup)
        if last:
            self._edit(scanner.cursor, scanner.cursor, self._ended())
        buffer, settled = scanner.buffer, scanner.cursor
        if not self._out:
            return buffer if settled == len(buffer) else buffer[:settled]
        self._out.append(buffer[self._copied : settled])
        return b"".join(self._out)

    def _edit(self, start: int, end: int, replacement: bytes) -> None:
        """Puts other bytes in place of the buffer's; edits come in order."""
        if start == end and not replacement:
            return
        self._out += (self._scanner.buffer[self._copied : start], replacement)
        self._copied = end

    @property
    def _lang(self) -> str | None:
        """The page's language, as far as it has said."""
        return self._inherited_lang if self._place is None else self._place.lang

    def _where(self, at: int) -> int:
        """The offset in the page of a place in the buffer."""
        return self._offset if self._fixed else self._offset + self._scanner.base + at

    # ── tags ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _start(self, start: int, end: int, name: bytes) -> None:
        if self._code:
            self._edit(start, start, self._flushed() if self._scanner.foreign else self._ended())
            if name in (b"script", b"style"):
                self._code, self._literals = b"", None
        tag = self._scanner.buffer[start:end]
        ruled = self._rules.tags.get(tag)
        if ruled is None:
            ruled = rule_tag(
                name, tag, self._rules, self._asked, self._where(start), lambda inner: self._inner(inner, start)
            )
            if ruled.lasting:
                self._rules.tags.put(tag, ruled, len(tag) + len(ruled.tag or b"") + 200)
        if ruled.tag is not None:
            self._edit(start, end, ruled.tag)
        if ruled.told and self._page.report is not None:
            for element, weighed in ruled.told:
                self._tell(self._where(start), element, weighed)
        if ruled.code:
            self._code, self._code_offset = ruled.code, self._where(end)
        elif name == b"noscript":
            self._noscript = Markup(
                self._page,
                self._rules,
                scripting=False,
                offset=self._where(end),
                fixed=self._fixed,
                depth=self._depth,
                lang=self._lang,
            )
        elif name == b"base" and not self._based:
            self._rebase(tag)

    def _asked(self) -> str:
        """What a placeholder is asked for: path and query of the page, for coming back to it, and its language."""
        parts, lang = urlsplit(self._page.url), self._lang
        path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        language = f"&lang={quote(lang, safe='')}" if lang and lang.isascii() and len(lang) < _LONGEST_LANG else ""
        return f"return_to={quote(path, safe='')}{language}"

    def _inner(self, document: bytes, start: int) -> bytes:
        """A document that stands in an attribute's value, rewritten."""
        offset, depth = self._where(start), self._depth + 1
        inner = Markup(self._page, self._rules, offset=offset, fixed=True, depth=depth, lang=self._lang)
        return inner.feed(document, last=True)

    def _rebase(self, tag: bytes) -> None:
        """The first `<base href>` is what the page's relative URLs are resolved against."""
        for attribute in parse(tag):
            if attribute.name == b"href" and attribute.first:
                self._based = True
                self._rules = rules_of(self._page, _resolved(decode(attribute.raw), self._page.url))

    def _tell(self, offset: int, element: str, weighed: Weighed) -> None:
        vendor, report = weighed.vendor, self._page.report
        if report is not None:
            key, categories = (None, ()) if vendor is None else (vendor.key, vendor.categories)
            report(TagReport(offset, element, weighed.url, key, categories, weighed.action, weighed.reason))

    # ── text of elements ─────────────────────────────────────────────────────────────────────────────────────────

    def _text(self, kind: Kind, start: int, end: int) -> None:
        if self._code:
            text = self._scanner.buffer[start:end]
            over = self._scanner.text_over
            found: Hosts | None = None
            if self._literals is None:
                style = self._code == b"style"
                found = self._rules.hosts_in(text, style=style)
                if over and not found:
                    return
                self._literals = Literals(self._rules, self._tell_literal, style=style)
            changed = self._literals.feed(text, last=over, found=found)
        elif self._noscript is not None and kind is RAW:
            text = self._scanner.buffer[start:end]
            changed = self._noscript.feed(text)
        else:
            return
        if changed is not text and changed != text:
            self._edit(start, end, changed)

    def _tell_literal(self, offset: int, weighed: Weighed) -> None:
        where = self._code_offset if self._fixed else self._code_offset + offset
        self._tell(where, f"{self._code.decode()} text", weighed)

    def _flushed(self) -> bytes:
        """What a script or style sheet in foreign content still held, when other markup begins in it."""
        return b"" if self._literals is None else self._literals.feed(b"", last=True)

    def _ended(self, *, closed: bool = False) -> bytes:
        """What an element's text still held, when the element ends, `closed` by its end tag."""
        rest, inner = self._flushed(), self._noscript
        self._code, self._literals, self._noscript = b"", None, None
        if inner is not None:
            for _ in range(_CLOSERS if closed else 0):
                closer = inner._scanner.closer()
                if not closer:
                    break
                rest += inner.feed(closer)
            rest += inner.feed(b"", last=True)
        return rest


def _resolved(href: str, url: str) -> str | None:
    """A `<base href>` as an absolute http(s) URL; None if it is none, and the page's own address holds."""
    try:
        base = urljoin(url, href.strip())
        return base if urlsplit(base).scheme in ("http", "https") and urlsplit(base).hostname else None
    except ValueError:
        return None
