"""The links of a page: what a visitor could click on. Pure.

Rules of this file: links of `<a>` and `<area>` alone, as browsers would follow them; none that says `nofollow`, and
none of a page whose robots `<meta>` says so. A `<base href>` is obeyed.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urljoin

from proxy.http.charset import CannotRead
from proxy.scan.tags import tags_in

_FOLLOWED = frozenset({b"a", b"area"})
_READ = _FOLLOWED | {b"base", b"meta"}


def links_in(content: bytes, address: str, content_type: bytes | None = None) -> Iterator[str]:
    """Absolute addresses in the order of the page, as often as they stand there; none where it cannot be read."""
    try:
        tags = list(tags_in(content, _READ, content_type))
    except CannotRead:
        return
    base: str | None = None
    for name, values in tags:
        if name == b"base" and base is None and b"href" in values:
            base = _joined(address, values[b"href"])
        elif name == b"meta" and values.get(b"name", "").strip().lower() == "robots":
            if "nofollow" in values.get(b"content", "").lower() or values.get(b"content", "").strip().lower() == "none":
                return
        elif name in _FOLLOWED and b"href" in values and "nofollow" not in values.get(b"rel", "").lower().split():
            joined = _joined(base or address, values[b"href"])
            if joined is not None:
                yield joined


def _joined(base: str, link: str) -> str | None:
    try:
        return urljoin(base, link.strip())
    except ValueError:
        return None
