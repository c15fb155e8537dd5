"""The consent cookie: a consent as signed text, and what a browser's copies of it may be believed to say.

Rules of this file:

- The text is readable and canonical: one consent has one text, and a text that is not exactly what we would write is
  not read. Fields, in order: format, policy version, day, category bits, regime, how, signal, record, vendors allowed,
  vendors refused.
- Nothing granted: no record id and no vendor exceptions, so that two like refusals on one day are the same bytes.
- Signed with HMAC-SHA256 by itsdangerous, with a key derived per purpose and site; the first key signs, all verify.
- Reading fails closed: what cannot be believed is a doubt, never "nothing yet". A consent past its time is nothing yet.
- No clock: the day is handed in.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta

from itsdangerous import BadSignature, Signer

from proxy.model import ASKED, Category, Consent, Doubt, How, Regime, Standing

#: The largest name=value that we set, in bytes. Browsers drop a cookie over 4,096 (RFC 6265bis 5.6).
LARGEST = 3800

#: How long browsers keep a cookie at most, in days (RFC 6265bis 5.5).
LONGEST_DAYS = 400

_FORMAT = "1"
_BITS = {category: 1 << place for place, category in enumerate(ASKED)}
_REGIMES = {Regime.OPT_IN: "i", Regime.OPT_OUT: "o", Regime.NOTICE: "n"}
_HOWS = {How.ACCEPT: "a", How.REJECT: "r", How.SAVE: "s", How.WITHDRAW: "w"}
_REGIME_OF = {code: regime for regime, code in _REGIMES.items()}
_HOW_OF = {code: how for how, code in _HOWS.items()}
_KEYS = r"(?:[a-z0-9-]+(?:![a-z0-9-]+)*)?"
_TEXT = re.compile(
    r"(?P<format>\d{1,3})~(?P<policy>\d{1,9})~(?P<day>\d{8})~(?P<bits>\d{1,2})~(?P<regime>[ion])~(?P<how>[arsw])"
    rf"~(?P<signal>[01])~(?P<record>[A-Za-z0-9_-]{{0,64}})~(?P<allowed>{_KEYS})~(?P<refused>{_KEYS})\Z",
    re.ASCII,
)
_SIGNATURE_ROOM = 64


def signer(keys: Sequence[bytes], purpose: str, site: str) -> Signer:
    """An itsdangerous signer whose key is derived for one purpose and one site. `keys`: the first signs, all verify."""
    return Signer(
        list(reversed(keys)),  # itsdangerous signs with the last
        salt=f"consentry/{purpose}/{site}".encode(),
        key_derivation="hmac",
        digest_method=hashlib.sha256,
    )


def receipt_signer(keys: Sequence[bytes], site: str) -> Callable[[str], str]:
    """Signs the text of a site's receipts, as base64url."""
    signing = signer(keys, "receipt", site)
    return lambda text: signing.get_signature(text).decode("ascii")


def is_receipt_signature(keys: Sequence[bytes], site: str, text: str, signature: str) -> bool:
    """Whether a receipt's signature was made by this site, with any of its keys."""
    return signer(keys, "receipt", site).verify_signature(text.encode(), signature.encode("ascii", "replace"))


class Seal:
    """Writes and reads the consent cookies of one site (its origin, or the domain that its subdomains share)."""

    def __init__(self, keys: Sequence[bytes], site: str, asked: frozenset[Category] = frozenset(ASKED)) -> None:
        """`asked`: the categories that visitors are asked about there; who grants all of these refuses nothing."""
        if not keys:
            raise ValueError("a seal needs at least one key")
        self._asked = asked
        self._signer = signer(keys, "consent-cookie", site)

    def seal(self, consent: Consent) -> str:
        """The cookie's value; `consent` is first made to fit (see `fit`)."""
        return self._signer.sign(_write(fit(consent))).decode("ascii")

    def read(self, values: Sequence[str], today: date, remember_days: int, *, lapses: bool = True) -> Standing:
        """What the browser's cookies of our name say together (`values`: each one as it came, in any order).

        None is nothing yet; identical copies count once; differing ones are a doubt, since we cannot know which one the
        visitor means. A consent given `remember_days` days ago or earlier has lapsed and is asked for again; where
        refusals do not lapse (`lapses`), what refuses anything holds on.
        """
        distinct = set(values)
        if not distinct:
            return Standing()
        if len(distinct) > 1:
            return Standing(doubt=Doubt.SEVERAL)
        try:
            text = self._signer.unsign(distinct.pop().encode("ascii", "replace")).decode("ascii")
        except BadSignature:
            return Standing(doubt=Doubt.SIGNATURE)
        consent = _read(text)
        if consent is None:
            return Standing(doubt=Doubt.UNREADABLE)
        if consent.day > today:
            return Standing(doubt=Doubt.FUTURE)
        holds_on = not lapses and consent.refuses_any(self._asked)
        if today - consent.day >= timedelta(days=remember_days) and not holds_on:
            return Standing()
        return Standing(consent)

    def days_left(self, consent: Consent, days: int, today: date, *, lapses: bool) -> int:
        """How many days the cookie may still live: a choice that was added to an older one does not renew it. What does
        not lapse lives as long as browsers let it (RFC 6265bis 5.5), and is then set again."""
        if not lapses and consent.refuses_any(self._asked):
            return LONGEST_DAYS
        return max(1, (consent.day + timedelta(days=days) - today).days)

    def renewed(self, origin: str, domain: str | None, value: str, consent: Consent, today: date) -> bytes | None:
        """The Set-Cookie value that keeps a refusal which does not lapse from being forgotten by the browser; None
        where that is far off."""
        old = today - consent.day >= timedelta(days=LONGEST_DAYS // 2)
        return set_cookie(origin, domain, value, LONGEST_DAYS) if old and consent.refuses_any(self._asked) else None


def fit(consent: Consent) -> Consent:
    """The consent as a cookie can carry it: at most `LARGEST` bytes, nothing granted that the visitor did not grant.

    Where there are too many vendor exceptions, vendors allowed by name are dropped first (they are then denied), the
    last in the alphabet first; where the refused alone are too many, nothing at all is granted.
    """
    if not consent.grants_anything:
        return replace(consent, allowed=frozenset(), refused=frozenset(), record=None, signal=False)
    room = LARGEST - len("__Secure-consent=") - _SIGNATURE_ROOM
    excess = len(_write(consent)) - room
    if excess <= 0:
        return consent
    kept = sorted(consent.allowed)
    while kept and excess > 0:
        excess -= len(kept.pop()) + 1
    if excess <= 0:
        return fit(replace(consent, allowed=frozenset(kept)))
    return fit(replace(consent, granted=frozenset(), allowed=frozenset()))


def _write(consent: Consent) -> str:
    return "~".join(
        (
            _FORMAT,
            str(consent.policy),
            f"{consent.day:%Y%m%d}",
            str(sum(_BITS[category] for category in consent.granted)),
            _REGIMES[consent.regime],
            _HOWS[consent.how],
            "1" if consent.signal else "0",
            consent.record or "",
            "!".join(sorted(consent.allowed)),
            "!".join(sorted(consent.refused)),
        )
    )


def _read(text: str) -> Consent | None:
    """The consent that `text` says; None unless `text` is byte for byte what `_write` makes of it."""
    fields = _TEXT.match(text)
    if fields is None or fields["format"] != _FORMAT:
        return None
    try:
        day = date(int(fields["day"][:4]), int(fields["day"][4:6]), int(fields["day"][6:]))
    except ValueError:
        return None
    bits = int(fields["bits"])
    consent = Consent(
        policy=int(fields["policy"]),
        day=day,
        granted=frozenset(category for category, bit in _BITS.items() if bits & bit),
        allowed=_keys(fields["allowed"]),
        refused=_keys(fields["refused"]),
        regime=_REGIME_OF[fields["regime"]],
        how=_HOW_OF[fields["how"]],
        signal=fields["signal"] == "1",
        record=fields["record"] or None,
    )
    return consent if _write(consent) == text else None


def _keys(text: str) -> frozenset[str]:
    return frozenset(text.split("!")) if text else frozenset()


def cookie_name(origin: str, domain: str | None = None) -> str:
    """The cookie's name (RFC 6265bis 4.1.3): a prefix makes browsers refuse copies set by others or over plain http."""
    if not origin.startswith("https://"):
        return "consent"
    return "__Secure-consent" if domain else "__Host-consent"


def cookie_values(headers: Iterable[tuple[bytes, bytes]], name: str) -> tuple[str, ...]:
    """Every value of the cookie `name` in a request's header list, in order, quotes kept. Other text is skipped."""
    wanted = name.encode("ascii")
    values = []
    for header, line in headers:
        if header.lower() != b"cookie":
            continue
        for pair in line.split(b";"):
            found, equals, value = pair.partition(b"=")
            if equals and found.strip(b" \t") == wanted:
                values.append(value.strip(b" \t").decode("latin-1"))
    return tuple(values)


def set_cookie(origin: str, domain: str | None, value: str, days: int) -> bytes:
    """The Set-Cookie value that keeps a consent for `days` days. Host-only where `domain` is None."""
    attributes = [f"{cookie_name(origin, domain)}={value}", "Path=/", f"Max-Age={days * 86400}"]
    if domain:
        attributes.append(f"Domain={domain}")
    if origin.startswith("https://"):
        attributes.append("Secure")
    attributes += ["HttpOnly", "SameSite=Lax"]
    return "; ".join(attributes).encode("ascii")
