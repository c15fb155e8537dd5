"""What a vendor file may say: a closed field set, checked, and written out as JSON Schema for editors.

The upper part is marketing's and is shown to visitors; `[technical]` is the engineers'. A field not named here is an
error. Rules that need more than one vendor (two vendors claiming one pattern) are in `load.py`.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from proxy.catalogue.connector import Connector
from proxy.catalogue.template import names
from proxy.catalogue.widget import read_widget
from proxy.catalogue.words import COMMON_COOKIE_NAMES, Datum, EssentialBecause, Purpose
from proxy.model import Category, Reach

_KEY = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*\Z")
_HOST = r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]"
_PATTERN = re.compile(rf"{_HOST}(?:/[^\s?#]*)?(?:\?[^\s#]*)?\Z")
_GLOBAL = re.compile(r"[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)*\Z")


def is_key(text: str) -> bool:
    """Whether this can be a vendor's key: lower-case letters, digits and single hyphens."""
    return _KEY.match(text) is not None


def is_pattern(text: str) -> bool:
    """Whether this can be a URL pattern."""
    return _PATTERN.match(text) is not None


def _pattern(value: str) -> str:
    if not is_pattern(value):
        raise ValueError(
            f"{value!r} is not a URL pattern; write host, then path, then query test, without a scheme, in lower case: "
            '"example.com", "example.com/tag/*.js", "example.com/tag?id=G-*"'
        )
    return value


def _cookie_name(value: str) -> str:
    bare = value.rstrip("*").lower()
    if bare in COMMON_COOKIE_NAMES or len(bare.strip("_-.")) < 2:
        raise ValueError(f"{value!r} is a name that shops use too; only distinctive cookie names may be listed")
    if not re.fullmatch(r"[!#$%&'+\-.^_`|~0-9A-Za-z]+\*?", value):
        raise ValueError(f"{value!r} is not a cookie name (one `*` may stand at its end)")
    return value


def _https(value: str) -> str:
    if not re.match(r"https://[^\s/]+\.[^\s/]+(/\S*)?\Z", value):
        raise ValueError(f"{value!r} is not an https:// address")
    return value


def _selector(value: str) -> str:
    return read_widget(value).selector


def _global(value: str) -> str:
    if not _GLOBAL.match(value):
        raise ValueError(f"{value!r} is not the name of a JavaScript global (like gtag or Ya.Metrika)")
    return value


#: "host/path?query": host on label boundaries (the host and all below it), then path prefix (`*` stands for any run of
#: characters, a final `$` ends the path), then a test on the query (`id=G-*`).
Pattern = Annotated[str, AfterValidator(_pattern)]
CookieName = Annotated[str, AfterValidator(_cookie_name)]
Address = Annotated[str, AfterValidator(_https), Field(json_schema_extra={"pattern": "^https://"})]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
Global = Annotated[str, AfterValidator(_global)]
Selector = Annotated[str, AfterValidator(_selector)]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Cookie(_Table):
    """A cookie that the vendor sets or reads."""

    name: CookieName = Field(
        examples=["_ga"], description="The cookie's name; `*` at its end stands for any ending (`_ga_*`)."
    )
    keeps: str = Field(min_length=1, examples=["2 years"], description='How long it stays: "session", "2 years".')
    party: Literal["first", "third"] = Field(
        examples=["first"], description="On the shop's own domain, or on the vendor's."
    )
    use: str = Field(
        min_length=3, examples=["tells visitors apart"], description="What it does, in a few plain English words."
    )


class Transfer(_Table):
    """Where data goes outside the visitor's own country, and on what legal footing."""

    to: tuple[Country, ...] = Field(
        min_length=1, examples=[["US"]], description="Two-letter country codes in capitals (ISO 3166-1): US, DE, GB."
    )
    basis: Literal["adequacy", "scc", "none"] = Field(
        examples=["adequacy"],
        description="adequacy decision (staying in the EU/EEA counts as adequacy), standard contractual clauses, none.",
    )


class Relay(_Table):
    """Which requests of a granted vendor may pass through us, by what the browser wants to do with the answer."""

    script: tuple[Pattern, ...] = Field(
        default=(), description="GET, run as a script; fetched without any visitor field."
    )
    style: tuple[Pattern, ...] = Field(default=(), description="GET, style sheets; fetched without any visitor field.")
    font: tuple[Pattern, ...] = Field(default=(), description="GET, fonts; fetched without any visitor field.")
    image: tuple[Pattern, ...] = Field(default=(), description="GET, pixels and pictures.")
    beacon: tuple[Pattern, ...] = Field(default=(), description="GET or POST by fetch, XMLHttpRequest or sendBeacon.")
    signals: Literal["google", "meta", "pinterest"] | None = Field(
        default=None,
        description="In whose terms the vendor is told of the visitor's choice: consent mode, Limited Data Use, …",
    )
    fields: tuple[str, ...] = Field(
        default=("*",),
        description="Names of the query and form fields that may pass on image and beacon requests; `*` at an end is a "
        'wildcard, ["*"] passes all. IP addresses are truncated in every one of them.',
    )


class Technical(_Table):
    """The engineers' part: how to know the vendor in a page, what stands in for it, what may be relayed."""

    match: tuple[Pattern, ...] = Field(
        min_length=1, examples=[["vendor.example"]], description="URL patterns of everything that contacts the vendor."
    )
    links: tuple[Pattern, ...] = Field(
        default=(),
        description="URL patterns of pages that visitors open themselves (profiles, share dialogues): left alone in "
        "inline scripts unless a longer `match` pattern fits.",
    )
    embed: tuple[Pattern, ...] = Field(
        default=(),
        description="Frames that get a placeholder page when cut, and scripts that make such frames of widgets: "
        "browsers fetch them themselves once it is granted.",
    )
    widgets: tuple[Selector, ...] = Field(
        default=(),
        examples=[["blockquote.acme-post"]],
        description="Elements that its script turns into embeds; while it is cut, a placeholder page goes before each.",
    )
    container: bool = Field(
        default=False, description="It loads other vendors: needs the categories of all it may load."
    )
    stub: dict[Global, Literal["function", "array", "object", "promise", "caller"]] = Field(
        default_factory=dict,
        description="Globals, and members of them, that the shop's own code may call while the script is cut.",
    )
    snippet: tuple[str, ...] = Field(
        default=(),
        description="What gives it away in an inline script; for reports and `vendors new`, never for cutting.",
    )
    relay: Relay = Field(default=Relay(), description="Which requests may pass through the shop once it is granted.")
    accounts: tuple[str, ...] = Field(
        default=(), description="Ids that a shop sets in [vendor.KEY], like measurement_id."
    )
    connector: Connector | None = Field(
        default=None, description='How the vendor is told of events where a shop says reach = "server".'
    )

    @model_validator(mode="after")
    def _declares(self) -> Self:
        if self.connector is not None:
            told = self.connector.model_dump(
                include={"url", "headers", "names", "event", "also", "body", "test", "auth"}
            )
            for kind, _, name in (name.partition(".") for name in names(told)):
                if kind == "account" and name not in self.accounts:
                    raise ValueError(f"connector: {{account.{name}}} is not among the accounts; add it there")
        return self


class Vendor(_Table):
    """A third party with one file in vendors/. `key` is the file's name without .toml."""

    key: str = Field(exclude=True, json_schema_extra={"readOnly": True})
    name: str = Field(min_length=2, examples=["Google Analytics"], description="What visitors know it by.")
    company: str = Field(min_length=2, examples=["Google LLC"], description="Who runs it, as in its privacy policy.")
    categories: tuple[Category, ...] = Field(
        min_length=1, examples=[["analytics"]], description="What it is for. A visitor must grant all of these."
    )
    purposes: tuple[Purpose, ...] = Field(
        min_length=1, examples=[["measure-visits"]], description="What it uses the data for."
    )
    data: tuple[Datum, ...] = Field(
        min_length=1,
        examples=[["page", "visitor-id", "short-ip", "device-class"]],
        description='What it receives: "full-ip" if browsers reach it directly, else "short-ip" or no address.',
    )
    role: Literal["processor", "joint", "independent"] = Field(
        examples=["processor"],
        description="Works for the shop, decides together with it, or decides for itself (GDPR 4(7), 26, 28).",
    )
    transfer: Transfer = Field(
        examples=[{"to": ["US"], "basis": "adequacy"}],
        description="The countries that the data goes to, and on what basis.",
    )
    retention: str = Field(min_length=2, examples=["14 months"], description='How long it keeps the data: "14 months".')
    policy: Address = Field(examples=["https://vendor.example/privacy"], description="Its privacy policy.")
    opt_out: Address | None = Field(default=None, description="Its own opt-out page, if it has one.")
    reach: Reach = Field(default=Reach.RELAY, description="relay (through the shop), server (no tag at all), direct.")
    cookies: tuple[Cookie, ...] = Field(default=(), description="The cookies that it sets or reads.")
    since: int = Field(default=1, ge=1, description="The policy version that brought it.")
    checked: date = Field(
        examples=[date(2026, 11, 22)],
        description="The day on which somebody last checked this file against the vendor's documents.",
    )
    essential_because: EssentialBecause | None = Field(
        default=None, description="Required for essential vendors, shown to visitors."
    )
    sale_or_share: bool = Field(
        default=False, description="Using it is a sale or sharing under California's CCPA 1798.140."
    )
    statistics_only: bool = Field(default=False, description="Used for the shop's own statistics and nothing else.")
    technical: Technical = Field(description="The engineers' part.")
    #: Categories of what a container loads; filled in when the vendors in use are put together, never by a file.
    loads: frozenset[Category] = Field(default=frozenset(), exclude=True, json_schema_extra={"readOnly": True})

    @property
    def essential(self) -> bool:
        return self.essential_because is not None

    @property
    def needs(self) -> frozenset[Category]:
        """Every category that must be granted before anything reaches it."""
        return frozenset(self.categories) | self.loads - {Category.ESSENTIAL}

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if not is_key(self.key):
            raise ValueError(
                f"{self.key!r} is no vendor key; name the file in lower case with hyphens, like google-ads.toml"
            )
        if (Category.ESSENTIAL in self.categories) != self.essential:
            raise ValueError(
                'categories = ["essential"] and essential_because go together: say why it is essential, or take it out'
            )
        if self.essential and len(self.categories) > 1:
            raise ValueError(
                "an essential vendor has no other category; describe its other uses as a vendor of their own"
            )
        if len(set(self.categories)) < len(self.categories):
            raise ValueError("a category is listed twice")
        shown = self.technical.embed or self.technical.widgets
        if shown and self.reach is Reach.SERVER and self.technical.connector is None:
            raise ValueError('an embed is shown by the browser; reach = "server" cannot show one')
        return self
