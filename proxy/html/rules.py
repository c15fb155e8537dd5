"""What one visitor's copies of a site's pages become: the page's facts, made ready for judging URLs quickly.

Rules of this file: a URL is weighed as browsers read it, against the page's address or its `<base href>`. A host of the
shop is never weighed further. Every URL made here is absolute on the site's origin, so that `<base>` cannot bend it.
What is remembered of tags is bounded, in number and bytes, and holds for one set of decisions only.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar
from urllib.parse import urlsplit

from proxy.catalogue.known import Known
from proxy.catalogue.match import pattern_parts
from proxy.catalogue.schema import Vendor
from proxy.catalogue.shapes import Shape
from proxy.catalogue.url import Split, split_url
from proxy.html import escaped
from proxy.html.hosts import Hosts
from proxy.html.literal import LONGEST_HOST
from proxy.html.page import Page
from proxy.html.remembered import Remembered
from proxy.html.verdict import Use, verdict
from proxy.html.widgets import Widgets
from proxy.model import Action, Decision, Reason

if TYPE_CHECKING:
    from proxy.catalogue.use import InUse

V = TypeVar("V")


#: The key of the stub for blocked third parties that no file describes.
UNKNOWN = "unknown"
# The host of any whole URL: in a style sheet, and with slashes escaped as scripts do it.
_STYLE_URL = re.compile(rb"//([\w-]+(?:\.[\w-]+)++)")
_URL = re.compile(rb"(?:/|\\{1,4}(?:/|x2[fF]|u002[fF])){2}([\w-]+(?:\.[\w-]+)++)")


class Weighed(NamedTuple):
    """A URL that contacts a third party, whose it is, and what becomes of it."""

    action: Action
    reason: Reason
    vendor: Vendor | Known | None
    host: str
    target: str
    url: str

    @property
    def key(self) -> str:
        return UNKNOWN if self.vendor is None or isinstance(self.vendor, Shape) else self.vendor.key


class Told(NamedTuple):
    """One URL of a tag that contacts a third party: element and attribute, and what became of it."""

    element: str
    weighed: Weighed


class Ruled(NamedTuple):
    """What becomes of a tag: its new bytes (None: as it was), what is to be told, and whether text in it is code.

    `code` is b"script" or b"style" if the element's text runs as such, b"rules" if it is speculation rules, else b"".
    `lasting`: it is so wherever the same bytes stand; not so if it names the page's own path, or holds a document.
    `placed`: but for `OFFSET` in its bytes, which stands for where that is.
    """

    tag: bytes | None
    told: tuple[Told, ...]
    code: bytes
    lasting: bool
    placed: bool = False

    def at(self, tag: bytes, offset: int) -> bytes:
        """The bytes of its new tag where it stands so far on in the page."""
        return tag.replace(OFFSET, b"%d" % offset) if self.placed else tag


#: Stands in a tag's new bytes for its offset in the page. By chance, so that no page has it in its own.
OFFSET = b"<%b>" % secrets.token_hex(16).encode()


def _ruled_size(tag: bytes, ruled: Ruled) -> int:
    return len(tag) + len(ruled.tag or b"") + 200


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
        self._hosts = _hosts(Identity(use))
        self.widgets = _widgets(Identity(use))
        #: Whether relative URLs are a third party's.
        self._based = self.split("") is not None
        self.tags: Remembered[bytes, Ruled] = Remembered(_ruled_size)
        #: What was worked out for literals, by their bytes and how they stand; in a tuple, for it may be None.
        self.literals: Remembered[bytes, tuple[Weighed | None]] = Remembered(lambda key, _: 2 * len(key) + 300)

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

    def beacon(self, weighed: Weighed) -> Weighed:
        """What becomes of a picture that nobody can see: a web beacon, unless somebody is known to serve it."""
        shape = self.use.shapes.image
        if shape is None or weighed.reason is not Reason.UNKNOWN_ALLOWED or self.use.undescribed.allowed:
            return weighed
        return weighed._replace(action=Action.CUT, reason=Reason.SHAPE, vendor=shape)

    def weigh_widget(self, vendor: Vendor) -> Weighed:
        """What becomes of an element that a vendor's script would turn into an embed: it stays, or a placeholder comes
        before it. The URL that is told is the vendor's, for the element names none."""
        hosts = [pattern_parts(pattern)[0] for pattern in vendor.technical.match]
        decision = self.use.decision(vendor, self.decisions)
        kept = decision.allowed or any(self.use.allowed_as(host) is not None for host in hosts)
        action = Action.KEEP if kept else Action.PLACEHOLDER
        return Weighed(action, decision.reason, vendor, hosts[0], "/", f"https://{hosts[0]}/")

    def hosts_in(self, text: bytes, *, style: bool, before: bytes = b"") -> list[tuple[int, int]]:
        """Where a host that matters may stand in the text of a script, in order: all that the catalogue knows, and with
        unknown third parties blocked that of every whole URL. Of a style sheet, which can only hold whole URLs, every
        host, and as empty spans the tokens in which one may be hidden; `before` is what stood before the text."""
        if style:
            found = [match.span(1) for match in _STYLE_URL.finditer(text)]
            found += [(at, at) for at in escaped.escapes(text)]
            if self._based:
                found += [(at, at) for at in escaped.openings(before, text)]
            return sorted(found)
        found = self._hosts.find(text.lower())
        if self.use.unknown == "block":
            found += [match.span(1) for match in _URL.finditer(text)]
        found.sort()
        return found

    def decision(self, vendor: Vendor | Known, split: Split) -> Decision:
        """The decision for a vendor that a URL of this host and target may belong to."""
        _, judged = self.use.judge(*split, self.decisions)
        if judged.reason is Reason.OPERATOR:
            return judged
        return self.use.decision(vendor, self.decisions)

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
def _widgets(use: Identity[InUse]) -> Widgets:
    return Widgets(vendor for vendor in use.value.vendors.values() if not vendor.essential)


@lru_cache(maxsize=8)
def _hosts(use: Identity[InUse]) -> Hosts:
    """All hosts that the catalogue knows, and those that look like a tracker's by their first label."""
    return Hosts(use.value.matcher.hosts, use.value.shapes.labels)
