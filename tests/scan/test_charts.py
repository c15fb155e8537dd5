from __future__ import annotations

import pytest

from proxy.catalogue.load import load
from proxy.html.page import TagReport
from proxy.model import Action, Category, Reason
from proxy.scan import charts
from proxy.scan.charts import by_action, by_category, by_host
from proxy.scan.findings import PageFound, parties


def _tag(host: str, vendor: str | None, action: Action = Action.CUT, *categories: Category) -> TagReport:
    return TagReport(0, "img src", f"https://{host}/", vendor, categories, action, Reason.UNDECIDED)


PIXEL = _tag("www.facebook.com", "meta-pixel", Action.CUT, Category.ADVERTISING)
VK = _tag("vk.com", "vk", Action.CUT, Category.SOCIAL, Category.ADVERTISING)
FONT = _tag("fonts.gstatic.com", "google-fonts", Action.RELAY, Category.ESSENTIAL)
NEW = _tag("new.example", None)
PAGES = [
    PageFound("https://shop.example/", 200, (PIXEL, PIXEL, VK, FONT, NEW)),
    PageFound("https://shop.example/a", 200, (PIXEL, FONT)),
]
PARTIES = parties(PAGES, load())


def test_categories_in_their_order_the_unknown_last() -> None:
    bars = by_category(PARTIES)
    assert [(bar.label, bar.value, bar.length, bar.tone) for bar in bars] == [
        ("essential", 1, 50, "essential"),
        ("advertising", 2, 100, "advertising"),
        ("social", 1, 50, "social"),
        ("no category known", 1, 50, "unknown"),
    ]


def test_hosts_by_pages_not_by_tags() -> None:
    bars = by_host(PAGES)
    assert [(bar.label, bar.value, bar.note, bar.tone) for bar in bars] == [
        ("fonts.gstatic.com", 2, "google-fonts", "essential"),
        ("www.facebook.com", 2, "meta-pixel", "advertising"),
        ("new.example", 1, "unknown", "unknown"),
        ("vk.com", 1, "vk", "social"),
    ]


def test_only_the_first_hosts_are_drawn() -> None:
    tags = tuple(_tag(f"h{number}.example", None) for number in range(charts.HOSTS + 9))
    assert len(by_host([PageFound("https://shop.example/", 200, tags)])) == charts.HOSTS


def test_actions_fill_one_bar() -> None:
    cut, relay = by_action(PARTIES)
    assert (cut.label, cut.value, cut.start) == ("cut", 5, 0)
    assert (relay.label, relay.value, relay.start) == ("relay", 2, cut.length)
    assert cut.length + relay.length == pytest.approx(100)


def test_every_action_has_a_meaning() -> None:
    assert set(charts.MEANING) == set(Action)


def test_nothing_draws_nothing() -> None:
    assert by_category([]) == by_host([]) == by_action([]) == []
