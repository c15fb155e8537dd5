"""What the fields of vendor files must agree on among themselves, told with the line of the field to change.

Rules of this file: it reads documents as they were parsed, right or wrong, so that its problems are told together with
the schema's; a field of a wrong type is the schema's to report and is passed over here. Nothing is repaired.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from proxy.catalogue.match import pattern_parts
from proxy.catalogue.schema import is_pattern
from proxy.catalogue.suffixes import is_registrys
from proxy.errors import Problem
from proxy.toml_places import KeyPath, Places

#: Countries where GDPR holds: the EU and the EEA (ISO 3166-1).
EEA = frozenset("AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK".split())

#: One problem of a document before it has a file: the field's path, what is wrong, what would be right.
_Fault = tuple[KeyPath, str, str]
_Document = Mapping[str, Any]


def disagreements(document: _Document, file: Path, places: Places) -> list[Problem]:
    """Everything in one vendor file that contradicts something else in it."""
    faults: list[_Fault] = []
    for rule in (_essential, _twice, _reach, _transfer, _statistics, _cookies, _own_hosts, _everybodys):
        faults += rule(document)
    return [
        Problem(
            str(file),
            places.line(path) or 1,
            ".".join(step for step in path if isinstance(step, str)),
            message,
            mend,
        )
        for path, message, mend in faults
    ]


def _essential(document: _Document) -> Iterator[_Fault]:
    categories, because = _texts(document, "categories"), "essential_because" in document
    if "essential" in categories and not because:
        mend = 'Add why, above [technical], like: essential_because = "payment". Or take another category.'
        yield ("categories",), "an essential vendor must say why it is essential.", mend
    if because and "essential" not in categories:
        mend = 'Write: categories = ["essential"]. Or take the line out.'
        yield ("essential_because",), "is for essential vendors only.", mend
    if "essential" in categories and len(set(categories)) > 1:
        mend = "Describe its other uses in a vendor file of their own."
        yield ("categories",), "an essential vendor has no other category.", mend


def _twice(document: _Document) -> Iterator[_Fault]:
    for field in ("categories", "purposes", "data"):
        values = _texts(document, field)
        for index, value in enumerate(values):
            if value in values[:index]:
                yield (field, index), f'"{value}" is listed twice.', "Take one out."


def _reach(document: _Document) -> Iterator[_Fault]:
    data, reach = _texts(document, "data"), document.get("reach", "relay")
    if reach == "direct" and data and "full-ip" not in data:
        mend = (
            'In data, write "full-ip" for "short-ip".' if "short-ip" in data else 'Add "full-ip" to data.'
        ) + ' Or take out reach = "direct".'
        yield ("data",), 'a vendor that browsers reach directly (reach = "direct") sees the full IP address.', mend
    if reach != "direct" and "full-ip" in data:
        mend = 'Write "short-ip" if it gets a shortened address, or take it out. Or add: reach = "direct".'
        yield ("data", data.index("full-ip")), f'"{reach}" never gives away a full IP address.', mend
    if reach == "direct" and {"short-ip", "full-ip"} <= set(data):
        yield ("data", data.index("short-ip")), "it sees the full IP address already.", 'Take "short-ip" out.'
    technical = document.get("technical")
    for field in ("embed", "widgets"):
        if (
            reach == "server"
            and isinstance(technical, Mapping)
            and technical.get(field)
            and "connector" not in technical
        ):
            mend = f'Write: reach = "direct". Or take {field} out.'
            yield ("technical", field), 'an embed is shown by the browser; reach = "server" cannot show one.', mend


def _transfer(document: _Document) -> Iterator[_Fault]:
    transfer = document.get("transfer")
    if not isinstance(transfer, Mapping):
        return
    to = _texts(transfer, "to")
    for index, country in enumerate(to):
        if country in to[:index]:
            yield ("transfer", "to", index), f'"{country}" is listed twice.', "Take one out."
    if to and EEA.issuperset(to) and transfer.get("basis") in ("scc", "none"):
        mend = 'Write: basis = "adequacy" (staying in the EU or EEA counts as adequacy).'
        yield ("transfer", "basis"), "nothing leaves the EU or EEA.", mend


def _statistics(document: _Document) -> Iterator[_Fault]:
    if document.get("statistics_only") is not True:
        return
    others = [category for category in _texts(document, "categories") if category not in ("analytics", "essential")]
    if others:
        mend = f'Take out "{others[0]}", or take out statistics_only.'
        yield ("statistics_only",), f'a vendor with the category "{others[0]}" does more than statistics.', mend
    if document.get("sale_or_share") is True:
        mend = "Take out sale_or_share or statistics_only."
        yield ("statistics_only",), "what is sold or shared is not used for the shop's statistics alone.", mend


def _cookies(document: _Document) -> Iterator[_Fault]:
    cookies = document.get("cookies")
    seen: set[tuple[object, object]] = set()
    for index, cookie in enumerate(cookies if isinstance(cookies, list) else ()):
        if isinstance(cookie, Mapping):
            told = (str(cookie.get("name")), str(cookie.get("party")))
            if told in seen:
                yield ("cookies", index, "name"), f'the cookie "{told[0]}" is listed twice.', "Take one out."
            seen.add(told)


def _own_hosts(document: _Document) -> Iterator[_Fault]:
    """What is relayed or embedded must be among what makes a URL this vendor's: nothing else is ever asked about it."""
    technical = document.get("technical")
    if not isinstance(technical, Mapping):
        return
    own = [pattern_parts(pattern)[0] for _, pattern in _patterns(technical, "match")]
    relay = technical.get("relay")
    lists: list[tuple[KeyPath, list[tuple[int, str]]]] = [(("technical", "embed"), _patterns(technical, "embed"))]
    if isinstance(relay, Mapping):
        lists += [(("technical", "relay", name), _patterns(relay, name)) for name in relay if name != "fields"]
    for path, patterns in lists:
        for index, pattern in patterns:
            host = pattern_parts(pattern)[0]
            if own and not any(f".{host}".endswith(f".{one}") for one in own):
                mend = f'Add "{host}" (with a path, where others share the host) to match.'
                yield (*path, index), f'"{pattern}" is on no host of technical.match.', mend


def _everybodys(document: _Document) -> Iterator[_Fault]:
    """A pattern that is no one company's would cut half of the web."""
    technical = document.get("technical")
    if not isinstance(technical, Mapping):
        return
    for field in ("match", "links"):
        for index, pattern in _patterns(technical, field):
            host = pattern_parts(pattern)[0]
            if is_registrys(host):
                mend = f"Write the vendor's own domain, like acme.{host}."
                yield ("technical", field, index), f"anybody can have a name under {host}: it is no vendor's.", mend


def claimed_twice(files: Sequence[tuple[Path, _Document, Places]]) -> Iterator[Problem]:
    """Two vendors, or two lists of one, that claim the same URLs: told at the later place, naming the earlier."""
    claims: dict[tuple[str, str, tuple[str, ...]], tuple[tuple[str, str, int], Places]] = {}
    for file, document, places in files:
        technical = document.get("technical")
        if not isinstance(technical, Mapping):
            continue
        for name in ("match", "links"):
            for index, pattern in _patterns(technical, name):
                place = (str(file), name, index)
                other, there = claims.setdefault(pattern_parts(pattern), (place, places))
                if other != place:
                    first = there.line(("technical", *other[1:]))
                    yield Problem(
                        str(file),
                        places.line(("technical", name, index)),
                        f"technical.{name}",
                        f'"{pattern}" is claimed at {other[0]}:{first} too.',
                        "A URL belongs to one vendor: take one out, or make it longer (a path, a query test).",
                    )


def _patterns(table: Mapping[str, Any], name: str) -> list[tuple[int, str]]:
    """The patterns of a list that are patterns, each with its place in it."""
    return [(index, text) for index, text in enumerate(_texts(table, name)) if is_pattern(text)]


def _texts(table: Mapping[str, Any], name: str) -> list[str]:
    """The strings of a list; empty where it is no list of strings."""
    values = table.get(name)
    return values if isinstance(values, list) and all(isinstance(value, str) for value in values) else []
