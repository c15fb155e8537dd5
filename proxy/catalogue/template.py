"""Templates of what connectors send: TOML values in which texts hold placeholders for facts.

Rules of this file: nothing leaves but what a template says, and a placeholder names one fact of the closed list. A text
that is one placeholder takes the fact's own type; a fact that is not there takes the text, the field and the table that
hold nothing else away with it. Pure.

    {page.url}                   the fact
    {event.at:seconds}           in another form (`FORMS`)
    {event.order!none}           or this where it is not there; {account.host!} need not be there
    {consent.advertising?G|D}    one of two, by whether it is there and true
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

#: What there is to know of an event, and of each item in one. An account id and a secret are facts of the shop.
FACTS: Mapping[str, str] = {
    "event.name": "what happened, in the vendor's word for it",
    "event.kind": "what happened, in the shop's word",
    "event.id": "the event's id; a double has the same",
    "event.at": "when, in milliseconds since 1970",
    "event.value": "what it is worth",
    "event.currency": "in which currency (ISO 4217)",
    "event.order": "the order's number",
    "event.search": "what was searched for",
    "event.items": "the goods",
    "page.url": "the page's address, without what is not on the allow-list of its query",
    "page.host": "its host",
    "page.path": "its path",
    "page.referrer": "where the visitor came from: a page of the shop, or another site's origin",
    "client.user_agent": "the browser",
    "client.language": "its first language",
    "client.address": "the visitor's shortened address",
    "visitor": "the visitor's id, for this vendor, site and period alone",
    "session": "the same, for a day",
    "user.email": "SHA-256 of the visitor's e-mail address, as the shop's back end states it",
    "click.google": "the id of the click on an advertisement that brought the visitor to this page: Google's",
    "click.meta": "Meta's",
    "click.x": "X's",
    "click.tiktok": "TikTok's",
    "click.pinterest": "Pinterest's",
    "click.linkedin": "LinkedIn's",
    "click.microsoft": "Microsoft's",
    "click.vk": "VK's",
    "consent.analytics": "whether analytics are allowed",
    "consent.advertising": "whether advertising is",
    "consent.marketing": "whether marketing is",
    "consent.social": "whether social media are",
    "consent.limited": "whether a law on sale holds for a visitor who has not said yes",
}
ITEM_FACTS: Mapping[str, str] = {
    "item.id": "the article's number",
    "item.name": "its name",
    "item.category": "its kind",
    "item.price": "the price of one",
    "item.quantity": "how many",
}

_PLACEHOLDER = re.compile(
    r"\{(?P<name>[a-z_]+(?:\.[a-z_0-9]+)*)(?::(?P<form>[a-z0-9]+))?"
    r"(?:\?(?P<yes>[^{}|]*)\|(?P<no>[^{}|]*)|!(?P<otherwise>[^{}]*))?\}"
)

#: A table with this key becomes a list: what its `as` makes of each of the facts that it names.
EACH = "each"

Look = Callable[[str], Any]


def _at(form: Callable[[float], Any]) -> Callable[[Any], Any]:
    return lambda value: form(float(value))


#: Other forms of a fact. Ids are 64 hexadecimal digits; `number` is two of ten digits, as Google's cookie has them.
FORMS: Mapping[str, Callable[[Any], Any]] = {
    "seconds": _at(lambda at: int(at // 1000)),
    "micros": _at(lambda at: int(at * 1000)),
    "iso": _at(lambda at: datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")),
    "clock": _at(lambda at: datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")),
    "text": str,
    "whole": int,
    "hex16": lambda value: value[:16],
    "number": lambda value: f"{int(value[:8], 16)}.{int(value[8:16], 16)}",
    "digits": lambda value: str(int(value[:8], 16)),
    "uuid": lambda value: f"{value[:8]}-{value[8:12]}-4{value[13:16]}-8{value[17:20]}-{value[20:32]}",
}


def names(template: Any) -> Iterator[str]:
    """Every name that a template's placeholders have. Raises `ValueError` where one cannot be read."""
    if isinstance(template, str):
        for found in _PLACEHOLDER.finditer(template):
            if found["form"] is not None and found["form"] not in FORMS:
                raise ValueError(f"{found[0]}: there is no form {found['form']!r}; there are {', '.join(FORMS)}")
            yield found["name"]
        if "{" in (rest := _PLACEHOLDER.sub("", template)) or "}" in rest:
            raise ValueError(f"{template!r} has a brace that is no placeholder's; write {{page.url}}, {{event.at:iso}}")
    elif isinstance(template, Mapping):
        if EACH in template:
            yield template[EACH]
        for key, inner in template.items():
            if key != EACH:
                yield from names(inner)
    elif isinstance(template, list | tuple):
        for inner in template:
            yield from names(inner)


def required(template: str) -> Iterator[str]:
    """The names without which a text cannot be filled in."""
    for found in _PLACEHOLDER.finditer(template):
        if found["otherwise"] is None and found["yes"] is None:
            yield found["name"]


#: A template made ready: gives what it is with the facts that a look gives, or None where nothing of it is left.
Filled = Callable[[Look], Any]


def fill(template: Any, look: Look) -> Any:
    """The template with its facts; None where nothing of it is left. `look` gives a fact by its name, None for none."""
    return ready(template)(look)


def ready(template: Any) -> Filled:
    """The template, to be filled in many times. A table or list whose every placeholder is empty is left out, constants
    and all: they said something about what is not there."""
    return _ready(template)[0]


def _ready(template: Any) -> tuple[Filled, bool]:
    """And whether there is any placeholder in it."""
    if isinstance(template, str):
        return _text(template), "{" in template
    if isinstance(template, Mapping):
        if EACH in template:
            return _each(template), True
        made = {key: _ready(inner) for key, inner in template.items()}
        return _table(made), any(variable for _, variable in made.values())
    if isinstance(template, list | tuple):
        some = [_ready(inner) for inner in template]
        return _list(some), any(variable for _, variable in some)
    return (lambda _: template), False


def _table(made: Mapping[str, tuple[Filled, bool]]) -> Filled:
    variable = any(one for _, one in made.values())

    def filled(look: Look) -> Any:
        table, alive = {}, not variable
        for key, (inner, varies) in made.items():
            value = inner(look)
            if value is not None:
                table[key] = value
                alive = alive or varies
        return table if alive and table else None

    return filled


def _list(some: list[tuple[Filled, bool]]) -> Filled:
    def filled(look: Look) -> Any:
        return [value for inner, _ in some if (value := inner(look)) is not None] or None

    return filled


class ChainLook:
    """Looks in one place, then in another."""

    def __init__(self, first: Look, then: Look) -> None:
        self._first, self._then = first, then

    def __call__(self, name: str) -> Any:
        found = self._first(name)
        return self._then(name) if found is None else found


def _each(template: Mapping[str, Any]) -> Filled:
    source, one = template[EACH], ready(template["as"])

    def filled(look: Look) -> Any:
        made = (one(ChainLook(fact.get, look)) for fact in look(source) or ())
        return [value for value in made if value is not None] or None

    return filled


def _text(template: str) -> Filled:
    if "{" not in template:
        return lambda _: template
    found = _PLACEHOLDER.match(template)
    if found is not None and found.end() == len(template):
        value = _value(found)
        return lambda look: None if (given := value(look)) == "" else given
    pieces: list[Filled] = []
    end = 0
    for found in _PLACEHOLDER.finditer(template):
        pieces += [_text(template[end : found.start()]), _value(found)]
        end = found.end()
    pieces.append(_text(template[end:]))

    def filled(look: Look) -> Any:
        values = [piece(look) for piece in pieces]
        return None if None in values else "".join(map(str, values))

    return filled


def _value(found: re.Match[str]) -> Filled:
    """A placeholder's value; "" where it need not be there and is not."""
    name, yes, no, otherwise = found["name"], found["yes"], found["no"], found["otherwise"]
    form = FORMS[found["form"]] if found["form"] else None

    def filled(look: Look) -> Any:
        value = look(name)
        if yes is not None:
            value = yes if value else no
            return value if value == "" or form is None else form(value)
        if value is None:
            return otherwise
        return value if form is None else form(value)

    return filled
