"""Finds a page's tags as browsers do (WHATWG HTML 13.2.5), in bytes that arrive in pieces.

Rules of this file: it never changes a byte and decides nothing about vendors. It runs in C from one interesting
construct to the next and tells of tags, of the text of raw text elements and scripts, and of other text and comments
only where it is asked to. All before the cursor is settled and may leave; what is held is at most one tag, or the few
bytes that could become one. Bytes are read once, however small the pieces. Encodings are those in which ASCII bytes
are ASCII characters.

With scripting on, `<noscript>` is raw text, with scripting off it is markup: `scripting` says which reading this is. In
a document of frames nothing is raw text but `<noframes>`, and nothing is foreign: that is the `framed` reading. Whether
a `<frameset>` makes one depends on all that stands before it, which is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import Enum, IntEnum

from proxy.html import grammar
from proxy.html.attributes import closes_itself, decode, parse
from proxy.html.foreign import Foreign
from proxy.html.partial import PartialTag
from proxy.html.raw import RAW_TEXT, RawText


class Kind(IntEnum):
    START = 0
    END = 1
    RAW = 2
    TEXT = 3
    COMMENT = 4


#: What was found, at `buffer[start:end]`: kind, start, end, and the name of the tag, or of the element whose text it
#: is, in lower case. RAW is the text of a raw text element, in as many pieces as it comes; TEXT and COMMENT (all that
#: starts with `<!`, `<?` or `</ `, too) are told of only where asked for; a comment's start is negative if it began in
#: an earlier piece. A plain tuple: there is one for each interesting construct of every page.
Token = tuple[Kind, int, int, bytes]
START, END, RAW, TEXT, COMMENT = Kind


class Until(Enum):
    """What ends a stretch in which nothing else counts."""

    DASHES = b"-->"
    ANGLE = b">"
    BRACKETS = b"]]>"
    NEVER = b""


_ENTERED = RAW_TEXT | {b"script", b"plaintext", b"frameset", b"template", b"svg", b"math"}
_CDATA = b"[CDATA["
_SLASH = 0x2F
_LETTERS = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


class Scanner:
    """Feed it the page, and take `tokens()` after each piece.

    `skip` is the pattern of what is not told of (grammar.SKIP_…); it may be changed between tokens. `texts` asks for
    TEXT and COMMENT of all that is not skipped.
    """

    def __init__(
        self, skip: re.Pattern[bytes], *, scripting: bool = True, framed: bool = False, texts: bool = False
    ) -> None:
        self.skip = skip
        self.buffer = b""
        #: The offset in the page of the buffer's first byte.
        self.base = 0
        #: All of the buffer before it is settled.
        self.cursor = 0
        #: Places in the buffer that nothing is skipped across, in order: the tag there is told of, plain as it may be.
        self.stops: Sequence[int] = ()
        #: The open elements of foreign content; None in HTML.
        self.foreign: Foreign | None = None
        #: Whether the text just told of is the last of its element, or other markup follows.
        self.text_over = False
        #: Whether a `<frameset>` was there. A `<plaintext>` is ignored after it; where that is wrong, what follows is
        #: text, whatever we cut in it.
        self.frames = False
        self._framed = framed
        self._templates = 0
        self._texts = texts
        self._scripting = scripting
        self._raw: RawText | None = None
        self._until: Until | None = None
        self._opened = 0
        self._partial: PartialTag | None = None

    def begin(self, raw: bytes | None = None, until: Until | None = None) -> None:
        """Starts inside an element's text, or a section of foreign content."""
        self._raw, self._until = None if raw is None else RawText(raw), until

    def feed(self, piece: bytes) -> None:
        """Takes the next piece; what was not settled stays before it."""
        self.base += self.cursor
        rest = self.buffer[self.cursor :]
        self.cursor = 0
        if self._partial is None:
            self.buffer = rest + piece if rest else piece
            return
        whole = self._partial.feed(piece)
        self.buffer = whole or b""
        if whole is not None:
            self._partial = None

    def tokens(self, *, last: bool = False) -> Iterator[Token]:
        """What the buffer holds, up to what more bytes could change; with `last`, up to its end."""
        if last and self._partial is not None:
            self.buffer, self._partial = self._partial.held, None
            self.cursor = len(self.buffer)  # a tag that never ends is none
        buffer, size, whole_tag = self.buffer, len(self.buffer), grammar.TAG.match
        stops = iter(self.stops)
        stop = next(stops, size)
        while self.cursor < size:
            while stop < size and stop < self.cursor:
                stop = next(stops, size)
            if self._until is not None:
                yield from self._passed(self._until, last)
                if self._open_ended:
                    break
                continue
            raw = self._raw
            if raw is None:
                pattern = self.skip if self.foreign is None else self._foreign_skip(self.foreign)
                at = grammar.end(pattern.match(buffer, self.cursor, stop))
                if at == size:
                    self.cursor = size
                    break
            else:
                start = self.cursor
                at, self.text_over = raw.run(buffer, start, last=last)
                self.cursor = at
                if at > start:
                    yield RAW, start, at, raw.name
                if not self.text_over:
                    break
            found = whole_tag(buffer, at)
            if found is not None:
                end = self.cursor = found.end()
                name = found[1].lower()
                if buffer[at + 1] == _SLASH:
                    self._leave(name)
                    yield END, at, end, name
                else:
                    if self.foreign is not None:
                        self._enter_foreign(self.foreign, name, found[0])
                    elif name in _ENTERED:
                        self._enter(name, found[0])
                    yield START, at, end, name
                continue
            self.cursor = at
            token = self._no_tag(at, last)
            if token is not None:
                yield token
            elif self.cursor == at:
                break
        if last:
            self.cursor = size
            if self._texts and self._until in (Until.DASHES, Until.ANGLE):
                yield COMMENT, self._opened - self.base, size, b""

    def stops_in(self, start: int, end: int) -> bool:
        """Whether one of the stops is there."""
        return any(start <= stop < end for stop in self.stops)

    @property
    def in_content(self) -> bool:
        """Whether the page stands between two constructs: markup put here would be read as such."""
        return self._until is None and self._raw is None and self._partial is None and self.cursor == len(self.buffer)

    @property
    def between(self) -> bool:
        """Whether what is fed next is read alike whatever stood before it: in HTML, and in no element of its kind."""
        return self.in_content and self.foreign is None and not self._templates and not self.frames

    @property
    def ender(self) -> bytes:
        """What ends that, most likely."""
        if self._raw is not None:
            return b"</" + self._raw.name
        if self._until is not None:
            return self._until.value or b"<"
        if self.foreign is not None:
            return b"</svg"
        return b"</template" if self._templates else b">"

    def pass_over(self, size: int) -> None:
        """Take so many bytes, between two constructs, for read."""
        self.base += self.cursor + size
        self.buffer, self.cursor = b"", 0

    @property
    def in_text(self) -> bool:
        """Whether an element's raw text goes on from here."""
        return self._raw is not None

    @property
    def _open_ended(self) -> bool:
        """Whether a comment or section goes on past the buffer."""
        return self._until is not None

    def closer(self) -> bytes:
        """What ends the construct that is open at the end of what was fed; b"" if none is, or nothing can end it."""
        if self._until is not None:
            return self._until.value
        if self._partial is not None:
            return self._partial.closer
        if self._raw is not None:
            return b"</" + self._raw.name + b">"
        rest = self.buffer[self.cursor :]
        if rest.startswith(b"<!--"):
            return b"-->"
        return b">" if len(rest) > 1 else b""

    # ── ordinary content ─────────────────────────────────────────────────────────────────────────────────────────

    def _foreign_skip(self, foreign: Foreign) -> re.Pattern[bytes]:
        if self._texts or (foreign.top in (b"script", b"style") and not foreign.by_html_rules):
            return grammar.SKIP_NOTHING
        return grammar.SKIP_TEXT if foreign.by_html_rules else grammar.SKIP_FOREIGN

    def _enter(self, name: bytes, tag: bytes) -> None:
        """An element of HTML begins: its text may be raw, or foreign content."""
        if self._framed:
            self._raw = RawText(name) if name == b"noframes" else None
        elif name == b"script" or (name in RAW_TEXT and (self._scripting or name != b"noscript")):
            self._raw = RawText(name)
        elif name == b"plaintext" and not self.frames:
            self._until = Until.NEVER
        elif name == b"frameset":
            self.frames = True
        elif name == b"template":
            self._templates += 1
        elif name in (b"svg", b"math") and not closes_itself(tag):
            self.foreign = Foreign(name)

    def _enter_foreign(self, foreign: Foreign, name: bytes, tag: bytes) -> None:
        """An element begins inside foreign content; it may be one of HTML."""
        if foreign.start(name, _told(name, tag), closes_itself(tag)):
            self._enter(name, tag)
        if not foreign:
            self.foreign = None

    def _leave(self, name: bytes) -> None:
        """An end tag was read."""
        self._raw, self.text_over = None, False
        if self.foreign is not None:
            self.foreign.end(name, open_outside=name == b"template" and self._templates > 0)
            if not self.foreign:
                self.foreign = None
        elif name == b"template" and self._templates:
            self._templates -= 1

    def _no_tag(self, at: int, last: bool) -> Token | None:
        """Takes what is no whole tag: text, a comment, a tag that has not ended. The token, if whole and wanted."""
        buffer = self.buffer
        size = len(buffer)
        text = grammar.end(grammar.TEXT.match(buffer, at)) if self._raw is None else at
        if text == at and last and buffer[at:] in (b"<", b"</"):
            text = size
        if text > at:
            self.cursor, self.text_over = text, text < size
            return TEXT, at, text, self.foreign.top if self.foreign is not None else b""
        if size - at < 2:
            return None
        if buffer[at + 1] in _LETTERS or (buffer[at + 1] == _SLASH and buffer[at + 2 : at + 3].isalpha()):
            if not last:
                self._partial = PartialTag(buffer[at:])
            return None
        comment = self._comment(at, last)
        if self._texts or self.cursor == at or self.foreign is None:
            return comment if self._texts else None
        self.text_over = True
        return TEXT, at, at, self.foreign.top  # what was held of the text before it must leave first

    # ── comments, doctypes, CDATA sections ───────────────────────────────────────────────────────────────────────

    def _comment(self, at: int, last: bool) -> Token | None:
        """Begins what starts with `<!`, `<?` or `</` and is no tag. The token, if it is whole already."""
        buffer = self.buffer
        self._opened = self.base + at
        start = buffer[at + 2 : at + 9]
        if buffer[at + 1 : at + 2] == b"!":
            if start.startswith(b"--"):
                for empty in (b"-->", b"--->"):
                    if buffer.startswith(empty, at + 2):
                        self.cursor = at + 2 + len(empty)
                        return COMMENT, at, self.cursor, b""
                if last or len(buffer) - at > 5:
                    self.cursor, self._until = at + 4, Until.DASHES
                return None
            cdata = self.foreign is not None and not self.foreign.by_html_rules
            if not last and (start in (b"", b"-") or (cdata and start != _CDATA and _CDATA.startswith(start))):
                return None
            if cdata and start == _CDATA:
                self.cursor, self._until = at + 9, Until.BRACKETS
                return None
        elif buffer[at + 1 : at + 2] == b"/" and not start:
            return None
        self.cursor, self._until = at + 2, Until.ANGLE
        return None

    def _passed(self, until: Until, last: bool) -> Iterator[Token]:
        """Runs to what ends a comment, section or text; stays in it if that has not come."""
        buffer, at = self.buffer, self.cursor
        if until is Until.DASHES:
            end = stop = grammar.end(grammar.COMMENT_RUN.match(buffer, at))
            if buffer.startswith(b"-->", stop):
                end = stop + 3
            elif buffer.startswith(b"--!>", stop):
                end = stop + 4
            over = end > stop
        else:
            stop = buffer.find(until.value, at) if until.value else -1
            over = stop >= 0
            if not over:
                stop = max(at, len(buffer) - (2 if until is Until.BRACKETS else 0))
            end = stop + len(until.value) if over else stop
        if last and not over:
            stop = end = len(buffer)
        self.cursor, self.text_over = end, over
        if over:
            self._until = None
        if until in (Until.BRACKETS, Until.NEVER):
            if stop > at or (over and not self._texts):
                yield TEXT, at, stop, self.foreign.top if self.foreign is not None else b""
        elif self._texts and over:
            yield COMMENT, self._opened - self.base, end, b""


def _told(name: bytes, tag: bytes) -> dict[bytes, bytes]:
    """The attributes that decide how an element is read inside foreign content; of most names none does."""
    if name not in (b"font", b"annotation-xml"):
        return {}
    return {a.name: decode(a.raw).encode("utf-8", "surrogateescape") for a in parse(tag) if a.first}
