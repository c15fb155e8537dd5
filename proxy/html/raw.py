"""The text of elements whose text is not markup: where it ends (WHATWG HTML 13.2.5.2, .3, .4 and .15 to .31).

Rules of this file: only the element's own end tag ends it, and of a script not even that where it stands in a script
that is commented out. Resumes where it stopped: the bytes that could become something that counts are left for later,
a dozen at most.
"""

from __future__ import annotations

from proxy.html import grammar

#: Elements of HTML whose text is not markup, besides script and plaintext.
RAW_TEXT = frozenset({b"style", b"xmp", b"iframe", b"noembed", b"noframes", b"title", b"textarea", b"noscript"})
_RUN = {name: grammar.raw_run(name).match for name in RAW_TEXT}
_END = {name: grammar.raw_end(name).match for name in RAW_TEXT | {b"script"}}
#: By the state of a script's text: plain, escaped by `<!--`, double escaped by a `<script>` in that.
_SCRIPT_RUN = (grammar.SCRIPT_RUN.match, grammar.ESCAPED_RUN.match, grammar.DOUBLE_RUN.match)
_PLAIN, _ESCAPED, _DOUBLE = range(3)
_MARKS = (b"</script", b"<!--", b"<script", b"-->")


class RawText:
    """The text of one element of this name."""

    def __init__(self, name: bytes) -> None:
        self.name = name
        self._state = _PLAIN
        self._ends = _END[name]

    def run(self, buffer: bytes, at: int, *, last: bool) -> tuple[int, bool]:
        """How far the text goes on from `at`, and whether it is over there: its end tag begins."""
        size, script = len(buffer), self.name == b"script"
        while True:
            at = grammar.end((_SCRIPT_RUN[self._state] if script else _RUN[self.name])(buffer, at))
            if at >= size:
                return size, False
            if self._state != _DOUBLE and self._ends(buffer, at) is not None:
                return at, True
            if not last and size - at <= len(self.name) + 2 and self._could_count(buffer[at:].lower()):
                return at, False
            at = self._step(buffer, at) if script else at + 1

    def _step(self, buffer: bytes, at: int) -> int:
        """Past what stopped a run of script data, into the state that it leads to."""
        if buffer.startswith(b"-->", at):
            self._state = _PLAIN
            return at + 3
        if self._state == _PLAIN and buffer.startswith(b"<!--", at):
            self._state = _ESCAPED
            return at + 2  # the dashes may be those of `-->`, too
        if self._state == _ESCAPED and grammar.SCRIPT_START.match(buffer, at):
            self._state = _DOUBLE
        elif self._state == _DOUBLE and self._ends(buffer, at) is not None:
            self._state = _ESCAPED
        return at + 1

    def _could_count(self, rest: bytes) -> bool:
        """Whether the buffer's last bytes are the beginning of something that counts in this text."""
        if self.name == b"script":
            return any(mark.startswith(rest) for mark in _MARKS)
        return (b"</" + self.name).startswith(rest)
