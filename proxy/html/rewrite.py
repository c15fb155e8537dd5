"""The streaming page rewriting: bytes in, bytes out, whatever the pieces.

Rules of this file: it puts together what the scanner finds, what the tags and literals become, and where the banner and
the footer go. Bytes that are no tag leave as they came; where nothing changes, what leaves is what came in, uncopied.
`<noscript>` is read both ways: with scripting on it is raw text up to its end tag, so everything in it is also read as
the markup that it is with scripting off; and where that reading would run on past the end tag (an open comment, quote
or raw text element), it is ended there, so that both agree on what follows. After a `<frameset>` all raw text is read
both ways: in a document of frames it is markup.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Hashable
from urllib.parse import urljoin, urlsplit

from proxy.catalogue.shapes import Shape
from proxy.catalogue.url import split_url
from proxy.html import grammar
from proxy.html.attributes import decode, parse
from proxy.html.embeds import Embeds, Spot
from proxy.html.inline import Literals
from proxy.html.page import CannotRewrite, Page, TagReport
from proxy.html.place import MARKS, NOWHERE, Place
from proxy.html.repeats import Repeats
from proxy.html.rules import Rules, Weighed, rules_of
from proxy.html.scan import END, RAW, START, Kind, Scanner
from proxy.html.speculation import Speculation
from proxy.html.stretches import Stretches
from proxy.html.tags import rule_tag
from proxy.model import Action

#: More closers than any markup needs, for constructs that open again in what closes another.
_CLOSERS = 8
#: Documents in documents (`srcdoc`, `data:`); more are refused.
_DEEPEST = 8


class Rewriter:
    """Rewrites one page for one visitor. Feed it the decoded body as it arrives, then close it.

    Raises `CannotRewrite` from `feed` or `close`; the response must then be reset.
    """

    def __init__(self, page: Page) -> None:
        self._repeats = Repeats(page)
        self._reader: _Reader | None = None

    def feed(self, piece: bytes) -> bytes:
        """The bytes that can leave now; may be empty."""
        return self._made(piece)

    def close(self) -> bytes:
        """What was held back, and the banner and footer if they had no place before."""
        return self._made(None)

    def _made(self, piece: bytes | None) -> bytes:
        repeated = self._repeats.repeated(piece)
        if repeated is not None:
            return repeated
        if self._reader is None:
            self._reader = _Reader(self._repeats.page)
        self._repeats.reread(self._reader.feed)
        out = self._reader.close() if piece is None else self._reader.feed(piece)
        self._repeats.keep(piece, out, self._reader.standing)
        return out


class _Reader:
    """Rewrites a page by reading it."""

    def __init__(self, page: Page) -> None:
        self._place = Place(page)
        self._stretches = Stretches(page)
        self._markup = Markup(self._stretches.page, rules_of(page), Embeds(page), self._place)
        #: The page's first bytes, while they could be a byte order mark, which is no text.
        self._mark: bytes | None = b""

    @property
    def standing(self) -> Hashable | None:
        """What alone, with the bytes, decides what becomes of the pieces to come; None where more does."""
        return self._stretches.standing

    def feed(self, piece: bytes) -> bytes:
        if self._mark is not None:
            piece = self._mark + piece
            if len(piece) < len(BOM_UTF8) and BOM_UTF8.startswith(piece):
                self._mark = piece
                return b""
            self._mark = None
            if piece.startswith(BOM_UTF8):
                self._markup.begin_at(len(BOM_UTF8))
                return BOM_UTF8 + self._stretches.through(piece[len(BOM_UTF8) :], self._markup)
        return self._stretches.through(piece, self._markup)

    def close(self) -> bytes:
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
        embeds: Embeds,
        place: Place | None = None,
        *,
        scripting: bool = True,
        framed: bool = False,
        offset: int = 0,
        fixed: bool = False,
        depth: int = 0,
        lang: str | None = None,
    ) -> None:
        if depth > _DEEPEST:
            raise CannotRewrite(f"more than {_DEEPEST} documents are nested in each other")
        self._page = page
        #: What it is judged by now: a `<base>` changes it.
        self.rules = rules
        self._embeds = embeds
        self._place = place
        self._inherited_lang = lang
        self._scanner = Scanner(grammar.SKIP_BODY if place is None else place.skip, scripting=scripting, framed=framed)
        self._offset = offset
        self._fixed = fixed
        self._depth = depth
        self._based = False
        #: What the text of the open element is (Ruled.code).
        self._code = b""
        #: Bytes of that text that the literals have had, and where they would begin in the page if they were in one.
        self._had = self._code_offset = 0
        self._literals: Literals | Speculation | None = None
        #: The other reading of the open element's text: as markup.
        self._markup: Markup | None = None
        self._out: list[bytes] = []
        self._copied = 0
        #: Where the last thing stood that became what it did by more than its own bytes.
        self._particular = -1

    def begin_at(self, offset: int) -> None:
        """What is fed first stands so far on in the page."""
        self._offset = offset

    @property
    def in_content(self) -> bool:
        """Whether all constructs that began have ended."""
        return self._scanner.in_content

    @property
    def offset(self) -> int:
        """The offset in the page of what is fed next."""
        return self._where(len(self._scanner.buffer))

    @property
    def between(self) -> bool:
        """Whether what is fed next becomes what it does whatever stood before it, but for what the page as a whole is
        known by (its rules, and which embeds it had)."""
        free = self._code == b"" and self._literals is None and self._markup is None
        return free and self._scanner.between and self.phase is not None

    @property
    def standing(self) -> Hashable | None:
        """What alone, with the bytes, decides what becomes of a page from here on, once its body is open; None where
        more does."""
        if self._place is None or self._place.phase != 0 or not self.between:
            return None
        return (self.rules, self._based, self._embeds.count, self.offset, *self._place.standing)

    @property
    def ender(self) -> bytes:
        """What ends, most likely, what is open where that does not hold."""
        return self._scanner.ender

    @property
    def phase(self) -> int | None:
        """Of what is put in, as `Place` has it."""
        return 0 if self._place is None else self._place.phase

    def lasting_since(self, offset: int) -> bool:
        """Whether all from there on became what it did by its own bytes and the rules alone."""
        return self._particular <= offset

    def pass_over(self, size: int) -> int:
        """Take so many bytes, between two constructs, for read; their offset in the page."""
        offset = self.offset
        self._scanner.pass_over(size)
        return offset

    def feed(self, piece: bytes, *, last: bool = False) -> bytes:
        """The bytes that can leave now."""
        scanner, place = self._scanner, self._place
        scanner.feed(piece)
        scanner.stops = self.rules.widgets.before(scanner.buffer)
        self._out, self._copied = [], 0
        for token in scanner.tokens(last=last):
            kind, start, end, name = token
            at, markup = NOWHERE
            if place is not None and (place.waiting or name in MARKS):
                at, markup = place.put(token, scanner)
                if at >= 0 or name in MARKS:
                    self._particular = self._where(end)
                scanner.skip = place.skip
            if kind is END:
                if self._code or self._markup is not None:
                    over = not scanner.foreign or self._markup is not None
                    self._edit(start, start, self._ended(name) if over else self._flushed())
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
        if last:  # what a text still held stood before a tag that never ended
            self._edit(self._copied, self._copied, self._ended())
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
        ruled = self.rules.tags.get(tag)
        if ruled is None:
            ruled = rule_tag(
                name,
                tag,
                self.rules,
                self._spot,
                self._where(start),
                lambda inner: self._inner(inner, start),
                widget=bool(self._scanner.stops) and self._scanner.stops_in(start, end),
            )
            if ruled.lasting:
                self.rules.tags.put(tag, ruled)
        if ruled.placed or not ruled.lasting:
            self._particular = self._where(end)
        if ruled.tag is not None:
            self._edit(start, end, ruled.at(ruled.tag, self._where(start)))
        if ruled.told and self._page.report is not None:
            for element, weighed in ruled.told:
                self._tell(self._where(start), element, weighed)
        if ruled.code:
            self._code = ruled.code
        if self._scanner.in_text and (name == b"noscript" or self._scanner.frames):
            self._markup = Markup(
                self._page,
                self.rules,
                self._embeds,
                scripting=False,
                framed=name != b"noscript",
                offset=self._where(end),
                fixed=self._fixed,
                depth=self._depth,
                lang=self._lang,
            )
            self._markup._scanner.frames = self._scanner.frames
        if name == b"base":
            self._particular = self._where(end)
            if not self._based:
                self._rebase(tag)

    def _spot(self, own_id: str | None) -> Spot:
        """The embed that stands here."""
        return self._embeds.next(own_id, self._lang)

    def _inner(self, document: bytes, start: int) -> bytes:
        """A document that stands in an attribute's value, rewritten."""
        offset, depth, embeds = self._where(start), self._depth + 1, Embeds(self._page, inner=True)
        inner = Markup(self._page, self.rules, embeds, offset=offset, fixed=True, depth=depth, lang=self._lang)
        return inner.feed(document, last=True)

    def _rebase(self, tag: bytes) -> None:
        """The first `<base href>` is what the page's relative URLs are resolved against."""
        for attribute in parse(tag):
            if attribute.name == b"href" and attribute.first:
                self._based = True
                self.rules = rules_of(self._page, _resolved(decode(attribute.raw), self._page.url))

    def _tell(self, offset: int, element: str, weighed: Weighed) -> None:
        vendor, report = weighed.vendor, self._page.report
        if report is not None:
            shape = vendor if isinstance(vendor, Shape) else None
            key = None if vendor is None or shape is not None else vendor.key
            categories = () if vendor is None else vendor.categories
            reason = weighed.reason if shape is None or weighed.action is not Action.CUT else shape.reason
            report(TagReport(offset, element, weighed.url, key, categories, weighed.action, reason))

    # ── text of elements ─────────────────────────────────────────────────────────────────────────────────────────

    def _text(self, kind: Kind, start: int, end: int) -> None:
        text = changed = self._scanner.buffer[start:end]
        if self._code:
            if self._literals is None:
                self._had = 0
            self._code_offset = self._where(start) - self._had
            self._had += len(text)
            changed = self._rewritten(text)
        if self._markup is not None and kind is RAW:
            changed = self._markup.feed(changed)
        if changed is not text and changed != text:
            self._edit(start, end, changed)

    def _rewritten(self, text: bytes) -> bytes:
        """A piece of a script or style sheet."""
        over = self._scanner.text_over
        if self._literals is None and self._code == b"rules":
            self._literals = Speculation(self.rules, self._tell_literal)
        elif self._literals is None:
            style = self._code == b"style"
            found = self.rules.hosts_in(text, style=style)
            if over and not found:
                return text
            literals = self._literals = Literals(self.rules, self._tell_literal, style=style)
            return literals.feed(text, last=over, found=found)
        return self._literals.feed(text, last=over)

    def _tell_literal(self, offset: int, weighed: Weighed) -> None:
        where = self._offset if self._fixed else self._code_offset + offset
        self._tell(where, "style text" if self._code == b"style" else "script text", weighed)

    def _flushed(self) -> bytes:
        """What a script or style sheet in foreign content still held, when other markup begins in it."""
        return b"" if self._literals is None else self._literals.feed(b"", last=True)

    def _ended(self, name: bytes = b"") -> bytes:
        """What an element's text still held, when the element ends, by the end tag of this name."""
        rest, inner = self._flushed(), self._markup
        self._code, self._literals, self._markup = b"", None, None
        if inner is not None:
            rest = inner.feed(rest)
            for _ in range(_CLOSERS if name == b"noscript" else 0):
                closer = inner._scanner.closer()
                if not closer:
                    break
                rest += inner.feed(closer)
            rest += inner.feed(b"", last=True)
            self._particular = max(self._particular, inner._particular)
        return rest


def _resolved(href: str, url: str) -> str | None:
    """A `<base href>` as an absolute http(s) URL; None if it is none, and the page's own address holds."""
    try:
        base = urljoin(url, href.strip())
        return base if urlsplit(base).scheme in ("http", "https") and split_url(base, url) is not None else None
    except ValueError:
        return None
