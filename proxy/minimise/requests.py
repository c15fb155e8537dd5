"""What may leave for a vendor: a request built anew from named fields.

Rules of this file: nothing is forwarded and then stripped. A request consists of its method, its target, the headers of
the profile's table, each made by its own function, and its body; all of them cleaned of IP addresses (`payload/`).
No cookie, no Authorization and no other header is in any table. A request that cannot be minimised is withheld. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from proxy.address import truncate
from proxy.catalogue.schema import Vendor
from proxy.catalogue.words import Datum
from proxy.minimise.agents import user_agent_class
from proxy.minimise.ids import Profile
from proxy.payload.cleaner import Cleaner
from proxy.payload.formats import decompressed
from proxy.payload.withheld import Why, Withheld
from proxy.spellings import spellings

__all__ = ["PROFILES", "Asked", "Outgoing", "Why", "Withheld", "file_request", "minimise"]

Headers = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a browser asks to be sent to a vendor.

    `target` is path and query for the vendor, byte for byte as they came; `headers` have lower-case names. `address` is
    the visitor's, None where it is not known. `origin` is the shop's ("https://shop.example").
    """

    vendor: Vendor
    method: str
    target: bytes
    headers: Headers
    body: bytes
    address: str | None
    origin: str

    def header(self, name: bytes) -> str:
        """The header's value, several of them joined as RFC 9110, 5.3 says; empty where there is none."""
        return ", ".join(value.decode("latin-1").strip() for key, value in self.headers if key == name)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request as it leaves. Host and Content-Length are the sender's to add."""

    method: str
    target: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes = b""


def _user_agent(asked: Asked) -> str | None:
    return asked.header(b"user-agent")[:512]


def _accept(_: Asked) -> str | None:
    return "*/*"


def _languages(asked: Asked) -> str | None:
    return asked.header(b"accept-language")[:128] if Datum.LANGUAGE in asked.vendor.data else None


def _content_type(asked: Asked) -> str | None:
    if not asked.body:
        return None
    media_type, parameters = _media_type(asked.header(b"content-type"))
    kept = "".join(f"; {name}={parameters[name]}" for name in ("charset", "boundary") if name in parameters)
    return media_type + kept if media_type else None


def _origin(asked: Asked) -> str | None:
    return asked.origin if asked.header(b"origin") == asked.origin else None


def _referer(asked: Asked) -> str | None:
    """Origin and path of the shop's page; nothing where another site is named."""
    referer = asked.header(b"referer")
    if referer != asked.origin and not referer.startswith(asked.origin + "/"):
        return None
    return asked.origin + (urlsplit(referer).path or "/")


def _agent_class(asked: Asked) -> str | None:
    text = asked.header(b"user-agent")
    return user_agent_class(text) if text else None


def _forwarded_for(asked: Asked) -> str | None:
    return truncate(asked.address)


Header = Callable[[Asked], str | None]

#: One table per privacy profile: every header that may leave, and what makes its value (None: it does not leave).
#: Under `cnil-2022-proxy` no address, no language and no exact browser leaves (P1, P5). What a vendor's own script puts
#: into its requests is beyond any table: the profile holds whole only for vendors that the server tells.
PROFILES: Mapping[Profile, Mapping[bytes, Header]] = {
    "truncate": {
        b"User-Agent": _user_agent,
        b"Accept": _accept,
        b"Accept-Language": _languages,
        b"Content-Type": _content_type,
        b"Origin": _origin,
        b"Referer": _referer,
        b"X-Forwarded-For": _forwarded_for,
    },
    "cnil-2022-proxy": {
        b"User-Agent": _agent_class,
        b"Accept": _accept,
        b"Content-Type": _content_type,
        b"Origin": _origin,
        b"Referer": _referer,
    },
}

_VISIBLE = re.compile(r"[\x20-\x7e]+\Z")  # what may stand in a header's value (RFC 9110, 5.5), and no obs-text


def minimise(asked: Asked, ip: Literal["truncate", "omit"], profile: Profile = "truncate") -> Outgoing:
    """The request that leaves in place of what was asked. Raises `Withheld`.

    `ip` is the setting of `[privacy]`: with "omit" no address leaves at all, not even a shortened one.
    """
    shorten = ip == "truncate" and profile == "truncate"
    cleaner = Cleaner(spellings(asked.address, shorten), asked.vendor.technical.relay.fields, shorten)
    body = _body(asked, cleaner)
    headers = []
    for name, made in PROFILES[profile].items():
        value = made(asked) if shorten or made is not _forwarded_for else None
        clean = cleaner.text(value.encode("latin-1", "replace")) if value and _VISIBLE.match(value) else None
        if clean:
            headers.append((name, clean))
    return Outgoing(asked.method, _target(asked.target, cleaner), tuple(headers), body)


def file_request(target: bytes, address: str | None, coding: str = "gzip") -> Outgoing:
    """A request for a script, a style sheet or a font: it holds nothing of any visitor, so its answer fits everyone.

    Raises `Withheld` where the target holds the visitor's address.
    """
    spelled = spellings(address, False)
    if spelled is not None and spelled.in_text(target):
        raise Withheld(Why.ADDRESS)
    return Outgoing("GET", _target(target, Cleaner(None)), ((b"Accept", b"*/*"), (b"Accept-Encoding", coding.encode())))


def _target(target: bytes, cleaner: Cleaner) -> bytes:
    path, mark, query = target.partition(b"?")
    clean_path = cleaner.text(path)
    if clean_path is None:
        raise Withheld(Why.ADDRESS)
    clean_query = cleaner.query(query)
    return clean_path + mark + clean_query if clean_query or not query else clean_path


def _body(asked: Asked, cleaner: Cleaner) -> bytes:
    if asked.method != "POST" or not asked.body:
        return b""
    body = asked.body
    coding = asked.header(b"content-encoding").strip().lower()
    if coding not in ("", "identity"):
        body = decompressed(coding, body)  # several codings at once are refused as an unknown one
    media_type, parameters = _media_type(asked.header(b"content-type"))
    return cleaner.body(media_type, parameters.get("boundary", "").encode("latin-1") or None, body)


_PARAMETER = re.compile(r';\s*([a-z]+)=(?:"([^"\\]+)"|([^\s;"]+))', re.IGNORECASE)
_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+\Z")


def _media_type(value: str) -> tuple[str, dict[str, str]]:
    """A Content-Type's type and parameters in lower case (RFC 9110, 8.3.1); ("", {}) where it is malformed."""
    media_type, _, rest = value.partition(";")
    media_type = media_type.strip().lower()
    if not _TYPE.match(media_type):
        return "", {}
    return media_type, {name.lower(): quoted or plain for name, quoted, plain in _PARAMETER.findall(";" + rest)}
