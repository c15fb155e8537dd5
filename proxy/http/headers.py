"""Headers, both ways: one table a direction, one verdict a name, and what each verdict does.

Rules: order and duplicates are kept; Set-Cookie is never joined, several Cookie lines become one. A name without a
verdict passes. What Connection names is dropped too, but never a name that has a verdict here or is PROTECTED: a client
cannot delete what others rely on (RFC 9110, 7.6.1). Names with `_` are dropped: servers read them as `-`. Who the
visitor is, is written by us; a client's word on it is believed from trusted networks alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from proxy.http.contacts import contacts, nel
from proxy.http.visit import Headers, values

HeaderList = list[tuple[bytes, bytes]]

#: Our name in Via and Proxy-Status.
NAME = b"consentry"


class Verdict(StrEnum):
    """What becomes of a header. Without one it passes."""

    HOP = "ends at this hop (RFC 9110, 7.6.1), or is written anew for the next"
    NEVER = "never passes"
    PEER = "passes from trusted networks only: it says who or where the visitor is"
    WRITTEN = "written by us; from a trusted network the client's own stays, or is added to"
    COOKIE = "joined into one, without denied vendors' and without ours"
    CODING = "narrowed to what we can decode, where a page may come back"
    CONDITION = "dropped where a page may come back; If-None-Match with our salt goes on without it"
    RANGE = "dropped for navigations, and where its If-Range is"
    VIA = "our name is added; where it is there already, the request goes in circles"
    PAGE = "dropped from a rewritten page: it speaks of other bytes, or to caches"
    ETAG = "weak and salted on a rewritten page"
    LENGTH = "dropped from a rewritten page, and where no body can follow"
    SET_COOKIE = "dropped where it sets a denied vendor's cookie"
    LINK = "members that would make a browser contact somebody it may not are dropped"
    REPORTS = "remembered past the answer, so taken back where they would contact somebody they may not"
    POLICY = "reports only to whom the browser may contact; given 'self' where a page of ours needs it"
    ONWARD = (
        "a redirect of a document is the visitor's way; that of a part of a page goes only where the part may come from"
    )


def _table(rows: dict[Verdict, str]) -> dict[bytes, Verdict]:
    return {name.encode(): verdict for verdict, names in rows.items() for name in names.split()}


REQUEST = _table(
    {
        Verdict.HOP: "connection keep-alive proxy-connection te trailer transfer-encoding upgrade http2-settings "
        "expect proxy-authorization proxy-authenticate proxy-authentication-info host",
        Verdict.NEVER: "consentry-consent consentry-visitor consentry-event consentry-variant proxy proxy-status",
        Verdict.PEER: "x-real-ip x-client-ip client-ip x-remote-ip x-remote-addr x-originating-ip x-cluster-client-ip "
        "x-original-forwarded-for x-original-host x-host x-scheme x-forwarded-protocol x-forwarded-client-cert "
        "x-forwarded x-forwarded-by x-forwarded-port x-forwarded-server x-forwarded-scheme x-forwarded-ssl "
        "x-forwarded-prefix x-url-scheme front-end-https true-client-ip cf-connecting-ip cf-connecting-ipv6 "
        "cf-pseudo-ipv4 cf-ipcountry cf-visitor fastly-client-ip fastly-client x-azure-clientip x-azure-socketip "
        "cloudfront-viewer-address cloudfront-viewer-country x-envoy-external-address x-appengine-user-ip "
        "x-vercel-forwarded-for do-connecting-ip fly-client-ip x-nf-client-connection-ip x-country-code",
        Verdict.WRITTEN: "forwarded x-forwarded-for x-forwarded-host x-forwarded-proto x-request-id",
        Verdict.COOKIE: "cookie",
        Verdict.CODING: "accept-encoding available-dictionary dictionary-id a-im",
        Verdict.CONDITION: "if-none-match if-modified-since if-range",
        Verdict.RANGE: "range",
        Verdict.VIA: "via",
    }
)

RESPONSE = _table(
    {
        Verdict.HOP: "connection keep-alive proxy-connection te trailer transfer-encoding upgrade proxy-authenticate "
        "proxy-authentication-info",
        Verdict.NEVER: "alt-svc consentry-consent consentry-visitor consentry-event consentry-variant",
        Verdict.PAGE: "accept-ranges last-modified content-md5 digest content-digest repr-digest unencoded-digest "
        "signature signature-input cache-control expires pragma age surrogate-control cdn-cache-control "
        "cloudflare-cdn-cache-control netlify-cdn-cache-control vercel-cdn-cache-control x-accel-expires "
        "content-encoding use-as-dictionary delta-base im",
        Verdict.ETAG: "etag",
        Verdict.LENGTH: "content-length",
        Verdict.VIA: "via",
        Verdict.SET_COOKIE: "set-cookie",
        Verdict.LINK: "link speculation-rules reporting-endpoints expect-ct expect-staple public-key-pins "
        "public-key-pins-report-only x-xss-protection",
        Verdict.REPORTS: "report-to nel",
        Verdict.POLICY: "content-security-policy content-security-policy-report-only",
        Verdict.ONWARD: "location refresh",
    }
)

#: Names without a verdict that a Connection header cannot delete either.
PROTECTED = frozenset(
    b"authorization accept accept-language cache-control content-encoding content-length content-location "
    b"content-range content-type date origin pragma referer sec-gpc server strict-transport-security user-agent "
    b"vary x-content-type-options x-frame-options".split()
)


class Circles(Exception):
    """The request has been through us already: 508 (RFC 5842, 7.2)."""


_NONE: frozenset[bytes] = frozenset()
_USUAL = frozenset({b"keep-alive", b"close", b"Keep-Alive", b"Close"})


def hop_names(headers: Headers, table: dict[bytes, Verdict]) -> frozenset[bytes]:
    """What Connection names, without the names that it cannot delete."""
    connection = b",".join(values(headers, b"connection"))
    if not connection or connection in _USUAL:
        return _NONE
    tokens = {token.strip(b" \t") for token in connection.lower().split(b",")}
    return frozenset(token for token in tokens if token not in table and token not in PROTECTED)


# -- to the storefront ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is written into a request. `host`: as the visitor sent it, `send_host` as the storefront gets it.

    `peer` and `visitor` are addresses as text, `proto` http or https; `trusted`: the peer's own words are believed.
    `cookie`, `consent`, `if_none_match` and `proof` (the id of the consent record) are whole values, None where there
    is none. `page`: one may come back, and `conditions` of the visitor's are not answered by the
    storefront; `whole`: nor is a Range.
    """

    host: bytes
    send_host: bytes
    peer: str | None
    visitor: str | None
    proto: bytes
    http_version: bytes
    trusted: bool
    page: bool
    conditions: bool
    whole: bool
    cookie: bytes | None
    consent: bytes | None
    if_none_match: bytes | None
    proof: bytes | None = None


def to_storefront(headers: Headers, asked: Asked, codings: Callable[[Iterable[bytes]], bytes]) -> HeaderList:
    """The request's headers as the storefront gets them. Raises `Circles`."""
    named = hop_names(headers, REQUEST)
    if any(name == b"transfer-encoding" for name, _ in headers):
        named |= {b"content-length"}  # RFC 9112, 6.3: it is overridden
    out: HeaderList = [(b"host", asked.send_host)]
    for name, value in headers:
        verdict = REQUEST.get(name)
        if name in named or b"_" in name:
            continue
        if verdict is None or (verdict is Verdict.PEER and asked.trusted) or _stays(verdict, asked):
            out.append((name, value))
    out += _told(headers, asked)
    if asked.page:
        out.append((b"accept-encoding", codings(values(headers, b"accept-encoding"))))
        if asked.if_none_match is not None:
            out.append((b"if-none-match", asked.if_none_match))
    return out


def _stays(verdict: Verdict, asked: Asked) -> bool:
    if verdict is Verdict.CODING:
        return not asked.page
    if verdict is Verdict.CONDITION:
        return asked.conditions
    return verdict is Verdict.RANGE and not asked.whole


def _told(headers: Headers, asked: Asked) -> HeaderList:
    """What we say of the visitor, of the way here and of the choice."""
    via = values(headers, b"via")
    if any(member.split()[1:2] == [NAME] for value in via for member in value.lower().split(b",")):
        raise Circles
    out: HeaderList = [(b"via", b", ".join([*via, b"%b %b" % (asked.http_version, NAME)]))]
    if asked.cookie is not None:
        out.append((b"cookie", asked.cookie))
    if asked.consent is not None:
        out.append((b"consentry-consent", asked.consent))
    if asked.proof is not None:
        out.append((b"consentry-visitor", asked.proof))
    if b"trailers" in b",".join(values(headers, b"te")).lower():
        out += [(b"te", b"trailers"), (b"connection", b"te")]
    return out + _forwarded(headers, asked)


def _forwarded(headers: Headers, asked: Asked) -> HeaderList:
    """X-Forwarded-* and Forwarded (RFC 7239)."""
    chain = values(headers, b"x-forwarded-for") if asked.trusted else []
    host = (asked.trusted and _first(headers, b"x-forwarded-host")) or asked.host
    proto = (asked.trusted and _first(headers, b"x-forwarded-proto").lower()) or asked.proto
    peer = asked.peer.encode() if asked.peer else b"unknown"
    out: HeaderList = [
        (b"x-forwarded-for", b", ".join([*filter(None, chain), peer])),
        (b"x-forwarded-host", host),
        (b"x-forwarded-proto", proto),
    ]
    who = (asked.visitor or "unknown").encode()
    who = b'"[%b]"' % who if b":" in who else who
    if re.fullmatch(rb"[A-Za-z0-9.:\[\]_-]+", host) and proto in (b"http", b"https"):
        out.append((b"forwarded", b'for=%b;host="%b";proto=%b' % (who, host, proto)))
    return out


def _first(headers: Headers, name: bytes) -> bytes:
    return next(iter(values(headers, name)), b"")


# -- to the browser ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What an answer's head is made with. `page`: it is rewritten (or a 304 about such a page).

    `etag`, `policy`: how a rewritten page's validator and policies are written; `may_contact`: whether the browser may
    be made to contact a URL ahead; `may_follow`: whether it may be sent there; `cookie_denied`: whether a Set-Cookie
    value sets a denied vendor's cookie. `extra` comes last. `bodiless`: no body can follow (1xx, 204, 304).
    """

    page: bool
    bodiless: bool
    etag: Callable[[bytes], bytes | None]
    policy: Callable[[bytes], bytes]
    may_contact: Callable[[bytes], bool]
    may_follow: Callable[[bytes], bool]
    cookie_denied: Callable[[bytes], bool]
    extra: Headers = ()


#: What is left of RESPONSE where the answer is no page and has a body.
_NO_PAGE = {
    name: verdict for name, verdict in RESPONSE.items() if verdict not in (Verdict.PAGE, Verdict.ETAG, Verdict.LENGTH)
}

_ALL = re.compile(rb"(.*)\Z", re.S)
_REFRESH = re.compile(rb"""[^;,]*[;,]\s*(?:url\s*=\s*)?["']?([^"']*)""", re.I)


def to_browser(headers: Headers, given: Given) -> HeaderList:
    """The storefront's headers as the browser gets them."""
    named = hop_names(headers, RESPONSE)
    out: HeaderList = []
    dated = False
    table = RESPONSE if given.page or given.bodiless else _NO_PAGE
    for header in headers:
        name = header[0]
        verdict = table.get(name)
        if verdict is None:
            if name in named or (name == b"date" and dated):
                continue
            dated = dated or name == b"date"
            out.append(header)
        elif (kept := _answered(verdict, name, header[1], headers, given)) is not None:
            out.append((name, kept))
    out.append((b"via", b", ".join([*values(headers, b"via"), b"1.1 %b" % NAME])))
    out += given.extra
    return out


def _answered(verdict: Verdict, name: bytes, value: bytes, headers: Headers, given: Given) -> bytes | None:
    """The value that goes on; None where the header does not."""
    match verdict:
        case Verdict.PAGE:
            return None if given.page else value
        case Verdict.LENGTH:
            return None if given.page or given.bodiless else value
        case Verdict.ETAG:
            return given.etag(value) if given.page else value
        case Verdict.SET_COOKIE:
            return None if given.cookie_denied(value) else value
        case Verdict.REPORTS if name == b"nel":
            return nel(value, values(headers, b"report-to"), given.may_contact)
        case Verdict.LINK | Verdict.REPORTS:
            return contacts(name, value, given.may_contact)
        case Verdict.ONWARD:
            onward = _REFRESH.match(value) if name == b"refresh" else _ALL.match(value)
            return value if onward is None or given.may_follow(onward[1].strip()) else None
        case Verdict.POLICY:
            reporting = contacts(name, value, given.may_contact)
            return given.policy(reporting) if given.page and reporting else reporting
    return None


def passed(headers: Headers, *, bodiless: bool) -> HeaderList:
    """The storefront's headers when nothing is ruled on (mode = "pass"): hop by hop, as any proxy does."""
    named = hop_names(headers, RESPONSE)
    dropped = {Verdict.HOP, Verdict.VIA} | ({Verdict.LENGTH} if bodiless else set())
    ours = frozenset({*named, b"consentry-event"})
    out = [(name, value) for name, value in headers if name not in ours and RESPONSE.get(name) not in dropped]
    return [*out, (b"via", b", ".join([*values(headers, b"via"), b"1.1 %b" % NAME]))]
