"""What a shop puts over our style sheet, templates and texts, and what it may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.consent.banner import banner
from proxy.consent.pages import Look, look_of, shipped
from proxy.consent.preferences import preferences_page
from proxy.errors import Refused
from tests.consent.asked import get
from tests.consent.shop import site, visit


def folder(top: Path, **files: str) -> Path:
    for name, text in files.items():
        file = top / name.replace("__", "/").replace("_html", ".html").replace("_toml", ".toml").replace("_css", ".css")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return top


def test_ours_is_as_it_is_where_there_is_none() -> None:
    assert look_of(None) is shipped()
    assert shipped().digest == ""


async def test_a_style_sheet_goes_behind_ours(tmp_path: Path) -> None:
    look = Look(folder(tmp_path, style_css=":host, .page { --action: #800 }"))
    assert look.style.startswith(shipped().style)
    assert look.style.rstrip().endswith(b"--action: #800 }")
    got = await get("/_consent/style.css", shop=site(look=look))
    assert got.body == look.style
    assert f"style.css?{look.style_version}".encode() in banner(site(look=look), visit(), "en")
    assert look.style_version != shipped().style_version


def test_texts_go_over_ours_one_by_one(tmp_path: Path) -> None:
    look = Look(
        folder(tmp_path, text__en_toml='[button]\naccept = "Fine by me"\n[banner.partners]\none = "one friend {n}"\n')
    )
    shown = banner(site(look=look), visit(), "en")
    assert b"Fine by me" in shown
    assert b"Reject all" in shown
    assert b"Fine by me" not in banner(site(look=look), visit(), "de")
    assert b"Fine by me" not in banner(site(), visit(), "en")
    assert str(look.words("en").plural("banner.partners", 1)) == "one friend 1"
    assert str(look.words("en").plural("banner.partners", 2)) == "2 partners"


def test_templates_stand_for_ours_and_may_extend_them(tmp_path: Path) -> None:
    own = '{% extends "consentry/preferences.html" %}{% block title %}Our choices{% endblock %}'
    look = Look(folder(tmp_path, templates__preferences_html=own))
    page = preferences_page(site(look=look), visit(), look.words("en"), None)
    assert b"<title>Our choices</title>" in page
    assert b"Accept all" in page


def test_looks_tell_sites_apart(tmp_path: Path) -> None:
    look = Look(folder(tmp_path, style_css="a { color: red }"))
    assert site(look=look) != site()
    assert look.digest != Look(folder(tmp_path, style_css="a { color: blue }")).digest


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"styles_css": ""}, ["styles.css:  is nothing that we would read"]),
        ({"text__xx_toml": ""}, ["text/xx.toml:  is for no language of ours"]),
        ({"text__en_toml": "[button"}, ["text/en.toml"]),
        (
            {"text__en_toml": '[button]\nacept = "x"'},
            ["text/en.toml:2 button.acept is no text of ours. Did you mean accept?"],
        ),
        ({"text__en_toml": '[banner]\nask = "no blanks"'}, ["text/en.toml:2 banner.ask needs the blanks of ours"]),
        ({"text__en_toml": '[banner]\nask = "{shop} {partners} {0.__class__}"'}, ["needs the blanks of ours"]),
        ({"text__en_toml": '[banner]\npartners = "x"'}, ["banner.partners is of another kind than ours"]),
        (
            {"templates__baner_html": ""},
            ["templates/baner.html:  stands for no template of ours. Did you mean banner.html?"],
        ),
        ({"templates__banner_html": "a\n{% if %}"}, ["templates/banner.html:2"]),
        (
            {"styles_css": "", "text__xx_toml": "", "templates__banner_html": "{{"},
            ["styles.css", "xx.toml", "banner.html"],
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, files: dict[str, str], told: list[str]) -> None:
    with pytest.raises(Refused) as refused:
        Look(folder(tmp_path, **files))
    lines = [
        f"{p.file}:{p.line or ''} {p.key} {p.message} {p.mend}".replace(":  ", ":  ") for p in refused.value.problems
    ]
    for expected in told:
        assert any(expected.replace("  ", " ") in line.replace("  ", " ") for line in lines), lines


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="is no folder"):
        Look(tmp_path / "none")
