"""What pages say of the shop itself: its name, its address, its privacy policy, whom to write to. Pure.

Rules of this file: only what a page states in markup that is meant for machines or leads somewhere; nothing is guessed
from text. Over several pages the first that says something holds, but for e-mail: one for privacy goes before others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote, urljoin, urlsplit

from proxy.http.charset import CannotRead
from proxy.scan.tags import tags_in

_READ = frozenset({b"meta", b"link", b"a"})
#: How the addresses of privacy policies read, in the languages that most shops have.
_POLICY = re.compile(
    r"privacy|datenschutz|confidentialit|privacidad|riservatezza|integritetspolicy|tietosuoja|personvern|konfiden"
    r"|gizlilik|privatnost|adatvedel|adatkezel|polityka-prywatnosci|ochrana-osobnich|gdpr|rgpd|dsgvo",
    re.I,
)
_FOR_PRIVACY = re.compile(r"privacy|datenschutz|dpo|dsb|gdpr|rgpd|dsgvo|confidential|privacidad", re.I)
_EMAIL = re.compile(r"[^@\s<>\"]+@[^@\s<>\"]+\.[^@\s<>\".]+")


@dataclass(frozen=True, slots=True)
class About:
    """Each None where nothing is said. `origin` is of the address that the page gives as its own; `policy` a path, or
    an absolute address elsewhere."""

    name: str | None = None
    origin: str | None = None
    policy: str | None = None
    email: str | None = None


NOTHING_SAID = About()


def about_in(content: bytes, address: str, content_type: bytes | None = None) -> About:
    """What one page says; nothing where it cannot be read."""
    name = origin = policy = email = None
    try:
        for tag, values in tags_in(content, _READ, content_type):
            rel = values.get(b"rel", "").lower().split()
            if tag == b"meta":
                said = values.get(b"property", values.get(b"name", "")).strip().lower()
                if said in ("og:site_name", "application-name"):
                    name = name or " ".join(values.get(b"content", "").split()) or None
                elif said == "og:url":
                    origin = origin or _origin(values.get(b"content", ""), address)
            elif tag == b"link" and "canonical" in rel:
                origin = _origin(values.get(b"href", ""), address) or origin
            href = values.get(b"href", "").strip()
            if tag == b"a" and href.lower().startswith("mailto:"):
                email = _better(email, _mailbox(href))
            elif tag != b"meta" and href and ("privacy-policy" in rel or (tag == b"a" and _POLICY.search(href))):
                policy = policy or _page(href, address)
    except CannotRead:
        return NOTHING_SAID
    return About(name, origin, policy, email)


def together(told: Iterable[About]) -> About:
    """What several pages say."""
    name = origin = policy = email = None
    for one in told:
        name, origin, policy = name or one.name, origin or one.origin, policy or one.policy
        email = _better(email, one.email)
    return About(name, origin, policy, email)


def _better(one: str | None, other: str | None) -> str | None:
    if one is None or (other is not None and _FOR_PRIVACY.search(other) and not _FOR_PRIVACY.search(one)):
        return other
    return one


def _mailbox(href: str) -> str | None:
    text = unquote(href[len("mailto:") :].partition("?")[0]).partition(",")[0].strip()
    return text if _EMAIL.fullmatch(text) else None


def _joined(href: str, address: str) -> str | None:
    try:
        joined = urljoin(address, href.strip())
        return joined if urlsplit(joined).scheme in ("http", "https") and urlsplit(joined).hostname else None
    except ValueError:
        return None


def _origin(href: str, address: str) -> str | None:
    joined = _joined(href, address)
    return None if not href.strip() or joined is None else "{0.scheme}://{0.netloc}".format(urlsplit(joined)).lower()


def _page(href: str, address: str) -> str | None:
    joined = _joined(href, address)
    if joined is None or any(char.isspace() for char in joined):
        return None
    there, here = urlsplit(joined), urlsplit(address)
    return (there.path or "/") if there.netloc == here.netloc else joined.partition("#")[0]
