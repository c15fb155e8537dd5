"""Whether an image is one that nobody can see: 2 x 2 px at most, or hidden.

Rules of this file: it goes by the element's own attributes alone; what a style sheet does to it is not known. A picture
that is hidden until a script shows it looks alike: it is told by a size to be shown in, or by being a mere photograph's
or drawing's file, which tells its server nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from proxy.html.attributes import Attribute, decode

#: The owner's "clear gif": what is not larger than this, in both directions, is nothing to look at (CSS px).
LARGEST = 2

_NUMBER = re.compile(r"\s*([0-9]{1,4})(?:\.[0-9]*)?\s*(?:px)?\s*\Z")
_HIDDEN = re.compile(r"(?:^|[;\s])(?:display\s*:\s*none|visibility\s*:\s*hidden)\b", re.I)
_SIZE = re.compile(
    r"(?:^|[;\s])(width|height)\s*:\s*([0-9]{1,4})(?:\.[0-9]+)?(?:px)?\s*(?:!important\s*)?(?=;|\Z)", re.I
)
_FILE = re.compile(r"[^?]*\.(?:jpe?g|webp|avif|svg|png)\Z", re.I)


def unseen(attributes: Mapping[bytes, Attribute], target: str) -> bool:
    """By the attributes of an `<img>`, each name once, and the path and query of its picture."""
    style = decode(attributes[b"style"].raw) if b"style" in attributes else ""
    sizes = {name.lower(): int(number) for name, number in _SIZE.findall(style)} if style else {}
    for name in (b"width", b"height"):
        size = _number(attributes.get(name))
        if size is not None:
            sizes.setdefault(name.decode(), size)
    if len(sizes) == 2 and max(sizes.values()) <= LARGEST:
        return True
    hidden = b"hidden" in attributes or bool(style and _HIDDEN.search(style))
    return hidden and max(sizes.values(), default=0) <= LARGEST and not _FILE.match(target)


def _number(attribute: Attribute | None) -> int | None:
    found = None if attribute is None else _NUMBER.match(decode(attribute.raw))
    return None if found is None else int(found[1])
