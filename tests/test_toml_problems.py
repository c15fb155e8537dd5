"""The wording of what a model refuses: one case a fault, each with line and mend."""

from __future__ import annotations

import tomllib
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from proxy.errors import Problem
from proxy.toml_file import Places, parse_toml
from proxy.toml_problems import problems_of, toml_value
from tests.toml_values import VALUES


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


def _even(value: int) -> int:
    if value % 2:
        raise ValueError(f"{value} is odd; write the next one")
    return value


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid")
    size: int = Field(examples=[3], ge=0, description="How big.")
    colour: Colour = Colour.RED


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, str]
    on: bool = False


class Whole(BaseModel):
    model_config = ConfigDict(extra="forbid")
    title: str = Field(min_length=1, examples=["Home"], description="What people read.")
    kind: Literal["a", "b"] = "a"
    parts: tuple[Part, ...] = ()
    main: Part | None = None
    named: dict[str, Open] = Field(default_factory=dict)
    names: dict[Annotated[str, Field(pattern="^[a-z]+$")], Colour] = Field(default_factory=dict)
    even: Annotated[int, AfterValidator(_even)] = 0
    share: float = 0
    words: list[str] = Field(default_factory=list)
    day: date | None = None
    either: int | tuple[int, ...] = 0
    hidden: int = Field(default=0, exclude=True)


def _problems(text: str) -> list[Problem]:
    document, places = parse_toml(text, Path("x.toml"))
    with pytest.raises(ValidationError) as caught:
        Whole.model_validate(document)
    return problems_of(caught.value, "x.toml", places, Whole)


@pytest.mark.parametrize(
    ("text", "line", "key", "message", "mend"),
    [
        ("kind = 'a'", 1, "title", "is missing.", 'Add a line like: title = "Home"'),
        ("\ntitle = ''", 2, "title", "is empty.", 'What people read. Like: title = "Home"'),
        ("title = 3", 1, "title", "3 is not text in quotes.", 'What people read. Like: title = "Home"'),
        ("title = 'x'\ntitel = 'x'", 2, "titel", "there is no such field.", "Did you mean title?"),
        ("title = 'x'\nsize = 1", 2, "size", "there is no such field.", "It belongs under [main]."),
        (
            "title = 'x'\n[main]\nsize = 1\nkind = 'b'",
            4,
            "main.kind",
            "there is no such field.",
            "It belongs at the top.",
        ),
        ("title = 'x'\nzzz = 1", 2, "zzz", "there is no such field.", "Fields here: title, kind, parts,"),
        ("title = 'x'\nkind = 'c'", 2, "kind", '"c" is not allowed here.', "Allowed: a, b."),
        ("title = 'x'\nkind = ''", 2, "kind", "is empty.", "Allowed: a, b."),
        ("title = 'x'\n[main]\n", 2, "main.size", "is missing.", "Add a line like: size = 3"),
        ("title = 'x'\n[main]\nsize = -1", 3, "main.size", "-1 is not right:", "How big. Like: size = 3"),
        ("title = 'x'\n[main]\nsize = 'a'", 3, "main.size", '"a" is not a whole number.', "How big."),
        ("title = 'x'\nmain = 3", 2, "main", "3 is not a table.", ""),
        ("title = 'x'\nparts = 3", 2, "parts", "3 is not a list in [ ].", ""),
        (
            "title = 'x'\n[[parts]]\nsize = 1\n[[parts]]\ncolour = 'red'",
            4,
            "parts.size",
            "(entry 2) is missing.",
            "size = 3",
        ),
        (
            "title = 'x'\nparts = [{ size = 1, colour = 'rad' }]",
            2,
            "parts.colour",
            '(entry 1) "rad" is',
            "Did you mean red?",
        ),
        ("title = 'x'\neven = 3", 2, "even", "3 is odd.", "Write the next one."),
        ("title = 'x'\nshare = 'much'", 2, "share", '"much" is not a number.', ""),
        ("title = 'x'\nwords = [\n'a',\n3]", 4, "words", "3 is not text in quotes.", ""),
        ("title = 'x'\nday = 'soon'", 2, "day", '"soon" is not a day like 2026-11-22', ""),
        ("title = 'x'\n[named.k]\non = 'maybe'", 3, "named.k.on", '"maybe" is not true or false.', ""),
        ("title = 'x'\n[named.k]\nid = 4", 3, "named.k.id", "4 is not text in quotes.", ""),
        ("title = 'x'\nnames = { A = 'red' }", 2, "names.A", '"A" is not right:', ""),
        ("title = 'x'\nnames = { a = 'green' }", 2, "names.a", '"green" is not allowed here.', "Allowed: red, blue."),
        ("title = 'x'\n[[named.k]]\n", 2, "named.k", "[{}] is not a table.", ""),
        (f"title = 'x'\nday = '{'y' * 90}'", 2, "day", f'"{"y" * 56}... is not a day', ""),
    ],
)
def test_one_fault_one_problem(text: str, line: int, key: str, message: str, mend: str) -> None:
    (problem,) = _problems(text)
    assert (problem.file, problem.line, problem.key) == ("x.toml", line, key)
    assert problem.message.startswith(message)
    assert mend in problem.mend


def test_all_faults_are_told_in_the_order_of_their_lines() -> None:
    problems = _problems("kind = 'c'\neven = 1\nfoo = 2\n[main]\nsize = 1\ncolour = 'x'")
    assert [(problem.line, problem.key) for problem in problems] == [
        (1, "kind"),
        (1, "title"),
        (2, "even"),
        (3, "foo"),
        (6, "main.colour"),
    ]


def test_a_value_that_no_file_holds_has_no_line() -> None:
    with pytest.raises(ValidationError) as caught:
        Whole.model_validate({"title": "x", "kind": "c"})
    (problem,) = problems_of(caught.value, "--kind", Places(), Whole)
    assert (problem.file, problem.line, problem.key) == ("--kind", None, "kind")


def test_fields_that_no_file_sets_are_not_suggested() -> None:
    (problem,) = _problems("title = 'x'\nhiden = 1")
    assert "hidden" not in problem.mend


@given(VALUES)
def test_values_are_written_as_toml_reads_them(value: Any) -> None:
    assert tomllib.loads(f"x = {toml_value(value)}") == {"x": value}
