from __future__ import annotations

import pytest

from proxy.scan.fetch import Fetched
from proxy.scan.manners import CannotScan, Manners, same_site


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://shop.example/", "https://www.shop.example/a", True),
        ("http://shop.example/", "https://shop.example/", True),
        ("https://a.co.uk/", "https://b.co.uk/", False),
        ("https://a.myshopify.com/", "https://b.myshopify.com/", False),
        ("http://localhost:1/", "http://localhost:2/", True),
        ("http://127.0.0.1/", "http://127.0.0.2/", False),
        ("https://co.uk/", "https://com/", False),
        ("https://shop.example/", "mailto:us@shop.example", False),
    ],
)
def test_one_site(one: str, other: str, same: bool) -> None:
    assert same_site(one, other) is same


def _answering(table: dict[str, Fetched], asked: list[str]) -> Manners:
    def get(address: str, _largest: int) -> Fetched:
        asked.append(address)
        return table.get(address, Fetched(404, (), b""))

    return Manners(get, lambda _: None, 0.0, ignore_robots=False)


def _to(address: str) -> Fetched:
    return Fetched(301, ((b"location", address.encode()),), b"")


def test_a_site_may_be_at_home_on_another_host_of_its_domain() -> None:
    asked: list[str] = []
    table = {
        "http://shop.example/": _to("https://www.shop.example"),
        "https://www.shop.example/": Fetched(200, (), b"x"),
    }
    manners = _answering(table, asked)
    assert manners.arrive("http://shop.example", 10) == ("https://www.shop.example/", Fetched(200, (), b"x"))
    assert manners.origin == "https://www.shop.example"
    assert asked == [
        "http://shop.example/robots.txt",
        "http://shop.example/",
        "https://www.shop.example/robots.txt",
        "https://www.shop.example/",
    ]


def test_the_robots_of_the_new_host_hold_there() -> None:
    forbids = Fetched(200, (), b"User-agent: *\nDisallow: /")
    table = {"http://shop.example/": _to("https://shop.example/"), "https://shop.example/robots.txt": forbids}
    with pytest.raises(CannotScan, match=r"robots\.txt of https://shop\.example forbids"):
        _answering(table, []).arrive("http://shop.example/", 10)


def test_a_long_delay_is_kept_in_part() -> None:
    slow = Fetched(200, (), b"User-agent: *\nCrawl-delay: 600")
    pauses: list[float] = []
    table = {"http://shop.example/robots.txt": slow, "http://shop.example/": Fetched(200, (), b"x")}
    manners = _answering(table, [])
    manners.sleep = pauses.append
    manners.arrive("http://shop.example/", 10)
    assert pauses == [10.0]
    assert manners.notes == ["robots.txt asks for pauses of 600 seconds; 10 were kept."]
