"""Companies that are known by their domains alone: cut like any vendor, granted only once a file describes them.

Rules of this file: one CSV row a company (`key,name,company,categories,essential_because,domains`), so that thousands
of them are read in a moment and a change is one line. Nobody can be asked about a company of which only this is known,
so it is never granted; an essential one is allowed, with its reason. A vendor file of the same key takes the row's
place. Every problem is told with its line.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from proxy.catalogue.schema import Pattern, Technical, is_key, is_pattern
from proxy.catalogue.suffixes import is_registrys
from proxy.catalogue.words import EssentialBecause
from proxy.errors import Problem
from proxy.model import Category, Reach

COLUMNS = ("key", "name", "company", "categories", "essential_because", "domains")


@dataclass(frozen=True)
class Known:
    """A company known by its domains. `domains` are URL patterns without a query test (`host`, `host/path`)."""

    key: str
    name: str
    company: str
    categories: tuple[Category, ...]
    domains: tuple[Pattern, ...]
    essential_because: EssentialBecause | None = None

    #: Nothing of it passes through us: no file says what would be left out.
    reach = Reach.DIRECT

    @property
    def essential(self) -> bool:
        return self.essential_because is not None

    @property
    def needs(self) -> frozenset[Category]:
        return frozenset(self.categories)

    @cached_property
    def technical(self) -> Technical:
        return Technical.model_construct(match=self.domains)


def read_known(file: Path) -> tuple[dict[str, Known], list[Problem]]:
    """The companies of one file by key, and everything that is wrong with it."""
    problems: list[Problem] = []
    known: dict[str, Known] = {}
    claimed: dict[str, int] = {}
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return {}, [Problem(str(file), None, "", f"cannot be read: {error}.", "Name a readable file in UTF-8.")]
    rows = csv.DictReader(text.splitlines(), strict=True)
    if tuple(rows.fieldnames or ()) != COLUMNS:
        mend = f"Let its first line be: {','.join(COLUMNS)}"
        return {}, [Problem(str(file), 1, "", "is no list of known companies.", mend)]
    try:
        for row in rows:
            faults = [*_faults(row), *_claimed(row, claimed, rows.line_num)]
            problems += [Problem(str(file), rows.line_num, column, *fault) for column, *fault in faults]
            if not faults:
                if row["key"] in known:
                    problems.append(Problem(str(file), rows.line_num, "key", f"{row['key']!r} is listed twice."))
                known[row["key"]] = _known(row)
    except csv.Error as error:
        problems.append(Problem(str(file), rows.reader.line_num, "", f"is no CSV: {error}.", "Close the quotes."))
    return known, problems


def _known(row: Mapping[str, str]) -> Known:
    because = EssentialBecause(row["essential_because"]) if row["essential_because"] else None
    categories = tuple(map(Category, row["categories"].split()))
    return Known(row["key"], row["name"], row["company"], categories, tuple(row["domains"].split()), because)


_Fault = tuple[str, str, str]


def _faults(row: Mapping[str | None, str | None]) -> Iterator[_Fault]:
    """Column, what is wrong, what would be right."""
    if None in row or None in row.values():
        yield "", f"has not {len(COLUMNS)} columns.", "Put what holds a comma in double quotes."
        return
    given = {name: value or "" for name, value in row.items() if name is not None}
    if not is_key(given["key"]):
        yield "key", f"{given['key']!r} is no key.", "Write lower-case letters, digits and single hyphens."
    if not given["name"]:
        yield "name", "is empty.", "Write what visitors know it by."
    yield from _category_faults(given)
    if not given["domains"].split():
        yield "domains", "is empty.", "Write one or more, with spaces between them."
    for domain in given["domains"].split():
        if not is_pattern(domain) or "?" in domain:
            yield "domains", f"{domain!r} is no domain.", "Write it in lower case, without a scheme, like acme.example."
        elif is_registrys(domain.partition("/")[0]):
            yield "domains", f"anybody can have a name under {domain}.", f"Write the company's own, like acme.{domain}."


def _category_faults(given: Mapping[str, str]) -> Iterator[_Fault]:
    categories, because = given["categories"].split(), given["essential_because"]
    known = [category.value for category in Category]
    for category in categories:
        if category not in known:
            yield "categories", f"{category!r} is no category.", f"Choose from: {' '.join(known)}."
    if not categories:
        yield "categories", "is empty.", f"Choose from: {' '.join(known)}."
    if because and because not in list(EssentialBecause):
        yield "essential_because", f"{because!r} is no reason.", f"Choose from: {' '.join(EssentialBecause)}."
    if (categories == [Category.ESSENTIAL]) != bool(because) or (because and len(categories) > 1):
        mend = "An essential company has that category alone, and says why; no other one has a reason."
        yield "essential_because", "does not fit the categories.", mend


def _claimed(row: Mapping[str, str | None], claimed: dict[str, int], line: int) -> Iterator[_Fault]:
    for domain in (row.get("domains") or "").split():
        first = claimed.setdefault(domain, line)
        if first != line:
            yield "domains", f"{domain} is claimed in line {first} too.", "A URL belongs to one company: take one out."
