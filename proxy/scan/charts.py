"""The report's pictures: which bars there are, how long, and in which colour. Pure; the template draws them.

Rules of this file: lengths are per cent of the widest bar, or of the whole, so that a picture is as wide as the
reader's screen. A colour never says anything that words do not say beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from proxy.model import Action, Category
from proxy.scan.findings import Kind, PageFound, Party, host_of

#: What each action means for a visitor who has not chosen, in the order of the picture.
MEANING = {
    Action.CUT: "not contacted",
    Action.PLACEHOLDER: "a button stands there instead",
    Action.RELAY: "by way of the shop's own address",
    Action.KEEP: "contacted by the browser itself",
}

#: Hosts that the picture shows.
HOSTS = 15


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar. `length` and `start` are in per cent; `tone` names a colour of the style sheet; `note` stands beside."""

    label: str
    value: int
    length: float
    tone: str
    note: str = ""
    start: float = 0.0


def by_category(parties: Iterable[Party]) -> list[Bar]:
    """Third parties in each category, in the order of the categories; those without one last. One with two categories
    counts in both."""
    counts: Counter[str] = Counter()
    for party in parties:
        counts.update(party.categories or ("no category known",))
    order = [*Category, "no category known"]
    return _bars([(str(name), counts[name], str(name) if name in list(Category) else "unknown", "") for name in order])


def by_host(pages: Sequence[PageFound]) -> list[Bar]:
    """The hosts that most pages contact, with whose they are."""
    counts: Counter[str] = Counter()
    whose: dict[str, tuple[str, str]] = {}
    for page in pages:
        named = {host_of(tag): tag for tag in page.tags}
        counts.update(named.keys())
        for host, tag in named.items():
            tone = tag.categories[0] if tag.categories else "unknown"
            whose.setdefault(host, (tone, tag.vendor or Kind.UNKNOWN))
    first = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:HOSTS]
    return _bars([(host, count, *whose[host]) for host, count in first])


def by_action(parties: Iterable[Party]) -> list[Bar]:
    """All tags by what becomes of them, one behind the other."""
    counts: Counter[Action] = Counter()
    for party in parties:
        counts.update(dict(party.actions))
    whole = counts.total()
    bars: list[Bar] = []
    for action, meaning in MEANING.items():
        if counts[action]:
            start = sum(bar.length for bar in bars)
            bars.append(Bar(action, counts[action], 100 * counts[action] / whole, action, meaning, start))
    return bars


def _bars(rows: Iterable[tuple[str, int, str, str]]) -> list[Bar]:
    rows = [row for row in rows if row[1]]
    widest = max((value for _, value, *_ in rows), default=1)
    return [Bar(label, value, 100 * value / widest, tone, note) for label, value, tone, note in rows]
