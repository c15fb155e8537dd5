"""The vendor schema as JSON Schema, for editors: completion, descriptions and red lines while a file is written.

Rules of this file: `vendors/schema.json` is what `schema_text` returns, and is written by
`python -m proxy.catalogue.json_schema`; a test compares the two. It is draft 7 without references, which is what TOML
editors (Taplo, Even Better TOML) read in full.
"""

from __future__ import annotations

import json
from typing import Any

from proxy.catalogue.load import shipped_dir
from proxy.catalogue.schema import Vendor

#: The line with which a vendor file names its schema to editors.
HINT = "#:schema ./schema.json"


def schema_text() -> str:
    """What vendors/schema.json must hold."""
    return json.dumps(_for_files(Vendor.model_json_schema()), indent=2) + "\n"


def _for_files(schema: dict[str, Any]) -> dict[str, Any]:
    """Without what no file sets, references and pydantic's titles."""
    definitions = schema.pop("$defs")
    hidden = {name for name, field in schema["properties"].items() if field.get("readOnly")}
    schema["properties"] = {name: field for name, field in schema["properties"].items() if name not in hidden}
    schema["required"] = [name for name in schema["required"] if name not in hidden]
    plain: dict[str, Any] = _plain(schema, definitions)
    return {"$schema": "http://json-schema.org/draft-07/schema#", "title": "Consentry vendor file", **plain}


def _plain(value: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(value, list):
        return [_plain(item, definitions) for item in value]
    if not isinstance(value, dict):
        return value
    if "$ref" in value:
        named = definitions[value["$ref"].rpartition("/")[2]]
        value = named | {name: item for name, item in value.items() if name != "$ref"}
    return {
        name: _plain(item, definitions) for name, item in value.items() if name != "title" or not isinstance(item, str)
    }


if __name__ == "__main__":
    (shipped_dir() / "schema.json").write_text(schema_text(), encoding="utf-8")
