"""Vendors' own cookies: found by name, taken out, forgotten."""

from __future__ import annotations

import pytest

from proxy.catalogue.schema import Cookie, Vendor
from proxy.http.cookies import (
    EXPIRY_BYTES,
    VendorCookies,
    cookie_header,
    denied_names,
    domains,
    expiries,
    pairs,
    set_cookie_denied,
)


def vendor(key: str, *names: str, party: str = "first") -> Vendor:
    cookies = [Cookie.model_validate({"name": name, "keeps": "x", "party": party, "use": "xyz"}) for name in names]
    return Vendor.model_construct(key=key, cookies=tuple(cookies))  # type: ignore[call-arg]


INDEX = VendorCookies(
    [vendor("ga", "_ga", "_ga_*", "_shared"), vendor("ads", "_gcl_*", "_shared"), vendor("far", "NID_x", party="third")]
)


@pytest.mark.parametrize(
    ("name", "owners"),
    [
        ("_ga", {"ga"}),
        ("_ga_", {"ga"}),
        ("_ga_ABC", {"ga"}),
        ("_gab", set()),
        ("_GA", set()),
        ("_gcl_au", {"ads"}),
        ("_shared", {"ga", "ads"}),
        ("NID_x", set()),
        ("", set()),
        ("cart", set()),
    ],
)
def test_a_cookie_belongs_to_those_who_list_it(name: str, owners: set[str]) -> None:
    assert INDEX.owners(name) == owners


def test_a_shared_cookie_is_denied_only_where_all_are() -> None:
    assert INDEX.denied("_shared", {"x"})
    assert not INDEX.denied("_shared", {"ads"})
    assert not INDEX.denied("cart", set())


def test_cookie_lines_become_one_to_the_byte() -> None:
    lines = [b'a=1;  b="x; _ga=2', b" _ga=3 ; ;c=; d", b"consent=z"]
    assert cookie_header(lines, INDEX, set(), ("consent",)) == b'a=1; b="x; c=; d'
    assert cookie_header(lines, INDEX, {"ga"}, ()) == b'a=1; b="x; _ga=2; _ga=3; c=; d; consent=z'
    assert cookie_header([b"_ga=1"], INDEX, set(), ()) is None
    assert cookie_header([], INDEX, set(), ()) is None


def test_names_that_a_visit_carries_come_once() -> None:
    assert denied_names([b"_ga=1; cart=2", b"_ga=3; _ga_B=1; \xe9=1"], INDEX, set()) == ("_ga", "_ga_B")
    assert list(pairs([b"=x; y"])) == [("", b"=x"), ("", b"y")]


@pytest.mark.parametrize(
    ("value", "denied"),
    [
        (b"_ga=1; Path=/", True),
        (b" _ga =1", True),
        (b"_ga_X=1; Max-Age=60", True),
        (b"_ga=1; Max-Age=0600", True),
        (b"_ga=1; Path=/max-age=0", True),
        (b"_ga=1; Max-Age=0; Max-Age=60", True),
        (b"_ga=; Max-Age=0", False),
        (b"_ga=; path=/; max-age = -1 ;Secure", False),
        (b"cart=_ga", False),
        (b"", False),
    ],
)
def test_a_set_cookie_of_a_denied_vendor(value: bytes, denied: bool) -> None:
    assert set_cookie_denied(value, INDEX, set()) is denied
    assert not set_cookie_denied(value, INDEX, {"ga", "ads"})


@pytest.mark.parametrize(
    ("host", "parents"),
    [
        ("shop.example", ("shop.example",)),
        ("www.eu.shop.co.uk", ("www.eu.shop.co.uk", "eu.shop.co.uk", "shop.co.uk")),
        ("shop.github.io", ("shop.github.io",)),
        ("co.uk", ()),
        ("localhost", ()),
        ("127.0.0.1", ()),
        ("[::1]", ()),
        ("", ()),
    ],
)
def test_the_domains_that_a_page_may_write_to(host: str, parents: tuple[str, ...]) -> None:
    assert domains(host) == parents


def test_forgetting_is_host_only_and_on_every_domain() -> None:
    start = b"_ga=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/"
    assert expiries(["_ga"], "www.shop.example", secure=False) == [
        start,
        start + b"; Domain=www.shop.example",
        start + b"; Domain=shop.example",
    ]
    assert expiries(["_ga"], "localhost", secure=True) == [start + b"; Secure"]
    assert expiries(["__Secure-x"], "localhost", secure=False)[0].endswith(b"; Secure")


def test_forgetting_is_bounded_by_whole_names_and_never_nothing() -> None:
    lines = expiries([f"_ga_{number}" for number in range(100)], "www.shop.example", secure=True)
    assert sum(map(len, lines)) <= EXPIRY_BYTES
    assert len(lines) % 3 == 0
    assert len(expiries(["_ga_" + "x" * 5000], "shop.example", secure=True)) == 2
