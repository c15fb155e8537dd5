"""Where hosts that matter stand in a script's text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.html.hosts import Hosts

KNOWN = ("facebook.net", "connect.facebook.net", "t.co", "co.uk.example", "a-b_c.io", "192.0.2.1", "xn--p1ai.xn--p1ai")
HOSTS = Hosts(KNOWN, ("ads", "adserver", "px"))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("'https://connect.facebook.net/x'", ["connect.facebook.net"]),
        ("www.connect.facebook.net", ["connect.facebook.net"]),
        ("'.facebook.net'", ["facebook.net"]),
        ("facebook.net.facebook.net", ["facebook.net", "facebook.net"]),
        ("notfacebook.net facebook.network facebook.net-x facebook.net_", []),
        ("foot.co t.co.", ["t.co"]),
        (r"https:\x2f\x2fconnect.facebook.net", ["connect.facebook.net"]),
        ("https%3a%2f%2ft.co%2fx", ["t.co"]),
        (r"\u002ft.co", ["t.co"]),
        (r"\nfacebook.net", ["facebook.net"]),
        ("192.0.2.1:80 1192.0.2.1", ["192.0.2.1"]),
        ("a-b_c.io,co.uk.example;x.co.uk.example", ["a-b_c.io", "co.uk.example", "co.uk.example"]),
        ("xn--p1ai.xn--p1ai", ["xn--p1ai.xn--p1ai"]),
        ("//ads.shop.example/", ["ads.shop.example"]),
        ("/ads.js", ["ads.js"]),
        ("/px/ads/ /adsx.example /xads.example", []),
        ("a.is(b.to.co)", []),
        ("", []),
    ],
)
def test_what_is_found(text: str, found: list[str]) -> None:
    spans = sorted(HOSTS.find(text.encode()))
    assert [text[start:end] for start, end in spans] == found


def test_of_no_hosts_none_is_found() -> None:
    assert Hosts(()).find(b"'https://connect.facebook.net/x', /ads.example") == []


names = st.lists(st.text("abz-", min_size=1, max_size=3), min_size=2, max_size=4).map(".".join)


@given(st.sets(names, min_size=1, max_size=8), st.lists(names | st.sampled_from(["/", "'", " ", ".", "a"])))
def test_like_a_search_for_each(hosts: set[str], pieces: list[str]) -> None:
    text = "".join(pieces)
    wanted = {
        (match.start(), match.start() + len(host))
        for host in hosts
        for match in re.finditer(rf"(?<![\w-])(?={re.escape(host)}(?![\w-]))", text)
    }
    longest = {end: min(start for start, stop in wanted if stop == end) for _, end in wanted}
    assert set(Hosts(hosts).find(text.encode())) == {(start, end) for end, start in longest.items()}
