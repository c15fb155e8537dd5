"""As which variant a cache in front may keep a page, and for how long."""

from __future__ import annotations

import pytest

from proxy.http.shared import seconds, variant
from proxy.model import Category, Consent, Doubt, How, Regime, Standing, Visit
from tests.http.shop import TODAY
from tests.laws import OPT_IN

OURS = "__Host-consent"
NOTHING: frozenset[str] = frozenset()
REFUSED = Standing(Consent(1, TODAY, frozenset(), NOTHING, NOTHING, Regime.OPT_IN, How.REJECT))
GRANTED = Standing(
    Consent(1, TODAY, frozenset({Category.ANALYTICS}), NOTHING, NOTHING, Regime.OPT_IN, How.SAVE, record="r" * 22)
)
ONE_VENDOR = Standing(
    Consent(1, TODAY, frozenset(), frozenset({"x"}), NOTHING, Regime.OPT_IN, How.SAVE, record="r" * 22)
)


NEW = Standing()


def of(standing: Standing = NEW, cookies: tuple[bytes, ...] = (), *headers: tuple[bytes, bytes]) -> bytes | None:
    visit = Visit(standing, OPT_IN, True, "203.0.113.9", ("xx", "pt-br", "de"), "/a", "US-CA")
    return variant(visit, headers, cookies, OURS)


def test_it_names_the_cookie_the_language_the_region_and_the_signal() -> None:
    assert of() == b"none/pt/US-CA/1"
    assert of(REFUSED, (b"__Host-consent=1~1~x.sig",)) == b"1~1~x.sig/pt/US-CA/1"


@pytest.mark.parametrize(
    ("standing", "cookies", "headers"),
    [
        (GRANTED, (b"__Host-consent=x",), ()),
        (ONE_VENDOR, (b"__Host-consent=x",), ()),
        (Standing(doubt=Doubt.SIGNATURE), (b"__Host-consent=x",), ()),
        (NEW, (b"__Host-consent=lapsed",), ()),
        (NEW, (b"session=1",), ()),
        (REFUSED, (b"__Host-consent=x; session=1",), ()),
        (REFUSED, (b"session=1", b"__Host-consent=x"), ()),
        (REFUSED, (b"consent=x",), ()),
        (NEW, (), ((b"authorization", b"Basic x"),)),
        (NEW, (), ((b"range", b"bytes=0-"),)),
    ],
)
def test_what_could_be_somebodys_own_has_none(
    standing: Standing, cookies: tuple[bytes, ...], headers: tuple[tuple[bytes, bytes], ...]
) -> None:
    assert of(standing, cookies, *headers) is None


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ([(b"Cache-Control", b"public, max-age=60")], 60),
        ([(b"cache-control", b"max-age=60")], 60),
        ([(b"cache-control", b"max-age=60, s-maxage=30")], 30),
        ([(b"cache-control", b"s-maxage=0, max-age=60")], 0),
        ([(b"cache-control", b'max-age="60"')], 60),
        ([(b"cache-control", b"max-age=99999")], 600),
        ([(b"cache-control", b"public")], 0),
        ([(b"cache-control", b"x-max-age=60")], 0),
        ([(b"cache-control", b"private, max-age=60")], 0),
        ([(b"cache-control", b"public, max-age=60"), (b"cache-control", b"no-store")], 0),
        ([(b"cache-control", b"max-age=60, no-cache")], 0),
        ([(b"cache-control", b"max-age=60"), (b"set-cookie", b"a=1")], 0),
        ([(b"cache-control", b"max-age=60"), (b"Vary", b"*")], 0),
        ([(b"expires", b"Thu, 01 Jan 2099 00:00:00 GMT")], 0),
        ([], 0),
    ],
)
def test_the_storefront_says_how_long(said: list[tuple[bytes, bytes]], kept: int) -> None:
    assert seconds(said, 600) == kept
