"""Read a TOML file, lay CONSENTRY_* variables over it, then what the command line says; the later one wins.

Every problem is reported at once, with its place and its mend. Production must be told more than development: what is
missing is listed with a line to paste. Nothing here reads a clock or opens a socket.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from proxy.errors import Problem, Refused
from proxy.settings.environment import overlay, put
from proxy.settings.schema import Settings
from proxy.settings.secret_keys import KEYS_FILE_VARIABLE, KEYS_VARIABLE, read_secret_keys
from proxy.toml_file import Places, read_toml
from proxy.toml_problems import problems_of


def load_settings(
    file: Path | None,
    *,
    dev: bool = False,
    environ: Mapping[str, str],
    storefront: str | None = None,
    needs_storefront: bool = True,
) -> Settings:
    """Read, overlay, check. Raises `Refused` with every problem; in production also what must be said and is not."""
    raw: dict[str, Any] = {}
    places = Places()
    name = str(file) if file else "consentry.toml"
    problems: list[Problem] = []
    if file is not None:
        raw, places = read_toml(file)
    for reserved in ("dev", "secret_keys"):
        if reserved in raw:
            mend = f"Secrets come from {KEYS_VARIABLE} or {KEYS_FILE_VARIABLE}." if reserved != "dev" else "Pass --dev."
            problems.append(Problem(name, places.line((reserved,)), reserved, "cannot be set in the file.", mend))
            del raw[reserved]
    origins = overlay(raw, environ, problems)
    if storefront is not None:
        put(raw, ("storefront", "url"), storefront)
        origins["storefront.url"] = "--storefront"
    keys = read_secret_keys(environ, dev, problems)
    try:
        settings = Settings.model_validate({**raw, "dev": dev, "secret_keys": keys})
    except ValidationError as error:
        found = problems_of(error, name, places, Settings)
        problems.extend(_at_their_origin(problem, origins) for problem in found)
        raise Refused(problems) from None
    problems.extend(_disagreements(settings, name, places))
    if not dev:
        problems.extend(_unsaid(settings, name, needs_storefront))
    elif needs_storefront and settings.storefront.url is None:
        problems.append(_no_storefront(name))
    if problems:
        raise Refused(problems)
    return settings


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


def _unsaid(settings: Settings, name: str, needs_storefront: bool) -> Iterator[Problem]:
    """What production must be told, as the block to paste (every key with an example)."""

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
    if needs_storefront and settings.storefront.url is None:
        yield _no_storefront(name)


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
