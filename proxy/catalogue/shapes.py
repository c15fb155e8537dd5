"""What a thing is, whoever serves it: names and paths that only trackers have, and pictures that nobody can see.

Rules of this file: a shape is asked about only where no vendor is known, and never on the shop's own hosts. Each is a
row of data (`vendors/shapes.csv`) with its category, the reason that reports give, and its hits and false hits as they
were measured on real pages. A product's file names stand for that product, on any host. Nobody grants a shape: there is
nobody to tell the visitor of; an operator's `vendors.allow` outweighs it.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from proxy.catalogue.known import Known
from proxy.catalogue.suffixes import registrable
from proxy.errors import Problem
from proxy.model import Category

COLUMNS = ("key", "what", "values", "category", "vendor", "reason", "hits", "false_hits")


class What(StrEnum):
    """What of a tag a shape looks at."""

    LABEL = "label"  # a label of the host, left of the registrable domain
    DOMAIN = "domain"  # the registrable domain's own label; `*` stands for any letters
    PATH = "path"  # a segment of the path, or some in a row, without an ending
    FILE = "file"  # the last segment of the path, whole
    WORD = "word"  # a word of a script's name (`loadAds.js`, `full_page_ad_15.js`)
    IMAGE = "image"  # a picture of 2 x 2 px at most, or a hidden one


@dataclass(frozen=True)
class Shape(Known):
    """One row. `vendor` is the key of the product that the shape stands for, empty for none.

    `hits` and `false_hits` count pairs of page and host on real pages: those that public blocklists stop, and others.
    """

    what: What = What.LABEL
    values: tuple[str, ...] = ()
    vendor: str = ""
    hits: int = 0
    false_hits: int = 0

    @property
    def reason(self) -> str:
        return self.name


def read_shapes(file: Path) -> tuple[list[Shape], list[Problem]]:
    """The shapes of one file, and everything that is wrong with it."""
    rows = csv.DictReader(file.read_text(encoding="utf-8").splitlines())
    if tuple(rows.fieldnames or ()) != COLUMNS:
        return [], [Problem(str(file), 1, "", "is no list of shapes.", f"Let its first line be: {','.join(COLUMNS)}")]
    shapes: list[Shape] = []
    problems: list[Problem] = []
    for row in rows:
        try:
            shapes.append(_shape(row))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            problems.append(Problem(str(file), rows.line_num, "", f"is no shape: {error}.", "See the rows around it."))
    return shapes, problems


def _shape(row: Mapping[str, str]) -> Shape:
    return Shape(
        key=row["key"],
        name=row["reason"],
        company="",
        categories=(Category(row["category"]),),
        domains=(),
        what=What(row["what"]),
        values=tuple(row["values"].split()),
        vendor=row["vendor"],
        hits=int(row["hits"]),
        false_hits=int(row["false_hits"]),
    )


class Shapes:
    """All shapes, made ready for judging. Immutable."""

    def __init__(self, shapes: Sequence[Shape] = ()) -> None:
        self._labels = dict(_by_value(shapes, What.LABEL))
        self._paths = dict(_by_value(shapes, What.PATH))
        self._files = dict(_by_value(shapes, What.FILE))
        self._words = dict(_by_value(shapes, What.WORD))
        self._domains = [(_pattern(value), shape) for value, shape in _by_value(shapes, What.DOMAIN)]
        #: What an image that nobody can see is; None where that is no shape here.
        self.image = next((shape for shape in shapes if shape.what is What.IMAGE), None)
        self._path = _segments(self._paths)

    @property
    def labels(self) -> tuple[str, ...]:
        """Every label that counts, sorted: what to search a text for."""
        return tuple(sorted(self._labels))

    def find(self, host: str, target: str) -> Shape | None:
        """The shape of a URL, by its host's labels, its file's name, its path; None for none."""
        path = target.partition("?")[0]
        file = path[path.rfind("/") + 1 :]
        path = path.lower()
        shape = self._files.get(file.lower()) or self.of_host(host)
        if shape is None and self._path is not None and (found := self._path.search(path)) is not None:
            shape = self._paths[found[1]]
        if shape is None and file[-3:].lower() == ".js":
            shape = _first(self._words, _WORD.findall(file[:-3]))
        return shape

    def of_host(self, host: str) -> Shape | None:
        """The shape of a host: by the labels left of its registrable domain, then by that."""
        domain = registrable(host)
        if domain is None:
            return None
        named = _first(self._labels, host[: -len(domain)].split("."))
        if named is None:
            name = domain.partition(".")[0]
            named = next((shape for pattern, shape in self._domains if pattern.fullmatch(name)), None)
        return named


def _by_value(shapes: Sequence[Shape], what: What) -> Iterator[tuple[str, Shape]]:
    return ((value, shape) for shape in shapes if shape.what is what for value in shape.values)


def _first(shapes: Mapping[str, Shape], words: Iterable[str]) -> Shape | None:
    return next((shapes[word] for each in words if (word := each.lower()) in shapes), None)


#: Words as people write them into names: `adCallOverride`, `AdsInclude`, `gtm4wp-form`, `full_page_ad_15`.
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def _pattern(value: str) -> re.Pattern[str]:
    return re.compile("[a-z0-9-]*".join(map(re.escape, value.split("*"))))


def _segments(paths: Mapping[str, Shape]) -> re.Pattern[str] | None:
    """A path with one of these segments. A picture's or a page's name behind it says that it is a folder of those."""
    if not paths:
        return None
    names = "|".join(map(re.escape, sorted(paths, key=len, reverse=True)))
    ending = r"(?:\.(?:gif|png|js|php|ashx|aspx?|cgi|json|min\.js))?"
    return re.compile(rf"/({names}){ending}(?=/|;|\Z)(?!.*\.(?:jpe?g|webp|avif|svg|html?|css|woff2?|mp4)\Z)")
