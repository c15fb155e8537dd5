"""What a cache in front may hold for more than one visitor: pages for whoever has not chosen, or refused everything.

Rules of this file: such visitors are told apart by their *variant*: the cookie (of all who refused on the same day it
is the same, to the byte), language, region and Sec-GPC. The cache names it in `Consentry-Variant`, and looks pages up
by that. It is worked out here anew from the request, and a page may only be kept where both are the same: what the
cache, or anybody before it, got wrong is kept by nobody. A request with anything else that could tell visitors apart
has no variant. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from proxy.consent.language import choose_language
from proxy.http.visit import Headers, values
from proxy.model import Visit

#: The header by which a cache names the variant, in a request; ours names it back.
VARIANT = b"consentry-variant"

_MAX_AGE = re.compile(r"(?:^|,)\s*(s-maxage|max-age)\s*=\s*\"?(\d{1,9})\"?\s*(?=,|$)", re.I)
_NOT_SHARED = re.compile(rb"\b(?:private|no-store|no-cache)\b", re.I)


def variant(visit: Visit, headers: Headers, cookies: Sequence[bytes], ours: str) -> bytes | None:
    """The variant of a visit; None where its page is nobody else's. `cookies` are the request's Cookie lines, `ours`
    the name of the consent cookie.

    `<the cookie's value, or none>/<language>/<region>/<Sec-GPC: 0 or 1>`
    """
    consent = visit.standing.consent
    if visit.standing.doubt is not None or (consent is not None and consent.grants_anything):
        return None
    if values(headers, b"authorization") or values(headers, b"range"):
        return None
    name, equals, value = b"; ".join(cookies).partition(b"=")
    if consent is None:
        if cookies:
            return None
        says = b"none"
    elif not equals or name != ours.encode("ascii") or b";" in value:
        return None
    else:
        says = value
    language = choose_language(None, visit.languages).partition("-")[0]
    return b"/".join(
        (says, language.encode("ascii"), (visit.region or "").encode("ascii"), b"01"[visit.gpc : visit.gpc + 1])
    )


def seconds(answered: Headers, longest: int) -> int:
    """How long the storefront lets a shared cache keep an answer (RFC 9111, 5.2.2), at most `longest`; 0: never."""
    said = [value for name, value in answered if name.lower() == b"cache-control"]
    names = {name.lower() for name, _ in answered}
    varies = b",".join(value for name, value in answered if name.lower() == b"vary")
    if b"set-cookie" in names or b"*" in varies or any(map(_NOT_SHARED.search, said)):
        return 0
    found = {name.lower(): int(age) for name, age in _MAX_AGE.findall(b",".join(said).decode("latin-1"))}
    return min(longest, found.get("s-maxage", found.get("max-age", 0)))
