"""The consent cookie: what is written is read again, and what cannot be believed is a doubt."""

from __future__ import annotations

import base64
import string
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.consent.cookie import LARGEST, Seal, cookie_name, cookie_values, fit, set_cookie
from proxy.model import ASKED, Consent, Doubt, How, Regime, Standing
from tests.consent.shop import RECORD, TODAY, consent

KEY, OLD_KEY, RETIRED = b"k" * 32, b"o" * 32, b"r" * 32
SITE = "https://shop.example"
SEAL = Seal([KEY, OLD_KEY], SITE)
DAYS = 182

keys = st.frozensets(st.from_regex(r"[a-z0-9]+(-[a-z0-9]+)*", fullmatch=True), max_size=5)
consents = st.builds(
    Consent,
    policy=st.integers(1, 10**9 - 1),
    day=st.dates(date(2020, 1, 1), TODAY),
    granted=st.frozensets(st.sampled_from(ASKED)),
    allowed=keys,
    refused=keys,
    regime=st.sampled_from(Regime),
    how=st.sampled_from(How),
    signal=st.booleans(),
    record=st.none() | st.text(string.ascii_letters + string.digits + "-_", min_size=22, max_size=64),
)


def read(*values: str, today: date = TODAY, seal: Seal = SEAL) -> Standing:
    return seal.read(values, today, DAYS)


@given(consents)
def test_what_is_sealed_is_read_again(given_consent: Consent) -> None:
    today = given_consent.day
    assert read(SEAL.seal(given_consent), today=today) == Standing(fit(given_consent))


@given(consents)
def test_a_cookie_holds_no_character_that_a_cookie_may_not_hold(given_consent: Consent) -> None:
    assert set(SEAL.seal(given_consent)) <= set(string.ascii_letters + string.digits + "!~.-_")


@given(consents, st.data())
def test_one_changed_byte_is_a_doubt(given_consent: Consent, data: st.DataObject) -> None:
    sealed = SEAL.seal(given_consent)
    place = data.draw(st.integers(0, sealed.rindex(".") - 1))
    other = data.draw(st.characters(min_codepoint=33, max_codepoint=126).filter(lambda one: one != sealed[place]))
    assert read(sealed[:place] + other + sealed[place + 1 :]).doubt is not None


@given(st.text(max_size=300))
def test_no_text_is_ever_believed_unsigned(text: str) -> None:
    assert read(text).doubt is Doubt.SIGNATURE


def test_nothing_sent_is_nothing_yet() -> None:
    assert read() == Standing()


def test_two_like_refusals_on_one_day_are_the_same_bytes_whoever_refused() -> None:
    one = consent(how=How.REJECT, refused=frozenset({"ads"}), record=RECORD, signal=True)
    two = consent(how=How.REJECT)
    assert SEAL.seal(one) == SEAL.seal(two)
    assert RECORD not in SEAL.seal(one)


def test_two_copies_are_one_cookie_but_two_differing_ones_are_a_doubt() -> None:
    yes, no = SEAL.seal(consent("analytics", record=RECORD)), SEAL.seal(consent())
    assert read(yes, yes).consent == consent("analytics", record=RECORD)
    assert read(yes, no).doubt is Doubt.SEVERAL
    assert read(yes, "").doubt is Doubt.SEVERAL


@pytest.mark.parametrize(
    ("keys_of_reader", "site", "doubt"),
    [
        ([KEY], SITE, None),
        ([OLD_KEY, KEY], SITE, None),
        ([OLD_KEY, RETIRED, KEY], SITE, None),
        ([OLD_KEY], SITE, Doubt.SIGNATURE),
        ([KEY], "https://other.example", Doubt.SIGNATURE),
    ],
)
def test_the_first_key_signs_all_verify_and_each_site_has_its_own(
    keys_of_reader: list[bytes], site: str, doubt: Doubt | None
) -> None:
    sealed = SEAL.seal(consent("analytics"))
    assert read(sealed, seal=Seal(keys_of_reader, site)).doubt is doubt


def test_a_seal_without_a_key_is_no_seal() -> None:
    with pytest.raises(ValueError, match="key"):
        Seal([], SITE)


@pytest.mark.parametrize(
    ("age", "believed", "doubt"),
    [
        (0, True, None),
        (DAYS - 1, True, None),
        (DAYS, False, None),
        (5000, False, None),
        (-1, False, Doubt.FUTURE),
    ],
)
def test_a_choice_holds_for_its_time_and_none_comes_from_the_future(
    age: int, believed: bool, doubt: Doubt | None
) -> None:
    given_consent = consent("analytics")
    found = read(SEAL.seal(given_consent), today=TODAY + timedelta(days=age))
    assert found == Standing(given_consent if believed else None, doubt)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "2~1~20261122~1~i~s~0~~~",  # another format
        "1~1~20261322~1~i~s~0~~~",  # no such day
        "1~1~20261122~16~i~s~0~~~",  # a category that there is not
        "1~01~20261122~1~i~s~0~~~",  # not as we write numbers
        "1~1~20261122~1~i~s~0~~b!a~",  # not as we sort keys
        "1~1~20261122~1~i~s~0~~a!a~",
        "1~1~20261122~1~x~s~0~~~",
        "1~1~20261122~1~i~s~0~~~~",
        "1~1~20261122~1~i~s~0~~~\n",
        "１~1~20261122~1~i~s~0~~~",
    ],
)
def test_rightly_signed_but_not_as_we_write_it_is_unreadable(text: str) -> None:
    signed = SEAL._signer.sign(text.encode()).decode("latin-1")
    doubts = {Doubt.UNREADABLE} if text.isascii() else {Doubt.UNREADABLE, Doubt.SIGNATURE}
    assert read(signed).doubt in doubts


def test_vendor_keys_that_nobody_knows_any_more_survive() -> None:
    given_consent = consent("analytics", allowed=frozenset({"gone"}), refused=frozenset({"gone-too"}), record=RECORD)
    assert read(SEAL.seal(given_consent)).consent == given_consent


@given(st.integers(0, 600), st.integers(0, 600), st.booleans())
def test_too_many_exceptions_never_grant_more_and_always_fit(allowed: int, refused: int, category: bool) -> None:
    wide = consent(
        *(["analytics"] if category else []),
        allowed=frozenset(f"allowed-vendor-{n}" for n in range(allowed)),
        refused=frozenset(f"refused-vendor-{n}" for n in range(refused)),
        record=RECORD,
    )
    fitted = fit(wide)
    sealed = SEAL.seal(wide)
    assert len("__Secure-consent=" + sealed) <= LARGEST
    assert fitted.granted <= wide.granted
    assert fitted.allowed <= wide.allowed
    assert not fitted.grants_anything or fitted.refused == wide.refused
    assert read(sealed).consent == fitted == fit(fitted)


def test_exceptions_are_dropped_one_by_one_then_everything() -> None:
    many = frozenset(f"vendor-number-{n:03}" for n in range(250))
    kept = fit(consent("analytics", allowed=many, record=RECORD))
    assert kept.granted == {ASKED[0]}
    assert 150 < len(kept.allowed) < 250
    assert "vendor-number-000" in kept.allowed
    refused = fit(consent("analytics", refused=many, record=RECORD))
    assert not refused.grants_anything
    assert refused.record is None


def test_the_payload_is_no_secret_and_names_no_visitor() -> None:
    sealed = SEAL.seal(consent(how=How.REJECT))
    assert sealed.rpartition(".")[0] == "1~1~20261122~0~i~r~0~~~"
    assert len(base64.urlsafe_b64decode(sealed.rpartition(".")[2] + "=")) == 32  # SHA-256


@pytest.mark.parametrize(
    ("origin", "domain", "name"),
    [
        ("https://shop.example", None, "__Host-consent"),
        ("https://www.shop.example", "shop.example", "__Secure-consent"),
        ("http://localhost:8000", None, "consent"),
        ("http://localhost:8000", "shop.example", "consent"),
    ],
)
def test_the_name_says_how_far_browsers_protect_it(origin: str, domain: str | None, name: str) -> None:
    assert cookie_name(origin, domain) == name


@pytest.mark.parametrize(
    ("origin", "domain", "line"),
    [
        ("https://a.example", None, b"__Host-consent=v; Path=/; Max-Age=15724800; Secure; HttpOnly; SameSite=Lax"),
        (
            "https://w.a.example",
            "a.example",
            b"__Secure-consent=v; Path=/; Max-Age=15724800; Domain=a.example; Secure; HttpOnly; SameSite=Lax",
        ),
        ("http://localhost", None, b"consent=v; Path=/; Max-Age=15724800; HttpOnly; SameSite=Lax"),
    ],
)
def test_set_cookie(origin: str, domain: str | None, line: bytes) -> None:
    assert set_cookie(origin, domain, "v", DAYS) == line


@pytest.mark.parametrize(
    ("lines", "values"),
    [
        ([], ()),
        ([b""], ()),
        ([b"consent=a"], ("a",)),
        ([b"x=1; consent=a;consent=b ; y=consent=c"], ("a", "b")),
        ([b"consent=a", b" consent = b=c "], ("a", "b=c")),
        ([b"xconsent=a; Consent=b; consent"], ()),
        ([b"consent=\xff"], ("ÿ",)),
        ([b"consent="], ("",)),
    ],
)
def test_every_copy_is_found_whichever_line_it_is_on(lines: list[bytes], values: tuple[str, ...]) -> None:
    assert cookie_values([(b"cookie", line) for line in lines], "consent") == values


def test_other_headers_are_no_cookies() -> None:
    assert cookie_values([(b"x-cookie", b"consent=a"), (b"Cookie", b"consent=b")], "consent") == ("b",)


def test_a_refusal_is_remembered_as_long_as_a_grant() -> None:
    yes, no = consent("analytics", record=RECORD), replace(consent(), how=How.REJECT)
    for age in (DAYS - 1, DAYS):
        today = TODAY + timedelta(days=age)
        assert (read(SEAL.seal(yes), today=today).consent is None) == (read(SEAL.seal(no), today=today).consent is None)
