"""What a shop says has happened: in `Consentry-Event` headers, at POST /events, or by rules over its addresses.

Rules of this file: the fields are a closed list with bounds; what is none of them, or no such value, is told with its
place and nothing of it is taken. Bodies of visitors' requests are never read. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import parse_qs, unquote

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from proxy.minimise.events import Event, Item
from proxy.settings.schema import EventSettings

#: How many events one answer, or one POST, may state, and how long a header may be.
MOST_IN_HEADERS, MOST_POSTED, LONGEST_HEADER = 10, 1000, 8192

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
_Short = Annotated[str, Field(min_length=1, max_length=128)]
_Number = Annotated[float, Field(ge=-1e12, le=1e12, allow_inf_nan=False)]


class NotSaid(Exception):
    """What was stated is no event. Its text says where and why, with nothing of a visitor in it."""


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class _Item(_Table):
    id: str = Field(default="", max_length=128)
    name: str = Field(default="", max_length=256)
    category: str = Field(default="", max_length=256)
    price: _Number | None = None
    quantity: _Number | None = None


class _Said(_Table):
    """An event as JSON. `id`: what makes a double of it known; without one it has a random one."""

    name: Name
    id: _Short | None = None
    value: _Number | None = None
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = None
    order: _Short | None = None
    search: Annotated[str, Field(max_length=256)] | None = None
    email_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    items: Annotated[tuple[_Item, ...], Field(max_length=200)] = ()

    def event(self, fresh: str, now: int) -> Event:
        items = tuple(Item(**item.model_dump()) for item in self.items)
        return Event(
            self.name,
            self.id or fresh,
            now,
            self.value,
            self.currency,
            self.order,
            self.search,
            self.email_sha256,
            items,
            named=self.id is not None,
        )


class Posted(_Said):
    """An event as a back end posts it: with whose it is, and where it happened. `visitor` is what the storefront got as
    `Consentry-Visitor` in that visit, `consent` what it got as `Consentry-Consent`: one of them is needed. `at` is in
    seconds since 1970. `site`: the shop's origin, where there are several."""

    at: Annotated[float, Field(gt=0, lt=1e11)] | None = None
    site: str | None = None
    visitor: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{16,64}$")] | None = None
    consent: Annotated[str, Field(max_length=256)] | None = None
    url: Annotated[str, Field(max_length=4096)] = ""
    referrer: Annotated[str, Field(max_length=4096)] = ""
    user_agent: Annotated[str, Field(max_length=512)] = ""
    language: Annotated[str, Field(max_length=32)] = ""
    address: Annotated[str, Field(max_length=64)] | None = None


_STATED = TypeAdapter(_Said)
_POSTED: TypeAdapter[list[Posted]] = TypeAdapter(Annotated[list[Posted], Field(min_length=1, max_length=MOST_POSTED)])


def read_header(value: bytes) -> _Said:
    """The event that one `Consentry-Event` header states. Raises `NotSaid`."""
    if len(value) > LONGEST_HEADER:
        raise NotSaid(f"Consentry-Event: longer than {LONGEST_HEADER} bytes")
    said: _Said = _read(_STATED, value, "Consentry-Event")
    return said


def read_posted(body: bytes) -> list[Posted]:
    """The events of a POST: one object, a list of them, or `{"events": […]}`. Raises `NotSaid`."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NotSaid(f"the body is no JSON: {error}") from None
    if isinstance(said, dict):
        said = said["events"] if said.keys() == {"events"} else [said]
    posted: list[Posted] = _read(_POSTED, said, "events")
    return posted


def _read(kind: TypeAdapter[Any], said: Any, where: str) -> Any:
    try:
        return kind.validate_json(said) if isinstance(said, bytes) else kind.validate_python(said)
    except ValidationError as error:
        raise NotSaid("; ".join(_faults(error, where))) from None


def _faults(error: ValidationError, where: str) -> Iterator[str]:
    """Place and fault, without the value, which may be somebody's."""
    for fault in error.errors(include_input=False, include_url=False):
        place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in fault["loc"])
        yield f"{where}{place}: {fault['msg']}"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of `[[event]]`, ready to be tried on requests."""

    name: str
    method: str
    path: re.Pattern[str]
    fields: Mapping[Any, str]

    def event(self, method: str, path: str, query: str, fresh: str, now: int) -> Event | None:
        """The event that a request is, if it is one."""
        found = self.path.fullmatch(path) if method == self.method else None
        if found is None:
            return None
        said: dict[str, Any] = {"name": self.name}
        given = parse_qs(query)
        for field, source in self.fields.items():
            value = _value(source, found, given)
            if value:
                said[field] = value
        try:
            return _Said.model_validate(said).event(fresh, now)
        except ValidationError:  # a visitor's query holds what it likes
            return _Said(name=self.name).event(fresh, now)


def _value(source: str, found: re.Match[str], given: Mapping[str, Sequence[str]]) -> str | None:
    kind, _, what = source.partition(":")
    match kind:
        case "query":
            return given.get(what, [""])[0]
        case "path":
            return unquote(found[int(what)])
    return what


def rules(settings: Sequence[EventSettings]) -> tuple[Rule, ...]:
    """The rules of a shop, in their order."""
    return tuple(Rule(one.name, one.method, re.compile(_pattern(one.path)), one.fields) for one in settings)


def _pattern(path: str) -> str:
    return "([^/]*)".join(map(re.escape, path.split("*")))
