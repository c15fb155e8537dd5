"""Which attributes of which elements make a browser contact somebody, and for what.

Rules of this file: tables only. Elements and attributes that load in no current browser are here where old ones do; an
attribute that a shop's own script reads to load something later (`data-src`) counts as what it becomes.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple

from proxy.catalogue.match import Destination
from proxy.html.verdict import Other, Use


class Form(Enum):
    """How URLs stand in an attribute's value."""

    URL = auto()
    SOURCE_SET = auto()
    LIST = auto()  # with spaces, or semicolons, between them
    STYLE = auto()
    DOCUMENT = auto()  # srcdoc


class Carrier(NamedTuple):
    """An attribute that carries URLs, and what the browser does with what it gets."""

    form: Form
    use: Use


def _table(use: Use, urls: str = "", sets: str = "") -> dict[bytes, Carrier]:
    table = {name.encode(): Carrier(Form.URL, use) for name in urls.split()}
    return table | {name.encode(): Carrier(Form.SOURCE_SET, use) for name in sets.split()}


_LAZY = "data-src data-lazy-src data-lazy data-original data-original-src data-url data-litespeed-src data-pin-media"
_LAZY_SETS = "data-srcset data-lazy-srcset data-original-set"
_IMAGE = _table(Destination.IMAGE, f"src lowsrc dynsrc {_LAZY}", f"srcset {_LAZY_SETS}")
_FRAME = _table(Other.FRAME, f"src {_LAZY} data-cmp-src")
_LINKED_IMAGE = _table(Destination.IMAGE, "href xlink:href")
_ANIMATED = {name: Carrier(Form.LIST, Other.REST) for name in (b"to", b"from", b"by", b"values")}
_PING = {b"ping": Carrier(Form.LIST, Destination.BEACON)}

#: Attributes by element. `link` is judged by its `rel` (LINK_USES).
CARRIERS: dict[bytes, dict[bytes, Carrier]] = {
    b"script": _table(Destination.SCRIPT, f"src href xlink:href {_LAZY} data-rocket-src data-wpfc-original-src"),
    b"img": _IMAGE,
    b"image": _IMAGE | _LINKED_IMAGE,
    b"feimage": _LINKED_IMAGE,
    b"use": _LINKED_IMAGE,
    b"source": _table(Other.REST, f"src {_LAZY}", "") | _table(Destination.IMAGE, "", f"srcset {_LAZY_SETS}"),
    b"video": _table(Other.REST, f"src {_LAZY}") | _table(Destination.IMAGE, "poster data-poster"),
    b"audio": _table(Other.REST, f"src {_LAZY}"),
    b"track": _table(Other.REST, "src"),
    b"input": _table(Destination.IMAGE, "src"),
    b"iframe": _FRAME | {b"srcdoc": Carrier(Form.DOCUMENT, Other.FRAME)},
    b"frame": _FRAME,
    b"embed": _table(Other.FRAME, "src"),
    b"object": _table(Other.FRAME, "data codebase classid archive"),
    b"link": {b"imagesrcset": Carrier(Form.SOURCE_SET, Destination.IMAGE)},
    b"a": _PING,
    b"area": _PING,
    b"animate": _ANIMATED,
    b"set": _ANIMATED,
}
#: On every element, besides `style` and `on…`.
EVERYWHERE: dict[bytes, Carrier] = {
    b"background": Carrier(Form.URL, Destination.IMAGE),
    b"poster": Carrier(Form.URL, Destination.IMAGE),
    b"attributionsrc": Carrier(Form.LIST, Destination.BEACON),
    b"style": Carrier(Form.STYLE, Destination.STYLE),
}

#: What a `<link>` loads, by a word of its `rel`; the first that it has counts. A preload goes by its `as`.
LINK_USES: dict[str, Use | None] = {
    "stylesheet": Destination.STYLE,
    "modulepreload": Destination.SCRIPT,
    "import": Destination.SCRIPT,
    "preload": None,
    "prefetch": None,
    "subresource": None,
    "prerender": Other.REST,
    "icon": Destination.IMAGE,
    "apple-touch-icon": Destination.IMAGE,
    "apple-touch-icon-precomposed": Destination.IMAGE,
    "apple-touch-startup-image": Destination.IMAGE,
    "mask-icon": Destination.IMAGE,
    "fluid-icon": Destination.IMAGE,
    "image_src": Destination.IMAGE,
    "manifest": Other.REST,
    "compression-dictionary": Other.REST,
    "preconnect": Other.CONNECTION,
    "dns-prefetch": Other.CONNECTION,
}
AS_USES: dict[str, Use] = {
    "script": Destination.SCRIPT,
    "worker": Destination.SCRIPT,
    "style": Destination.STYLE,
    "font": Destination.FONT,
    "image": Destination.IMAGE,
    "fetch": Destination.BEACON,
}

#: `type`s of scripts that browsers run (MIME Sniffing 4.6: JavaScript MIME types), and the empty one.
SCRIPT_TYPES = frozenset(
    "|module|text/javascript|application/javascript|text/ecmascript|application/ecmascript|application/x-ecmascript"
    "|application/x-javascript|text/javascript1.0|text/javascript1.1|text/javascript1.2|text/javascript1.3"
    "|text/javascript1.4|text/javascript1.5|text/jscript|text/livescript|text/x-ecmascript|text/x-javascript".split("|")
)
#: `type`s that a shop's own optimiser gives to scripts which it runs later.
DEFERRED_TYPES = frozenset(
    "rocketlazyloadscript pmdelayedscript litespeed/javascript text/rocketscript text/partytown text/psajs "
    "text/lazyload text/delayscript application/delayscript text/x-delayed-javascript module/delayed".split()
)


def runs(kind: str) -> bool:
    """Whether a script of this `type` is run, by the browser or by an optimiser; all else is a data block."""
    kind = kind.strip("\t\n\f\r ").lower()
    return kind in SCRIPT_TYPES or kind in DEFERRED_TYPES or kind.endswith(("-text/javascript", "-module"))
