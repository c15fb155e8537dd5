"""Edits a Content-Security-Policy in place so that what we put into a page works, and loosens nothing else.

Rules of this file: stubs and relayed scripts, the banner's style sheet, relayed pixels and beacons, the embed page and
the choice form are all on the page's own origin, so each of their directives must allow `'self'`. A directive that is
there and lacks it gets it; `'none'` gives way to it. A directive that is absent falls back to its parents, and a parent
that forbids is not edited but overridden for that directive alone, by the parent's own sources and `'self'`. Where a
policy says nothing that forbids us, no byte changes. Policies intersect, so each is edited by itself (CSP 3).

Under `'strict-dynamic'` sources of scripts by host do not count, and a stub keeps the nonce of the script that it
replaces: `'self'` is harmless there, and is what older browsers go by.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

#: What we need, and where a browser looks for each (CSP 3, 6.8.3): the first of these that a policy has decides.
_NEEDED = (
    (b"script-src", (b"script-src", b"default-src")),
    (b"script-src-elem", (b"script-src-elem",)),
    (b"style-src", (b"style-src", b"default-src")),
    (b"style-src-elem", (b"style-src-elem",)),
    (b"connect-src", (b"connect-src", b"default-src")),
    (b"img-src", (b"img-src", b"default-src")),
    (b"font-src", (b"font-src", b"default-src")),
    (b"frame-src", (b"frame-src", b"child-src", b"default-src")),
    (b"form-action", (b"form-action",)),
)
_SELF = b"'self'"
_NONE = b"'none'"


def admit(policy: bytes, origin: str) -> bytes:
    """The policy (a header's value, which may hold several with commas, or a `<meta>`'s) with our origin admitted.

    `origin` is the page's own, where everything of ours is: "https://shop.example".
    """
    return b",".join(_admit_one(part, origin) for part in policy.split(b","))


def _admit_one(policy: bytes, origin: str) -> bytes:
    parts = policy.split(b";")
    places: dict[bytes, int] = {}
    for index, part in enumerate(parts):
        words = part.split()
        if words:
            places.setdefault(words[0].lower(), index)
    added: list[bytes] = []
    for directive, chain in _NEEDED:
        place = next((places[name] for name in chain if name in places), None)
        if place is None or _admits(parts[place].split()[1:], origin):
            continue
        if chain[0] in places:
            parts[place] = _with_self(parts[place])
        else:
            added.append(b" " + directive + b" " + b" ".join([*_sources(parts[place]), _SELF]))
    if not added:
        return b";".join(parts)
    if parts and not parts[-1].strip():
        parts.pop()
    return b";".join([*parts, *added])


def _admits(sources: list[bytes], origin: str) -> bool:
    """Whether the sources allow everything on our origin."""
    url = urlsplit(origin)
    own = {_SELF, b"*", origin.encode(), f"{url.scheme}:".encode(), (url.hostname or "").encode(), url.netloc.encode()}
    return any(source.lower() in own for source in sources)


def _sources(directive: bytes) -> list[bytes]:
    """The sources of a directive, without its name and without 'none' (which allows nothing beside it)."""
    return [source for source in directive.split()[1:] if source.lower() != _NONE]


def _with_self(directive: bytes) -> bytes:
    """The directive with 'self' at its end, its other bytes as they were."""
    found = re.search(rb"(?i)(?<=[\t\n\f\r ])'none'", directive)
    if found is not None:
        return directive[: found.start()] + _SELF + directive[found.end() :]
    return directive.rstrip() + b" " + _SELF + directive[len(directive.rstrip()) :]
