"""What a shop states: headers, posted events, rules over addresses."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.events.said import LONGEST_HEADER, NotSaid, read_header, read_posted, rules
from proxy.minimise.events import Item
from proxy.settings.schema import EventSettings


def test_a_header_is_an_event() -> None:
    said = read_header(
        b'{"name":"purchase","id":"A-1","value":59.9,"currency":"EUR","items":[{"id":"S","price":59.9}]}'
    )
    event = said.event("fresh", 7)
    assert (event.name, event.id, event.at, event.value, event.named) == ("purchase", "A-1", 7, 59.9, True)
    assert event.items == (Item("S", "", "", 59.9, None),)
    assert read_header(b'{"name":"sign_up"}').event("fresh", 7).id == "fresh"


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (b"", "Consentry-Event: Invalid JSON"),
        (b"purchase", "Consentry-Event: Invalid JSON"),
        (b"[]", "Consentry-Event: Input should be an object"),
        (b"{}", "Consentry-Event.name: Field required"),
        (b'{"name":"Purchase"}', "Consentry-Event.name: String should match pattern"),
        (b'{"name":"x","value":"much"}', "Consentry-Event.value: Input should be a valid number"),
        (b'{"name":"x","value":NaN}', "Consentry-Event.value: Input should be a finite number"),
        (b'{"name":"x","currency":"euro"}', "Consentry-Event.currency: String should match pattern"),
        (b'{"name":"x","email":"a@b.example"}', "Consentry-Event.email: Extra inputs are not permitted"),
        (b'{"name":"x","email_sha256":"a@b.example"}', "Consentry-Event.email_sha256: String should match pattern"),
        (b'{"name":"x","items":[{"sku":1}]}', "Consentry-Event.items[0].sku: Extra inputs are not permitted"),
        (b'{"name":"\xff"}', "Consentry-Event"),
        (b'{"name":"' + b"x" * LONGEST_HEADER + b'"}', f"Consentry-Event: longer than {LONGEST_HEADER} bytes"),
    ],
)
def test_what_is_no_event_is_told_with_its_place_and_without_its_value(value: bytes, why: str) -> None:
    with pytest.raises(NotSaid) as caught:
        read_header(value)
    assert str(caught.value).startswith(why)
    assert "a@b.example" not in str(caught.value)


@given(st.binary(max_size=200))
def test_any_bytes_are_an_event_or_told(value: bytes) -> None:
    for read in (read_header, read_posted):
        with contextlib.suppress(NotSaid):
            read(value)


@pytest.mark.parametrize("body", [{"name": "x"}, [{"name": "x"}], {"events": [{"name": "x"}]}])
def test_one_or_several_may_be_posted(body: Any) -> None:
    assert [said.name for said in read_posted(json.dumps(body).encode())] == ["x"]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("nonsense", "the body is no JSON"),
        ("[" * 100_000, "the body is no JSON"),
        ("[]", "events: List should have at least 1 item"),
        ('{"nom": "x", "name": "x"}', "events[0].nom: Extra inputs are not permitted"),
        ("7", "events: Input should be"),
        ('[{"name": "x"}, {"name": "y", "visitor": "!"}]', "events[1].visitor: String should match pattern"),
        ('{"events": [{"name": "x", "at": -1}]}', "events[0].at: Input should be greater than 0"),
    ],
)
def test_what_is_posted_wrong_is_told(body: str, why: str) -> None:
    with pytest.raises(NotSaid) as caught:
        read_posted(body.encode())
    assert str(caught.value).startswith(why)
    assert ";" not in str(caught.value)  # one fault, one line


RULES = rules(
    [
        EventSettings.model_validate(rule)
        for rule in (
            {"name": "add_to_cart", "path": "/cart/add/*", "fields": {"id": "path:1", "currency": "text:EUR"}},
            {"name": "search", "method": "GET", "path": "/search", "fields": {"search": "query:q"}},
            {
                "name": "spent",
                "method": "GET",
                "path": "/pay",
                "fields": {"value": "query:sum", "currency": "text:EUR"},
            },
        )
    ]
)


@pytest.mark.parametrize(
    ("method", "path", "query", "said"),
    [
        ("POST", "/cart/add/sku%201", "", [("add_to_cart", "sku 1", None, None)]),
        ("GET", "/cart/add/sku", "", []),
        ("POST", "/cart/add/sku/more", "", []),
        ("POST", "/cart/add", "", []),
        ("GET", "/search", "q=red+vase&x=1", [("search", "fresh", None, "red vase")]),
        ("GET", "/search", "", [("search", "fresh", None, None)]),
        ("GET", "/search/", "q=a", []),
        ("GET", "/pay", "sum=12.5", [("spent", "fresh", 12.5, None)]),
        ("GET", "/pay", "sum=lots", [("spent", "fresh", None, None)]),
    ],
)
def test_rules(method: str, path: str, query: str, said: list[tuple[Any, ...]]) -> None:
    found = [rule.event(method, path, query, "fresh", 1) for rule in RULES]
    assert [(event.name, event.id, event.value, event.search) for event in found if event is not None] == said
