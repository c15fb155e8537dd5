"""Speculation rules in a page: what a browser fetches or renders before the visitor goes there (WICG nav-speculation).

Rules of this file: they are JSON and stay JSON. A string that is a whole URL of somebody who may not be contacted
becomes `about:invalid`, which browsers pass over; as a pattern of links it voids its own rule. All else keeps its
bytes. Nothing is relayed: these are documents. Only the string at hand is held back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from proxy.html import grammar
from proxy.html.page import CannotRewrite
from proxy.html.rules import Rules, Weighed
from proxy.html.verdict import Other
from proxy.model import Action

#: Bytes of a string that may be held while its end has not come.
LARGEST = 1 << 16

_STRING = re.compile(rb'"((?:[^"\\]++|\\.)*+)"', re.S)
_OUTSIDE = re.compile(rb'[^"]*+')
_WHOLE_URL = re.compile(r"[\x00-\x20]*(?:https?:|[\\/]{2})", re.I)


class Speculation:
    """The text of one `<script type=speculationrules>`."""

    def __init__(self, rules: Rules, told: Callable[[int, Weighed], None] | None = None) -> None:
        self._rules = rules
        self._told = told
        self._held = bytearray()
        self._offset = 0

    def feed(self, piece: bytes, *, last: bool = False) -> bytes:
        """The text that can leave now."""
        self._held += piece
        if len(self._held) > LARGEST + len(piece):
            raise CannotRewrite(f"a string in speculation rules is longer than {LARGEST} bytes")
        if b'"' not in piece and self._held.startswith(b'"') and not last:
            return b""
        text = bytes(self._held)
        out: list[bytes] = []
        copied = at = 0
        while (at := grammar.end(_OUTSIDE.match(text, at))) < len(text):
            string = _STRING.match(text, at)
            if string is None:
                at = len(text) if last else at
                break
            if self._cuts(string[1], self._offset + at + 1):
                out += (text[copied : at + 1], b"about:invalid")
                copied = string.end() - 1
            at = string.end()
        self._held = bytearray(text[at:])
        self._offset += at
        return b"".join([*out, text[copied:at]])

    def _cuts(self, written: bytes, offset: int) -> bool:
        try:
            value = json.loads(b'"' + written + b'"', strict=False)
        except ValueError:
            return False
        weighed = self._rules.weigh(value, Other.REST) if _WHOLE_URL.match(value) else None
        if weighed is None:
            return False
        if weighed.action is Action.RELAY:
            weighed = weighed._replace(action=Action.CUT)
        if self._told is not None:
            self._told(offset, weighed)
        return weighed.action is not Action.KEEP
