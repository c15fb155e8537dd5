"""vendors/schema.json is what the code says, and says to editors what the code checks."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest

from proxy.catalogue.json_schema import HINT, schema_text
from proxy.catalogue.load import shipped_dir
from proxy.catalogue.schema import Vendor

SCHEMA: dict[str, Any] = json.loads(schema_text())


def test_the_file_is_not_stale() -> None:
    written = (shipped_dir() / "schema.json").read_text(encoding="utf-8")
    assert written == schema_text(), "run: make schema"


def test_the_hint_names_the_file() -> None:
    assert (shipped_dir() / HINT.removeprefix("#:schema ")).resolve() == (shipped_dir() / "schema.json").resolve()


def _tables(schema: Any) -> list[dict[str, Any]]:
    inside = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    own = [schema] if isinstance(schema, dict) and isinstance(schema.get("properties"), dict) else []
    return own + [table for value in inside for table in _tables(value)]


def test_every_table_is_closed_and_every_field_explained() -> None:
    tables = _tables(SCHEMA)
    assert len(tables) == 8
    for table in tables:
        assert table["additionalProperties"] is False
        assert set(table.get("required", ())) <= set(table["properties"])
        for name, field in table["properties"].items():
            assert len(field.get("description", "")) > 10, name


def test_its_fields_are_those_that_a_file_sets() -> None:
    fields = {name for name, field in Vendor.model_fields.items() if not field.exclude}
    assert set(SCHEMA["properties"]) == fields
    assert set(SCHEMA["required"]) == {name for name in fields if Vendor.model_fields[name].is_required()}


def test_nothing_in_it_must_be_looked_up_elsewhere() -> None:
    assert "$ref" not in schema_text()
    assert "$defs" not in SCHEMA


@pytest.mark.parametrize("name", sorted(SCHEMA["required"]))
def test_every_required_field_has_an_example_that_is_right(name: str) -> None:
    if name == "technical":
        return
    field = Vendor.model_fields[name]
    assert field.examples
    complete = {other: (Vendor.model_fields[other].examples or [None])[0] for other in SCHEMA["required"]}
    complete["technical"] = tomllib.loads('match = ["vendor.example"]')
    assert getattr(Vendor.model_validate({"key": "x", **complete}), name) is not None
