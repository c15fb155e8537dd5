"""Which attributes of which elements make a browser contact somebody, and for what.

Rules of this file: tables only. Elements and attributes that load in no current browser are here where old ones do. An
attribute that a shop's own script reads to load something by itself, later, is known by its name (`lazy`), for there is
no end of libraries that do so; where the visitor starts it, as on links and buttons, it is none.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from functools import lru_cache
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
    LAZY = auto()  # a whole URL, or style; else it is left


class Carrier(NamedTuple):
    """An attribute that carries URLs, and what the browser does with what it gets."""

    form: Form
    use: Use


def _table(use: Use, urls: str = "", sets: str = "") -> dict[bytes, Carrier]:
    table = {name.encode(): Carrier(Form.URL, use) for name in urls.split()}
    return table | {name.encode(): Carrier(Form.SOURCE_SET, use) for name in sets.split()}


_IMAGE = _table(Destination.IMAGE, "src lowsrc dynsrc", "srcset")
_LINKED_IMAGE = _table(Destination.IMAGE, "href xlink:href")
_LINKED = _table(Other.REST, "href xlink:href")
_ANIMATED = _table(Other.REST, "to from by href xlink:href") | {b"values": Carrier(Form.LIST, Other.REST)}
_PING = {b"ping": Carrier(Form.LIST, Destination.BEACON)}

#: Attributes by element. `link` is judged by its `rel` (LINK_USES), `param` and `meta` by what they name.
CARRIERS: dict[bytes, dict[bytes, Carrier]] = {
    b"script": _table(Destination.SCRIPT, "src href xlink:href"),
    b"img": _IMAGE,
    b"image": _IMAGE | _LINKED_IMAGE,
    b"mglyph": _table(Destination.IMAGE, "src"),
    b"source": _table(Other.REST, "src") | _table(Destination.IMAGE, sets="srcset"),
    b"video": _table(Other.REST, "src"),
    b"audio": _table(Other.REST, "src"),
    b"bgsound": _table(Other.REST, "src"),
    b"model": _table(Other.REST, "src"),
    b"track": _table(Other.REST, "src"),
    b"input": _table(Destination.IMAGE, "src"),
    b"iframe": _table(Other.FRAME, "src") | {b"srcdoc": Carrier(Form.DOCUMENT, Other.FRAME)},
    b"frame": _table(Other.FRAME, "src"),
    b"portal": _table(Other.FRAME, "src"),
    b"fencedframe": _table(Other.FRAME, "src"),
    b"layer": _table(Other.FRAME, "src"),
    b"ilayer": _table(Other.FRAME, "src"),
    b"embed": _table(Other.FRAME, "src"),
    b"object": _table(Other.FRAME, "data codebase classid archive"),
    b"applet": _table(Other.FRAME, "code codebase archive object"),
    b"html": _table(Other.REST, "manifest"),
    b"link": {b"imagesrcset": Carrier(Form.SOURCE_SET, Destination.IMAGE)},
    b"a": _PING,
    b"area": _PING,
    # SVG
    b"use": _LINKED_IMAGE,
    b"feimage": _LINKED_IMAGE,
    b"cursor": _LINKED_IMAGE,
    b"pattern": _LINKED,
    b"lineargradient": _LINKED,
    b"radialgradient": _LINKED,
    b"filter": _LINKED,
    b"mpath": _LINKED,
    b"textpath": _LINKED,
    b"tref": _LINKED,
    b"font-face-uri": _LINKED,
    b"color-profile": _LINKED,
    b"animate": _ANIMATED,
    b"set": _ANIMATED,
}
#: On every element, besides `on…` and what is `lazy`.
EVERYWHERE: dict[bytes, Carrier] = {
    b"background": Carrier(Form.URL, Destination.IMAGE),
    b"poster": Carrier(Form.URL, Destination.IMAGE),
    b"attributionsrc": Carrier(Form.LIST, Destination.BEACON),
    b"style": Carrier(Form.STYLE, Destination.STYLE),
}
#: Attributes of shapes in `<svg>` that are CSS properties (SVG 2, 6.6), and can hold `url()`.
PRESENTATION: dict[bytes, Carrier] = {
    name.encode(): Carrier(Form.STYLE, Destination.STYLE)
    for name in "fill stroke filter mask mask-image clip-path cursor marker marker-start marker-mid marker-end".split()
}
#: What a `<param>` of an `<object>` names, if it is what the object loads.
PARAMETERS = frozenset("movie src data url code codebase archive filename".split())

# Words in the names of attributes that are read to load something later: of elements that visitors press, of all
# others, and of those that load by themselves. And the words of those that are read for something else.
_OTHERS = rb"src|lazy|orig|poster|ima?ge?|bg|background|retina|echo|unveil|video|iframe|embed|script|pixel|beacon"
_OF_OTHERS = re.compile(_OTHERS)
_OF_LOADING = re.compile(_OTHERS + rb"|media|hires|2x|normal|layzr|large|full|zoom|thumb|file|url")
_OF_PRESSED = re.compile(rb"bg|background")
_NOT_LAZY = re.compile(rb"href|link|post-|page|share|target|srclang")
_PICTURE = re.compile(rb"poster|ima?ge?(?![a-z])|bg|background")
_PRESSED = frozenset(b"a area button form option summary label".split())
#: What is loaded by elements that load by themselves.
LOADS: dict[bytes, Use] = {
    b"script": Destination.SCRIPT,
    b"img": Destination.IMAGE,
    b"image": Destination.IMAGE,
    b"input": Destination.IMAGE,
    b"iframe": Other.FRAME,
    b"frame": Other.FRAME,
    b"embed": Other.FRAME,
    b"object": Other.FRAME,
    b"source": Other.REST,
    b"video": Other.REST,
    b"audio": Other.REST,
    b"track": Other.REST,
}


@lru_cache(4096)
def lazy(element: bytes, name: bytes) -> Carrier | None:
    """What a script takes from an attribute to load it later, if it is called as such attributes are.

    `data-…`, and whatever has `src` in its name. The use is what the element loads; on others a frame, if it can be
    one. On `<script>` all data is its own: what it is told to load or to report to.
    """
    data = name.startswith(b"data-")
    if not (data or b"src" in name) or _NOT_LAZY.search(name):
        return None
    use = LOADS.get(element)
    words = _OF_PRESSED if element in _PRESSED else _OF_OTHERS if use is None else _OF_LOADING
    if words.search(name) is None:
        return Carrier(Form.LAZY, Destination.BEACON) if data and element == b"script" else None
    if b"srcdoc" in name:
        return Carrier(Form.DOCUMENT, Other.FRAME)
    if b"srcset" in name or name.endswith(b"set"):
        return Carrier(Form.SOURCE_SET, Destination.IMAGE)
    picture = use is not Destination.SCRIPT and _PICTURE.search(name)
    return Carrier(Form.LAZY, Destination.IMAGE if picture else use or Other.FRAME)


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
    "search": Other.REST,  # browsers fetch the description of the shop's search
    "monetization": Other.REST,
    "speculationrules": Other.REST,
    "next": Other.REST,  # old Firefox fetched it ahead
    "serviceworker": Destination.SCRIPT,
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
