"""Read a TOML file, lay CONSENTRY_* variables over it, then what the command line says; the later one wins.

Every problem is reported at once, with its place and its mend. Production must be told more than development: what is
missing is listed with a line to paste. Nothing here reads a clock or opens a socket.
"""

from __future__ import annotations

import copy
import re
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from proxy.errors import Problem, Refused
from proxy.settings.environment import FROM_FILES, overlay, put
from proxy.settings.schema import Settings
from proxy.settings.secret_keys import (
    KEYS_VARIABLE,
    TOKEN_VARIABLE,
    VISITOR_KEY_VARIABLE,
    read_secret,
    read_secret_keys,
    read_token,
    read_visitor_key,
)
from proxy.settings.sites import sharing, split_sites
from proxy.toml_file import Places, read_toml
from proxy.toml_problems import problems_of


def load_settings(
    file: Path | None,
    *,
    dev: bool = False,
    environ: Mapping[str, str],
    storefront: str | None = None,
    needs_storefront: bool = True,
    vendor_secrets: Collection[str] | None = (),
) -> Settings:
    """Read, overlay, check. Raises `Refused` with every problem; in production also what must be said and is not."""
    settings, problems = read_settings(
        file,
        dev=dev,
        environ=environ,
        storefront=storefront,
        needs_storefront=needs_storefront,
        vendor_secrets=vendor_secrets,
    )
    if settings is None or problems:
        raise Refused(problems)
    return settings


def read_settings(
    file: Path | None,
    *,
    dev: bool,
    environ: Mapping[str, str],
    storefront: str | None,
    needs_storefront: bool,
    vendor_secrets: Collection[str] | None = (),
) -> tuple[Settings | None, list[Problem]]:
    """The settings and every problem of theirs. `vendor_secrets`: the variables of vendors' secrets; None: nobody asks
    for them, and no variable is known to be wrong. Where there are any, the settings are what is left without the wrong
    values, to look for further problems in and for nothing else; None where nothing sensible is left.

    Raises `Refused` where the file is no TOML at all.
    """
    raw: dict[str, Any] = {}
    places = Places()
    name = str(file) if file else "consentry.toml"
    problems: list[Problem] = []
    if file is not None:
        raw, places = read_toml(file)
        problems += _passwords(raw, name, places)
    for reserved, variable in _RESERVED.items():
        if reserved in raw:
            mend = f"Secrets come from {variable} or {variable}_FILE." if variable else "Pass --dev."
            problems.append(Problem(name, places.line((reserved,)), reserved, "cannot be set in the file.", mend))
            del raw[reserved]
    origins = overlay(raw, environ, problems, vendor_secrets)
    if storefront is not None:
        put(raw, ("storefront", "url"), storefront)
        origins["storefront.url"] = "--storefront"
    secrets = {name: read_secret(environ, name, problems)[0] for name in vendor_secrets or ()}
    told: dict[str, Any] = {
        "dev": dev,
        "secret_keys": read_secret_keys(environ, dev, problems),
        "visitor_key": read_visitor_key(environ, problems),
        "admin_token": read_token(environ, problems),
        "secrets": {name: text for name, text in secrets.items() if text},
    }
    sites = split_sites(raw, name, places, problems)
    found = [(_checked({**own, **told}, name, at, origins, problems, needs_storefront), at) for own, at in sites]
    if not sites:
        settings = _checked({**raw, **told}, name, places, origins, problems, needs_storefront)
        return settings, list(dict.fromkeys(problems))
    whole = [(settings, at) for settings, at in found if settings is not None]
    problems.extend(sharing(whole, name))
    if not whole:
        return None, list(dict.fromkeys(problems))
    every = tuple(settings for settings, _ in whole)
    return every[0].model_copy(update={"site": every}), list(dict.fromkeys(problems))


#: What the file cannot say, and by which variable it is said.
_RESERVED = {
    "dev": None,
    "secret_keys": KEYS_VARIABLE,
    "visitor_key": VISITOR_KEY_VARIABLE,
    "admin_token": TOKEN_VARIABLE,
    "secrets": "CONSENTRY_<KEY>_<SECRET>",
}


def _passwords(raw: Mapping[str, Any], name: str, places: Places) -> Iterator[Problem]:
    """Passwords in the file, which is copied, shown and put under version control."""
    for table, _ in sorted(FROM_FILES):
        own = raw.get(table)
        url = own.get("url") if isinstance(own, dict) else None
        if isinstance(url, str) and "@" in url and urlsplit(url).password:
            variable = f"CONSENTRY_{table.upper()}_URL"
            mend = f"Take the password out, and pass the whole address in {variable} or {variable}_FILE."
            yield Problem(name, places.line((table, "url")), f"{table}.url", "has a password in it.", mend)


def _checked(
    given: dict[str, Any],
    name: str,
    places: Places,
    origins: Mapping[str, str],
    problems: list[Problem],
    needs_storefront: bool,
) -> Settings | None:
    """The settings of one site, or what is left of them; their problems are added."""
    settings: Settings | None
    wrong: list[Problem] = []
    try:
        settings = Settings.model_validate(given)
    except ValidationError as error:
        wrong = problems_of(error, name, places, Settings)
        settings = _what_is_left(given, error)
    problems.extend(_at_their_origin(problem, origins) for problem in wrong)
    if settings is not None:
        dev = settings.dev
        further = [*_disagreements(settings, name, places), *_unsaid(settings, name, dev, needs_storefront)]
        if not dev:
            further += _not_filled_in(settings, name, places)
        problems.extend(_at_their_origin(problem, origins) for problem in further if not _told(problem.key, wrong))
    return settings


def _what_is_left(given: Mapping[str, Any], error: ValidationError) -> Settings | None:
    """The settings without the values that are wrong; a table that is wrong without one goes as a whole."""
    left = copy.deepcopy(dict(given))
    faults: Iterable[ErrorDetails] = error.errors()
    while left:
        cut = [_cut_out(left, fault["loc"]) for fault in faults]
        if not any(cut):
            return None
        try:
            return Settings.model_validate(left)
        except ValidationError as again:
            faults = again.errors()
    return None


def _cut_out(table: dict[str, Any], loc: tuple[str | int, ...]) -> bool:
    """Take out the innermost value of a table that holds the fault. False where there is none."""
    if not loc or not isinstance(loc[0], str) or loc[0] not in table:
        return False
    inner = table[loc[0]]
    if not (isinstance(inner, dict) and _cut_out(inner, loc[1:])):
        del table[loc[0]]
    return True


def _told(key: str, wrong: Iterable[Problem]) -> bool:
    """Whether it follows from a problem that is told: one of that setting, or of something in that table."""
    return any(f"{problem.key}.".startswith(f"{key}.") or f"{key}.".startswith(f"{problem.key}.") for problem in wrong)


def _at_their_origin(problem: Problem, origins: Mapping[str, str]) -> Problem:
    where = origins.get(problem.key)
    return Problem(where, None, "", problem.message, problem.mend) if where else problem


def _disagreements(settings: Settings, name: str, places: Places) -> Iterator[Problem]:
    gateway = settings.vendors.gateway
    if gateway and not settings.dev and not _loopback(gateway):
        yield Problem(
            name,
            places.line(("vendors", "gateway")),
            "vendors.gateway",
            f"{gateway} is not on this machine: visitors' data would cross the network unencrypted.",
            "Use an address in 127.0.0.0/8 or ::1, or take the line out.",
        )
    if settings.origin and settings.origin.startswith("http:") and not settings.dev:
        yield Problem(
            name,
            places.line(("origin",)),
            "origin",
            "is plain http; the consent cookie is only safe on https.",
            "Write the address that browsers use (https://…), or pass --dev.",
        )
    if settings.csp.mode == "enforce" and (
        settings.vendors.unknown == "allow" or (settings.dev and not settings.vendors.unknown)
    ):
        yield Problem(
            name,
            places.line(("csp", "mode")),
            "csp.mode",
            'stops every third party that is not known, which vendors.unknown = "allow" lets in.',
            'Set [vendors] unknown = "block" (and list in [vendors] allow what the shop needs), or mode = "report".',
        )


def _unsaid(settings: Settings, name: str, dev: bool, needs_storefront: bool) -> Iterator[Problem]:
    """What must be told and is not: development needs a storefront, production more (each with a line to paste)."""
    if not dev:
        yield from _unsaid_in_production(settings, name)
    if needs_storefront and not settings.storefront.url:
        yield _no_storefront(name)


def _unsaid_in_production(settings: Settings, name: str) -> Iterator[Problem]:

    def unsaid(key: str, why: str, paste: str) -> Problem:
        return Problem(name, None, key, f"is not set: {why}", f"Add: {paste}")

    if settings.origin is None:
        yield unsaid("origin", "the shop's address is never guessed.", 'origin = "https://shop.example"')
    controller = settings.controller
    if controller is None or not (controller.email or controller.address) or not controller.privacy_policy:
        yield unsaid(
            "controller",
            "visitors must be told who asks them, and where to find that one.",
            '[controller] name = "Shop Ltd", email = "privacy@shop.example", privacy_policy = "/privacy"',
        )
    if settings.vendors.use is None:
        yield unsaid("vendors.use", "the vendors that the shop works with.", '[vendors] use = ["google-analytics"]')
    if settings.vendors.unknown is None:
        yield unsaid("vendors.unknown", "third parties that no file describes.", '[vendors] unknown = "block"')


#: What stands where nobody but the shop knows what should: `<its postal address>`.
_TO_FILL_IN = re.compile(r"<[^<>]+>")


def _not_filled_in(settings: Settings, name: str, places: Places) -> Iterator[Problem]:
    for path, text in _texts(settings.model_dump(mode="json")):
        found = _TO_FILL_IN.search(text)
        if found is not None:
            mend = f"Write your own in place of {found[0]}, or take the line out."
            yield Problem(name, places.line(path), ".".join(path), "is still to be filled in.", mend)


def to_fill_in(text: str) -> list[str]:
    """Which settings of a file's text are still to be filled in."""
    return [".".join(path) for path, value in _texts(tomllib.loads(text)) if _TO_FILL_IN.search(value)]


def _texts(table: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    for key, value in table.items():
        if isinstance(value, str):
            yield (key,), value
        elif isinstance(value, Mapping):
            yield from (((key, *path), text) for path, text in _texts(value))


def _no_storefront(name: str) -> Problem:
    return Problem(
        name,
        None,
        "storefront.url",
        "is not set: the web server to put the proxy in front of.",
        "Pass --storefront http://127.0.0.1:8080, or add [storefront] url.",
    )


def _loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
