"""Which vendors visitors have been asked about so far: none may slip into an answer that was given before it came.

An answer says of each category yes or no, and holds for the vendors that stood under it then; which those were, the
policy version tells (`since`). Who forgets to raise it would have visitors allow somebody they never heard of. So what
is asked about is kept in the state folder, and what is new in it is told before anything is served.

Rules of this file: only `remember` writes; a file that cannot be read is as none, and then nothing is known to be new.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from proxy.catalogue.schema import Vendor
from proxy.catalogue.use import InUse
from proxy.errors import Problem
from proxy.settings.schema import Settings
from proxy.toml_places import Places

#: The file in the state folder.
FILE = "asked.json"

Sites = Sequence[tuple[Settings, InUse]]


def newcomers(state: Path, sites: Sites, file: str, places: Places) -> list[Problem]:
    """Vendors that answers of before would allow although nobody was asked: they are new, or need less than they did.
    `file` and `places` say where the settings stand."""
    problems = []
    known = _read(state)
    for site, use in sites:
        before = known.get(site.identity)
        if before is None:
            continue
        version = before["version"]
        for vendor in _asked(use):
            told = before["vendors"].get(vendor.key)
            if vendor.since <= version and not (told and _needs(vendor) >= set(told["needs"])):
                line = places.line(("vendor", vendor.key, "since")) or places.line(("vendors", "use"))
                what = "needed other categories" if told else "was not in use"
                message = f"{what} under version {version}: visitors who chose then were not asked about this."
                mend = f"Add: [vendor.{vendor.key}] since = {version + 1}, and they are asked about it."
                problems.append(Problem(file, line, f"vendor.{vendor.key}.since", message, mend))
    return problems


def new_purposes(state: Path, sites: Sites) -> Iterator[str]:
    """Sentences on vendors that are used for more than visitors were told."""
    known = _read(state)
    for site, use in sites:
        before = known.get(site.identity)
        if before is None:
            continue
        for vendor in _asked(use):
            told = before["vendors"].get(vendor.key)
            more = (
                sorted(set(vendor.purposes) - set(told["purposes"]))
                if told and vendor.since <= before["version"]
                else []
            )
            if more:
                since = before["version"] + 1
                yield (
                    f"{vendor.key} is used for more than under version {since - 1} ({', '.join(more)}): "
                    f"[vendor.{vendor.key}] since = {since} asks visitors about it."
                )


def remember(state: Path, sites: Sites) -> None:
    """From now on this is what visitors are asked about. Raises `OSError`."""
    known = _read(state)
    for site, use in sites:
        version = max(use.version, known.get(site.identity, {}).get("version", 0))
        vendors = {
            vendor.key: {"needs": sorted(_needs(vendor)), "purposes": sorted(vendor.purposes)} for vendor in _asked(use)
        }
        known[site.identity] = {"version": version, "vendors": vendors}
    beside = state / f".{FILE}.part"
    beside.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    beside.replace(state / FILE)


def _read(state: Path) -> dict[str, Any]:
    try:
        known = json.loads((state / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    try:
        return {
            site: {
                "version": int(told["version"]),
                "vendors": {
                    key: {"needs": list(one["needs"]), "purposes": list(one["purposes"])}
                    for key, one in told["vendors"].items()
                },
            }
            for site, told in known.items()
        }
    except (AttributeError, KeyError, TypeError, ValueError):
        return {}


def _asked(use: InUse) -> list[Vendor]:
    return [vendor for vendor in use.vendors.values() if not vendor.essential]


def _needs(vendor: Vendor) -> set[str]:
    return {category.value for category in vendor.needs}
