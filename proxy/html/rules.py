"""What one visitor's copies of a site's pages become: the page's facts, made ready for judging URLs quickly.

Rules of this file: a URL is weighed as browsers read it, against the page's address or its `<base href>`. A host of the
shop is never weighed further. Every URL made here is absolute on the site's origin, so that `<base>` cannot bend it.
What is remembered of tags is bounded, in number and bytes, and holds for one set of decisions only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar
from urllib.parse import urlsplit

from ahocorasick_rs import BytesAhoCorasick, Implementation

from proxy.catalogue.schema import Vendor
from proxy.catalogue.url import Split, split_url
from proxy.html.literal import LONGEST_HOST
from proxy.html.page import Page
from proxy.html.verdict import Use, verdict
from proxy.model import Action, Decision, Reason

if TYPE_CHECKING:
    from proxy.catalogue.use import InUse

V = TypeVar("V")


#: The key of the stub for blocked third parties that no file describes.
UNKNOWN = "unknown"
# The host of any whole URL: in a style sheet, and with slashes escaped as scripts do it.
_STYLE_URL = re.compile(rb"//([\w-]+(?:\.[\w-]+)++)")
_URL = re.compile(rb"(?:/|\\{1,4}(?:/|x2[fF]|u002[fF])){2}([\w-]+(?:\.[\w-]+)++)")
_NOT_IN_USE = Decision(False, Reason.NOT_IN_USE)


class Weighed(NamedTuple):
    """A URL that contacts a third party, whose it is, and what becomes of it."""

    action: Action
    reason: Reason
    vendor: Vendor | None
    host: str
    target: str
    url: str

    @property
    def key(self) -> str:
        return UNKNOWN if self.vendor is None else self.vendor.key


class Told(NamedTuple):
    """One URL of a tag that contacts a third party: element and attribute, and what became of it."""

    element: str
    weighed: Weighed


class Ruled(NamedTuple):
    """What becomes of a tag: its new bytes (None: as it was), what is to be told, and whether text in it is code.

    `code` is b"script" or b"style" if the element's text runs as such, else b"". `lasting`: it is so wherever the same
    bytes stand; not so if it names the page's own path, or holds a document.
    """

    tag: bytes | None
    told: tuple[Told, ...]
    code: bytes
    lasting: bool


class Remembered(Generic[V]):
    """What was worked out, by bytes: two generations, so that what is asked for again stays and memory has an end."""

    ENTRIES = 8192
    SIZE = 2 << 20

    def __init__(self) -> None:
        self.young: dict[bytes, V] = {}
        self._old: dict[bytes, V] = {}
        self._size = 0

    def get(self, key: bytes) -> V | None:
        found = self.young.get(key)
        if found is None and (found := self._old.get(key)) is not None:
            self.put(key, found, len(key))
        return found

    def put(self, key: bytes, value: V, size: int) -> None:
        """Keeps it; `size` is what key and value take, in bytes, roughly."""
        if size > self.SIZE >> 5:
            return
        if len(self.young) >= self.ENTRIES or self._size > self.SIZE:
            self._old, self.young, self._size = self.young, {}, 0
        self.young[key] = value
        self._size += size


class Rules:
    """All that a page's tags are judged by, but for the page's own path and language."""

    def __init__(
        self, origin: str, prefix: str, use: InUse, decisions: Mapping[str, Decision], own: frozenset[str], base: str
    ) -> None:
        self.origin = origin
        self.ours = origin + prefix
        self.use = use
        self.decisions = decisions
        self.base = base
        self._own = own
        self._automaton = _automaton(Identity(use))
        self._hosts = frozenset(use.matcher.hosts)
        self.tags: Remembered[Ruled] = Remembered()
        #: What was worked out for literals, by their bytes and how they stand; in a tuple, for it may be None.
        self.literals: Remembered[tuple[Weighed | None]] = Remembered()

    def split(self, url: str) -> Split | None:
        """Host and target of a third party's URL; None for the shop's own, and for what contacts nobody."""
        split = split_url(url, self.base)
        return None if split is None or len(split.host) > LONGEST_HOST or self.is_own(split) else split

    def is_own(self, split: Split) -> bool:
        """Whether this is the shop itself."""
        return self.use.is_shop(split, self._own)

    def weigh(self, url: str, use: Use) -> Weighed | None:
        """What becomes of a tag with this URL (character references decoded); None where no third party is named."""
        split = self.split(url)
        return None if split is None else self.weigh_split(split, use, url)

    def weigh_split(self, split: Split, use: Use, url: str) -> Weighed:
        """The same for a URL that is split already."""
        host, target = split
        vendor, decision = self.use.judge(host, target, self.decisions)
        action, reason = verdict(vendor, decision, use, host, target)
        scheme = "http" if url[:5].lower() == "http:" else "https"
        return Weighed(action, reason, vendor, host, target, f"{scheme}://{host}{target}")

    def hosts_in(self, text: bytes, *, style: bool) -> list[tuple[int, int]]:
        """Where a host that matters may stand in the text of a script, or of a style sheet (which can only hold whole
        URLs), in order. With unknown third parties blocked, every URL's host matters."""
        blocked = self.use.unknown == "block"
        if style and b"\\/" not in text:
            spans = (match.span(1) for match in _STYLE_URL.finditer(text))
            return [(start, end) for start, end in spans if blocked or self._knows(text[start:end])]
        matches = self._automaton.find_matches_as_indexes(text.lower(), overlapping=True)
        found = [(start, end) for _, start, end in matches]
        if blocked:
            found += [match.span(1) for match in _URL.finditer(text)]
        found.sort()
        return found

    def _knows(self, host: bytes) -> bool:
        """Whether the catalogue has patterns for this host."""
        name = host.decode("latin-1").lower()
        while name not in self._hosts:
            _, dot, name = name.partition(".")
            if not dot:
                return False
        return True

    def decision(self, vendor: Vendor, split: Split) -> Decision:
        """The decision for a vendor that a URL of this host and target may belong to."""
        _, judged = self.use.judge(*split, self.decisions)
        if judged.reason is Reason.OPERATOR:
            return judged
        return self.decisions[vendor.key] if vendor.key in self.use.vendors else _NOT_IN_USE

    def stub(self, key: str) -> str:
        return f"{self.ours}/stub/{key}.js"

    def relay(self, key: str, host: str, target: str) -> str:
        return f"{self.ours}/v/{key}/{host}{target}"

    def embed(self, key: str, asked: str) -> str:
        """The placeholder's address; `asked` is its query."""
        return f"{self.ours}/embed/{key}?{asked}"


def rules_of(page: Page, base: str | None = None) -> Rules:
    """The rules of a page; `base` is its `<base href>`, resolved, if any. Like pages share what is remembered."""
    url = urlsplit(page.url)
    hosts = {urlsplit(page.origin).hostname or "", url.hostname or ""}
    own = page.first_party | hosts - {""}
    where = f"{url.scheme}://{url.netloc}/"
    if base is not None and urlsplit(base).hostname not in own:
        where = base  # on our own hosts, what is relative to it is ours whatever its path
    return _rules_of(page.origin, page.prefix, Identity(page.use), Identity(page.decisions), own, where)


class Identity(Generic[V]):
    """A value that is never changed, compared by being the very same object."""

    def __init__(self, value: V) -> None:
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Identity) and self.value is other.value


_ALLOWED, _FACTS = attrgetter("allowed"), attrgetter("allowed", "reason")


class _Decided:
    """Decisions that compare by what they say, quickly."""

    def __init__(self, decisions: Mapping[str, Decision]) -> None:
        self.decisions = decisions
        self._keys = tuple(decisions)
        self._facts = list(map(_FACTS, decisions.values()))
        self._hash = hash((self._keys, tuple(map(_ALLOWED, decisions.values()))))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Decided) and self._keys == other._keys and self._facts == other._facts


@lru_cache(maxsize=64)
def _rules_of(
    origin: str,
    prefix: str,
    use: Identity[InUse],
    decisions: Identity[Mapping[str, Decision]],
    own: frozenset[str],
    base: str,
) -> Rules:
    """Decisions that are the same object need not be compared, however many vendors there are."""
    return _rules(origin, prefix, use, _Decided(decisions.value), own, base)


@lru_cache(maxsize=16)
def _rules(origin: str, prefix: str, use: Identity[InUse], decided: _Decided, own: frozenset[str], base: str) -> Rules:
    return Rules(origin, prefix, use.value, dict(decided.decisions), own, base)


@lru_cache(maxsize=8)
def _automaton(use: Identity[InUse]) -> BytesAhoCorasick:
    """All hosts that the catalogue knows, to be searched for at once. Its speed does not depend on their number."""
    hosts = [host.encode() for host in use.value.matcher.hosts]
    return BytesAhoCorasick(hosts, implementation=Implementation.DFA)
