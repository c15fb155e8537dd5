"""What a vendor's own snippet gives away: whom it contacts, how, and which globals it leaves for the shop's code.

Rules of this file: it looks, it runs nothing, and what it finds are suggestions for an engineer to read: a snippet is
code that somebody pasted, minified or not, HTML or bare JavaScript. Never used on a page that visitors get.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Literal

from proxy.catalogue.match import Destination
from proxy.catalogue.schema import is_pattern
from proxy.catalogue.suffixes import registrable
from proxy.catalogue.url import split_url

_BASE = "https://shop.invalid/"
Kind = Literal["function", "array", "object"]


@dataclass(frozen=True, slots=True)
class Contact:
    """One URL in the snippet. `use` is "frame" for iframes, else what the browser would do with the answer."""

    host: str
    path: str
    target: str
    use: Destination | Literal["frame"]


@dataclass(frozen=True, slots=True)
class Traces:
    """All contacts, without doubles, in the order of the snippet; the globals it defines; calls that give it away."""

    contacts: tuple[Contact, ...]
    globals: dict[str, Kind]
    calls: tuple[str, ...]


def scan(snippet: str) -> Traces:
    """Read a snippet."""
    page = _Page()
    page.feed(snippet)
    page.close()
    if not page.seen_tag:
        page.scripts.append(snippet)
    contacts = dict.fromkeys(page.contacts)
    code = "\n".join(page.scripts).replace("\\/", "/")
    for contact in _in_code(code):
        contacts.setdefault(contact)
    found = _globals(code)
    return Traces(tuple(contacts), found, _calls(code, frozenset(found)))


class _Page(HTMLParser):
    """Collects what elements contact, noscript's too, and the text of scripts."""

    _USES: dict[tuple[str, str], Destination | Literal["frame"]] = {  # noqa: RUF012  (a table, never changed)
        ("script", "src"): Destination.SCRIPT,
        ("img", "src"): Destination.IMAGE,
        ("iframe", "src"): "frame",
        ("link", "href"): Destination.STYLE,
    }

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.contacts: list[Contact] = []
        self.scripts: list[str] = []
        self.seen_tag = False
        self._in_script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen_tag = True
        self._in_script = tag == "script"
        for name, value in attrs:
            use = self._USES.get((tag, name))
            if use is not None and value:
                self.contacts += _contact(value, use)

    def handle_endtag(self, tag: str) -> None:
        self._in_script = self._in_script and tag != "script"

    def handle_data(self, data: str) -> None:
        if self._in_script:
            self.scripts.append(data)


def _contact(url: str, use: Destination | Literal["frame"]) -> list[Contact]:
    split = split_url(url, _BASE)
    if split is None or split.host == "shop.invalid":
        return []
    path = _general(split.target.partition("?")[0])
    return [Contact(split.host, path, split.target, use)] if is_pattern(split.host + path) else []


_ACCOUNT = re.compile(r"(?<![\w-])(?=[\w-]*[0-9])(?=(?:[\w-]*?[0-9A-Z]){4})[\w-]{6,}(?![\w-])|\$?\{+[^}]*\}+|%7B.*?%7D")


def _general(path: str) -> str:
    """The path with `*` for what looks like an account's id or a placeholder for one."""
    return re.sub(r"\*{2,}", "*", _ACCOUNT.sub("*", path).partition("$")[0])


_LITERAL = re.compile(r"""(["'`])((?:https?:)?//[^"'`\s<>\\]+|\.?(?:[a-z0-9-]+\.)+[a-z]{2,}(?:[/?][^"'`\s<>\\]*)?)\1""")


def _in_code(code: str) -> list[Contact]:
    """URLs, and parts of them, in the string literals of a script."""
    found: list[Contact] = []
    for literal in _LITERAL.finditer(code):
        text = literal[2]
        if "//" not in text[:8]:
            host = re.split("[/?]", text.lstrip("."))[0]
            if registrable(host) is None or ("/" not in text and text[0] != "."):
                continue
            text = "//" + text.lstrip(".")
        before = code[max(0, literal.start() - 60) : literal.start()].rpartition(";")[2]
        found += _contact(text, _use(text, before, code))
    return found


def _use(url: str, before: str, code: str) -> Destination:
    """What a URL in a script is for, by its ending, then by what stands before it, then by what the script makes."""
    path = url.partition("?")[0]
    if path.endswith((".js", ".mjs")):
        return Destination.SCRIPT
    if path.endswith((".gif", ".png", ".jpg", ".svg")) or re.search(r"new Image\b", before):
        return Destination.IMAGE
    if re.search(r"(?:sendBeacon|fetch|\.open)\([^)]*$", before):
        return Destination.BEACON
    if path.endswith(".css"):
        return Destination.STYLE
    loader = re.search(r"""createElement\(\s*["']script["']|["']script["']|insertBefore""", code)
    return Destination.SCRIPT if loader else Destination.BEACON


_NAME = r"[A-Za-z_$][\w$]*"
_WINDOW = r"(?:window|self|globalThis|top|[a-zA-Z]{1,2})"
#: `window.x = window.x || []`, also by a minifier's short name for window; `window["x"] = …`.
_DEFINED = re.compile(
    rf"""(?<![\w$.])(?P<of>{_WINDOW})(?:\.(?P<a>{_NAME})|\[["'](?P<b>{_NAME})["']\])\s*=(?!=)\s*"""
    rf"""(?P<or>(?:[\w$.]|\[["'][\w$]+["']\])+\s*\|\|\s*)?(?P<value>\[|\(?function\b|\(?[\w$,\s]*\)?\s*=>|\{{)"""
)
_DECLARED = re.compile(rf"(?<![\w$.])({_NAME})\s*=\s*(?:window\.)?\1\s*\|\|\s*(\[|\(?function|\{{)")
_FUNCTION = re.compile(rf"(?m)^\s*function\s+({_NAME})\s*\(")
_PUSHED = re.compile(rf"(?<![\w$.])(?:window\.)?(?P<name>{_NAME})\.push\(")
_CALLED = re.compile(rf"""(?<![\w$.])(?:window\.)?((?P<name>{_NAME})\(\s*["'][^"']*["'])""")
_METHOD = re.compile(rf"""(?<![\w$.])(?:window\.)?((?P<name>{_NAME})\.{_NAME}\()(?=\s*["'{{)])""")
_LOCAL = re.compile(
    rf"(?:\b(?:var|let|const)\s+|,\s*)({_NAME})\s*=(?!=)|\bfunction\s*(?:{_NAME})?\s*\(([^()]{{0,200}})\)"
)
_STANDARD = frozenset(
    "window document navigator location console Math JSON Object Array Date String Number Promise Symbol Reflect "
    "history screen localStorage sessionStorage performance self top parent globalThis crypto Element this jQuery $ "
    "if for while switch catch function return typeof alert fetch setTimeout setInterval encodeURIComponent escape "
    "decodeURIComponent unescape require define import eval parseInt parseFloat Image URL Error RegExp Function event "
    "addEventListener removeEventListener getElementById querySelector arguments".split()
)


def _globals(code: str) -> dict[str, Kind]:
    found: dict[str, Kind] = {}
    for match in _DEFINED.finditer(code):
        name = match["a"] or match["b"]
        if len(match["of"]) > 2 or match["or"]:  # a short name may be any object, but for `a.x = a.x || …`
            found.setdefault(name, _kind(match["value"]))
    for match in _DECLARED.finditer(code):
        found.setdefault(match[1], _kind(match[2]))
    for match in _FUNCTION.finditer(code):
        found.setdefault(match[1], "function")
    local = _locals(code)
    used: tuple[tuple[re.Pattern[str], Kind], ...] = ((_PUSHED, "array"), (_CALLED, "function"), (_METHOD, "object"))
    for pattern, kind in used:
        for match in pattern.finditer(code):
            if match["name"] not in local and len(match["name"]) > 1:
                found.setdefault(match["name"], kind)
    return {name: kind for name, kind in found.items() if name not in _STANDARD and not _is_member(name)}


def _is_member(name: str) -> bool:
    """Names that short-named objects have in minified loaders (`t.src = …`), never a vendor's global."""
    return name in (
        "src",
        "async",
        "defer",
        "q",
        "l",
        "id",
        "onload",
        "onerror",
        "queue",
        "loaded",
        "version",
        "callMethod",
    )


def _kind(value: str) -> Kind:
    return "array" if value == "[" else "object" if value == "{" else "function"


def _locals(code: str) -> frozenset[str]:
    names: set[str] = set()
    for declared in _LOCAL.finditer(code):
        names.update(name.strip() for name in (declared[2] or declared[1] or "").split(","))
    return _STANDARD | names


def _calls(code: str, found: frozenset[str]) -> tuple[str, ...]:
    """Up to four starts of calls that tell this vendor's inline scripts from others."""
    local = _locals(code) - found
    calls = [
        (match["name"], match[1] if pattern is not _PUSHED else f"{match['name']}.push")
        for pattern in (_CALLED, _METHOD, _PUSHED)
        for match in pattern.finditer(code)
    ]
    return tuple(dict.fromkeys(call for name, call in calls if name not in local and len(name) > 1))[:4]
