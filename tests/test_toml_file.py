"""Reading TOML with places: every key its line, every file that cannot be read its reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import Refused
from proxy.toml_file import Places, parse_toml, read_toml
from proxy.toml_problems import toml_value
from tests.toml_values import KEYS, VALUES

DOCUMENT = """\
# A comment with [brackets] and "quotes".
name = "x"   # another
a.b = [
  1, # ] }
  "]", { c = 3, "d.e" = [1,
 2]} ]
'single quoted' = '# no comment' # a comment
"""

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
    windows, others = TABLES.replace("\n", "\r\n"), TABLES
    assert parse_toml(windows, Path("x"))[1].lines == parse_toml(others, Path("x"))[1].lines


def test_what_has_no_line_has_that_of_the_table_around_it() -> None:
    places = parse_toml(TABLES, Path("x"))[1]
    assert places.line(("list", 1, "missing")) == 12
    assert places.line(()) == 1
    assert places.line(("missing",)) is None
    assert Places().line(()) is None


def _paths(value: Any, path: tuple[str | int, ...] = ()) -> set[tuple[str | int, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return {path}.union(*(_paths(item, (*path, step)) for step, item in items))


@given(st.dictionaries(KEYS, VALUES, max_size=4))
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
