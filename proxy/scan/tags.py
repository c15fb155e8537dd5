"""The start tags of a whole page that is at hand, with their attributes as browsers read them. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from proxy.html.attributes import decode, parse
from proxy.html.grammar import SKIP_TEXT
from proxy.html.scan import Kind, Scanner
from proxy.http.charset import ASCII_LIKE, PRESCAN, encoding_of


def tags_in(
    content: bytes, names: Collection[bytes], content_type: bytes | None = None
) -> Iterator[tuple[bytes, dict[bytes, str]]]:
    """Those of these names, in order: name and attributes, of repeated ones the first.

    Raises `CannotRead` where the page's encoding is none that can be read.
    """
    encoding = encoding_of(content_type, content[:PRESCAN])
    if encoding != ASCII_LIKE:
        content = content.decode(encoding, "replace").encode()
    scanner = Scanner(SKIP_TEXT)
    scanner.feed(content)
    for kind, start, end, name in scanner.tokens(last=True):
        if kind is Kind.START and name in names:
            yield name, {each.name: decode(each.raw) for each in reversed(parse(content[start:end]))}
