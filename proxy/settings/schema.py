"""What an operator decides, table by table. A field not named here is an error; every field has its shape and unit.

Defaults are the careful choice. `load.py` fills these in and reports what is wrong; secrets are never in them but for
`secret_keys`, which neither prints nor dumps.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Callable, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from proxy.catalogue.schema import Country, Pattern, Transfer
from proxy.model import DENIED_BY_SIGNAL, Category, Reach, Regime

_HOST = r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"


def _shaped(shape: str, otherwise: str) -> AfterValidator:
    """Text that fits the regular expression; `otherwise` says what other text is not, then what would be right."""

    def check(value: str) -> str:
        if not re.fullmatch(shape, value):
            raise ValueError(f"{value!r} is {otherwise}")
        return value

    return AfterValidator(check)


def _network(value: object) -> IPv4Network | IPv6Network:
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    right = "10.0.0.0/8, fd00::/8 or, for one address, 127.0.0.1/32"
    if isinstance(value, str):
        try:
            return ip_network(value)
        except ValueError:
            with contextlib.suppress(ValueError):
                right = str(ip_network(value, strict=False))
    raise ValueError(f"{value!r} is no network; write it like {right}")


def _listed(value: object) -> object:
    """One where several may stand."""
    return (value,) if isinstance(value, str) else value


def _http_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError(f"{value!r} is not an http:// or https:// address of a server")
    try:
        parts.port  # noqa: B018  (reading it is the check)
    except ValueError:
        raise ValueError(f"{value!r} has a port that is no number from 1 to 65535") from None
    return value.rstrip("/")


def _database(value: str) -> str:
    parts = urlsplit(value)
    right = "postgresql://consentry@127.0.0.1:5432/consentry"
    if parts.scheme not in ("postgresql", "postgres") or not parts.path.strip("/"):
        raise ValueError(f"is no address of a PostgreSQL database; write it like {right}")
    return value


def _origin(value: str) -> str:
    value = _http_url(value)
    if urlsplit(value).path:
        raise ValueError(f"{value!r} has a path; write scheme, host and port alone, like https://shop.example")
    return value.lower()


Url = Annotated[str, AfterValidator(_http_url)]
Origin = Annotated[str, AfterValidator(_origin)]
Database = Annotated[str, AfterValidator(_database)]
Host = Annotated[
    str, _shaped(_HOST, "no host name; write it in lower case, without scheme, port and path, like www.shop.example")
]
Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(_network)]
Seconds = Annotated[float, Field(gt=0, le=3600)]
Nats = Annotated[
    str,
    _shaped(
        r"(nats|tls)://[^\s/]+(/[A-Za-z0-9_-]+)?", "no address of a NATS server; write it like nats://127.0.0.1:4222"
    ),
]
QueryField = Annotated[str, _shaped(r"[^\s&=#]+", "no name of a query field; write it like page")]
EventField = Annotated[
    str, _shaped(r"query:[^\s&=#]+|path:[1-9]|text:.+", "no source; write query:NAME, path:1 or text:WORDS")
]
PathPrefix = Annotated[str, _shaped(r"/[^\s?#]*", "no path; write how the path begins, like /checkout")]
OwnPrefix = Annotated[
    str,
    _shaped(
        r"/[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*",
        "no path prefix; write letters, digits, _ . and - after a slash, and none at its end, like /_consent",
    ),
]
Email = Annotated[str, _shaped(r"[^@\s]+@[^@\s]+", "no e-mail address; write it like privacy@shop.example")]
HeaderName = Annotated[str, _shaped(r"[A-Za-z0-9-]+", "no name of a header; write it like CF-IPCountry")]
Region = Annotated[
    str,
    _shaped(
        r"(?!UK\b)[A-Z]{2}(-[A-Z0-9]{1,3})?",
        "no region; write ISO 3166 codes: a country (GB, not UK) or a part of one (US-CA)",
    ),
]
Right = Literal[
    "access",
    "correct",
    "erase",
    "restrict",
    "object",
    "portability",
    "withdraw",
    "automated",
    "sharing",
    "opt-out",
    "agent",
    "equal",
    "complaint",
]
Period = Annotated[str, _shaped(r"[1-9]\d{0,3} (day|month|year)s?", 'no length of time; write it like "3 years"')]
Page = Annotated[str, _shaped(r"https?://\S+|/\S*", "no address of a page; write a path or a URL, like /privacy")]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Controller(_Table):
    """Who answers for the shop's data (GDPR 13(1)(a)); named on the banner and the preferences page."""

    name: str = Field(min_length=2, examples=["Shop Ltd"])
    address: str | None = None
    email: Email | None = None
    privacy_policy: Page | None = None


class Storefront(_Table):
    """The web server behind the proxy, at one address or several, and how long it may take (seconds). `total`: for a
    request and its whole answer, however busy; None: no such limit (downloads and event streams take their time)."""

    url: Annotated[tuple[Origin, ...], BeforeValidator(_listed)] = ()
    host: Host = "keep"
    tls_name: Host | None = None
    connect: Seconds = 5.0
    first_byte: Seconds = 60.0
    idle: Seconds = 60.0
    total: Seconds | None = None


class Listen(_Table):
    """Networks whose X-Forwarded-* headers and PROXY protocol are believed. Empty: nobody's."""

    trusted: tuple[Network, ...] = ()


class Log(_Table):
    """What is written to standard error, and how: lines for people, or JSON. `access`: a line a request, too."""

    access: bool = False
    format: Literal["text", "json"] = "text"


class Limits(_Table):
    """What one client may take (bytes, lines, seconds), what all of them may take of each process, and how it ends.

    `still_seconds`: in which something more of a body must come, or of an answer be read. `in_flight`: requests at the
    storefront at once; `queue`: requests that wait for their turn, `queue_seconds` long at most, before 503.
    `websockets`: open at once. `leave_seconds`: between the moment when /readyz says no and that when no connection is
    taken any more; `grace_seconds`: for the answers then under way.
    """

    head_bytes: int = Field(default=64 * 1024, ge=4096, le=1 << 20)
    head_lines: int = Field(default=128, ge=16, le=1000)
    head_seconds: Seconds = 20.0
    body_bytes: int = Field(default=2 << 30, ge=0)
    still_seconds: Seconds = 60.0
    in_flight: int = Field(default=1000, ge=1, le=100_000)
    queue: int = Field(default=1000, ge=0, le=100_000)
    queue_seconds: Seconds = 5.0
    websockets: int = Field(default=10_000, ge=0, le=1_000_000)
    leave_seconds: float = Field(default=3.0, ge=0, le=3600)
    grace_seconds: float = Field(default=5.0, ge=0, le=3600)


class Privacy(_Table):
    """What vendors get of a visitor. `ip`: /24 and /48 of the address, or nothing of it. `profile`: how events are
    minimised; `cnil-2022-proxy` is what CNIL asked of a proxy in 2022, and leaves no address either. `query`: fields
    of pages' addresses that vendors may see besides those of campaigns. `processed_in`: the country where addresses
    are shortened, which the preferences page then says."""

    ip: Literal["truncate", "omit"] = "truncate"
    profile: Literal["truncate", "cnil-2022-proxy"] = "truncate"
    query: tuple[QueryField, ...] = ()
    processed_in: Country | None = None

    @property
    def shortens(self) -> bool:
        """Whether a shortened address may leave."""
        return self.ip == "truncate" and self.profile == "truncate"


class ConsentSettings(_Table):
    """The banner, the cookie and the pages of ours. `age`: the youngest that the shop is for, said on the banner.
    `looks`: a folder with a style sheet, templates and texts of the shop's own. `prevails`: the language whose text
    holds where translations differ."""

    prefix: OwnPrefix = "/_consent"
    policy: int = Field(default=1, ge=1)
    remember_days: int = Field(default=182, ge=1, le=395)
    link: Literal["auto", "off"] = "auto"
    domain: Host | None = None
    quiet: tuple[PathPrefix, ...] = ()
    age: int | None = Field(default=None, ge=1, le=99)
    looks: Path | None = None
    prevails: Literal["en", "de", "es", "fr", "it", "nl", "pl", "pt-BR", "ru", "zh", "ar"] | None = None


class RegionSettings(_Table):
    """How a visitor's region is found. `headers`: of the front servers in `listen.trusted`, the one with the country
    (or country and part of it, "US-CA"), and after it, if there is one, the one with the part. `database`: a file in
    MaxMind's format, by the visitor's address, for whom no header tells of."""

    headers: Annotated[tuple[HeaderName, ...], BeforeValidator(_listed), Field(max_length=2)] = ()
    database: Path | None = None


class RegimeSettings(_Table):
    """A law and where it holds, as `consent/regimes.toml` has it; None: as in the shipped table of the same name, or
    as its regime is everywhere."""

    name: str = ""
    source: str = ""
    regions: tuple[Region, ...] | None = None
    regime: Regime | None = None
    allowed: tuple[Category, ...] | None = None
    statistics: bool = False
    gpc: tuple[Category, ...] = tuple(sorted(DENIED_BY_SIGNAL))
    asks: Literal["banner", "link"] | None = None
    lapses: bool = True
    steps: Literal[1, 2] = 1
    sale: bool = False
    remember_days: int | None = Field(default=None, ge=1, le=395)
    privacy_policy: Page | None = None
    rights: tuple[Right, ...] | None = None

    @field_validator("gpc")
    @classmethod
    def _honours(cls, value: tuple[Category, ...]) -> tuple[Category, ...]:
        if not DENIED_BY_SIGNAL.issubset(value):
            raise ValueError(
                "the signal denies advertising, marketing and social everywhere; name these three at least"
            )
        return value


class StoreSettings(_Table):
    """Where records are kept: a PostgreSQL database (`postgresql://user@host:port/name`); None: a SQLite file in the
    state folder. A password belongs in the environment (CONSENTRY_STORE_URL, PGPASSWORD or PGPASSFILE)."""

    url: Database | None = Field(default=None, repr=False)


class RecordsSettings(_Table):
    """How long the proof of a choice is kept; then it is purged."""

    keep: Period = "3 years"

    @property
    def keep_days(self) -> int:
        count, unit = self.keep.split()
        return int(count) * {"day": 1, "month": 31, "year": 366}[unit.rstrip("s")]


class OutboxSettings(_Table):
    """Where events wait until vendors have taken them: a NATS server with JetStream (`nats://host:port`, and
    as its path, the name of this outbox where the server has several); None: a
    SQLite file in the state folder. `megabytes`: how much may wait. `answer_seconds`: how long a vendor may take to
    answer; three times that after a process has died, another one takes up what it was about to send."""

    url: Nats | None = Field(default=None, repr=False)
    megabytes: int = Field(default=1024, ge=1, le=1 << 20)
    answer_seconds: float = Field(default=10, ge=0.5, le=60)

    @property
    def lease_seconds(self) -> float:
        return 3 * self.answer_seconds


class EventSettings(_Table):
    """A rule by which a request of a visitor is an event. `path`: `*` stands for anything but a slash. `fields`:
    `query:NAME`, `path:N` (what the Nth `*` stands for) or `text:WORDS`, by the event's field."""

    name: Annotated[str, _shaped(r"[a-z][a-z0-9_]{0,39}", "no name of an event; write it like add_to_cart")]
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    path: PathPrefix
    fields: dict[Literal["id", "value", "currency", "order", "search"], EventField] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        stars = self.path.count("*")
        for source in self.fields.values():
            kind, _, number = source.partition(":")
            if kind == "path" and int(number) > stars:
                raise ValueError(f"{source!r}, but its path has {stars} stars")
        return self


class CacheSettings(_Table):
    """Whether a cache in front may keep pages for those who have not chosen, or refused everything; and how long
    (seconds) at most, however long the storefront says: a change of settings reaches what is kept only then."""

    shared: bool = False
    seconds: int = Field(default=600, ge=1, le=86400)


class Csp(_Table):
    """The policy by which browsers hold back what scripts start at run time: whether it is sent, only to be told of
    what it would stop or to stop it; and how many page views a second, in each process, have their browsers report."""

    mode: Literal["off", "report", "enforce"] = "report"
    sample: float = Field(default=5, ge=0, le=1000)


class VendorsSettings(_Table):
    """Which vendors the shop works with, and what becomes of third parties that no file describes."""

    use: tuple[str, ...] | None = None
    unknown: Literal["allow", "block"] | None = None
    allow: tuple[Host, ...] = ()
    proxy: Url | None = None
    gateway: Url | None = None


class VendorSettings(_Table):
    """`[vendor.KEY]`: what this shop settles otherwise than the vendor's file, and its account ids.

    Any further field is an account id; `use.in_use` refuses one that the vendor's file does not declare.
    """

    model_config = ConfigDict(frozen=True, extra="allow", str_strip_whitespace=True)
    __pydantic_extra__: dict[str, str]

    categories: tuple[Category, ...] | None = None
    reach: Reach | None = None
    role: Literal["processor", "joint", "independent"] | None = None
    transfer: Transfer | None = None
    retention: str | None = None
    since: int | None = Field(default=None, ge=1)
    direct: bool = False
    private: bool = False
    hosts: tuple[Pattern, ...] = ()
    loads: tuple[str, ...] | None = None

    @property
    def accounts(self) -> Mapping[str, str]:
        return self.__pydantic_extra__ or {}


class Settings(_Table):
    """Everything an operator decides. `dev` comes from the command line; from the environment come `secret_keys`,
    `visitor_key` (of vendors' visitor ids), `admin_token` (for POST /events) and `secrets` (vendors', by variable).

    `hosts`: names of the shop besides the origin's. `site`: the whole settings of each shop where there are several
    (`[[site]]`); what holds for the process is the same in all of them.
    `mode`: pages are rewritten, only looked at, or neither. `rollout`: for how many per cent of the visitors they are
    rewritten; the others' are passed on.
    """

    origin: Origin | None = None
    hosts: tuple[Host, ...] = ()
    mode: Literal["enforce", "observe", "pass"] = "enforce"
    rollout: float = Field(default=100, ge=0, le=100)
    controller: Controller | None = None
    storefront: Storefront = Storefront()
    listen: Listen = Listen()
    limits: Limits = Limits()
    log: Log = Log()
    privacy: Privacy = Privacy()
    consent: ConsentSettings = ConsentSettings()
    csp: Csp = Csp()
    cache: CacheSettings = CacheSettings()
    store: StoreSettings = StoreSettings()
    records: RecordsSettings = RecordsSettings()
    outbox: OutboxSettings = OutboxSettings()
    event: tuple[EventSettings, ...] = ()
    vendors: VendorsSettings = VendorsSettings()
    vendor: dict[str, VendorSettings] = Field(default_factory=dict)
    region: RegionSettings = RegionSettings()
    regimes: dict[str, RegimeSettings] = Field(default_factory=dict)
    dev: bool = Field(default=False, exclude=True)
    secret_keys: tuple[bytes, ...] = Field(default=(), repr=False, exclude=True)
    visitor_key: bytes = Field(default=b"", repr=False, exclude=True)
    admin_token: str = Field(default="", repr=False, exclude=True)
    secrets: dict[str, str] = Field(default_factory=dict, repr=False, exclude=True)
    site: tuple[Settings, ...] = Field(default=(), repr=False, exclude=True)

    @property
    def sites(self) -> tuple[Settings, ...]:
        """The shops, one or several."""
        return self.site or (self,)

    def each(self, change: Callable[[Settings], Settings]) -> Settings:
        """These settings changed, and those of each of the sites."""
        return change(self).model_copy(update={"site": tuple(change(site) for site in self.site)})

    @property
    def netlocs(self) -> frozenset[str]:
        """The values of Host that are this shop: its names, with and without the port that its scheme has anyway.
        Empty where it has no origin: then any is."""
        if self.origin is None:
            return frozenset()
        parts = urlsplit(self.origin)
        standing = {"https": 443, "http": 80}[parts.scheme]
        port = parts.port or standing
        names = (f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or "", *self.hosts)
        bare = names if port == standing else ()
        return frozenset({*bare, *(f"{name}:{port}" for name in names)})

    @property
    def unknown(self) -> Literal["allow", "block"]:
        return self.vendors.unknown or "allow"

    @property
    def host(self) -> str | None:
        """The site's own host, without a port; None where development takes it from each request."""
        return urlsplit(self.origin).hostname if self.origin else None

    @property
    def identity(self) -> str:
        """What the shop's signatures are made for and its records kept under: the same, whichever of its hosts is
        asked. Empty where development takes the origin from each request."""
        return self.consent.domain or self.origin or ""

    def is_private(self, key: str) -> bool:
        """Whether a vendor's servers may have private addresses."""
        own = self.vendor.get(key)
        return own is not None and own.private

    @property
    def digest(self) -> str:
        """Changes whenever a setting that could change a page does. 16 hex digits, no secret in it."""
        pages = self.model_dump_json(exclude={"limits", "listen", "log", "region", "store", "outbox", "event"})
        return hashlib.sha256(pages.encode()).hexdigest()[:16]

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.consent.domain and self.host and not f".{self.host}".endswith(f".{self.consent.domain}"):
            raise ValueError(f"consent.domain {self.consent.domain!r} is not the origin's host or a parent of it")
        return self
