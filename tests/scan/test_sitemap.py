from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.scan import sitemap
from proxy.scan.sitemap import CannotReadSitemap, Sitemap, read_sitemap

NS = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
PAGES = f"""<?xml version="1.0" encoding="UTF-8"?>
<urlset {NS} xmlns:image="http://www.google.com/schemas/sitemap-image/1.1">
  <url><loc> https://shop.example/a?x=1&amp;y=2 </loc><lastmod>2026-01-01</lastmod>
    <image:image><image:loc>https://shop.example/a.jpg</image:loc></image:image></url>
  <url><loc><![CDATA[https://shop.example/b]]></loc></url>
</urlset>"""
INDEX = f"<sitemapindex {NS}><sitemap><loc>https://shop.example/1.xml.gz</loc></sitemap></sitemapindex>"


def test_pages_and_no_pictures() -> None:
    assert read_sitemap(PAGES.encode()).pages == ["https://shop.example/a?x=1&y=2", "https://shop.example/b"]


def test_an_index_names_further_ones() -> None:
    assert read_sitemap(INDEX.encode()) == Sitemap([], ["https://shop.example/1.xml.gz"])


@pytest.mark.parametrize(
    "body",
    [
        gzip.compress(PAGES.encode(), mtime=0),
        PAGES.replace("UTF-8", "UTF-16").encode("utf-16"),
        b"\xef\xbb\xbf" + PAGES.encode(),
        b"https://shop.example/a?x=1&y=2\r\n\r\nhttps://shop.example/b\r\n",
    ],
)
def test_the_same_in_other_forms(body: bytes) -> None:
    assert read_sitemap(body) == read_sitemap(PAGES.encode())


LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><urlset><url><loc>&b;</loc></url></urlset>'


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (LAUGHS.encode(), "document type"),
        (LAUGHS.encode("utf-16"), "document type"),
        (b'<!DOCTYPE urlset SYSTEM "file:///etc/passwd"><urlset/>', "document type"),
        (b"<!doctype html><p>Not found", "no XML"),
        (b"", "no XML"),
        (b"<urlset><url>", "no XML"),
        (gzip.compress(PAGES.encode())[:-9], "gzip is broken"),
        (b"\x1f\x8bnot gzip at all", "gzip is broken"),
        (gzip.compress(b" " * (sitemap.LARGEST + 1)), "inflate"),
        (b" " * (sitemap.LARGEST + 1), "larger than"),
    ],
)
def test_what_is_not_read(body: bytes, why: str) -> None:
    with pytest.raises(CannotReadSitemap, match=why):
        read_sitemap(body)


def test_enough_is_enough() -> None:
    many = "<url><loc>https://shop.example/a</loc></url>" * (sitemap.ADDRESSES + 5)
    assert len(read_sitemap(f"<urlset>{many}</urlset>".encode()).pages) == sitemap.ADDRESSES


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        found = read_sitemap(body)
    except CannotReadSitemap:
        return
    assert all(isinstance(page, str) for page in found.pages)
