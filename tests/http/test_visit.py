"""What a request says of its visitor."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.address import parse_exact
from proxy.consent.regime import Regimes
from proxy.http.region import Regions
from proxy.http.visit import (
    host_of,
    languages,
    origin_of,
    peer_trusted,
    read_visit,
    signals,
    target,
    visitor_address,
)
from proxy.model import Doubt, Standing
from proxy.settings import Settings
from tests.laws import OPT_IN

INSIDE = tuple(ipaddress.ip_network(text) for text in ("10.0.0.0/8", "2001:db8:ffff::/48"))


def headers(name: bytes, *values: bytes) -> list[tuple[bytes, bytes]]:
    return [(b"host", b"shop.example"), *((name, value) for value in values)]


@pytest.mark.parametrize(
    ("values", "on"),
    [
        ([b"1"], True),
        ([b" 1\t"], True),
        ([b"0"], False),
        ([b""], False),
        ([], False),
        ([b"1,1"], True),
        ([b"0,1"], True),
        ([b"0", b"1"], True),
        ([b"true"], False),
        ([b"11"], False),
        ([b"1;x"], False),
        ([b"01"], False),
    ],
)
def test_the_signal_is_exactly_one(values: list[bytes], on: bool) -> None:
    assert signals(headers(b"sec-gpc", *values)) is on


@pytest.mark.parametrize(
    ("peer", "chain", "address"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        ("203.0.113.9", [b"6.6.6.6"], "203.0.113.9"),
        ("::ffff:203.0.113.9", [], "203.0.113.9"),
        ("::ffff:10.0.0.1", [b"6.6.6.6"], "6.6.6.6"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", [b""], "10.0.0.1"),
        ("10.0.0.1", [b"6.6.6.6, 203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", [b"6.6.6.6", b"203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", [b"6.6.6.6, 203.0.113.9, 10.1.1.1, 10.0.0.7"], "203.0.113.9"),
        ("10.0.0.1", [b"10.1.1.1, 10.0.0.7"], "10.1.1.1"),
        ("10.0.0.1", [b"203.0.113.9:4711"], "203.0.113.9"),
        ("10.0.0.1", [b"[2001:db8::1]:4711"], "2001:db8::1"),
        ("10.0.0.1", [b"2001:DB8::1"], "2001:db8::1"),
        ("2001:db8:ffff::2", [b"[2001:db8::1]"], "2001:db8::1"),
        ("10.0.0.1", [b"::ffff:203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", [b"203.0.113.9, unknown"], None),
        ("10.0.0.1", [b"203.0.113.9, "], None),
        ("10.0.0.1", [b"203.0.113.9, 999.1.1.1"], None),
        ("10.0.0.1", [b"203.0.113.9, 0x7f000001"], None),
        ("10.0.0.1", [b"[2001:db8::1"], None),
        ("10.0.0.1", [b"[2001:db8::1]x"], None),
        ("testclient", [b"6.6.6.6"], None),
        (None, [b"6.6.6.6"], None),
    ],
)
def test_the_visitor_is_who_trusted_peers_vouch_for(peer: str | None, chain: list[bytes], address: str | None) -> None:
    client = None if peer is None else (peer, 1)
    assert visitor_address(client, headers(b"x-forwarded-for", *chain), INSIDE) == address


def test_without_trusted_networks_nobody_is_believed() -> None:
    assert visitor_address(("127.0.0.1", 1), headers(b"x-forwarded-for", b"6.6.6.6"), ()) == "127.0.0.1"
    assert not peer_trusted(("127.0.0.1", 1), ())
    assert peer_trusted(("10.9.9.9", 1), INSIDE)
    assert not peer_trusted(None, INSIDE)


def test_a_long_chain_is_not_walked_for_ever() -> None:
    chain = b"6.6.6.6," + b"10.0.0.1," * 10_000 + b"10.0.0.1"
    assert visitor_address(("10.0.0.1", 1), headers(b"x-forwarded-for", chain), INSIDE) == "10.0.0.1"


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_none(text: str) -> None:
    address = parse_exact(text)
    assert address is None or ipaddress.ip_address(str(address)) == address


@pytest.mark.parametrize(
    ("values", "tags"),
    [
        ([b"de"], ("de",)),
        ([b"de-CH, en;q=0.8, fr;q=0.9"], ("de-ch", "fr", "en")),
        ([b"en;q=0.5", b"pt-BR"], ("pt-br", "en")),
        ([b"de, de;q=0.1, *;q=0.1"], ("de",)),
        ([b"de;q=0, en;q=0.000, fr;q=1.000"], ("fr",)),
        ([b"de;q=2, en;q=x, fr;level=1, zh ; q = 0.5"], ("zh",)),
        ([b"../../etc, <b>, d\xe9"], ()),
        ([b""], ()),
        ([], ()),
    ],
)
def test_languages_best_first(values: list[bytes], tags: tuple[str, ...]) -> None:
    assert languages(headers(b"accept-language", *values)) == tags


@given(st.lists(st.binary(max_size=900), max_size=4))
def test_languages_are_bounded(values: list[bytes]) -> None:
    assert len(languages(headers(b"accept-language", *values))) <= 16


@pytest.mark.parametrize(
    ("values", "host"),
    [
        ([b"shop.example"], "shop.example"),
        ([b"Shop.Example:8080"], "shop.example:8080"),
        ([b"[::1]:80"], "[::1]:80"),
        ([b"127.0.0.1:8000"], "127.0.0.1:8000"),
        ([b"a_b.example"], "a_b.example"),
        ([b"shop.example."], "shop.example."),
        ([], None),
        ([b""], None),
        ([b"a", b"b"], None),
        ([b"a", b"a"], None),
        ([b"a/b"], None),
        ([b"a b"], None),
        ([b"a,b"], None),
        ([b'"><script>'], None),
        ([b"user@a"], None),
        ([b"a:b"], None),
        ([b"a" * 300], None),
    ],
)
def test_one_host_or_none(values: list[bytes], host: str | None) -> None:
    assert host_of([(b"host", value) for value in values]) == host


class _Seal:
    def __init__(self) -> None:
        self.asked: tuple[Sequence[str], date, int] | None = None

    def read(self, values: Sequence[str], today: date, remember_days: int, *, lapses: bool = True) -> Standing:
        self.asked = (values, today, remember_days, lapses)
        return Standing(doubt=Doubt.SEVERAL)


def test_a_visit_is_read_once_and_whole() -> None:
    seal = _Seal()
    scope = {
        "headers": [
            (b"host", b"shop.example"),
            (b"cookie", b"a=1; __Host-consent=x"),
            (b"cookie", b"__Host-consent=y"),
            (b"sec-gpc", b"1"),
            (b"accept-language", b"fr"),
        ],
        "client": ("203.0.113.9", 5),
        "scheme": "http",
        "raw_path": b"/a%2Fb",
        "query_string": b"x=%20",
    }
    settings = Settings.model_validate({"origin": "https://shop.example"})
    visit = read_visit(scope, settings, seal, Regions(settings.region, Regimes({})), date(2026, 11, 22))
    assert seal.asked == (("x", "y"), date(2026, 11, 22), 182, True)
    assert visit.standing == Standing(doubt=Doubt.SEVERAL)
    assert (visit.law, visit.gpc, visit.address) == (OPT_IN, True, "203.0.113.9")
    assert (visit.languages, visit.path, visit.region) == (("fr",), "/a%2Fb?x=%20", None)


def test_the_origin_is_the_configured_one_or_in_development_the_requests() -> None:
    scope = {"headers": [(b"host", b"localhost:8000")], "scheme": "http"}
    assert origin_of(scope, Settings.model_validate({"origin": "https://shop.example"})) == "https://shop.example"
    assert origin_of(scope, Settings()) == "http://localhost:8000"


def test_the_target_is_what_came() -> None:
    assert target({"raw_path": b"//a%7e", "query_string": b""}) == b"//a%7e"
    assert target({"raw_path": b"/", "query_string": b"?&"}) == b"/??&"
    assert target({"raw_path": b"/", "query_string": b"", "consentry.target": b"/?"}) == b"/?"
