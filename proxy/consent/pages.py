"""How pages of ours are made: templates, texts and the style sheet, and the headers that every one of them bears.

Rules of this file: no script, no inline style, nothing from anywhere else, never stored by a cache. Text is escaped by
the templates; every URL is absolute on the site's origin, so that a shop's `<base href>` cannot bend it. A shop may put
its own over ours, from a folder: `style.css` goes behind our style sheet, `templates/<name>.html` stands for ours (and
may extend it as `consentry/<name>.html`), and `text/<language>.toml` says some things in other words.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from jinja2 import (
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PackageLoader,
    PrefixLoader,
    StrictUndefined,
    TemplateSyntaxError,
)

from proxy.consent.language import LANGUAGES, Words, words
from proxy.errors import Problem, Refused
from proxy.toml_file import Places, read_toml

_BLANK = re.compile(r"{\w*}")


class Look:
    """How the pages of a shop look and what they say: ours, with what is in `folder` over it.

    Raises `Refused` with everything that is wrong in the folder. `digest` changes whenever a page could.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._own: dict[str, Mapping[str, Any]] = {}
        self._style = _ours("style.css")
        self.digest = ""
        loaders: list[FileSystemLoader | PackageLoader | PrefixLoader] = [PackageLoader("proxy.consent")]
        if folder is not None:
            problems = list(self._read(folder))
            loaders = [FileSystemLoader(folder / "templates"), *loaders, PrefixLoader({"consentry": loaders[0]})]
        self._templates = Environment(
            loader=ChoiceLoader(loaders),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=StrictUndefined,
            auto_reload=False,
        )
        if folder is not None:
            problems += self._unfit(folder)
            if problems:
                raise Refused(problems)
        self._words = {tag: words(tag, self._own[tag]) if tag in self._own else words(tag) for tag in LANGUAGES}

    def words(self, tag: str) -> Words:
        """The words of one of our languages."""
        return self._words[tag]

    @property
    def style(self) -> bytes:
        """The one style sheet: of the banner, the footer and the pages of ours."""
        return self._style

    @cached_property
    def style_version(self) -> str:
        """16 hex digits that change with the style sheet."""
        return hashlib.sha256(self._style).hexdigest()[:16]

    def render(self, template: str, words: Words, **values: object) -> str:
        """The template `template`.html in one language."""
        return self._templates.get_template(f"{template}.html").render(
            t=words, languages=LANGUAGES, style_version=self.style_version, **values
        )

    # -- what a shop puts over it ---------------------------------------------------------------------------------

    def _read(self, folder: Path) -> Iterator[Problem]:
        """Take over the style sheet and the texts; what is wrong with them, and with what else is there."""
        if not folder.is_dir():
            yield Problem(str(folder), None, "", "is no folder.", "Name one, or take consent.looks out.")
            return
        told = hashlib.sha256()
        for file in sorted(file for file in folder.rglob("*") if file.is_file()):
            place = file.relative_to(folder)
            told.update(f"{place}\n".encode() + file.read_bytes())
            if place == Path("style.css"):
                self._style += b"\n/* The shop's own */\n" + file.read_bytes()
            elif place.parent == Path("text") and place.suffix == ".toml":
                yield from self._read_text(file)
            elif place.parts[0] != "templates":
                mend = "Here belong style.css, templates/<name>.html and text/<language>.toml."
                yield Problem(str(file), None, "", "is nothing that we would read.", mend)
        self.digest = told.hexdigest()[:16]

    def _read_text(self, file: Path) -> Iterator[Problem]:
        if file.stem not in LANGUAGES:
            mend = f"There are {', '.join(LANGUAGES)}."
            yield Problem(str(file), None, "", "is for no language of ours.", mend)
            return
        try:
            own, places = read_toml(file)
        except Refused as refused:
            yield from refused.problems
            return
        faults = list(_faults(own, words(file.stem).text, file, places))
        if not faults:
            self._own[file.stem] = own
        yield from faults

    def _unfit(self, folder: Path) -> Iterator[Problem]:
        """What is wrong with the shop's templates."""
        ours = set(PackageLoader("proxy.consent").list_templates())
        for file in sorted(file for file in (folder / "templates").rglob("*") if file.is_file()):
            name = file.relative_to(folder / "templates").as_posix()
            if name not in ours:
                near = difflib.get_close_matches(name, ours, 1)
                mend = f"Did you mean {near[0]}?" if near else f"There are {', '.join(sorted(ours))}."
                yield Problem(str(file), None, "", "stands for no template of ours.", mend)
                continue
            try:
                self._templates.get_template(name)
            except TemplateSyntaxError as error:
                yield Problem(str(file), error.lineno, "", f"{error.message}.", "Mend it, or take it out.")
            except UnicodeDecodeError:
                yield Problem(str(file), None, "", "is not UTF-8.", "Save it as UTF-8.")


def _faults(
    own: Mapping[str, Any], ours: Mapping[str, Any], file: Path, places: Places, above: tuple[str, ...] = ()
) -> Iterator[Problem]:
    """Texts that are none of ours, or lack or add blanks."""
    for key, value in own.items():
        path = (*above, key)
        there = ours.get(key)
        at = (str(file), places.line(path), ".".join(path))
        if there is None:
            near = difflib.get_close_matches(key, ours, 1)
            yield Problem(*at, "is no text of ours.", f"Did you mean {near[0]}?" if near else "Take it out.")
        elif isinstance(value, Mapping) and isinstance(there, Mapping):
            yield from _faults(value, there, file, places, path)
        elif not isinstance(value, str) or not isinstance(there, str):
            yield Problem(*at, "is of another kind than ours.", f"Write it like: {there!r}")
        elif sorted(_BLANK.findall(value)) != sorted(_BLANK.findall(there)) or value.count("{") != there.count("{"):
            yield Problem(*at, f"needs the blanks of ours: {there}", "Use each of them, and no other.")


def _ours(name: str) -> bytes:
    return files("proxy.consent").joinpath(name).read_bytes()


@cache
def shipped() -> Look:
    """Ours, as it is."""
    return Look()


def look_of(folder: Path | None) -> Look:
    """Ours, or what a shop's folder makes of it. Raises `Refused`."""
    return shipped() if folder is None else Look(folder)


def page_headers(words: Words, framed: Literal["'none'", "'self'"] = "'none'") -> list[tuple[bytes, bytes]]:
    """The headers of a page of ours. `framed`: who may frame it (CSP frame-ancestors)."""
    policy = (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        f"frame-ancestors {framed}"
    )
    headers = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-language", words.html.encode("ascii")),
        (b"content-security-policy", policy.encode("ascii")),
        (b"referrer-policy", b"same-origin"),
        (b"x-content-type-options", b"nosniff"),
        (b"cache-control", b"no-store"),
        (b"vary", b"Cookie, Accept-Language, Sec-GPC"),
    ]
    if framed == "'self'":  # a shop's page with Cross-Origin-Embedder-Policy shows frames with one only
        headers.append((b"cross-origin-embedder-policy", b"require-corp"))
    return headers
