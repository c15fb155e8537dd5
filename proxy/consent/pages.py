"""How pages of ours are made: templates, the style sheet, and the headers that every one of them bears.

Rules of this file: no script, no inline style, nothing from anywhere else, never stored by a cache. Text is escaped by
the templates; every URL is absolute on the site's origin, so that a shop's `<base href>` cannot bend it.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from typing import Literal

from jinja2 import Environment, PackageLoader, StrictUndefined

from proxy.consent.language import LANGUAGES, Words

_TEMPLATES = Environment(
    loader=PackageLoader("proxy.consent"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=StrictUndefined,
    auto_reload=False,
)


@cache
def style() -> bytes:
    """The one style sheet: of the banner, the footer and the pages of ours."""
    return files("proxy.consent").joinpath("style.css").read_bytes()


@cache
def style_version() -> str:
    """16 hex digits that change with the style sheet."""
    return hashlib.sha256(style()).hexdigest()[:16]


def render(template: str, words: Words, **values: object) -> str:
    """The template `template`.html in one language."""
    return _TEMPLATES.get_template(f"{template}.html").render(
        t=words, languages=LANGUAGES, style_version=style_version(), **values
    )


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
