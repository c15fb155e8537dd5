"""Templates of connectors: what placeholders become, and what is left out."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.catalogue.template import fill, names, required

FACTS = {
    "page.url": "https://shop.example/",
    "event.at": 1_800_000_000_123,
    "event.value": 5.0,
    "visitor": "00000001" + "00000002" + "ab" * 24,
    "consent.advertising": True,
    "consent.limited": False,
    "event.items": [{"item.id": "a", "item.price": 2}, {"item.id": "b"}, {}],
    "event.currency": "EUR",
}


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("constant", "constant"),
        (7, 7),
        (True, True),
        ("{page.url}", "https://shop.example/"),
        ("{event.value}", 5.0),
        ("{event.value:text}", "5.0"),
        ("{event.value:whole}", 5),
        ("at {event.value}!", "at 5.0!"),
        ("{event.order}", None),
        ("order {event.order}", None),
        ("{event.order!none}", "none"),
        ("{event.order!}", None),
        ("<{event.order!}>", "<>"),
        ("{event.at:seconds}", 1_800_000_000),
        ("{event.at:micros}", 1_800_000_000_123_000),
        ("{event.at:iso}", "2027-01-15T08:00:00.123+00:00"),
        ("{event.at:clock}", "2027-01-15 08:00:00"),
        ("{visitor:number}", "1.2"),
        ("{visitor:digits}", "1"),
        ("{visitor:hex16}", "0000000100000002"),
        ("{visitor:uuid}", "00000001-0000-4002-8bab-abababababab"),
        ("{consent.advertising?GRANTED|DENIED}", "GRANTED"),
        ("{consent.limited?LDU|}", None),
        ("{consent.limited?LDU|no}", "no"),
        ("{consent.marketing?G|D}", "D"),
        ("{consent.advertising:whole?0|}", 0),
        ({"a": "{event.order}", "b": "{event.value}"}, {"b": 5.0}),
        ({"a": "{event.order}", "type": "product"}, None),
        ({"type": "product"}, {"type": "product"}),
        ({"a": {"b": "{event.order}"}}, None),
        ({"outer": {"kind": "X", "id": "{event.order}"}, "v": "{event.value}"}, {"v": 5.0}),
        (["{event.order}", "{event.value}"], [5.0]),
        (["{event.order}"], None),
        ({"each": "event.items", "as": {"id": "{item.id}", "price": "{item.price}", "currency": "{event.currency}"}},
         [{"id": "a", "price": 2, "currency": "EUR"}, {"id": "b", "currency": "EUR"}, {"currency": "EUR"}]),
        ({"each": "event.items", "as": ["{item.id!-}", "{item.price!0}"]}, [["a", 2], ["b", "0"], ["-", "0"]]),
        ({"items": {"each": "event.nothing", "as": "{item.id}"}, "v": 1}, None),
    ],
)  # fmt: skip
def test_what_a_template_becomes(template: Any, filled: Any) -> None:
    assert fill(template, FACTS.get) == filled


@pytest.mark.parametrize("wrong", ["{page.url", "page}", "{Page}", "{page.url:roman}", "{}", "{a b}"])
def test_a_placeholder_that_cannot_be_read_is_told(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"placeholder|form"):
        list(names(wrong))


def test_what_must_be_there() -> None:
    assert list(required("{account.a}/{account.b!x}/{account.c!}/{consent.social?y|n}")) == ["account.a"]
