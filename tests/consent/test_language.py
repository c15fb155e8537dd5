"""In which language a visitor is spoken to, and that every language says everything."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from datetime import date
from enum import StrEnum
from importlib.resources import files

import pytest
from babel import Locale
from markupsafe import Markup

from proxy.catalogue.words import Datum, EssentialBecause, Purpose
from proxy.consent.form import Why
from proxy.consent.language import LANGUAGES, choose_language, match, words
from proxy.model import Category, Reach

PLURALS = frozenset({"zero", "one", "two", "few", "many", "other"})
TABLES: dict[str, type[StrEnum]] = {
    "purpose": Purpose,
    "data": Datum,
    "essential": EssentialBecause,
    "reach": Reach,
    "category": Category,
}


def leaves(table: dict[str, object], path: str = "") -> Iterator[tuple[str, str]]:
    """Every text by its dotted key; a plural is one key, its forms joined."""
    for key, value in table.items():
        if isinstance(value, dict) and not set(value) <= PLURALS:
            yield from leaves(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", " ".join(map(str, value.values())) if isinstance(value, dict) else str(value)


TEXTS = {
    tag: tomllib.loads(files("proxy.consent").joinpath("text", f"{tag}.toml").read_text("utf-8")) for tag in LANGUAGES
}
ENGLISH = dict(leaves(TEXTS["en"]))


def blanks(text: str) -> set[str]:
    return set(re.findall(r"{(\w*)}", text))


def test_there_is_one_file_a_language_and_no_other() -> None:
    folder = files("proxy.consent").joinpath("text")
    assert {entry.name for entry in folder.iterdir()} == {f"{tag}.toml" for tag in LANGUAGES}


@pytest.mark.parametrize("tag", LANGUAGES)
def test_every_language_says_everything_with_the_same_blanks(tag: str) -> None:
    said = dict(leaves(TEXTS[tag]))
    assert list(said) == list(ENGLISH)
    for key, text in said.items():
        assert text.strip() == text
        assert text
        assert blanks(text) == blanks(ENGLISH[key]), key


@pytest.mark.parametrize("tag", LANGUAGES)
def test_every_plural_has_the_forms_that_the_language_has(tag: str) -> None:
    needed = {words(tag).locale.plural_form(n) for n in range(200)} | {"other"}

    def check(table: dict[str, object]) -> None:
        for value in table.values():
            if isinstance(value, dict) and set(value) <= PLURALS:
                assert set(value) == needed
            elif isinstance(value, dict):
                check(value)

    check(TEXTS[tag])


#: Words that some languages share with English.
SHARED = {f"preferences.{key}" for key in ("cookies", "cookie_name", "partners")} | {
    "category.marketing.name",
    "category.social.name",
    "purpose.chat",
    "banner.partners",
}


@pytest.mark.parametrize("tag", [tag for tag in LANGUAGES if tag != "en"])
def test_nothing_is_left_in_english(tag: str) -> None:
    said = dict(leaves(TEXTS[tag]))
    left = {key for key, text in said.items() if text == ENGLISH[key] and not key.startswith("length.")}
    assert left <= SHARED


@pytest.mark.parametrize("tag", LANGUAGES)
@pytest.mark.parametrize("table", TABLES)
def test_every_word_of_the_vendor_files_is_translated(tag: str, table: str) -> None:
    assert set(TEXTS[tag][table]) == set(map(str, TABLES[table]))


@pytest.mark.parametrize("tag", LANGUAGES)
def test_every_reason_not_to_take_a_choice_is_told(tag: str) -> None:
    assert set(TEXTS[tag]["not_taken"]) == {"unchanged", *map(str, Why)}


@pytest.mark.parametrize(
    ("tag", "ours"),
    [
        ("en", "en"),
        ("EN-gb", "en"),
        ("de-AT", "de"),
        ("fr-CA", "fr"),
        ("pt", "pt-BR"),
        ("pt-PT", "pt-BR"),
        ("pt-BR", "pt-BR"),
        ("pt_BR", "pt-BR"),
        ("ru-RU", "ru"),
        ("zh", "zh"),
        ("zh-CN", "zh"),
        ("zh-Hans-CN", "zh"),
        ("zh-TW", "zh"),
        (" de ", "de"),
        ("es-419", "es"),
        ("ar-EG", "ar"),
        ("sv", None),
        ("deu", None),
        ("", None),
        (None, None),
        ("-", None),
    ],
)
def test_which_language_of_ours_a_tag_is(tag: str | None, ours: str | None) -> None:
    assert match(tag) == ours


@pytest.mark.parametrize(
    ("page", "languages", "chosen"),
    [
        ("de", ("fr", "en"), "de"),
        ("sv", ("ru", "en"), "ru"),
        (None, ("sv", "pt-pt", "en"), "pt-BR"),
        (None, (), "en"),
        ("xx", ("yy",), "en"),
    ],
)
def test_the_page_comes_first_then_the_visitor_then_english(
    page: str | None, languages: tuple[str, ...], chosen: str
) -> None:
    assert choose_language(page, languages) == chosen


@pytest.mark.parametrize(
    ("tag", "said"),
    [
        ("en", ["1 partner", "5 partners", "a, b, and c", "November 22, 2026", "Germany", "6 months", "2 years"]),
        ("de", ["1 Partner", "5 Partnern", "a, b und c", "22. November 2026", "Deutschland", "6 Monate", "2 Jahre"]),
        (
            "fr",
            ["1 partenaire", "5 partenaires", "a, b et c", "22 novembre 2026", "Allemagne", "6 mois", "2 ans"],
        ),
        (
            "pt-BR",
            ["1 parceiro", "5 parceiros", "a, b e c", "22 de novembro de 2026", "Alemanha", "6 meses", "2 anos"],
        ),
        (
            "ru",
            ["1 партнёра", "5 партнёров", "a, b и c", "22 ноября 2026 г.", "Германия", "6 месяцев", "2 года"],
        ),
        ("es", ["1 socio", "5 socios", "a, b y c", "22 de noviembre de 2026", "Alemania", "6 meses", "2 años"]),
        ("it", ["1 partner", "5 partner", "a, b e c", "22 novembre 2026", "Germania", "6 mesi", "2 anni"]),
        ("nl", ["1 partner", "5 partners", "a, b en c", "22 november 2026", "Duitsland", "6 maanden", "2 jaar"]),
        ("pl", ["1 partner", "5 partnerów", "a, b i c", "22 listopada 2026", "Niemcy", "6 miesięcy", "2 lata"]),
        ("ar", ["شريك واحد", "5 شركاء", "a وb وc", "22 نوفمبر 2026", "ألمانيا", "6 أشهر", "سنتين"]),
        ("zh", ["1 家合作伙伴", "5 家合作伙伴", "a、b和c", "2026年11月22日", "德国", "6 个月", "2 年"]),
    ],
)
def test_numbers_lists_dates_and_countries_as_each_language_says_them(tag: str, said: list[str]) -> None:
    t = words(tag)
    assert [
        t.plural("banner.partners", 1),
        t.plural("banner.partners", 5),
        t.list(["a", "b", "c"]),
        t.date(date(2026, 11, 22)).replace("\u202f", " ").replace("\xa0", " "),
        t.country("DE"),
        t.months(182),
        t.length("2 years"),
    ] == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("session", "this session"),
        ("1 year", "1 year"),
        ("90 days", "90 days"),
        ("up to 2 years", None),
        ("2 years or so", None),
        ("2 moons", None),
        ("", None),
    ],
)
def test_only_plain_lengths_of_time_are_translated(text: str, said: str | None) -> None:
    assert words("en").length(text) == said


@pytest.mark.parametrize(("days", "said"), [(1, "1 day"), (59, "59 days"), (60, "2 months"), (182, "6 months")])
def test_how_long_a_choice_is_kept(days: int, said: str) -> None:
    assert words("en").months(days) == said


def test_what_is_put_in_is_escaped_unless_it_is_markup() -> None:
    t = words("en")
    assert t("status.granted", date="<i>", granted=Markup("<b>x</b>")) == "On &lt;i&gt; you allowed: <b>x</b>."
    assert t.list(["<", Markup("<b>")]) == "&lt; and <b>"
    assert t.list([]) == ""
    assert t.countries(["US", "ZZZ", "DE"]) == "Germany, United States, ZZZ"
    with pytest.raises(KeyError):
        t("banner.nothing-like-it")


def test_all_locales_are_known_to_cldr_and_arabic_runs_from_right_to_left() -> None:
    assert {tag for tag, (_, cldr) in LANGUAGES.items() if Locale.parse(cldr).text_direction == "rtl"} == {"ar"}
