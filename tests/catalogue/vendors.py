"""Vendors for tests, complete but for what a test says, and URLs that their patterns fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from proxy.catalogue.schema import Vendor

#: A vendor file with nothing wrong, as `tomllib` reads it.
COMPLETE: Mapping[str, Any] = {
    "name": "Acme",
    "company": "Acme Ltd",
    "categories": ["analytics"],
    "purposes": ["measure-visits"],
    "data": ["page", "short-ip"],
    "role": "processor",
    "transfer": {"to": ["US"], "basis": "scc"},
    "retention": "14 months",
    "policy": "https://acme.example/privacy",
    "checked": "2026-11-22",
}


def vendor(key: str, match: Sequence[str] = (), technical: Mapping[str, Any] | None = None, **fields: Any) -> Vendor:
    """A vendor that matches `match` (its own domain, if none is named)."""
    inner = {"match": tuple(match) or (f"{key}.example",), **(technical or {})}
    return Vendor.model_validate({"key": key, **COMPLETE, "technical": inner, **fields})


def sample(pattern: str) -> tuple[str, str]:
    """Host and target of a URL that this pattern fits."""
    place, mark, query = pattern.partition("?")
    host, _, path = place.partition("/")
    tests = "&".join(test if "=" in test else f"{test}=1" for test in query.split("&") if test)
    return host, f"/{path.removesuffix('$')}{mark}{tests}".replace("*", "sample")
