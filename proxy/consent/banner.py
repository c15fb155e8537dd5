"""What is put into a shop's pages: the banner that asks, and the footer where a choice is changed or withdrawn.

Rules of this file: ASCII bytes with character references, so that they are right in any ASCII-compatible charset; every
URL absolute on the site's origin; no script, no style attribute, no style element. Rendered once a site, language and
state, and remembered; only the way back is put in for each visit. Nothing here raises because of what a visitor sent.
"""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import quote

from markupsafe import escape

from proxy.consent.form import return_path
from proxy.consent.language import choose_language
from proxy.consent.site import Site
from proxy.consent.summary import summary
from proxy.model import Law, Visit

#: Where the way back goes in, as text and as part of a query: private-use characters, which no template or text has.
_AS_TEXT, _AS_QUERY = "\ue000", "\ue001"


def banner(site: Site, visit: Visit, page_lang: str | None) -> bytes:
    """The banner, for right after `<body>`. `page_lang`: the page's own `lang`, if it states one."""
    tag = choose_language(page_lang, visit.languages)
    state = "doubt" if visit.standing.doubt else "newer" if visit.standing.consent else "first"
    return _put_in(_banner(site, tag, visit.law, visit.gpc, state), visit.path, site.prefix)


def footer(site: Site, visit: Visit, page_lang: str | None) -> bytes:
    """The "Privacy choices" link, for before `</body>`; with one button to withdraw where anything is granted."""
    tag = choose_language(page_lang, visit.languages)
    granted = visit.standing.consent is not None and visit.standing.consent.grants_anything
    return _put_in(_footer(site, tag, visit.law, visit.gpc, granted), visit.path, site.prefix)


def _put_in(rendered: bytes, path: str, prefix: str) -> bytes:
    way_back = return_path(path, prefix)
    as_text = str(escape(way_back)).encode("ascii")
    as_query = quote(way_back, safe="/").encode("ascii")
    return rendered.replace(_reference(_AS_TEXT), as_text).replace(_reference(_AS_QUERY), as_query)


def _reference(character: str) -> bytes:
    return character.encode("ascii", "xmlcharrefreplace")


@lru_cache(maxsize=256)
def _banner(site: Site, tag: str, law: Law, gpc: bool, state: str) -> bytes:
    return _rendered("banner", site, tag, law, gpc, facts=summary(site.use.vendors.values()), state=state)


@lru_cache(maxsize=256)
def _footer(site: Site, tag: str, law: Law, gpc: bool, granted: bool) -> bytes:
    return _rendered("footer", site, tag, law, gpc, granted=granted)


def _rendered(template: str, site: Site, tag: str, law: Law, gpc: bool, **values: object) -> bytes:
    """In ASCII, with the marks where the way back goes in."""
    marks = {"return_to": _AS_TEXT, "return_query": _AS_QUERY}
    text = site.look.render(template, site.look.words(tag), site=site, law=law, gpc=gpc, **marks, **values)
    return text.encode("ascii", "xmlcharrefreplace")
