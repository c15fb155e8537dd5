"""Vendor files that load, and each way in which one is refused: file, line, key, what is wrong, what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.catalogue.json_schema import HINT
from proxy.catalogue.load import catalogue_of, describe, load, load_only, shipped_dir
from proxy.errors import Problem, Refused
from tests.catalogue.vendors import vendor

#: A file with nothing wrong. Tests replace a line of it.
LINES = """\
name = "Acme"
company = "Acme Ltd"
categories = ["analytics"]
purposes = ["measure-visits"]
data = ["page", "short-ip"]
role = "processor"
transfer = { to = ["US"], basis = "scc" }
retention = "14 months"
policy = "https://acme.example/privacy"
reach = "relay"
cookies = [
  { name = "_acme", keeps = "2 years", party = "first", use = "tells visitors apart" },
]
checked = 2026-11-22
[technical]
match = ["acme.example"]
[technical.relay]
script = ["acme.example/*.js"]
"""


def _write(folder: Path, key: str = "acme", *changes: tuple[str, str]) -> Path:
    text = LINES
    for old, new in changes:
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times"
        text = text.replace(old, new)
    folder.mkdir(exist_ok=True)
    file = folder / f"{key}.toml"
    file.write_text(text, encoding="utf-8")
    return file


def _refused(*folders: Path) -> list[Problem]:
    with pytest.raises(Refused) as refused:
        load_only(folders)
    return list(refused.value.problems)


def test_a_file_loads_as_it_says(tmp_path: Path) -> None:
    file = _write(tmp_path)
    catalogue = load_only([tmp_path])
    acme = catalogue.vendors["acme"]
    assert (acme.key, acme.name, acme.technical.match) == ("acme", "Acme", ("acme.example",))
    assert catalogue.files == {"acme": file}
    assert not acme.loads


def test_a_later_folder_replaces_a_vendor_whole(tmp_path: Path) -> None:
    _write(tmp_path / "a")
    _write(
        tmp_path / "a", "other", ('acme.example"]\n[', 'other.example"]\n['), ("acme.example/*.js", "other.example/")
    )
    mine = _write(tmp_path / "b", "acme", ('"Acme"', '"Mine"'), ("_acme", "_mine"))
    catalogue = load_only([tmp_path / "a", tmp_path / "b"])
    assert list(catalogue.vendors) == ["acme", "other"]
    assert catalogue.vendors["acme"].name == "Mine"
    assert catalogue.files["acme"] == mine


def test_the_digest_changes_with_any_vendor(tmp_path: Path) -> None:
    _write(tmp_path / "a")
    _write(tmp_path / "b", "acme", ('"14 months"', '"15 months"'))
    first, again, other = (load_only([tmp_path / name]).digest for name in ("a", "a", "b"))
    assert first == again != other


def test_other_files_and_hidden_ones_are_passed_over(tmp_path: Path) -> None:
    _write(tmp_path)
    (tmp_path / ".#acme.toml").write_text("broken")
    (tmp_path / "README.md").write_text("# Vendors")
    assert list(load_only([tmp_path]).vendors) == ["acme"]


#: What is written for a line -> line, key, part of the message, part of the mend, of the one problem that follows.
ONE_FAULT = [
    (('name = "Acme"', 'nam = "Acme"\nname = "Acme"'), 1, "nam", "no such field", "Did you mean name?"),
    (('retention = "14 months"\n', ""), 1, "retention", "is missing", 'retention = "14 months"'),
    (('"14 months"', '""'), 8, "retention", "is empty", "How long it keeps"),
    (
        ('["analytics"]', '["analytics", "adverts"]'),
        3,
        "categories",
        '"adverts" is not allowed',
        "Allowed: essential, analytics, advertising",
    ),
    (('["analytics"]', '["analytics", "analytics"]'), 3, "categories", "listed twice", "Take one out."),
    (('["measure-visits"]', '["measure-visit"]'), 4, "purposes", "not allowed", "Did you mean measure-visits?"),
    (('"processor"', '"boss"'), 6, "role", '"boss"', "processor, joint, independent"),
    (('"US"', '"usa"'), 7, "transfer.to", '"usa" is not right', "Two-letter country codes"),
    (('"US"', '"US", "US"'), 7, "transfer.to", "listed twice", "Take one out."),
    (('"US"', '"DE", "NO"'), 7, "transfer.basis", "nothing leaves the EU or EEA", 'basis = "adequacy"'),
    (('"https://acme', '"http://acme'), 9, "policy", "not an https:// address", ""),
    (("2026-11-22", '"22.11.2026"'), 14, "checked", "(without quotes)", "2026-11-22"),
    (('"relay"', '"direct"'), 5, "data", "sees the full IP address", 'In data, write "full-ip" for "short-ip".'),
    (('"short-ip"', '"full-ip"'), 5, "data", '"relay" never gives away a full IP', 'Or add: reach = "direct".'),
    (('"_acme"', '"token"'), 12, "cookies.name", "a name that shops use too", "Only distinctive"),
    (
        ("cookies = [\n", 'cookies = [\n  { name = "_acme", keeps = "1 day", party = "first", use = "more" },\n'),
        13,
        "cookies.name",
        "listed twice",
        "",
    ),
    (('party = "first", ', ""), 12, "cookies.party", "(entry 1) is missing", 'party = "first"'),
    (('["acme.example"]', '["https://acme.example"]'), 16, "technical.match", "not a URL pattern", "without a scheme"),
    (
        ('["acme.example"]', '[\n"acme.example",\n"Acme.example/x"]'),
        18,
        "technical.match",
        "not a URL pattern",
        "lower case",
    ),
    (
        ('["acme.example"]', '["acme.example", "co.uk"]'),
        16,
        "technical.match",
        "anybody can have a name under co.uk",
        "acme.co.uk",
    ),
    (
        ('["acme.example/*.js"]', '["acme.example/*.js", "cdn.other.example/x"]'),
        18,
        "technical.relay.script",
        "on no host of technical.match",
        'Add "cdn.other.example"',
    ),
    (("script =", "scripts ="), 18, "technical.relay.scripts", "no such field", "Did you mean script?"),
    (("[technical]", 'statistics_only = "maybe"\n[technical]'), 15, "statistics_only", "not true or false", ""),
    (
        ("[technical]\n", '[technical]\nopt_out = "https://a.example"\n'),
        16,
        "technical.opt_out",
        "no such field",
        "It belongs at the top.",
    ),
    (('name = "Acme"', 'name = "Acme"\nstub = {}'), 2, "stub", "no such field", "It belongs under [technical]."),
    (('name = "Acme"', 'name = "Acme"\nkey = "acme"'), 2, "key", "cannot be set", "The name of the file"),
    (('name = "Acme"', 'name = "Acme"\nloads = ["social"]'), 2, "loads", "cannot be set", "[vendor.KEY] loads"),
    (
        ('name = "Acme"', 'name = "Acme"\nessential_because = "payment"'),
        2,
        "essential_because",
        "essential vendors only",
        'categories = ["essential"]',
    ),
    (('["analytics"]', '["essential"]'), 3, "categories", "must say why", "essential_because ="),
    (
        ("[technical]", "statistics_only = true\nsale_or_share = true\n[technical]"),
        15,
        "statistics_only",
        "sold or shared",
        "Take out",
    ),
    (('name = "Acme"', 'name = "Acme'), 1, "", "not valid TOML", "the quote that began it"),
]


@pytest.mark.parametrize(
    ("change", "line", "key", "message", "mend"), ONE_FAULT, ids=[str(case[0][1]) for case in ONE_FAULT]
)
def test_one_fault_is_told_once_with_its_line_and_mend(
    tmp_path: Path, change: tuple[str, str], line: int, key: str, message: str, mend: str
) -> None:
    file = _write(tmp_path, "acme", change)
    problems = _refused(tmp_path)
    assert [(problem.file, problem.line, problem.key) for problem in problems] == [(str(file), line, key)], problems
    assert message in problems[0].message
    assert mend in problems[0].mend


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            [('["analytics"]', '["essential", "social"]'), ("reach =", 'essential_because = "payment"\nreach =')],
            [(3, "categories", "has no other category")],
        ),
        (
            [('["analytics"]', '["analytics", "social"]'), ("[technical]", "statistics_only = true\n[technical]")],
            [(15, "statistics_only", '"social"')],
        ),
        ([('"relay"', '"direct"'), ('"short-ip"', '"short-ip", "full-ip"')], [(5, "data", "already")]),
        (
            [('"relay"', '"server"'), ("[technical.relay]", 'embed = ["acme.example/x"]\n[technical.relay]')],
            [(17, "technical.embed", 'reach = "server" cannot show')],
        ),
        (
            [('"Acme"', "3"), ('"14 months"', '""'), ('"relay"', '"direct"'), ('"_acme"', '"sid"')],
            [(1, "name", "3 is"), (5, "data", "full IP"), (8, "retention", "empty"), (12, "cookies.name", "shops use")],
        ),
    ],
)
def test_all_faults_of_a_file_are_told_at_once(
    tmp_path: Path, changes: list[tuple[str, str]], expected: list[tuple[int, str, str]]
) -> None:
    _write(tmp_path, "acme", *changes)
    problems = _refused(tmp_path)
    assert [(problem.line, problem.key) for problem in problems] == [(line, key) for line, key, _ in expected]
    for problem, (_, _, message) in zip(problems, expected, strict=True):
        assert message in problem.message


def test_tables_that_are_none_are_told_and_nothing_follows_from_them(tmp_path: Path) -> None:
    (tmp_path / "acme.toml").write_text(
        'cookies = [3, 4]\ntransfer = "US"\ntechnical = "x"\ncategories = "analytics"\n'
    )
    told = {problem.key: problem.message for problem in _refused(tmp_path) if problem.message != "is missing."}
    assert told == {
        "cookies": "4 is not a table.",
        "transfer": '"US" is not a table.',
        "technical": '"x" is not a table.',
        "categories": '"analytics" is not a list in [ ].',
    }


def test_a_missing_table_is_told_with_what_it_needs(tmp_path: Path) -> None:
    (tmp_path / "acme.toml").write_text(LINES.partition("[technical]")[0], encoding="utf-8")
    (problem,) = _refused(tmp_path)
    assert (problem.key, problem.mend) == ("technical", 'Add a line like: [technical] match = ["vendor.example"]')


def test_all_faults_of_all_files_and_folders_are_told_at_once(tmp_path: Path) -> None:
    one = _write(tmp_path / "a", "acme", ('"Acme"', '""'))
    two = _write(tmp_path / "b", "beta", ('"Acme"', '"Beta'), ('acme.example"]\n[', 'beta.example"]\n['))
    three = _write(
        tmp_path / "b", "Gamma_x", ('acme.example"]\n[', 'gamma.example"]\n['), ("acme.example/*.js", "gamma.example/")
    )
    (tmp_path / "empty").mkdir()
    problems = _refused(tmp_path / "a", tmp_path / "b", tmp_path / "empty", tmp_path / "none", one)
    assert {(problem.file, problem.line) for problem in problems} == {
        (str(one), 1),
        (str(two), 1),
        (str(three), None),
        (str(tmp_path / "empty"), None),
        (str(tmp_path / "none"), None),
        (str(one), None),
    }
    told = {problem.file: problem for problem in problems if problem.line is None}
    assert "holds no vendor file" in told[str(tmp_path / "empty")].message
    assert "no such folder" in told[str(tmp_path / "none")].message
    assert "is no folder" in told[str(one)].message
    assert "cannot be a vendor's key" in told[str(three)].message
    assert problems == sorted(problems, key=lambda problem: (problem.file, problem.line or 0))


def test_a_folder_named_twice_is_told_of_once(tmp_path: Path) -> None:
    _write(tmp_path, "acme", ('"Acme"', '""'))
    assert len(_refused(tmp_path, tmp_path)) == 1


def test_two_vendors_that_claim_one_pattern_are_told_with_both_places(tmp_path: Path) -> None:
    first = _write(tmp_path, "acme")
    second = _write(
        tmp_path, "beta", ('match = ["acme.example"]', 'match = [\n  "beta.example",\n  "acme.example",\n]')
    )
    (problem,) = _refused(tmp_path)
    assert (problem.file, problem.line, problem.key) == (str(second), 18, "technical.match")
    assert f"{first}:16" in problem.message


@pytest.mark.parametrize(
    "technical", ['match = ["acme.example", "acme.example"]', 'match = ["acme.example"]\nlinks = ["acme.example"]']
)
def test_one_vendor_that_claims_a_pattern_twice(tmp_path: Path, technical: str) -> None:
    _write(tmp_path, "acme", ('match = ["acme.example"]', technical))
    (problem,) = _refused(tmp_path)
    assert "too." in problem.message


def test_a_replaced_vendor_claims_nothing(tmp_path: Path) -> None:
    _write(tmp_path / "a", "acme")
    _write(tmp_path / "b", "acme", ('["acme.example"]', '["acme.example/new"]'))
    _write(tmp_path / "b", "beta")
    assert set(load_only([tmp_path / "a", tmp_path / "b"]).vendors) == {"acme", "beta"}


def test_a_folder_that_cannot_be_read(tmp_path: Path) -> None:
    assert "cannot be read" in _refused(tmp_path / ("x" * 300))[0].message


def test_a_file_that_is_not_written_yet_is_described_like_one_that_is(tmp_path: Path) -> None:
    described = describe(tmp_path / "acme.toml", LINES.replace('"Acme"', '""'))
    assert described.vendor is None
    assert [problem.line for problem in described.problems] == [1]


def test_a_catalogue_of_vendors_at_hand_is_in_the_order_of_the_keys() -> None:
    assert list(catalogue_of([vendor("b"), vendor("a")]).vendors) == ["a", "b"]


RELIED_ON = (
    "google-analytics google-ads google-tag-manager meta-pixel x vk instagram youtube vimeo tiktok pinterest linkedin "
    "snap reddit microsoft-ads matomo plausible yandex-metrica hotjar clarity klaviyo mailchimp hubspot"
).split()


def test_the_shipped_vendors_load_and_hold_the_keys_that_others_rely_on() -> None:
    catalogue = load()
    assert set(RELIED_ON) <= set(catalogue.vendors)
    assert len(catalogue.vendors) >= 60
    assert all(file.parent == shipped_dir() for file in catalogue.files.values())


def test_every_shipped_file_names_its_schema_to_editors() -> None:
    without = [
        file.name for file in shipped_dir().glob("*.toml") if not file.read_text("utf-8").startswith(f"{HINT}\n")
    ]
    assert without == []
