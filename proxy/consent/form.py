"""The choice form as it arrives: a body becomes named fields, or is refused. Closed: a field we do not know is refused.

Rules of this file: it decides what a form *says*, never whether it counts (`choice.py`). Everything wrong is a
`NotTaken` with a status and a reason from a closed set; nothing half-read is ever handed on. Pure.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qsl, unquote_to_bytes

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File, FormParser, parse_options_header

from proxy.consent.language import LANGUAGES
from proxy.model import Category, How

logging.getLogger("python_multipart").setLevel(logging.ERROR)  # what is no form is answered; it must not fill the log

#: The largest form that is read, in bytes: a save that refuses two thousand vendors by name fits.
LARGEST_FORM = 64 * 1024

#: The longest path that a visitor is sent back to, in characters.
LONGEST_RETURN = 2000

#: How many times a path may be percent-encoded over before it is no longer looked into.
_MOST_CODINGS = 6

_FIELDS = frozenset({"choice", "category", "refuse", "vendor", "shown", "lang", "return_to", "confirm"})
_ONCE = ("choice", "shown", "lang", "return_to", "confirm")
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\U0010ffff\\]")
#: What a way back may have behind `#`: an element's id, as the page rewriting gives and takes it (html/embeds.py).
_SPOT = re.compile(r"[A-Za-z0-9][\w.:-]{0,99}\Z", re.A)
_ELSEWHERE = re.compile(rb"[\x00-\x1f\x7f\\]|\A/\.{0,2}/")


class Why(StrEnum):
    """Why a choice was not taken over; each has its text for visitors."""

    MALFORMED = "malformed"
    TOO_LARGE = "too-large"
    FOREIGN = "foreign"
    NO_CLICK = "no-click"
    NOT_KEPT = "not-kept"


class NotTaken(Exception):
    """A choice that changes nothing. `status` is 400 or 403."""

    def __init__(self, status: int, why: Why) -> None:
        self.status = status
        self.why = why
        super().__init__(f"{status}: {why}")


@dataclass(frozen=True, slots=True)
class Form:
    """What it says. `categories` may hold `essential`, which grants nothing; `shown` and `language` are None where they
    are missing; `confirmed`: it comes from the page that asks once more."""

    how: How
    categories: frozenset[Category] = frozenset()
    refuse: frozenset[str] = frozenset()
    vendors: frozenset[str] = frozenset()
    shown: int | None = None
    language: str | None = None
    return_to: str = "/"
    confirmed: bool = False

    @property
    def asks_for_a_grant(self) -> bool:
        if self.how is How.ACCEPT:
            return True
        return self.how is How.SAVE and bool(self.vendors or self.categories - {Category.ESSENTIAL})


def parse_body(content_type: str, body: bytes) -> list[tuple[str, str]]:
    """The fields of a form body in order. `NotTaken(400)` for another type, a file, or text that is not UTF-8."""
    kind = content_type.partition(";")[0].strip().lower()
    if len(body) > LARGEST_FORM:
        raise NotTaken(400, Why.TOO_LARGE)
    try:
        if kind == "application/x-www-form-urlencoded":
            return parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=bool(body), errors="strict")
        if kind == "multipart/form-data":
            return _multipart(content_type, body)
    except ValueError:  # UnicodeDecodeError is one
        pass
    raise NotTaken(400, Why.MALFORMED)


def _multipart(content_type: str, body: bytes) -> list[tuple[str, str]]:
    fields: list[tuple[str, str]] = []
    ends: list[bool] = []

    def on_field(field: Field) -> None:
        fields.append(((field.field_name or b"").decode(), (field.value or b"").decode()))

    def on_file(_: File) -> None:
        raise ValueError("a choice holds no file")

    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if not boundary:
        raise ValueError("no boundary")
    try:
        parser = FormParser("multipart/form-data", on_field, on_file, lambda: ends.append(True), boundary)
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise ValueError(str(error)) from error
    if not ends:  # a form cut short could lack the vendors that were refused
        raise ValueError("no last boundary")
    return fields


def read_form(fields: Sequence[tuple[str, str]], known: frozenset[str], prefix: str) -> Form:
    """The form that the fields make. `known` are the keys of the vendors that may be chosen about.

    `NotTaken(400)` for a field or a value that our own pages do not send.
    """
    values: dict[str, list[str]] = {}
    for name, value in fields:
        if name not in _FIELDS:
            raise NotTaken(400, Why.MALFORMED)
        values.setdefault(name, []).append(value)
    if any(len(values.get(name, ())) > 1 for name in _ONCE):
        raise NotTaken(400, Why.MALFORMED)
    named = frozenset(values.get("refuse", ())) | frozenset(values.get("vendor", ()))
    if not named <= known:
        raise NotTaken(400, Why.MALFORMED)
    try:
        how = How(values["choice"][0])
        categories = frozenset(map(Category, values.get("category", ())))
        shown = _version(values["shown"][0]) if "shown" in values else None
        language = {tag: tag for tag in LANGUAGES}[values["lang"][0]] if "lang" in values else None
        confirmed = {"yes": True}[values["confirm"][0]] if "confirm" in values else False
    except (KeyError, ValueError):
        raise NotTaken(400, Why.MALFORMED) from None
    return Form(
        how=how,
        categories=categories,
        refuse=frozenset(values.get("refuse", ())),
        vendors=frozenset(values.get("vendor", ())),
        shown=shown,
        language=language,
        return_to=return_path(values.get("return_to", ["/"])[0], prefix),
        confirmed=confirmed,
    )


def _version(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,8}", text):
        raise ValueError(text)
    return int(text)


def return_path(text: str, prefix: str) -> str:
    """`text` where it is a path on this site to which a visitor may be sent back, else `/`.

    Refused: another scheme or host in any disguise (`//`, `/\\`, control characters, those percent-encoded once or
    several times), and our own paths below `prefix`, which are no pages to come back to. The query is kept, and left
    out where the whole would be longer than `LONGEST_RETURN`; of fragments only a plain id is.
    """
    if len(text) > LONGEST_RETURN:
        text = text.partition("#")[0].partition("?")[0]
    text, _, spot = text.partition("#")
    if not text.startswith("/") or len(text) > LONGEST_RETURN or _UNSAFE.search(text):
        return "/"
    path = text.partition("?")[0]
    plain = path.encode("ascii")
    for _ in range(_MOST_CODINGS):
        if _ELSEWHERE.search(plain):
            return "/"
        coded, plain = plain, unquote_to_bytes(plain)
        if plain == coded:
            break
    else:
        return "/"
    if plain.startswith(f"{prefix}/".encode("ascii")):
        return "/"
    return f"{text}#{spot}" if _SPOT.match(spot) else text
