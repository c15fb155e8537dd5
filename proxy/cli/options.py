"""The options that several commands share, and what they name, loaded: settings, catalogue, vendors in use.

Everything wrong in all of them is told at once.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import typer

from proxy.catalogue.load import Catalogue, load
from proxy.catalogue.use import InUse, in_use
from proxy.consent.pages import look_of
from proxy.consent.regime import regimes_of
from proxy.errors import Problem, Refused
from proxy.events.wiring import routes, secret_variables
from proxy.http.region import Regions
from proxy.listen import ListenAddress, read_address
from proxy.settings import Settings, read_settings
from proxy.settings.sites import SitePlaces
from proxy.toml_file import Places, read_toml

ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Settings file (TOML). CONSENTRY_* variables go over it."),
]
VendorDirs = Annotated[
    list[Path] | None,
    typer.Option(
        "--vendors", metavar="DIR", help="Folder of vendor files of your own, over the bundled ones. May be repeated."
    ),
]


StateFolder = Annotated[Path, typer.Option("--state", metavar="DIR", help="What the processes share and keep.")]


def _address(text: str) -> ListenAddress:
    try:
        return read_address(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


ListenOption = Annotated[
    ListenAddress,
    typer.Option("--listen", parser=_address, metavar="HOST:PORT", help="Where visitors come in. Port 0: any."),
]
AdminOption = Annotated[
    ListenAddress,
    typer.Option("--admin", parser=_address, metavar="HOST:PORT", help="Probes and metrics. Never make it public."),
]


class Unknown(StrEnum):
    """What becomes of third parties that no file describes."""

    ALLOW = "allow"
    BLOCK = "block"


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]


@dataclass(frozen=True, slots=True)
class Loaded:
    """`file` and `places` say where the settings stand; nothing stands anywhere where there is no file. `uses` are the
    vendors in use of each of `settings.sites`, `use` those of the first."""

    settings: Settings
    catalogue: Catalogue
    use: InUse
    file: str = "consentry.toml"
    places: Places = field(default_factory=Places)
    uses: tuple[InUse, ...] = ()

    @property
    def sites(self) -> Sequence[tuple[Settings, InUse]]:
        """Each shop's settings, and what it has in use."""
        return list(zip(self.settings.sites, self.uses, strict=True))

    def of(self, page: str | None) -> Loaded:
        """What holds for a page's address, where there are several shops: the first one's, unless it is another's."""
        asked = urlsplit(page or "").netloc
        for settings, use in zip(self.settings.sites, self.uses, strict=False):
            if asked in settings.netlocs:
                return replace(self, settings=settings, use=use)
        return self


def load_all(
    config: Path | None,
    vendors: Sequence[Path] | None,
    *,
    dev: bool,
    storefront: str | None = None,
    needs_storefront: bool = False,
    needs_events: bool = False,
    unknown: Literal["allow", "block"] | None = None,
) -> Loaded:
    """Read settings and vendor files and put them together; `unknown` outweighs the settings' own. `needs_events`: what
    vendors' events need must be there.

    Raises `Refused` with what is wrong in any of them.
    """
    problems: list[Problem] = []
    wrong_files: Sequence[Problem] = ()
    settings = catalogue = None
    try:
        catalogue = load(vendors or ())
    except Refused as refused:
        wrong_files = refused.problems
    try:
        settings, problems = read_settings(
            config,
            dev=dev,
            environ=os.environ,
            storefront=storefront,
            needs_storefront=needs_storefront,
            vendor_secrets=None if catalogue is None else secret_variables(catalogue),
        )
    except Refused as refused:
        problems.extend(refused.problems)
    problems.extend(wrong_files)
    if problems and config is None and Path("consentry.toml").is_file():
        mend = "Pass --config consentry.toml."
        problems.insert(0, Problem("consentry.toml", None, "", "is here, but was not asked for and not read.", mend))
    if settings is None or catalogue is None:
        raise Refused(problems)
    if unknown is not None:
        settings = settings.each(partial(_with_unknown, unknown=unknown))
    places = read_toml(config)[1] if config else Places()
    file, told, uses = str(config or "consentry.toml"), {_table(problem) for problem in problems}, []
    for table, driver in (("store", "asyncpg"), ("outbox", "nats")):
        if getattr(settings, table).url is not None and find_spec(driver) is None:
            mend = "Install it with Consentry: pip install 'consentry[fleet]'"
            line = places.line((table, "url"))
            problems.append(Problem(file, line, f"{table}.url", f"needs the driver {driver}.", mend))
    if settings.outbox.url is not None and not settings.visitor_key and not dev:
        mend = "Set CONSENTRY_VISITOR_KEY, the same for all of them; `consentry keys new` makes one."
        message = "is for a fleet, whose proxies must know visitors by the same ids."
        problems.append(Problem(file, places.line(("outbox", "url")), "outbox.url", message, mend))
    for index, site in enumerate(settings.sites):
        at = SitePlaces(around=places, index=index) if settings.site else places
        try:
            uses.append(in_use(catalogue, site, file=file, places=at))
            if needs_events:
                routes(site, uses[-1], file=file, places=at)
        except Refused as refused:
            problems.extend(problem for problem in refused.problems if _table(problem) not in told)
        try:
            look_of(site.consent.looks)
        except Refused as refused:
            problems.extend(refused.problems)
        try:
            Regions(site.region, regimes_of(site, file=file, places=at), file=file, places=at)
        except Refused as refused:
            problems.extend(refused.problems)
    if problems:
        raise Refused(_in_order(list(dict.fromkeys(problems))))
    return Loaded(settings, catalogue, uses[0], file, places, tuple(uses))


def _with_unknown(settings: Settings, unknown: Literal["allow", "block"]) -> Settings:
    return settings.model_copy(update={"vendors": settings.vendors.model_copy(update={"unknown": unknown})})


def _in_order(problems: Sequence[Problem]) -> list[Problem]:
    """Line by line in each file, the files as they come."""
    files = list(dict.fromkeys(problem.file for problem in problems))
    return sorted(problems, key=lambda problem: (files.index(problem.file), problem.line or 0))


def _table(problem: Problem) -> object:
    """The [vendor.KEY] that it is in, where one fault brings others with it; else the problem itself."""
    top, _, below = problem.key.partition(".")
    return (problem.file, below.partition(".")[0]) if top == "vendor" else problem
