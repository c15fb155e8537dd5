from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.scan.robots import FORBIDDEN, NO_RULES, read_robots


@pytest.mark.parametrize(
    ("lines", "target", "allowed"),
    [
        ("Disallow: /private", "/private/a", False),
        ("Disallow: /private", "/public", True),
        ("Disallow:", "/", True),
        ("Disallow: /", "/a", False),
        ("Disallow: /\nAllow: /shop", "/shop/mug", True),
        ("Disallow: /shop\nAllow: /shop", "/shop", True),  # of equal ones, the one that allows
        ("Allow: /shop\nDisallow: /shop/secret", "/shop/secret", False),  # the longest, whatever the order
        ("Disallow: /*?*sort=", "/list?page=2&sort=up", False),
        ("Disallow: /*?*sort=", "/list?page=2", True),
        ("Disallow: /*.php$", "/index.php", False),
        ("Disallow: /*.php$", "/index.php?a=1", True),
        ("Disallow: /end$", "/end", False),
        ("Disallow: /end$", "/ending", True),
        ("Disallow: /a*b*c$", "/abbc", False),
        ("Disallow: /a*bc*bc$", "/abc", True),
        ("Disallow: /gr%C3%B6%C3%9Fe", "/gr%c3%b6%c3%9fe", False),
        ("Disallow: /größe", "/gr%C3%B6%C3%9Fe", False),
        ("Disallow: /cart # not for robots", "/cart", False),
        ("Disallow /cart", "/cart", True),
        ("nonsense\n: /x\nDisallow: /cart", "/cart", False),
    ],
)
def test_rules(lines: str, target: str, allowed: bool) -> None:
    assert read_robots(f"User-agent: *\n{lines}").allows(target) is allowed


def test_the_group_that_names_us_holds_alone() -> None:
    text = "User-agent: *\nDisallow: /\n\nUser-agent: other\nuser-agent: Consentry\nDisallow: /cart\n"
    robots = read_robots(text)
    assert (robots.allows("/"), robots.allows("/cart")) == (True, False)


def test_groups_of_one_name_are_one() -> None:
    robots = read_robots("User-agent: *\nDisallow: /a\n\nUser-agent: x\nDisallow: /c\n\nUser-agent: *\nDisallow: /b")
    assert [robots.allows(path) for path in ("/a", "/b", "/c")] == [False, False, True]


def test_delay_and_sitemaps() -> None:
    text = "\ufeffSitemap: https://shop.example/one.xml\r\nUser-agent: *\r\nSitemap: /two.xml\r\nCrawl-delay: 2.5\r\n"
    robots = read_robots(text)
    assert robots.delay == 2.5
    assert robots.sitemaps == ("https://shop.example/one.xml", "/two.xml")
    assert read_robots("User-agent: *\nCrawl-delay: soon").delay == 0


def test_no_file_and_no_answer() -> None:
    assert NO_RULES.allows("/a")
    assert not FORBIDDEN.allows("/")
    assert read_robots("Disallow: /before-any-group").allows("/before-any-group")


@given(st.text("ab/*$%2?", max_size=30), st.text("ab/?2", max_size=40))
def test_any_pattern_reads_any_target(pattern: str, target: str) -> None:
    allowed = read_robots(f"User-agent: *\nDisallow: /{pattern}").allows(f"/{target}")
    if not set(pattern) & set("*$%") and f"/{target}".startswith(f"/{pattern}"):
        assert not allowed
