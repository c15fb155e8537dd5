"""Where a page holds elements that vendors' scripts turn into embeds (`[technical] widgets`).

Rules of this file: what is looked for costs a page that has none of it nothing to speak of: each piece is searched once
for the words that such tags hold, by an automaton that runs at gigabytes a second while it finds nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ahocorasick_rs import BytesAhoCorasick, MatchKind

from proxy.catalogue.schema import Vendor
from proxy.catalogue.widget import read_widget
from proxy.html.attributes import Attribute, decode


class Widgets:
    """The widgets of these vendors."""

    def __init__(self, vendors: Iterable[Vendor]) -> None:
        self._all = [(vendor, read_widget(one)) for vendor in vendors for one in vendor.technical.widgets]
        words = {widget.word.encode() for _, widget in self._all}
        self._words = BytesAhoCorasick(sorted(words), matchkind=MatchKind.LeftmostFirst) if words else None

    def before(self, buffer: bytes) -> list[int]:
        """Where tags of widgets may stand in the buffer, in order: each at or before the tag's `<`, or inside of it."""
        if self._words is None:
            return []
        found = self._words.find_matches_as_indexes(buffer)
        return sorted({at for _, start, _ in found if (at := buffer.rfind(b"<", 0, start)) >= 0}) if found else []

    def find(self, type_: bytes, attributes: Mapping[bytes, Attribute]) -> Vendor | None:
        """Whose widget a start tag is; `attributes` has each name once."""
        name = type_.decode("latin-1")
        values = {each.decode("latin-1"): decode(attribute.raw) for each, attribute in attributes.items()}
        return next((vendor for vendor, widget in self._all if widget.fits(name, values)), None)
