"""Vendor files -> Catalogue.

Rules of this file: the shipped vendors are read first, then the operator's folders in turn; a later file of the same
key replaces the earlier one whole. Beside its vendor files a folder may hold lists of known companies (`*.csv`); a
described vendor takes the place of the known one of its key. Every problem of every file is reported at once, or there
is no catalogue.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from proxy.catalogue.agreement import claimed_twice, disagreements
from proxy.catalogue.known import Known, read_known
from proxy.catalogue.schema import Vendor, is_key
from proxy.catalogue.shapes import Shape, read_shapes
from proxy.errors import Problem, Refused
from proxy.toml_file import Places, parse_toml, read_toml
from proxy.toml_problems import problems_of

#: The file of a folder that says what trackers look like.
SHAPES = "shapes.csv"


@dataclass(frozen=True)
class Catalogue:
    """All described vendors by key, in the order of their keys, and the file that each was read from.

    `known` are the companies that are known by their domains alone, by key; none of them is described. `shapes` are
    what trackers look like, whoever serves them. `digest` changes whenever any of all these does.
    """

    vendors: Mapping[str, Vendor]
    files: Mapping[str, Path]
    digest: str
    known: Mapping[str, Known] = field(default_factory=dict)
    shapes: tuple[Shape, ...] = ()


@dataclass(frozen=True, slots=True)
class Described:
    """One file as it was read: its vendor if nothing is wrong with it, and where everything stands in it."""

    file: Path
    key: str
    document: Mapping[str, Any]
    places: Places
    vendor: Vendor | None
    problems: tuple[Problem, ...]


def shipped_dir() -> Path:
    """The folder of the vendors that come with Consentry: inside an installed wheel, or the checkout's `vendors/`."""
    installed = Path(__file__).parent / "vendors"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "vendors"


def load(dirs: Sequence[Path] = ()) -> Catalogue:
    """The shipped vendors and those of the operator's folders. Raises `Refused` with every problem of every file."""
    return load_only((shipped_dir(), *dirs))


def load_only(dirs: Sequence[Path]) -> Catalogue:
    """The vendors of these folders and no others. Raises `Refused` like `load`."""
    problems: list[Problem] = []
    described: dict[str, Described] = {}
    known: dict[str, Known] = {}
    shapes: dict[str, Shape] = {}
    for folder in dirs:
        try:
            files = _files(folder)
        except Refused as refused:
            problems.extend(refused.problems)
            continue
        for file in files:
            if file.name == SHAPES:
                found, wrong = read_shapes(file)
                shapes |= {shape.key: shape for shape in found}
                problems += wrong
                continue
            if file.suffix == ".csv":
                companies, wrong = read_known(file)
                known |= companies
                problems += wrong
                continue
            try:
                one = describe(file)
            except Refused as refused:
                problems.extend(refused.problems)
                continue
            problems.extend(one.problems)
            described[one.key] = one
    problems.extend(claimed_twice([(one.file, one.document, one.places) for one in described.values()]))
    if problems:
        raise Refused(
            sorted(dict.fromkeys(problems), key=lambda problem: (problem.file, problem.line or 0, problem.key))
        )
    return catalogue_of(
        [one.vendor for one in described.values() if one.vendor is not None],
        {one.key: one.file for one in described.values()},
        list(known.values()),
        list(shapes.values()),
    )


def catalogue_of(
    vendors: Sequence[Vendor],
    files: Mapping[str, Path] = MappingProxyType({}),
    known: Sequence[Known] = (),
    shapes: Sequence[Shape] = (),
) -> Catalogue:
    """A catalogue of what is at hand."""
    by_key = {vendor.key: vendor for vendor in sorted(vendors, key=lambda vendor: vendor.key)}
    companies = {one.key: one for one in sorted(known, key=lambda one: one.key) if one.key not in by_key}
    dump = json.dumps({key: vendor.model_dump(mode="json") for key, vendor in by_key.items()}, sort_keys=True)
    digest = hashlib.sha256(f"{dump}\n{list(companies.values())}\n{shapes}".encode()).hexdigest()[:16]
    return Catalogue(
        MappingProxyType(by_key), MappingProxyType(dict(files)), digest, MappingProxyType(companies), tuple(shapes)
    )


def describe(file: Path, text: str | None = None) -> Described:
    """What one vendor file says and what is wrong with it. `text` stands for a file that is not written yet.

    Raises `Refused` where it is no TOML at all.
    """
    document, places = read_toml(file) if text is None else parse_toml(text, file)
    key = file.stem
    problems = [*_misnamed(file), *_reserved(document, file, places)]
    fields = {name: value for name, value in document.items() if name not in _RESERVED}
    problems += disagreements(fields, file, places)
    vendor = None
    try:
        vendor = Vendor.model_validate({"key": key, **fields})
    except ValidationError as error:
        found = problems_of(error, file, places, Vendor)
        problems += [problem for problem in found if problem.key or not problems]
    return Described(file, key, document, places, vendor, tuple(problems))


#: Fields of the schema that no file sets: what would be right instead.
_RESERVED = {
    "key": "The name of the file, without .toml, is the key: take the line out.",
    "loads": "Take the line out; a shop says what its container loads: [vendor.KEY] loads = [keys] in consentry.toml.",
}


def _misnamed(file: Path) -> Iterator[Problem]:
    if not is_key(file.stem):
        mend = "Rename the file: lower-case letters, digits and single hyphens, like google-ads.toml."
        yield Problem(str(file), None, "", f"{file.stem!r} cannot be a vendor's key.", mend)


def _reserved(document: Mapping[str, Any], file: Path, places: Places) -> Iterator[Problem]:
    for name, mend in _RESERVED.items():
        if name in document:
            yield Problem(str(file), places.line((name,)), name, "cannot be set in a vendor file.", mend)


def _files(folder: Path) -> list[Path]:
    try:
        files = sorted(file for file in folder.iterdir() if file.suffix in (".toml", ".csv") and file.name[0] != ".")
    except FileNotFoundError:
        raise Refused(
            [Problem(str(folder), None, "", "there is no such folder.", "Name one with vendor files.")]
        ) from None
    except NotADirectoryError:
        raise Refused([Problem(str(folder), None, "", "is no folder.", "Name the folder of the file.")]) from None
    except OSError as error:
        raise Refused([Problem(str(folder), None, "", f"cannot be read: {error.strerror or error}.")]) from None
    if not files:
        raise Refused(
            [
                Problem(
                    str(folder),
                    None,
                    "",
                    "holds no vendor file.",
                    "A vendor file ends in .toml and is named for its key.",
                )
            ]
        )
    return files
