"""What a document would load from somebody, judged by another parser (Lexbor) and by a table of its own.

Rules of this file: nothing of the rewriter's is used. A document is read twice: as browsers without scripting read it,
and with `<noscript>` as raw text, as browsers with scripting do. Documents in `srcdoc`, `data:` URLs and templates are
read too. In scripts a whole URL at the beginning of a string counts, unless it is where an `<a>` in it leads.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable, Iterator
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from selectolax.lexbor import LexborHTMLParser, LexborNode

_LAZY = "data-src data-lazy-src data-original data-bg data-poster"
#: What holds one URL that is loaded, by element (HTML, SVG 2, and what lazy loaders take).
_URLS = {
    "img": f"src {_LAZY}",
    "image": "href xlink:href",
    "source": "src data-src",
    "video": "src poster data-src data-poster",
    "audio": "src data-src",
    "track": "src",
    "input": "src",
    "iframe": "src data-src",
    "frame": "src",
    "embed": "src",
    "object": "data",
    "script": "src href xlink:href data-src",
    "use": "href xlink:href",
    "feimage": "href xlink:href",
    "set": "to",
    "animate": "from to",
    "body": "background",
    "table": "background",
    "td": "background",
    "div": _LAZY,
}
#: Elements that are these only in a drawing.
_SHAPES = frozenset({"use", "feimage", "set", "animate", "image"})
#: What holds several: candidates, and lists.
_SETS = {"img": "srcset data-srcset", "source": "srcset data-srcset", "link": "imagesrcset"}
_LISTS = {"a": "ping attributionsrc", "area": "ping", "img": "attributionsrc", "script": "attributionsrc"}
_LINKS = frozenset(
    "stylesheet icon apple-touch-icon mask-icon manifest preload modulepreload prefetch prerender preconnect "
    "dns-prefetch compression-dictionary".split()
)
_DRAWN = frozenset("fill stroke filter mask clip-path cursor marker-start marker-mid marker-end".split())
_RUNS = re.compile(r"\s*(?:|module|(?:text|application)/(?:x-)?(?:java|ecma)script)\s*\Z", re.I)
#: What the visitor starts.
_STARTED = {"a": "href xlink:href", "area": "href", "form": "action", "button": "formaction", "blockquote": "cite"}
_NOSCRIPT = re.compile(rb"(</?)noscript(?=[\t\n\f\r />])", re.I)
_DATA = re.compile(r"\s*data:([^,]*),(.*)\Z", re.I | re.S)
_CANDIDATE = re.compile(r"[\s,]*(\S+,(?=\s|\Z)|\S+)[^,]*,?")
_DROPPED = str.maketrans("", "", "\t\n\r")
_LINK_TAG = re.compile(r"<(?:a|area|form)\s[^>]*>", re.I)
_STYLE_ESCAPE = re.compile(r"\\([0-9a-fA-F]{1,6})[ \t\n\f]?|\\([^\n])")
_CODE_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|([/\\]))")


class _Trackers:
    """Ways in which a text can contact one of these: hosts with paths, in lower case."""

    def __init__(self, trackers: tuple[str, ...]) -> None:
        places = (tracker.partition("/") for tracker in trackers)
        names = "|".join(rf"{re.escape(host)}(?::[0-9]+)?[/\\]{re.escape(path)}" for host, _, path in places)
        url = rf"\s*(?:https?:)?[\\/]{{2}}(?:{names})"
        self._url = re.compile(url, re.I)
        self._style = re.compile(r"""(?:url\(\s*["']?|(?:@import\s*|image-set\([^)]*)["'])""" + url, re.I)
        self._code = re.compile(r"""["'`]""" + url, re.I)

    def url(self, text: str) -> bool:
        return self._url.match(text.translate(_DROPPED)) is not None

    def list(self, text: str) -> bool:
        """URLs with white space between them."""
        return any(map(self.url, text.split()))

    def candidates(self, text: str) -> bool:
        """A `srcset` (WHATWG HTML 4.8.4.4.2)."""
        return any(self.url(url.rstrip(",")) for url in _CANDIDATE.findall(text))

    def style(self, text: str) -> bool:
        return self._style.search(_STYLE_ESCAPE.sub(_unescaped, text)) is not None

    def code(self, text: str) -> bool:
        return self._code.search(_LINK_TAG.sub("", _CODE_ESCAPE.sub(_unescaped, text))) is not None


def _unescaped(found: re.Match[str]) -> str:
    *digits, char = found.groups()
    code = next(filter(None, digits), None)
    return char or "" if code is None else chr(int(code, 16) % 0x110000)


_trackers = lru_cache(8)(_Trackers)


def loads(document: bytes, trackers: tuple[str, ...]) -> list[str]:
    """Everything that loads from one of these, read with scripting off and on."""
    return [f"{how}: {found}" for how, body in _readings(document) for found in _loads(body, _trackers(trackers), 0)]


def started(document: bytes, trackers: tuple[str, ...]) -> list[str]:
    """Everything by which the visitor goes there, likewise."""
    return [f"{how}: {found}" for how, body in _readings(document) for found in _started(body, _trackers(trackers))]


def tags(document: bytes) -> list[str | None]:
    """The names of all elements, in order."""
    return [node.tag for node in LexborHTMLParser(document).css("*")]


def _readings(document: bytes) -> Iterator[tuple[str, bytes]]:
    yield "without scripting", document
    raw = _NOSCRIPT.sub(rb"\1noframes", document)
    if raw != document:
        yield "with scripting", raw


def _loads(document: bytes, trackers: _Trackers, depth: int) -> Iterator[str]:
    for node in LexborHTMLParser(document).css("*"):
        tag, attributes = _read(node)
        for name, value in attributes.items():
            if value and _judge(node, tag, name, attributes, trackers)(value):
                yield f"<{tag} {name}={value}>"
            elif depth < 3 and tag in ("iframe", "frame", "embed", "object"):
                yield from (f"<{tag} {name}> {found}" for found in _inside(name, value, trackers, depth))
        if tag == "template" and depth < 3:
            yield from _loads((node.html or "").partition(">")[2].encode(), trackers, depth + 1)
        elif tag == "style" and trackers.style(_text(node)):
            yield f"<style>{_text(node)}"
        elif tag == "script" and _runs(attributes) and trackers.code(_text(node)):
            yield f"<script>{_text(node)}"


def _read(node: LexborNode) -> tuple[str, dict[str, str]]:
    attributes = {name.lower(): value or "" for name, value in node.attributes.items()}
    return (node.tag or "").lower(), attributes


def _text(node: LexborNode) -> str:
    """Its child text content: that of elements in it is not its."""
    return "".join(child.text_content or "" for child in node.iter(include_text=True) if child.tag == "-text")


def _judge(
    node: LexborNode, tag: str, name: str, attributes: dict[str, str], trackers: _Trackers
) -> Callable[[str], bool]:
    """How this attribute's value contacts somebody."""
    if name.startswith("on"):
        return trackers.code
    if name == "style" or (name in _DRAWN and _is_drawn(node)):
        return trackers.style
    if name in _SETS.get(tag, "").split():
        return trackers.candidates
    if name in _LISTS.get(tag, "").split():
        return trackers.list
    if name == "data-bg":
        return lambda value: trackers.url(value) or trackers.style(value)
    linked = tag == "link" and name == "href" and _LINKS & set(attributes.get("rel", "").lower().split())
    if tag in _SHAPES and not _is_drawn(node):
        return lambda _: False
    if linked or name in _URLS.get(tag, "").split():
        code = tag in ("iframe", "frame")
        return lambda value: trackers.url(value) or (code and value.startswith("javascript:") and trackers.code(value))
    return lambda _: False


def _is_drawn(node: LexborNode) -> bool:
    """Whether it stands in an `<svg>`, or is one."""
    above: LexborNode | None = node
    while above is not None and above.tag != "svg":
        above = above.parent
    return above is not None


def _inside(name: str, value: str, trackers: _Trackers, depth: int) -> Iterator[str]:
    """Documents that stand in an attribute."""
    if name == "srcdoc":
        yield from _loads(value.encode("utf-8", "replace"), trackers, depth + 1)
    elif name in ("src", "data") and (found := _DATA.match(value)) is not None:
        document = unquote_to_bytes(found[2])
        coded = found[1].lower().rstrip().endswith("base64")
        yield from _loads(b64decode(document + b"==") if coded else document, trackers, depth + 1)


def _runs(attributes: dict[str, str]) -> bool:
    language = attributes.get("language")
    kind = attributes.get("type", f"text/{language}" if language else "")
    return "src" not in attributes and _RUNS.match(kind) is not None


def _started(document: bytes, trackers: _Trackers) -> Iterator[str]:
    for node in LexborHTMLParser(document).css("*"):
        tag, attributes = _read(node)
        for name in _STARTED.get(tag, "").split():
            if trackers.url(attributes.get(name, "")):
                yield f"<{tag} {name}={attributes[name]}>"
