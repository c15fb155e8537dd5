"""The options that several commands share, and what they name, loaded: settings, catalogue, vendors in use.

Everything wrong in all of them is told at once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import typer

from proxy.catalogue.load import Catalogue, load
from proxy.catalogue.use import InUse, in_use
from proxy.errors import Problem, Refused
from proxy.serve import ListenAddress, read_address
from proxy.settings import Settings, load_settings
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
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]

_Read = TypeVar("_Read")


@dataclass(frozen=True, slots=True)
class Loaded:
    settings: Settings
    catalogue: Catalogue
    use: InUse


def load_all(
    config: Path | None,
    vendors: Sequence[Path] | None,
    *,
    dev: bool,
    storefront: str | None = None,
    needs_storefront: bool = False,
    unknown: Literal["allow", "block"] | None = None,
) -> Loaded:
    """Read settings and vendor files and put them together; `unknown` outweighs the settings' own.

    Raises `Refused` with what is wrong in any of them.
    """
    problems: list[Problem] = []
    settings = _collect(
        lambda: load_settings(
            config, dev=dev, environ=os.environ, storefront=storefront, needs_storefront=needs_storefront
        ),
        problems,
    )
    catalogue = _collect(lambda: load(vendors or ()), problems)
    if settings is None or catalogue is None:
        raise Refused(problems)
    if unknown is not None:
        settings = settings.model_copy(update={"vendors": settings.vendors.model_copy(update={"unknown": unknown})})
    places = read_toml(config)[1] if config else Places.nowhere()
    use = in_use(catalogue, settings, file=str(config or "consentry.toml"), places=places)
    return Loaded(settings, catalogue, use)


def _collect(read: Callable[[], _Read], problems: list[Problem]) -> _Read | None:
    try:
        return read()
    except Refused as refused:
        problems.extend(refused.problems)
        return None
