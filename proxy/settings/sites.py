"""Several shops in one file: `[[site]]` (origin, hosts, storefront, and whatever of the other tables differs).

Rules: a site is the settings of the file with its own laid over them, table by table and key by key; a list replaces a
list. What is the process's alone cannot differ from site to site. No two sites share a host.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from proxy.errors import Problem
from proxy.settings.schema import Settings
from proxy.toml_places import KeyPath, Places

#: Tables that hold for the whole process.
_PROCESS = ("limits", "listen", "log", "store", "records", "outbox")


@dataclass(frozen=True)
class SitePlaces(Places):
    """Where a site's settings stand: in its own table, or around it."""

    around: Places = field(default_factory=Places)
    index: int = 0

    def line(self, key_path: KeyPath) -> int | None:
        own = ("site", self.index, *key_path)
        return self.around.lines.get(own) or self.around.lines.get(key_path) or self.around.line(own)


def split_sites(
    raw: dict[str, Any], name: str, places: Places, problems: list[Problem]
) -> list[tuple[dict[str, Any], Places]]:
    """Take the sites out of a document: each one's whole settings and where they stand; empty where it has none."""
    tables = raw.pop("site", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        problems.append(Problem(name, places.line(("site",)), "site", "is no list of tables.", "Write [[site]]."))
        return []
    sites: list[tuple[dict[str, Any], Places]] = []
    for index, table in enumerate(tables):
        own = SitePlaces(around=places, index=index)
        for key in (*_PROCESS, "site"):
            if key in table:
                table = {kept: value for kept, value in table.items() if kept != key}
                mend = f"Write [{key}] above the sites." if key != "site" else "Write it below."
                problems.append(Problem(name, own.line((key,)), key, "cannot differ from site to site.", mend))
        sites.append((_laid_over(raw, table), own))
    return sites


def _laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    whole = copy.deepcopy(dict(below))
    for key, value in above.items():
        inner = whole.get(key)
        whole[key] = _laid_over(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return whole


def sharing(sites: Sequence[tuple[Settings, Places]], name: str) -> Iterator[Problem]:
    """Sites that share a host: nobody could say whose request it is."""
    taken: dict[str, int] = {}
    for index, (settings, places) in enumerate(sites):
        if settings.origin is None and settings.dev:  # elsewhere that is told of every site
            yield Problem(name, places.line(()), "origin", "is not set.", 'Add: origin = "https://shop.example"')
        for host in sorted(settings.netlocs):
            if taken.setdefault(host, index) != index:
                message = f"{host} is the host of site {taken[host] + 1}, too."
                yield Problem(name, places.line(("origin",)), "origin", message, "Each host belongs to one site.")
                break
