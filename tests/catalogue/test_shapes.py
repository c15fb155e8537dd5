"""Shapes: what a tracker looks like, whoever serves it."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.catalogue.load import load, shipped_dir
from proxy.catalogue.shapes import COLUMNS, Shapes, read_shapes

SHAPES = Shapes(load().shapes)


@pytest.mark.parametrize(
    ("host", "target", "key"),
    [
        ("ads.example.com", "/", "shape-ad-host"),
        ("eu.adserver.example.com", "/x.js", "shape-ad-host"),
        ("pixel.example.com", "/", "shape-pixel-host"),
        ("metrics.example.com", "/v1", "shape-metrics-host"),
        ("cdn.example.com", "/pixel.gif?a=1", "shape-pixel-path"),
        ("cdn.example.com", "/v2/collect", "shape-pixel-path"),
        ("cdn.example.com", "/beacon/v1/event", "shape-pixel-path"),
        ("stats.example.co", "/matomo.js", "shape-matomo"),
        ("example.org", "/piwik.php?idsite=1", "shape-matomo"),
        ("example.org", "/collections/pixel-art", None),
        ("example.org", "/pixel/phone-8.jpg", None),
        ("example.org", "/collected", None),
        ("loads.example.com", "/", None),
        ("ads.com", "/", None),
        ("track.com", "/", None),
        ("cdn.example.com", "/lib/jquery.js", None),
        ("a.bf-ad.de", "/", "shape-ad-domain"),
        ("x.smart-adserver.com", "/", "shape-ad-domain"),
        ("cdn.example.com", "/static/ads/slots.js?v=2", "shape-ad-path"),
        ("cdn.example.com", "/www/delivery/avw.php?zone=1", "shape-ad-path"),
        ("somebody.example", "/b/ss/shop/1/JS-2.2/s1", "shape-metrics-path"),
        ("cdn.example.com", "/js/loadAds.js", "shape-ad-script"),
        ("cdn.example.com", "/js/full_page_ad_15.js", "shape-ad-script"),
        ("cdn.example.com", "/js/nielsen.js", "shape-metrics-script"),
        ("cdn.example.com", "/js/gtm4wp-form.js", "shape-metrics-script"),
        ("notgoogle-analytics.com", "/x.js", None),
        ("google-analytics.com.evil.example", "/x.js", None),
        ("cdn.example.com", "/ads/summer.jpg", None),
        ("cdn.example.com", "/js/adapter.js", None),
        ("cdn.example.com", "/js/headsup.js", None),
        ("cdn.example.com", "/js/address.js", None),
        ("threads.example.com", "/", None),
        ("uploads.com", "/", None),
        ("adobe.com", "/", None),
        ("93.184.216.34", "/", None),
    ],
)
def test_what_looks_like_a_tracker(host: str, target: str, key: str | None) -> None:
    shape = SHAPES.find(host, target)
    assert (shape.key if shape else None) == key


#: Not seen often enough on the measured pages to say how well they tell.
SELDOM = {"shape-matomo", "shape-pixel-path", "shape-ad-domain"}


def test_every_shipped_shape_says_why_and_has_been_measured() -> None:
    shapes, problems = read_shapes(shipped_dir() / "shapes.csv")
    assert not problems
    assert len({shape.key for shape in shapes}) == len(shapes)
    assert all(shape.reason and shape.categories for shape in shapes)
    measured = [shape for shape in shapes if shape.hits + shape.false_hits > 1]
    assert {shape.key for shape in shapes} - {shape.key for shape in measured} <= SELDOM
    assert [shape.key for shape in measured if shape.hits < 3 * shape.false_hits] == []


def test_what_is_no_shape_is_told_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "shapes.csv"
    file.write_text("key,what\n", encoding="utf-8")
    assert [one.line for one in read_shapes(file)[1]] == [1]
    file.write_text(",".join(COLUMNS) + "\nx,label,ads,adverts,,why,0,0\n", encoding="utf-8")
    assert [one.line for one in read_shapes(file)[1]] == [2]
