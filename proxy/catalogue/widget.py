"""The elements that vendors' scripts turn into embeds, as vendor files name them: a small part of CSS's selectors.

Rules of this file: one compound selector (a type, an id, classes, attributes), without what stands around the element.
It is compared as it is written: names of types and attributes in lower case, ids and classes by case. An id or a class
may end in `*` for any ending.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

_PART = re.compile(
    r"(?P<type>(?<![^\s])[a-z][a-z0-9:-]*)"
    r"|#(?P<id>[\w-]+\*?)"
    r"|\.(?P<class>[\w-]+\*?)"
    r"|\[(?P<name>[a-z][a-z0-9-]*)(?:=(?P<value>[\w-]+))?\]",
    re.A,
)
#: What a browser shows in its place, or a script fills: nothing in a table, a list of options or the head.
_TYPES = frozenset("a article aside blockquote div figure main p section span ul video".split())
#: Shorter words stand in half of all pages.
_SHORTEST_WORD = 5
RIGHT = "write one element's type, #id, .class or [attribute=value], like blockquote.acme-post or div[data-acme-map]"


class Widget(NamedTuple):
    """One selector, taken apart. `type` and `id` are empty for any; an attribute's value None stands for any value."""

    selector: str
    type: str
    id: str
    classes: tuple[str, ...]
    attributes: tuple[tuple[str, str | None], ...]

    @property
    def word(self) -> str:
        """What every such tag holds: the longest of the vendor's own names in the selector; empty if it has none."""
        own = "" if self.type in _TYPES else self.type
        named = (own, self.id, *self.classes, *(name for name, _ in self.attributes))
        return max((name.rstrip("*") for name in named), key=len)

    def fits(self, type_: str, values: Mapping[str, str]) -> bool:
        """Whether an element of this type, with these attributes, is one."""
        if type_ != self.type if self.type else type_ not in _TYPES:
            return False
        if self.id and not _is(values.get("id", ""), self.id):
            return False
        own = values.get("class", "").split() if self.classes else ()
        return all(any(_is(one, name) for one in own) for name in self.classes) and all(
            name in values and value in (None, values[name]) for name, value in self.attributes
        )


def read_widget(selector: str) -> Widget:
    """Takes a selector apart. Raises ValueError that says what is wrong and what would be right."""
    parts: list[re.Match[str]] = []
    at = 0
    while at < len(selector) and (part := _PART.match(selector, at)) is not None:
        parts.append(part)
        at = part.end()
    if at < len(selector) or not parts:
        raise ValueError(f"{selector!r} is no selector of one element; {RIGHT}")
    told = {kind: [part[kind] for part in parts if part[kind] is not None] for kind in ("type", "id", "class")}
    widget = Widget(
        selector,
        "".join(told["type"][:1]),
        "".join(told["id"][:1]),
        tuple(told["class"]),
        tuple((part["name"], part["value"]) for part in parts if part["name"] is not None),
    )
    if len(told["id"]) > 1:
        raise ValueError(f"{selector!r} has two ids; an element has one")
    if widget.type and widget.type not in _TYPES and "-" not in widget.type and ":" not in widget.type:
        kinds = ", ".join(sorted(_TYPES))
        raise ValueError(
            f"{selector!r}: nothing can stand in place of <{widget.type}>; name one of {kinds}, or a custom element"
        )
    if len(widget.word) < _SHORTEST_WORD:
        raise ValueError(
            f"{selector!r} fits what shops write themselves; name an id, a class or an attribute of the vendor's"
        )
    return widget


def _is(text: str, name: str) -> bool:
    return text.startswith(name[:-1]) if name.endswith("*") else text == name
