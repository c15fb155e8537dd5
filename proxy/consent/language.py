"""In which language a visitor is spoken to, and all the words we have in it.

Rules of this file: the page's own `lang` comes first (the shop knows its readers), then Accept-Language, then English;
a regional variant that we lack is served by the one that we have (pt-PT by pt-BR, zh-TW by zh). All human text is in
`text/<tag>.toml`, one file a language with the same keys; countries, dates, lists and plural rules come from CLDR
through Babel. What `Words` returns is escaped for HTML, so that templates cannot forget it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

from babel import Locale
from babel.dates import format_date
from babel.lists import format_list
from markupsafe import Markup, escape

#: Our languages, by the names of their files, each with what HTML and CLDR call it.
LANGUAGES: dict[str, tuple[str, str]] = {
    "en": ("en", "en"),
    "de": ("de", "de"),
    "fr": ("fr", "fr"),
    "es": ("es", "es"),
    "it": ("it", "it"),
    "nl": ("nl", "nl"),
    "pl": ("pl", "pl"),
    "pt-BR": ("pt-BR", "pt_BR"),
    "ru": ("ru", "ru"),
    "ar": ("ar", "ar"),
    "zh": ("zh-Hans", "zh_Hans_CN"),
}

_BY_PRIMARY = {tag.partition("-")[0].lower(): tag for tag in LANGUAGES}
_LENGTH = re.compile(r"(\d{1,4}) (year|month|week|day|hour|minute|second)s?\Z")


def match(tag: str | None) -> str | None:
    """Our language for a BCP 47 tag, by its primary subtag; None where we have none."""
    if not tag:
        return None
    return _BY_PRIMARY.get(re.split(r"[-_]", tag.strip(), maxsplit=1)[0].lower())


def choose_language(page_lang: str | None, languages: Iterable[str]) -> str:
    """The language of a page of ours: by the shop's page, then the visitor's languages (best first), then English."""
    return next(filter(None, map(match, (page_lang, *languages))), "en")


class Words:
    """One language's text. Keys are dotted ("banner.title"); one that is not there raises KeyError."""

    def __init__(self, tag: str, own: Mapping[str, Any] | None = None) -> None:
        """`own`: what a shop says in other words."""
        self.tag = tag
        self.html, self._cldr = LANGUAGES[tag]
        self.locale = Locale.parse(self._cldr)
        text = files("proxy.consent").joinpath("text", f"{tag}.toml").read_text(encoding="utf-8")
        self.text: dict[str, Any] = _laid_over(tomllib.loads(text), own or {})

    def _raw(self, key: str) -> Any:
        found: Any = self.text
        for part in key.split("."):
            found = found[part]
        return found

    def __call__(self, key: str, **values: object) -> Markup:
        """The sentence `key`, with `values` put in (those that are no Markup are escaped)."""
        return _escaped(self._raw(key)).format(**values)

    def plural(self, key: str, n: int, **values: object) -> Markup:
        """The form of `key` that goes with the number `n` (CLDR plural rules)."""
        forms = self._raw(key)
        return _escaped(forms.get(self.locale.plural_form(n), forms["other"])).format(n=n, **values)

    def list(self, items: Sequence[object]) -> Markup:
        """ "a, b and c"."""
        return _markup(format_list([str(escape(item)) for item in items], locale=self.locale) if items else "")

    def each(self, table: str, keys: Iterable[str]) -> Markup:
        """The texts of several keys of one table as a list: "a, b and c"."""
        return self.list([self(f"{table}.{key}") for key in keys])

    def countries(self, codes: Iterable[str]) -> Markup:
        """Countries by name, in the order of their names."""
        return Markup(", ").join(sorted(map(self.country, codes)))

    def country(self, code: str) -> str:
        """The country's name; its code where CLDR has none."""
        return str(self.locale.territories.get(code, code))

    def language(self, tag: str) -> str:
        """The name of one of our languages."""
        return str(self.locale.languages.get(LANGUAGES[tag][1], words(tag)("language.name")))

    def date(self, day: date) -> str:
        return format_date(day, "long", locale=self.locale)

    def length(self, text: str) -> str | None:
        """A length of time as vendor files write it ("2 years", "session"); None where it is some other text."""
        if text == "session":
            return str(self._raw("preferences.cookie_session"))
        found = _LENGTH.match(text)
        return str(self.plural(f"length.{found[2]}", int(found[1]))) if found else None

    def months(self, days: int) -> str:
        """About how long `days` are, as one would say it: in months from two on."""
        count, unit = (round(days / 30.4), "month") if days >= 60 else (days, "day")
        return str(self.plural(f"length.{unit}", count))


def _escaped(text: object) -> Markup:
    return _markup(str(escape(text)))


def _markup(escaped: str) -> Markup:
    return Markup(escaped)  # noqa: S704  (only ever called with what `escape` returned, joined)


def _laid_over(ours: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: _laid_over(value, own.get(key, {})) if isinstance(value, Mapping) else own.get(key, value)
        for key, value in ours.items()
    }


@cache
def _shipped(tag: str) -> Words:
    return Words(tag)


def words(tag: str, own: Mapping[str, Any] | None = None) -> Words:
    """The words of one of our languages (a key of `LANGUAGES`); `own`: what a shop says in other words."""
    return Words(tag, own) if own else _shipped(tag)
