"""`split_url` against what browsers do (WHATWG URL Standard), case by case, and against itself for the fast path."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.catalogue import url as url_module
from proxy.catalogue.url import Split, split_url

BASE = "https://shop.example/a/b/page.html?old=1"

#: URL as it stands in a page at BASE -> (host, target) that a browser contacts; None: it contacts nobody.
CASES: list[tuple[str, tuple[str, str] | None]] = [
    # Plain ones, as nearly all are.
    ("https://www.youtube.com/embed/x?rel=0#t=1", ("www.youtube.com", "/embed/x?rel=0")),
    ("http://youtube.com", ("youtube.com", "/")),
    ("//youtube.com/a", ("youtube.com", "/a")),
    ("https://youtube.com?a=1", ("youtube.com", "/?a=1")),
    ("https://youtube.com#a", ("youtube.com", "/")),
    ("wss://ws.hotjar.com/api", ("ws.hotjar.com", "/api")),
    ("https://a.example/?", ("a.example", "/?")),
    # Relative to the page.
    ("/x/y", ("shop.example", "/x/y")),
    ("x.js", ("shop.example", "/a/b/x.js")),
    ("../x.js", ("shop.example", "/a/x.js")),
    ("../../../x.js", ("shop.example", "/x.js")),
    ("./", ("shop.example", "/a/b/")),
    (".", ("shop.example", "/a/b/")),
    ("..", ("shop.example", "/a/")),
    ("?new=1", ("shop.example", "/a/b/page.html?new=1")),
    ("#top", ("shop.example", "/a/b/page.html?old=1")),
    ("", ("shop.example", "/a/b/page.html?old=1")),
    ("a:b/c", None),
    ("./a:b", ("shop.example", "/a/b/a:b")),
    ("youtube.com/a", ("shop.example", "/a/b/youtube.com/a")),
    # Scheme: upper case, missing slashes, too many, backslashes.
    ("HTTPS://YouTube.COM/A", ("youtube.com", "/A")),
    ("https:/x/y", ("shop.example", "/x/y")),
    ("https:x/y", ("shop.example", "/a/b/x/y")),
    ("https:?q", ("shop.example", "/a/b/page.html?q")),
    ("http:/youtube.com/y", ("youtube.com", "/y")),
    ("http:youtube.com/y", ("youtube.com", "/y")),
    ("https:////youtube.com/y", ("youtube.com", "/y")),
    ("///youtube.com/y", ("youtube.com", "/y")),
    ("\\\\youtube.com\\y", ("youtube.com", "/y")),
    ("/\\youtube.com/y", ("youtube.com", "/y")),
    ("https:\\/\\/youtube.com\\/y", ("youtube.com", "//y")),
    ("https://youtube.com\\@evil.example/", ("youtube.com", "/@evil.example/")),
    ("https://a.example/?x\\y", ("a.example", "/?x\\y")),
    # White space and control characters.
    (" \n https://youtube.com/y \t", ("youtube.com", "/y")),
    ("\x00\x1fhttps://youtube.com/y", ("youtube.com", "/y")),
    ("ht\ntps://you\ttube.com/\ry", ("youtube.com", "/y")),
    ("https://youtube.com/a b", ("youtube.com", "/a%20b")),
    ("https://you tube.com/", None),
    # User names and ports.
    ("https://user:pw@youtube.com:8443/y", ("youtube.com", "/y")),
    ("https://shop.example@youtube.com/", ("youtube.com", "/")),
    ("https://a@b@youtube.com/", ("youtube.com", "/")),
    ("https://youtube.com:/y", ("youtube.com", "/y")),
    ("https://youtube.com:65535/y", ("youtube.com", "/y")),
    ("https://youtube.com:65536/y", None),
    ("https://youtube.com:000000443/y", ("youtube.com", "/y")),
    ("https://youtube.com:1000000080/y", None),
    ("https://youtube.com:\u0661/y", None),
    ("https://[::1]x/y", None),
    ("https://youtube.com:x/y", None),
    ("https://:443/", None),
    ("https://user@/y", None),
    ("https://youtube..com/", None),
    ("https://youtube.com../", None),
    ("https://.youtube.com/", None),
    ("https://", None),
    ("//", None),
    # Hosts: dots, percent-encoding, compatibility forms, other scripts.
    ("https://youtube.com./y", ("youtube.com", "/y")),
    ("https://%79outube.com/y", ("youtube.com", "/y")),
    ("https://youtube%2Ecom/y", ("youtube.com", "/y")),
    ("https://youtube.com%2Fx/", None),
    ("https://youtube.com%00/", None),
    ("https://%ff.com/", None),
    ("https://ｙｏｕｔｕｂｅ．ｃｏｍ/y", ("youtube.com", "/y")),
    ("https://youtube。com/y", ("youtube.com", "/y")),
    ("https://youtube｡com/y", ("youtube.com", "/y")),
    ("https://you\u00adtube.com/y", ("youtube.com", "/y")),
    ("https://you\u200btube.com/y", ("youtube.com", "/y")),
    ("https://YOUTUBE.ＣＯＭ/y", ("youtube.com", "/y")),
    ("https://Bücher.example/", ("xn--bcher-kva.example", "/")),
    ("https://bücher.example/", ("xn--bcher-kva.example", "/")),
    ("https://бюро.example/", ("xn--90a0af9c.example", "/")),
    ("https://xn--bcher-kva.example/", ("xn--bcher-kva.example", "/")),
    ("https://my_shop.example/", ("my_shop.example", "/")),
    ("https://a<b.example/", None),
    ("https://[youtube.com]/", None),
    ("https://localhost/x", ("localhost", "/x")),
    # Numbers that are addresses.
    ("http://127.0.0.1/", ("127.0.0.1", "/")),
    ("http://2130706433/", ("127.0.0.1", "/")),
    ("http://0x7f.1/", ("127.0.0.1", "/")),
    ("http://0177.0.0.1/", ("127.0.0.1", "/")),
    ("http://127.0.0.1./", ("127.0.0.1", "/")),
    ("http://1.2.3/", ("1.2.0.3", "/")),
    ("http://0x/", ("0.0.0.0", "/")),
    ("http://256.256.256.256/", None),
    ("http://1.2.3.4.5/", None),
    ("http://4294967296/", None),
    ("http://08/", None),
    ("http://foo.0x4/", None),
    ("http://[::1]:80/x", ("[::1]", "/x")),
    ("http://[0:0::1]/", ("[::1]", "/")),
    ("http://[::1/", None),
    ("http://[::1%25eth0]/", None),
    # Paths.
    ("https://youtube.com/a/../b/./c", ("youtube.com", "/b/c")),
    ("https://youtube.com/a/%2e%2E/b", ("youtube.com", "/b")),
    ("https://youtube.com/a/..", ("youtube.com", "/")),
    ("https://youtube.com/a/.", ("youtube.com", "/a/")),
    ("https://youtube.com/a/.b", ("youtube.com", "/a/.b")),
    ("https://youtube.com//a//b", ("youtube.com", "//a//b")),
    ("https://youtube.com/%41%2f%", ("youtube.com", "/%41%2f%")),
    ("https://youtube.com/ä?ö='", ("youtube.com", "/%C3%A4?%C3%B6=%27")),
    ("https://youtube.com/a?b/../c", ("youtube.com", "/a?b/../c")),
    # Nobody is contacted.
    ("data:text/javascript,alert(1)", None),
    ("javascript:void(0)", None),
    ("JavaScript:void(0)", None),
    ("mailto:a@youtube.com", None),
    ("about:blank", None),
    ("blob:https://youtube.com/x", None),
    ("file://youtube.com/x", None),
]


@pytest.mark.parametrize(("url", "expected"), CASES, ids=[repr(url) for url, _ in CASES])
def test_as_browsers_do(url: str, expected: tuple[str, str] | None) -> None:
    assert split_url(url, BASE) == expected
    assert split_url(url.encode(), BASE) == expected


def test_scheme_relative_and_odd_schemes_follow_the_base() -> None:
    assert split_url("http:/youtube.com/y", "http://shop.example/") == ("shop.example", "/youtube.com/y")
    assert split_url("x", "HTTP://Shop.example:81") == ("shop.example", "/x")
    assert split_url("x", "https://shop.example/a/b\\c/d") == ("shop.example", "/a/b/c/x")


def test_bytes_of_another_charset_keep_their_host() -> None:
    assert split_url(b"https://youtube.com/\xe4", BASE) == ("youtube.com", "/%C3%A4")


@pytest.mark.parametrize("base", ["", "/x", "ftp://a.example/", "about:blank", "https://"])
def test_a_base_must_be_absolute_http(base: str) -> None:
    with pytest.raises(ValueError, match="not an absolute http"):
        split_url("x", base)


#: Pieces that meet the rules above, and the letters around them.
_WORDS = "https: http: HTTPS: // / \\ youtube .com . .. %2e @ : 80 ? # a % [ ] - _ & = x:y 0x7f 1 ' ^ ü ．".split()
_PIECES = st.lists(st.sampled_from([*_WORDS, " ", "\t", "\x00", "\u00ad"]), max_size=12).map("".join)


@given(_PIECES)
def test_the_fast_path_says_what_the_slow_one_does(url: str) -> None:
    slow = url_module._split(url.strip(url_module._TRIM).translate(url_module._DROP), url_module._base(BASE))
    assert split_url(url, BASE) == slow


@given(_PIECES)
def test_what_comes_out_is_a_host_and_a_target_and_stays_itself(url: str) -> None:
    split = split_url(url, BASE)
    if split is None:
        return
    assert re.fullmatch(r"[a-z0-9_.\-~!$&'()*+,;=\"`{}]+|\[[0-9a-f:.]+\]", split.host), split
    assert split.target.startswith("/")
    assert split.target.isascii()
    assert not re.search(r"[\x00-\x20#]", split.target)
    again = split_url(f"https://{split.host}{split.target}", BASE)
    assert again == split


@given(st.binary(max_size=60))
def test_any_bytes_are_read_without_a_fault(url: bytes) -> None:
    split = split_url(url, BASE)
    assert split is None or isinstance(split, Split)
