"""What of an event may leave: facts by profile, ids, classes of browsers."""

from __future__ import annotations

import dataclasses
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.catalogue.template import FACTS, ITEM_FACTS
from proxy.minimise.agents import user_agent_class
from proxy.minimise.events import PROFILES, Event, Item, Manner, Minimised, Visited
from proxy.minimise.ids import DAY, Ids, Profile
from tests.spelled import coded, hits, plain

SHOP = "https://shop.example"
ADDRESS = "203.0.113.77"
ALL = {*FACTS, *ITEM_FACTS}
EVENT = Event("purchase", "A-1", 1_800_000_000_000, 5.0, "EUR", "A-1", items=(Item("S", "Vase", "", 5.0, 1),))
VISITED = Visited(SHOP, f"{SHOP}/a", proof="p" * 22)


def manner(
    profile: Profile = "truncate", *, shorten: bool = True, key: bytes = b"k", query: tuple[str, ...] = ()
) -> Manner:
    return Manner(profile, Ids(key, SHOP, profile, lambda: b"\1" * 32), shorten, query)


def told(
    event: Event = EVENT, visited: Visited = VISITED, how: Manner | None = None, wanted: set[str] = ALL
) -> dict[str, Any]:
    return Minimised(event, visited, how or manner()).facts("v", wanted, "Purchase")


def test_every_fact_is_in_a_profile_or_made_elsewhere() -> None:
    elsewhere = {"event.name", "event.kind", "event.items"} | {fact for fact in FACTS if fact.startswith("consent.")}
    assert PROFILES["truncate"].keys() | elsewhere == FACTS.keys()
    assert PROFILES["cnil-2022-proxy"].keys() < PROFILES["truncate"].keys()


def test_an_id_in_which_the_visitor_is_named_is_another_one_and_still_its_own() -> None:
    ids = {f"A-{ADDRESS}", "A-203.0.113.9", ip_address(ADDRESS).packed.hex(), "jane@x.example", "joe@x.example", "A-1"}
    left = {
        one: told(dataclasses.replace(EVENT, id=one), dataclasses.replace(VISITED, address=ADDRESS))["event.id"]
        for one in ids
    }
    assert len(set(left.values())) == len(ids)
    assert {one for one in ids if left[one] == one} == {"A-1", "A-203.0.113.9"}


@pytest.mark.parametrize(
    ("url", "left"),
    [
        (f"{SHOP}/a?utm_source=n&utm_medium=m", f"{SHOP}/a?utm_source=n&utm_medium=m"),
        (f"{SHOP}/a?gclid=1&fbclid=2&sid=3", f"{SHOP}/a"),
        (f"{SHOP}/a?page=2&token=secret", f"{SHOP}/a?page=2"),
        (f"{SHOP}/a?mail=jane@x.example#frag", f"{SHOP}/a"),
        (f"{SHOP}/account/jane@x.example/orders", f"{SHOP}/account/-/orders"),
        (f"{SHOP}/account/jane%40x.example/orders", f"{SHOP}/account/-/orders"),
        (f"{SHOP}/ip/{ADDRESS}/x", f"{SHOP}/ip/203.0.113.0/x"),
        (SHOP, f"{SHOP}/"),
    ],
)
def test_pages_keep_what_tells_of_campaigns_and_what_the_shop_lists(url: str, left: str) -> None:
    visited = dataclasses.replace(VISITED, url=url, address=ADDRESS)
    assert told(visited=visited, how=manner(query=("page",)))["page.url"] == left


@pytest.mark.parametrize(
    ("referrer", "truncated", "cnil"),
    [
        (f"{SHOP}/b?x=1", f"{SHOP}/b", f"{SHOP}/b"),
        ("https://search.example/find?q=me", "https://search.example/", None),
        ("https://search.example:8443/x", "https://search.example:8443/", None),
        ("android-app://com.example/", None, None),
        ("https://shop.example.evil.example/", "https://shop.example.evil.example/", None),
        ("https://x.example:99999999/", None, None),
        ("nonsense", None, None),
        ("", None, None),
    ],
)
def test_referrers(referrer: str, truncated: str | None, cnil: str | None) -> None:
    visited = dataclasses.replace(VISITED, referrer=referrer)
    assert told(visited=visited).get("page.referrer") == truncated
    assert told(visited=visited, how=manner("cnil-2022-proxy")).get("page.referrer") == cnil


def test_an_address_is_shortened_or_left_out() -> None:
    visited = dataclasses.replace(VISITED, address="2001:db8:1:2:3::4")
    assert told(visited=visited)["client.address"] == "2001:db8:1::"
    assert "client.address" not in told(visited=visited, how=manner(shorten=False))
    assert "client.address" not in told(visited=visited, how=manner("cnil-2022-proxy"))
    assert "client.address" not in told(visited=dataclasses.replace(VISITED, address="10.0.0.7"))


TEXT = st.text(st.characters(codec="utf-8"), max_size=30)
WRITTEN = st.sampled_from(sorted({*plain(ADDRESS).values(), *coded(ADDRESS).values()}))


@pytest.mark.parametrize("profile", ["truncate", "cnil-2022-proxy"])
@given(before=TEXT, written=WRITTEN, after=TEXT)
def test_whatever_an_event_holds_the_address_is_in_no_fact(
    profile: Profile, before: str, written: str, after: str
) -> None:
    """In every field that comes from outside, however it is spelled."""
    held = f"{before} {written} {after}"
    event = Event("search", held, EVENT.at, None, "EUR", held, held, None, (Item(held, held, held),), named=True)
    visited = Visited(SHOP, f"{SHOP}/x?utm_source={held}", f"{SHOP}/{held}", held, held, ADDRESS, "p" * 22)
    left = told(event, visited, manner(profile))
    for fact, value in left.items():
        if fact in ("visitor", "session", "event.at"):
            continue
        assert hits(ADDRESS, repr(value).encode()) == [], fact


@given(wanted=st.sets(st.sampled_from(sorted(ALL))), extra=TEXT)
def test_nothing_leaves_that_is_not_wanted(wanted: set[str], extra: str) -> None:
    visited = Visited(
        SHOP, f"{SHOP}/{extra}?gclid=1", SHOP, extra, "en", ADDRESS, "p" * 22, {"consent.analytics": True}
    )
    for profile in PROFILES:
        left = told(dataclasses.replace(EVENT, search=extra), visited, manner(profile), wanted)
        assert left.keys() <= wanted
        for item in left.get("event.items", ()):
            assert item.keys() <= wanted


# -- ids --------------------------------------------------------------------------------------------------------------


def test_ids_differ_by_vendor_site_period_and_key() -> None:
    def made(vendor: str = "v", site: str = SHOP, at: int = 0, key: bytes = b"k", proof: str = "p") -> str:
        return Ids(key, site, "truncate", lambda: b"").visitor(vendor, proof, at)

    assert made() == made(at=179 * DAY)
    assert (
        len({made(), made("w"), made(site="https://b.example"), made(at=180 * DAY), made(key=b"l"), made(proof="q")})
        == 6
    )
    assert len(made()) == 64


def test_without_a_proof_each_event_has_its_own() -> None:
    random = iter([b"a" * 32, b"b" * 32])
    ids = Ids(b"k", SHOP, "truncate", lambda: next(random))
    assert ids.visitor("v", None, 0) != ids.visitor("v", None, 0)


def test_under_cnil_they_change_daily_and_collide() -> None:
    ids = Ids(b"k", SHOP, "cnil-2022-proxy", lambda: b"")
    assert ids.visitor("v", "p", 0) == ids.visitor("v", "p", DAY - 1) != ids.visitor("v", "p", DAY)
    different = {ids.visitor("v", f"visitor {number}", 0) for number in range(1000)}
    assert 850 < len(different) < 920  # 4,096 of them: 888 are expected
    assert len({ids.visitor("v", f"visitor {number}", 0) for number in range(100_000)}) <= 4096


def test_an_id_that_the_shop_gave_is_the_same_for_the_same_event_and_does_not_show_it() -> None:
    ids = Ids(b"k", SHOP, "cnil-2022-proxy", lambda: b"")
    assert ids.event("A-1") == ids.event("A-1") != ids.event("A-2")
    assert told(how=manner("cnil-2022-proxy"))["event.id"] == ids.event("A-1")


# -- browsers ---------------------------------------------------------------------------------------------------------

_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
_APPLE = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
AGENTS = [
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_WEBKIT} Chrome/141.0.7390.54 Safari/537.36",
    f"Mozilla/5.0 (Linux; Android 14; SM-S911B) {_WEBKIT} Chrome/139.0.0.0 Mobile Safari/537.36",
    f"Mozilla/5.0 (Linux; Android 13; SM-X900) {_WEBKIT} Chrome/139.0.0.0 Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
    "Mozilla/5.0 (Android 15; Mobile; rv:144.0) Gecko/144.0 Firefox/144.0",
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_APPLE} Version/18.6 Safari/605.1.15",
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) {_APPLE} Version/18.6 Mobile/15E148 Safari/604.1",
    f"Mozilla/5.0 (iPad; CPU OS 17_7 like Mac OS X) {_APPLE} Version/17.7 Mobile/15E148 Safari/604.1",
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_WEBKIT} Chrome/141.0.0.0 Safari/537.36 Edg/141.0.3537.57",
    "curl/8.5.0",
]


def test_browsers_keep_their_kind_and_nothing_else() -> None:
    classes = [user_agent_class(one) for one in AGENTS]
    assert len(set(classes)) == len(AGENTS)
    assert [user_agent_class(one) for one in classes] == classes
    assert not any(version in " ".join(classes) for version in ("141", "144", "18.6", "17.7", "SM-"))


@given(TEXT)
def test_there_are_few_classes(text: str) -> None:
    assert user_agent_class(text) in {user_agent_class(one) for one in AGENTS} | {"Mozilla/5.0"} | _MORE


_MORE = {
    user_agent_class(f"{browser}/1 {kind}")
    for browser in ("Firefox", "Chrome", "Edg", "Safari")
    for kind in ("", "Mobile", "Tablet")
}
