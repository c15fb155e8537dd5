r"""Where hosts that matter stand in the text of a script.

Rules of this file: a text is searched for what hosts end with, `.com` and the like, of which there are few however many
hosts are known; what stands before such an end is then looked up. So the cost does not depend on the number of hosts,
and what is searched with fits into the processor's nearest cache.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

#: As much of a host's name as is looked at; nobody has a longer one (RFC 1035, 2.3.4).
_LONGEST = 254
_NAME = re.compile(rb"[\w.-]*+")
#: Before a name: what an escape begins with, whose last characters then look like a part of the name (`\x2fwww`).
_ESCAPES = b"\\%"


class Hosts:
    """Finds these hosts, and hosts below them; and any whose first label behind a slash is one of `labels`."""

    def __init__(self, hosts: Iterable[str], labels: Iterable[str] = ()) -> None:
        self._hosts = frozenset(host.encode() for host in hosts)
        ends = {host.rpartition(b".")[2].decode() for host in self._hosts if b"." in host}
        self._end = re.compile(rf"\.{_any_of(ends)}(?![\w-])".encode())
        self._label = re.compile(rf"/({_any_of(set(labels))}(?:\.[\w-]++)++)".encode())

    def find(self, text: bytes) -> list[tuple[int, int]]:
        """Where they stand in a text in lower case, in no order: of a host below one of these, where that one does."""
        found = [match.span(1) for match in self._label.finditer(text)]
        for match in self._end.finditer(text):
            dot, end = match.span()
            start = self._start(text, dot, end)
            if start is not None:
                found.append((start, end))
        return found

    def _start(self, text: bytes, dot: int, end: int) -> int | None:
        """Where the longest host begins that ends with the name whose last dot this is; None if none does."""
        back = _NAME.match(text[max(0, dot - _LONGEST) : dot][::-1])
        assert back is not None
        first: int = dot - back.end()
        starts = [first]
        if first and text[first - 1] in _ESCAPES:
            starts += range(first + 1, text.find(b".", first))
        while (first := text.find(b".", first, dot) + 1) > 0:
            starts.append(first)
        return next((start for start in starts if text[start:end] in self._hosts), None)


def _any_of(words: set[str]) -> str:
    """A pattern of any of these words, in which each character is looked at once; of none, one that never matches."""
    return _tree(sorted(words)) if words else "(?!)"


def _tree(words: list[str]) -> str:
    """The same for words in order, none of them twice; the empty word is tried last."""
    branches = []
    for first in dict.fromkeys(word[0] for word in words if word):
        rest = [word[1:] for word in words if word.startswith(first)]
        branches.append(re.escape(first) + _tree(rest))
    if not branches:
        return ""
    tree = branches[0] if len(branches) == 1 and "" not in words else f"(?:{'|'.join(branches)})"
    return f"{tree}?+" if "" in words else tree
