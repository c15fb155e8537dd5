"""Companies that are known by their domains alone: read, refused with their lines, cut until they are described."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.catalogue.known import COLUMNS, Known, read_known
from proxy.catalogue.load import catalogue_of, load_only
from proxy.catalogue.use import in_use
from proxy.errors import Refused
from proxy.model import Category, Reason
from proxy.settings.load import load_settings
from tests.catalogue.vendors import vendor

HEAD = ",".join(COLUMNS) + "\n"
ROWS = (
    "adfox,Adfox,Adfox Ltd,advertising,,adfox.example static.net.example/adfox\n"
    "filecdn,File CDN,File CDN Inc,essential,delivery,filecdn.example\n"
)


def written(folder: Path, text: str, name: str = "known.csv") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def test_a_row_is_a_company(tmp_path: Path) -> None:
    known, problems = read_known(written(tmp_path, HEAD + ROWS))
    assert problems == []
    assert known["adfox"].categories == (Category.ADVERTISING,)
    assert known["adfox"].domains == ("adfox.example", "static.net.example/adfox")
    assert known["filecdn"].essential
    assert not known["adfox"].essential


@pytest.mark.parametrize(
    ("text", "line", "key", "said"),
    [
        ("name,key\n", 1, "", "is no list of known companies"),
        (HEAD + "A b,A,B,advertising,,a.example\n", 2, "key", "is no key"),
        (HEAD + ROWS + "x,,B,advertising,,x.example\n", 4, "name", "is empty"),
        (HEAD + "x,X,B,adverts,,x.example\n", 2, "categories", "'adverts' is no category"),
        (HEAD + "x,X,B,,,x.example\n", 2, "categories", "is empty"),
        (HEAD + "x,X,B,essential,,x.example\n", 2, "essential_because", "does not fit"),
        (HEAD + "x,X,B,advertising,fraud,x.example\n", 2, "essential_because", "does not fit"),
        (HEAD + "x,X,B,essential,because,x.example\n", 2, "essential_because", "is no reason"),
        (HEAD + "x,X,B,advertising,,\n", 2, "domains", "is empty"),
        (HEAD + "x,X,B,advertising,,https://x.example\n", 2, "domains", "is no domain"),
        (HEAD + "x,X,B,advertising,,co.uk\n", 2, "domains", "anybody can have a name"),
        (HEAD + ROWS + "x,X,B,advertising,,adfox.example\n", 4, "domains", "claimed in line 2"),
        (HEAD + ROWS + "adfox,X,B,advertising,,x.example\n", 4, "key", "listed twice"),
        (HEAD + "x,X,B,advertising\n", 2, "", "has not 6 columns"),
        (HEAD + 'x,X,"B,advertising,,x.example\n', 2, "", "is no CSV"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, text: str, line: int, key: str, said: str) -> None:
    _, problems = read_known(written(tmp_path, text))
    assert [(one.line, one.key) for one in problems if said in one.message] == [(line, key)]


def test_a_folder_may_hold_known_companies_and_every_problem_is_told(tmp_path: Path) -> None:
    written(tmp_path, HEAD + ROWS)
    assert list(load_only([tmp_path]).known) == ["adfox", "filecdn"]
    written(tmp_path, "nothing\n", "other.csv")
    with pytest.raises(Refused, match="no list of known companies"):
        load_only([tmp_path])


def test_a_file_takes_the_place_of_what_is_only_known() -> None:
    known = Known("acme", "Acme", "Acme Ltd", (Category.ADVERTISING,), ("acme.example",))
    assert list(catalogue_of([], known=[known]).known) == ["acme"]
    described = catalogue_of([vendor("acme")], known=[known])
    assert not described.known
    assert described.digest != catalogue_of([], known=[known]).digest


def test_known_is_cut_and_essential_is_allowed(tmp_path: Path) -> None:
    written(tmp_path, HEAD + ROWS)
    settings = load_settings(None, dev=True, environ={}, storefront="http://127.0.0.1:9")
    use = in_use(load_only([tmp_path]), settings)
    for host, allowed, reason in (
        ("t.adfox.example", False, Reason.KNOWN),
        ("filecdn.example", True, Reason.ESSENTIAL),
        ("net.example", True, Reason.UNKNOWN_ALLOWED),
    ):
        _, decision = use.judge(host, "/", {})
        assert (decision.allowed, decision.reason) == (allowed, reason)
    _, decision = use.granting_undescribed().judge("adfox.example", "/", {})
    assert decision.allowed


def test_what_is_only_known_cannot_be_put_in_use(tmp_path: Path) -> None:
    written(tmp_path, HEAD + ROWS)
    config = written(tmp_path, '[vendors]\nuse = ["adfox"]\n', "consentry.toml")
    settings = load_settings(config, dev=True, environ={}, storefront="http://127.0.0.1:9")
    with pytest.raises(Refused, match="vendors describe adfox"):
        in_use(catalogue_of([], known=list(read_known(tmp_path / "known.csv")[0].values())), settings)
