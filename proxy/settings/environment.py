"""CONSENTRY_* variables: one for every setting, named after its path (`storefront.url` is CONSENTRY_STOREFRONT_URL).

Lists are comma-separated. A variable that stands for no setting is a problem, never ignored: a misspelt one would
leave a shop with a setting that nobody chose.
"""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from proxy.errors import Problem
from proxy.settings.schema import Settings
from proxy.settings.secret_keys import KEYS_VARIABLE, TOKEN_VARIABLE, VISITOR_KEY_VARIABLE

#: Settings that may hold a secret: for these a variable may name a file that holds the value (CONSENTRY_..._FILE).
FROM_FILES = frozenset({("store", "url"), ("outbox", "url")})


def variables() -> dict[str, tuple[str, ...]]:
    """Every variable that stands for a setting, and the path of that setting."""
    return {"CONSENTRY_" + "_".join(path).upper(): path for path, _ in _leaves(Settings)}


#: What is read elsewhere; each may name a file instead (CONSENTRY_..._FILE).
SECRETS = frozenset({KEYS_VARIABLE, TOKEN_VARIABLE, VISITOR_KEY_VARIABLE})


def overlay(
    raw: dict[str, Any],
    environ: Mapping[str, str],
    problems: list[Problem],
    vendor_secrets: Collection[str] | None = (),
) -> dict[str, str]:
    """Lay the variables over the file's values. Returns which variable each dotted key came from. `vendor_secrets`: the
    variables of vendors' secrets; None: whatever stands for no setting is one."""
    kinds = dict(_leaves(Settings))
    known = variables()
    origins: dict[str, str] = {}
    for variable, text in sorted(environ.items()):
        if not variable.startswith("CONSENTRY_") or variable.removesuffix("_FILE") in SECRETS:
            continue
        if variable.removesuffix("_FILE") in (vendor_secrets or ()):
            continue
        path = known.get(variable)
        if path is None and known.get(variable.removesuffix("_FILE")) in FROM_FILES:
            path = known[variable.removesuffix("_FILE")]
            try:
                text = Path(text).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                problems.append(
                    Problem(variable, None, "", f"{text} cannot be read: {error}.", "Name a readable file.")
                )
                continue
        if path is None and vendor_secrets is None:
            continue
        if path is None:
            near = difflib.get_close_matches(variable, [*known, *SECRETS, *(vendor_secrets or ())], 1)
            mend = f"Did you mean {near[0]}?" if near else "Take it out of the environment."
            problems.append(Problem(variable, None, "", "is no setting.", mend))
            continue
        put(raw, path, _items(text) if _is_list(kinds[path]) else text)
        origins[".".join(path)] = variable
    return origins


def put(raw: dict[str, Any], path: tuple[str, ...], value: object) -> None:
    """Set a nested value; a table that is no table is left for the check to report."""
    for step in path[:-1]:
        inner = raw.setdefault(step, {})
        if not isinstance(inner, dict):
            return
        raw = inner
    raw[path[-1]] = value


def _items(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


def _alternatives(kind: Any) -> tuple[Any, ...]:
    return typing.get_args(kind) if typing.get_origin(kind) in (typing.Union, types.UnionType) else (kind,)


def _is_list(kind: Any) -> bool:
    return any(typing.get_origin(one) is tuple for one in _alternatives(kind))


def _leaves(model: type[BaseModel], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Path and type of every setting that one variable can hold (`[vendor.KEY]` and `[[event]]` cannot)."""
    for name, field in model.model_fields.items():
        if field.exclude or name in ("vendor", "event"):
            continue
        table = next((one for one in _alternatives(field.annotation) if _is_table(one)), None)
        if table is None:
            yield (*above, name), field.annotation
        else:
            yield from _leaves(table, (*above, name))


def _is_table(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
