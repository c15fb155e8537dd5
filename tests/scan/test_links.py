from __future__ import annotations

import pytest

from proxy.scan.links import links_in

HERE = "https://shop.example/products/mug"


@pytest.mark.parametrize(
    ("page", "links"),
    [
        ('<a href="/a">A</a><A HREF=b>B</A>', ["https://shop.example/a", "https://shop.example/products/b"]),
        ("<area href='//other.example/x'>", ["https://other.example/x"]),
        ('<a href="?a=1&amp;b=2">', ["https://shop.example/products/mug?a=1&b=2"]),
        ('<base href="/de/"><base href="/fr/"><a href="mug">', ["https://shop.example/de/mug"]),
        ('<a href="/cart" rel="nofollow">', []),
        ('<a href="/cart" rel="external NoFollow">', []),
        ('<meta name="robots" content="noindex, nofollow"><a href="/a">', []),
        ('<meta name="ROBOTS" content="none"><a href="/a">', []),
        ('<meta name="robots" content="noindex"><a href="/a">', ["https://shop.example/a"]),
        ('<!-- <a href="/a"> --><script>"<a href=/b>"</script><textarea><a href=/c></textarea>', []),
        ('<link href="/a"><form action="/b"><a name="c">', []),
        ('<a href="/one" href="/two">', ["https://shop.example/one"]),
        ('<a href="http://[bad">', []),
        ("", []),
    ],
)
def test_links(page: str, links: list[str]) -> None:
    assert list(links_in(page.encode(), HERE)) == links


def test_other_encodings() -> None:
    page = '<a href="/größe">'
    assert list(links_in(page.encode("utf-16"), HERE)) == ["https://shop.example/größe"]
    assert list(links_in(page.encode("utf-16-le"), HERE, b"text/html; charset=utf-16le")) != []
    assert list(links_in(page.encode(), HERE, b"text/html; charset=iso-2022-jp")) == []
