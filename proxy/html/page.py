"""What the page rewriting is told, what it tells, and how it refuses.

A `Page` is everything that decides what one visitor's copy of one document becomes; the rewriting adds no knowledge of
its own, reads no clock and does no I/O. A `TagReport` is told of every tag that could contact somebody other than the
shop, whatever became of it. `CannotRewrite` means that the response must be reset, never ended: what was emitted so far
is no whole page.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from proxy.model import Action, Category, Decision

if TYPE_CHECKING:
    from proxy.catalogue.use import InUse


class CannotRewrite(Exception):
    """The page cannot be carried on safely (a tag or a literal larger than what may be held). Reset the response."""


@dataclass(frozen=True, slots=True)
class TagReport:
    """One tag that could contact somebody: where it stood, what it named, what became of it and why.

    `offset` counts the bytes of the page as the storefront sent it (decoded from its content coding), up to the `<` of
    the element or the first byte of the literal. `element` is the element's name in lower case, with the attribute
    behind a space ("img srcset"); "script text", "style text" for literals. `url` is absolute where it can be; for a
    part of a URL in a script it is the text as it stood. `vendor` is None for the unknown, and `categories` empty where
    no shape gives them away. `reason` is a `Reason`, or a shape's own.
    """

    offset: int
    element: str
    url: str
    vendor: str | None
    categories: tuple[Category, ...]
    action: Action
    reason: str

    @property
    def host(self) -> str:
        """Of an absolute URL; empty for a part of one."""
        return self.url.partition("://")[2].partition("/")[0]


@dataclass(frozen=True)
class Retold:
    """The tags of a stretch of markup that stood in an earlier page, with offsets from its start: what is worked out of
    them for one page serves for the next."""

    tags: tuple[TagReport, ...]

    @cached_property
    def actions(self) -> Mapping[Action, int]:
        """How many there are of each."""
        return Counter(tag.action for tag in self.tags)

    @cached_property
    def contacts(self) -> tuple[TagReport, ...]:
        """One tag for each vendor, host and reason."""
        found = {(tag.vendor, tag.host, tag.reason): tag for tag in self.tags}
        return tuple(found.values())


@dataclass(frozen=True)
class Page:
    """One visitor's copy of one document.

    `origin` is ours ("https://shop.example", no slash at its end), and every URL that we emit starts with it. `url` is
    the page's absolute address, for relative URLs. `decisions` holds one decision for each vendor in use, and never
    changes; where like visits are given the very same mapping, nothing is worked out twice. `first_party` are the host
    suffixes that are the shop itself, lower case. `banner` and `footer` are given the page's `lang` (None if it states
    none) and return ASCII bytes that go right after `<body>` and before `</body>`; None: nothing goes in. `report`
    hears of every tag, in the order of the page; where `retold` is there, it hears of those of a stretch seen before.
    `variant` stands for all that decides what the page becomes besides its bytes and what its tags are judged by; two
    pages of one variant with the same bytes become the same. None: nobody says so. With a `report`, it takes `retold`.
    """

    origin: str
    url: str
    use: InUse
    decisions: Mapping[str, Decision]
    first_party: frozenset[str] = frozenset()
    prefix: str = "/_consent"
    banner: Callable[[str | None], bytes] | None = None
    footer: Callable[[str | None], bytes] | None = None
    report: Callable[[TagReport], None] | None = field(default=None)
    retold: Callable[[Retold], None] | None = field(default=None)
    variant: Hashable | None = None
