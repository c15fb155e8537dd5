from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from proxy.scan import walk
from proxy.scan.walk import Frontier, kind_of

SITE = "https://shop.example"


def _all(frontier: Frontier) -> Iterator[str]:
    while (address := frontier.take()) is not None:
        yield address


def _walked(*paths: str, limit: int = 100) -> list[str]:
    frontier = Frontier(limit)
    for path in paths:
        frontier.offer(SITE + path)
    return [address.removeprefix(SITE) for address in _all(frontier)]


def test_each_page_is_given_out_once() -> None:
    assert _walked("/", "/a", "/", "/a") == ["/", "/a"]


def test_pages_of_a_kind_that_was_seen_least_come_first() -> None:
    products = [f"/products/{name}" for name in "abcdef"]
    assert _walked("/", *products, "/blog/2024/05/a", "/blog/2024/06/b", "/help/faq", limit=4) == [
        "/",
        "/products/a",
        "/blog/2024/05/a",
        "/help/faq",
    ]


def test_pages_without_a_query_come_before_those_with_one() -> None:
    assert _walked("/list?page=2", "/list", "/list?page=3") == ["/list", "/list?page=2", "/list?page=3"]


def test_kinds() -> None:
    same = [
        ("/products/a", "/products/b"),
        ("/blog/2024/05/a", "/blog/2023/11/b"),
        ("/list?page=2&sort=up", "/list?sort=down&page=9"),
    ]
    for one, other in same:
        assert kind_of(SITE + one) == kind_of(SITE + other)
    different = [("/products/a", "/blog/a"), ("/a", "/a/b"), ("/list", "/list?page=2"), ("/de/shop/a", "/fr/shop/a")]
    for one, other in different:
        assert kind_of(SITE + one) != kind_of(SITE + other)


def test_what_is_known_and_what_is_left() -> None:
    frontier = Frontier(2)
    for path in ("/a", "/b", "/c"):
        frontier.offer(SITE + path)
    assert (frontier.known, frontier.left) == (2, 3)
    assert len(list(_all(frontier))) == 2
    assert (frontier.known, frontier.taken, frontier.left) == (2, 2, 1)


def test_what_does_not_count_makes_room_for_another() -> None:
    frontier = Frontier(1)
    for path in ("/a", "/b", "/c"):
        frontier.offer(SITE + path)
    frontier.take()
    assert frontier.take() is None
    frontier.allow_another(most=2)
    frontier.allow_another(most=2)
    assert len(list(_all(frontier))) == 1


def test_what_is_remembered_is_bounded() -> None:
    frontier = Frontier(10**9)
    for number in range(walk.REMEMBERED + walk.WAITING):
        frontier.offer(f"{SITE}/{'abcdefghijklmnopqrstuvwxyz'[number % 26] * (1 + number // 26 % 60)}/x{number}")
    assert frontier.left <= walk.REMEMBERED
    one_kind = Frontier(10**9)
    for number in range(2 * walk.WAITING):
        one_kind.offer(f"{SITE}/products/{number}")
    assert one_kind.left == walk.WAITING


@given(st.lists(st.text("ab/?=&1", max_size=12)), st.integers(1, 20))
def test_no_page_twice_and_none_beyond_the_limit(paths: list[str], limit: int) -> None:
    walked = _walked(*(f"/{path}" for path in paths), limit=limit)
    assert len(walked) == len(set(walked)) == min(limit, len({f"/{path}" for path in paths}))
