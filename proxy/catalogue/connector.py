"""The part of a vendor file that says how to tell the vendor of events, server to server: `[technical.connector]`.

A request is built from templates (`template.py`) and nothing else: what no template names never leaves. Where a vendor
drops doubles, an event whose fate is not known is sent again; where it does not, it is put aside for a person.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from proxy.catalogue.template import FACTS, ITEM_FACTS, Look, fill, names
from proxy.catalogue.words import Datum

_ADDRESS = re.compile(r"https://(?:[a-z0-9.-]+|\{account\.[a-z_]+(?:![a-z0-9.-]+)?\})+/\S*\Z")
_SECRET = re.compile(r"[a-z][a-z0-9_]*\Z")
_EVENTS = "{events}"

#: What a visitor is told that a vendor receives, by the fact that it receives.
_DATA: Mapping[str, Datum] = {
    "event.name": Datum.CLICKS,
    "event.value": Datum.PURCHASE,
    "event.order": Datum.PURCHASE,
    "event.items": Datum.PURCHASE,
    "event.search": Datum.SEARCHES,
    "page.url": Datum.PAGE,
    "page.path": Datum.PAGE,
    "page.referrer": Datum.REFERRER,
    "client.user_agent": Datum.DEVICE_CLASS,
    "client.language": Datum.LANGUAGE,
    "client.address": Datum.SHORT_IP,
    "visitor": Datum.VISITOR_ID,
    "session": Datum.VISITOR_ID,
    "user.email": Datum.EMAIL,
    **{fact: Datum.AD_CLICK_ID for fact in FACTS if fact.startswith("click.")},
}


def _where(value: str) -> str:
    if not _ADDRESS.match(value):
        raise ValueError(
            f"{value!r} is no https:// address; in its host only {{account.…}} can stand, like https://{{account.host}}/"
        )
    return value


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Auth(_Table):
    """How the shop proves who it is: a secret as bearer token or in a header of the vendor's own; OAuth 1.0a (RFC 5849,
    HMAC-SHA1) with the secrets consumer_key, consumer_secret, token, token_secret; or OAuth 2 (RFC 6749, section 6)
    with client_id, client_secret, refresh_token."""

    kind: Literal["bearer", "header", "oauth1", "oauth2"] = Field(description="In which way the shop proves it.")
    secret: str = Field(default="access_token", description="The name of the secret that bearer and header send.")
    header: str = Field(default="Authorization", description="The header that it stands in.")
    token_url: Annotated[str, AfterValidator(_where)] | None = Field(
        default=None, description="Where OAuth 2 gives an access token for the refresh token."
    )

    @property
    def secrets(self) -> tuple[str, ...]:
        match self.kind:
            case "oauth1":
                return ("consumer_key", "consumer_secret", "token", "token_secret")
            case "oauth2":
                return ("client_id", "client_secret", "refresh_token")
        return (self.secret,)


class Trial(_Table):
    """How `vendors test` asks the vendor about one event without counting it: another address, further fields beside
    the body's own or in the address, or both. `tells` says what to look at."""

    url: Annotated[str, AfterValidator(_where)] | None = Field(default=None, description="The address for tests.")
    body: dict[str, Any] = Field(default_factory=dict, description="Fields that make it a test, beside the body's.")
    query: dict[str, str] = Field(default_factory=dict, description="Fields that make it a test, in the address.")
    tells: str = Field(default="", description="What to look for in the answer, for the person who tests.")


class Connector(_Table):
    """How a vendor is told of events."""

    url: Annotated[str, AfterValidator(_where)] = Field(
        examples=["https://vendor.example/events"],
        description="Where the vendor takes events; {account.…} and {secret.…} of the shop may stand in it.",
    )
    method: Literal["GET", "POST"] = Field(default="POST", description="The method of its requests.")
    form: Literal["json", "form", "query"] = Field(
        default="json", description="How the body is written; query: there is none, and the fields go in the address."
    )
    headers: dict[str, str] = Field(default_factory=dict, description="Further headers: templates.")
    auth: Auth | None = Field(default=None, description="How the shop proves who it is.")
    secrets: tuple[str, ...] = Field(
        default=(), description="Secrets of the shop that templates name; from CONSENTRY_<KEY>_<SECRET>."
    )
    names: dict[str, str] = Field(
        min_length=1, description="The vendor's word for each event that it is told of; `*` stands for all others."
    )
    needs: tuple[str, ...] = Field(
        default=(), description="Facts of which one must be there: without any, the vendor would refuse the event."
    )
    batch: int = Field(default=1, ge=1, le=5000, description="Events in one request, at most.")
    together: tuple[str, ...] = Field(
        default=(), description="Facts that all events of one request must have in common."
    )
    oldest: float = Field(default=72, gt=0, description="Hours after which the vendor takes an event no more.")
    dedup: bool = Field(default=False, description="Whether the vendor drops a second event with the same id.")
    event: dict[str, Any] = Field(description="The template of one event.")
    also: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="What more belongs to an event, by its name in the shop's words; `*` stands for all others.",
    )
    listed: Literal["tables", "queries"] = Field(
        default="tables", description='What the list of "{events}" is of: tables, or texts like "?id=1&url=…".'
    )
    body: dict[str, Any] = Field(
        default_factory=dict, description='What is around them; the text "{events}" stands for their list.'
    )
    answer: dict[str, Any] = Field(
        default_factory=dict, description="What a good answer's JSON says, besides a status of 2xx."
    )
    test: Trial | None = Field(default=None, description="How to ask the vendor without counting anything.")

    @cached_property
    def facts(self) -> frozenset[str]:
        """Every fact of an event that may leave. Nothing else is even kept."""
        told = (self.event, self.also, self.body, self.headers, self.url)
        named = {*names(told), *self.needs, *self.together, *(["event.kind"] if self.also else [])}
        return frozenset(name for name in named if name in FACTS or name in ITEM_FACTS)

    @property
    def tells(self) -> frozenset[Datum]:
        """What the vendor receives by these, in the words that visitors read (`words.Datum`)."""
        return frozenset(_DATA[fact] for fact in self.facts if fact in _DATA)

    @property
    def all_secrets(self) -> tuple[str, ...]:
        return (*self.secrets, *(self.auth.secrets if self.auth else ()))

    @property
    def wants_token(self) -> bool:
        """Whether an access token must be fetched first."""
        return self.auth is not None and self.auth.kind == "oauth2"

    def name_of(self, event: str, look: Look) -> str | None:
        """The vendor's word for an event; None where it is not told of such, or the shop has no account for it. The
        word `*` is the event's own name."""
        named = self.names.get(event, self.names.get("*"))
        return event if named == "*" else None if named is None else fill(named, look)

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        trial = (self.test.body, self.test.query) if self.test else ()
        for where in (self.event, self.also, self.body, self.headers, self.url, self.names, *trial):
            _check_names(where, self.all_secrets)
        for name in (*self.needs, *self.together):
            if name not in FACTS:
                raise ValueError(f"{name!r} is no fact; there are {', '.join(FACTS)}")
        if self.batch > 1 and _EVENTS not in repr(self.body):
            raise ValueError('several events in one request need a body with "{events}" in it')
        if self.form == "query" and self.method == "POST" and self.body:
            raise ValueError('form = "query" has no body')
        for secret in self.secrets:
            if not _SECRET.match(secret):
                raise ValueError(f"{secret!r} cannot be a secret's name; write it like api_secret")
        return self


def _check_names(template: Any, secrets: tuple[str, ...]) -> None:
    for name in names(template):
        kind, _, rest = name.partition(".")
        if name == "events" or name in FACTS or name in ITEM_FACTS or kind == "account":
            continue
        if kind == "secret" and rest in secrets:
            continue
        if kind == "secret":
            raise ValueError(f"{{{name}}}: no such secret is declared; add it to `secrets`")
        raise ValueError(f"{{{name}}} is no fact; there are {', '.join((*FACTS, *ITEM_FACTS))}")
