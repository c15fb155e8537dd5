"""What a pydantic model refuses in a TOML document, as problems that people can mend.

Rules of this file: one `Problem` a fault, at the line of its key or list item, in words for people who write TOML, with
what would be right: the nearest name, the allowed values, an example. It knows models and documents, no particular one.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from proxy.errors import Problem
from proxy.toml_places import KeyPath, Places


def problems_of(error: ValidationError, file: str | Path, places: Places, model: type[BaseModel]) -> list[Problem]:
    """What pydantic found wrong with a document, as one problem a fault, in the order of the lines.

    `model` is the model that refused it: it knows the nearest field for an unknown one, and for a missing one an
    example (the first of its `examples`) to write.
    """
    faults = error.errors(include_url=False)
    places_of_faults = [fault["loc"] for fault in faults]
    problems = [_problem(fault, str(file), places, model) for fault in faults if not _follows(fault, places_of_faults)]
    return sorted(problems, key=lambda problem: (problem.line or 0, problem.key))


def _follows(fault: ErrorDetails, others: Sequence[tuple[str | int, ...]]) -> bool:
    """Whether it only follows from another: a list is "too short" for pydantic when an item of it is wrong."""
    loc = fault["loc"]
    return fault["type"] == "too_short" and any(len(loc) < len(other) and other[: len(loc)] == loc for other in others)


def _problem(fault: ErrorDetails, file: str, places: Places, model: type[BaseModel]) -> Problem:
    path = _path(fault, model)
    message, mend = _wording(fault, path, model)
    entry = [step for step in path if isinstance(step, int)]
    if entry and isinstance(path[-1], str):
        message = f"(entry {entry[-1] + 1}) {message}"
    key = ".".join(str(step) for step in path if not isinstance(step, int))
    return Problem(file, places.line(path) or places.line(path[:-1]), key, message, mend)


def _path(fault: ErrorDetails, model: type[BaseModel]) -> KeyPath:
    """The fault's place in the document: pydantic's `loc` without its own marks ("[key]", names of union members)."""
    kind: Any = model
    path: KeyPath = ()
    for step in fault["loc"]:
        inside = _inside(kind, step)
        if inside is not None:
            kind, path = inside, (*path, step)
    if fault["type"] == "extra_forbidden":
        return (*path, fault["loc"][-1])
    return path


def _inside(kind: Any, step: str | int) -> Any:
    """The type of what stands at `step` in a value of type `kind`; None where there is no such place."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        found = _fields(kind).get(str(step))
        if found is None:
            return object if kind.model_config.get("extra") == "allow" else None
        return found.annotation
    origin, members = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _inside(members[0], step)
    if origin in (Union, UnionType):
        return next((found for member in members if (found := _inside(member, step)) is not None), None)
    if not isinstance(origin, type):
        return None
    if issubclass(origin, Mapping):
        return members[1] if isinstance(step, str) and step != "[key]" else None
    return members[0] if issubclass(origin, Collection) and isinstance(step, int) else None


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields that a file may set, by the name they have there."""
    return {field.alias or name: field for name, field in model.model_fields.items() if not field.exclude}


def _model_at(model: type[BaseModel], path: KeyPath) -> type[BaseModel] | None:
    kind: Any = model
    for step in path:
        kind = _inside(kind, step)
    return _model_in(kind)


def _model_in(kind: Any) -> type[BaseModel] | None:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind
    return next((found for member in get_args(kind) if (found := _model_in(member)) is not None), None)


def _wording(fault: ErrorDetails, path: KeyPath, model: type[BaseModel]) -> tuple[str, str]:
    """What is wrong and what would be right."""
    kind, value, context = fault["type"], fault["input"], fault.get("ctx", {})
    field = _field_at(model, path)
    if kind == "extra_forbidden":
        return "there is no such field.", _nearest(str(path[-1]), path[:-1], model)
    if kind == "missing":
        return "is missing.", f"Add a line like: {_example(str(path[-1]), field)}"
    if kind in ("enum", "literal_error"):
        allowed = re.findall(r"'([^']*)'", str(context["expected"]))
        return _wrong(value, "is not allowed here."), _did_you_mean(str(value), allowed) + _one_of(allowed)
    if value in ("", [], {}):
        return "is empty.", _write(path, field)
    if kind == "value_error":
        wrong, _, right = str(context["error"]).partition("; ")
        return f"{wrong}.", f"{right[:1].upper()}{right[1:]}." if right else ""
    if kind in ("string_too_short", "too_short"):
        return f"{_shown(value)} is too short.", _write(path, field)
    wanted = next((words for start, words in _WANTED if kind.startswith(start)), None)
    if wanted is not None:
        return f"{_shown(value)} is not {wanted}.", _write(path, field)
    return f"{_shown(value)} is not right: {fault['msg'][:1].lower()}{fault['msg'][1:]}.", _write(path, field)


#: What pydantic's type faults ask for, in words for people who write TOML.
_WANTED = (
    ("string_type", "text in quotes"),
    ("bool", "true or false"),
    ("int", "a whole number"),
    ("float", "a number"),
    ("date", "a day like 2026-11-22 (without quotes)"),
    ("tuple", "a list in [ ]"),
    ("list", "a list in [ ]"),
    ("frozen_set", "a list in [ ]"),
    ("set", "a list in [ ]"),
    ("model", "a table"),
    ("dict", "a table"),
    ("mapping", "a table"),
)


def _field_at(model: type[BaseModel], path: KeyPath) -> FieldInfo | None:
    names = [index for index, step in enumerate(path) if isinstance(step, str)]
    for index in reversed(names):
        around = _model_at(model, path[:index])
        if around is not None and (field := _fields(around).get(str(path[index]))) is not None:
            return field
    return None


def _write(path: KeyPath, field: FieldInfo | None) -> str:
    """The mend for a value that is not right: what the field says, and an example of it."""
    if field is None or not path:
        return ""
    said = (field.description or "").rstrip(".")
    name = next(str(step) for step in reversed(path) if isinstance(step, str))
    example = f"Like: {_example(name, field)}" if field.examples else ""
    return " ".join(filter(None, (f"{said}." if said else "", example)))


def _example(name: str, field: FieldInfo | None) -> str:
    """A line that would be right, by the field's first example, else by its type."""
    if field is not None and field.examples:
        return f"{name} = {toml_value(field.examples[0])}"
    inner = None if field is None else _model_in(field.annotation)
    if inner is not None:
        required = [_example(part, info) for part, info in _fields(inner).items() if info.is_required()]
        return " ".join([f"[{name}]", *required])
    said = (field.description or "").rstrip(".") if field is not None else ""
    return f"{name} = …" + (f" ({said})" if said else "")


def _nearest(unknown: str, around: KeyPath, model: type[BaseModel]) -> str:
    """The mend for an unknown field: the table it belongs in, else the nearest name, else all names."""
    owner = _model_at(model, around)
    if owner is None:  # pragma: no cover - a model refused the field
        return ""
    elsewhere = [name for name in _tables(model, unknown) if name != _dotted(around)]
    if elsewhere:
        return (
            " or ".join(f"It belongs under [{name}]" if name else "It belongs at the top" for name in elsewhere) + "."
        )
    names = list(_fields(owner))
    return _did_you_mean(unknown, names) + f"Fields here: {', '.join(names)}."


def _dotted(path: KeyPath) -> str:
    return ".".join(str(step) for step in path if isinstance(step, str))


def _tables(model: type[BaseModel], name: str, prefix: str = "") -> list[str]:
    """The dotted names of all tables of the document that have a field of this name."""
    found = [prefix] if name in _fields(model) else []
    for part, field in _fields(model).items():
        kind = field.annotation
        for table in get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,):
            if isinstance(table, type) and issubclass(table, BaseModel):
                found += _tables(table, name, f"{prefix}.{part}".lstrip("."))
    return found


def _did_you_mean(wrong: str, names: Sequence[str]) -> str:
    near = difflib.get_close_matches(wrong.lower(), names, n=1)
    return f"Did you mean {near[0]}? " if near else ""


def _one_of(names: Sequence[str]) -> str:
    return f"Allowed: {', '.join(names)}."


def _wrong(value: object, wrong: str) -> str:
    return "is empty." if value == "" else f"{_shown(value)} {wrong}"


def _shown(value: object) -> str:
    text = toml_value(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def toml_value(value: object) -> str:
    """A value as TOML writes it, on one line."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        inside = ", ".join(f"{_toml_key(str(name))} = {toml_value(item)}" for name, item in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, Collection):
        return f"[{', '.join(map(toml_value, value))}]"
    return str(value)


def _toml_key(name: str) -> str:
    return name if re.fullmatch("[A-Za-z0-9_-]+", name) else toml_value(name)
