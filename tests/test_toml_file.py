"""Reading TOML with places, and the wording of what a model refuses: one case a fault, each with line and mend."""

from __future__ import annotations

import tomllib
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from proxy.errors import Problem, Refused
from proxy.toml_file import Places, parse_toml, problems_of, read_toml, toml_value

DOCUMENT = """\
# A comment with [brackets] and "quotes".
name = "x"   # another
a.b = [
  1, # ] }
  "]", { c = 3, "d.e" = [1,
 2]} ]
'single quoted' = 'it''s' # not really
""".replace("'it''s'", "'its'")

TABLES = '''\
[table]
text = """
[not a table]
x = "" \\"""
"""
raw = \'\'\'
y = 1\'\'\'
[[list]]
x = 1
  [list.inner]
  y = 1979-05-27 07:32:00
[[list]]
z = {}
[list.inner]
y = [ ]
[dotted . "quoted.key"]
last = true'''


def test_every_key_has_its_line() -> None:
    assert parse_toml(DOCUMENT, Path("x"))[1].lines == {
        (): 1,
        ("name",): 2,
        ("a",): 3,
        ("a", "b"): 3,
        ("a", "b", 0): 4,
        ("a", "b", 1): 5,
        ("a", "b", 2): 5,
        ("a", "b", 2, "c"): 5,
        ("a", "b", 2, "d.e"): 5,
        ("a", "b", 2, "d.e", 0): 5,
        ("a", "b", 2, "d.e", 1): 6,
        ("single quoted",): 7,
    }
    assert parse_toml(TABLES, Path("x"))[1].lines == {
        (): 1,
        ("table",): 1,
        ("table", "text"): 2,
        ("table", "raw"): 6,
        ("list",): 8,
        ("list", 0): 8,
        ("list", 0, "x"): 9,
        ("list", 0, "inner"): 10,
        ("list", 0, "inner", "y"): 11,
        ("list", 1): 12,
        ("list", 1, "z"): 13,
        ("list", 1, "inner"): 14,
        ("list", 1, "inner", "y"): 15,
        ("dotted",): 16,
        ("dotted", "quoted.key"): 16,
        ("dotted", "quoted.key", "last"): 17,
    }


def test_windows_line_ends_count_as_one() -> None:
    assert parse_toml(TABLES.replace("\n", "\r\n"), Path("x"))[1] == parse_toml(TABLES, Path("x"))[1]


def test_what_has_no_line_has_that_of_the_table_around_it() -> None:
    places = parse_toml(TABLES, Path("x"))[1]
    assert places.line(("list", 1, "missing")) == 12
    assert places.line(()) == 1
    assert places.line(("missing",)) is None
    assert Places.nowhere().line(()) is None


_KEYS = st.text(st.sampled_from('ab."#[]= \u00e4'), max_size=4)
_SCALARS = st.one_of(
    st.booleans(), st.integers(-99, 99), st.dates(), st.text(st.sampled_from("ab'\"\\#[]{},=\n\u00e4"), max_size=6)
)
_VALUES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3), max_leaves=8
)


def _paths(value: Any, path: tuple[str | int, ...] = ()) -> set[tuple[str | int, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return {path}.union(*(_paths(item, (*path, step)) for step, item in items))


@given(st.dictionaries(_KEYS, _VALUES, max_size=4))
def test_every_path_of_any_document_has_a_line_and_no_other_path_has(document: dict[str, Any]) -> None:
    text = "".join(f"{toml_value(key)} = {toml_value(value)}\n" for key, value in document.items())
    read, places = parse_toml(text, Path("x"))
    assert read == document
    assert set(places.lines) == _paths(document)
    assert [places.lines[(key,)] for key in document] == list(range(1, len(document) + 1))


@pytest.mark.parametrize(
    ("content", "line", "wrong", "mend"),
    [
        (b'a = 1\nb = "x\n', 2, "illegal character", "the quote that began it"),
        (b"a = 1\nb = yes\n", 2, "invalid value", "quotes"),
        (b"a = [1,\n2\n", 2, "unclosed array", "A list ends with ]"),
        (b"a = 1\na = 2\n", 2, "cannot overwrite a value", "once"),
        (b"[t]\n[t]\n", 2, "twice", "once"),
        (b"a\n", 1, "expected '='", "field = value"),
        (b"= 1\n", 1, "invalid statement", "field = value"),
        (b"a = 1 b = 2\n", 1, "expected newline", "One field a line"),
        (b'a = "\\x"\n', 1, "unescaped", r"\\"),
        (b'a = """\nx\n', 2, "unterminated", "quote"),
        (b"a = { b = 1\n", 1, "unclosed inline table", "one line"),
        (b"\n\n\xff", 3, "not UTF-8: byte 0xff", "UTF-8"),
        (b"\xef\xbb\xbfa = 1", 1, "byte order mark", '"UTF-8 with BOM"'),
        ("a = 1".encode("utf-16"), 1, "UTF-16", "UTF-8"),
        (b"a = " + b"[" * 100_000, None, "nested too deeply", ""),
    ],
)
def test_what_is_no_toml_is_refused_with_line_and_mend(
    tmp_path: Path, content: bytes, line: int | None, wrong: str, mend: str
) -> None:
    file = tmp_path / "x.toml"
    file.write_bytes(content)
    with pytest.raises(Refused) as refused:
        read_toml(file)
    (problem,) = refused.value.problems
    assert (problem.file, problem.line) == (str(file), line)
    assert wrong in problem.message
    assert mend in problem.mend


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for file, wrong in (
        (tmp_path / "none", "no such file"),
        (tmp_path, "directory"),
        (tmp_path / "file" / "x", "read"),
    ):
        with pytest.raises(Refused, match=wrong):
            read_toml(file)


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
    (problem,) = problems_of(caught.value, "--kind", Places.nowhere(), Whole)
    assert (problem.file, problem.line, problem.key) == ("--kind", None, "kind")


def test_fields_that_no_file_sets_are_not_suggested() -> None:
    (problem,) = _problems("title = 'x'\nhiden = 1")
    assert "hidden" not in problem.mend


@given(_VALUES)
def test_values_are_written_as_toml_reads_them(value: Any) -> None:
    assert tomllib.loads(f"x = {toml_value(value)}") == {"x": value}
