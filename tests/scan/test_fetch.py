from __future__ import annotations

import gzip
import socket

import pytest

from proxy.scan.fetch import CannotFetch, Fetched, Fetcher
from tests.scan.site import Answer, serving


def _get(answer: Answer, largest: int = 1000) -> Fetched:
    with serving({"/": answer}) as site, Fetcher() as fetcher:
        return fetcher.get(f"{site.url}/", largest)


def test_an_answer() -> None:
    fetched = _get(Answer("<p>ö", headers=(("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"))))
    assert (fetched.status, fetched.body, fetched.cut) == (200, "<p>ö".encode(), False)
    assert fetched.header(b"content-type") == b"text/html; charset=utf-8"
    assert fetched.all(b"set-cookie") == [b"a=1", b"b=2"]
    assert fetched.leads_to is None


def test_we_say_who_asks_and_keep_no_cookie() -> None:
    with serving({"/": Answer("", headers=(("Set-Cookie", "session=1"),))}) as site, Fetcher() as fetcher:
        for _ in range(2):
            fetcher.get(f"{site.url}/", 10)
        assert site.headers["user-agent"].startswith("Consentry/")
        assert "cookie" not in site.headers


def test_the_environment_has_no_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    assert _get(Answer("here")).body == b"here"


def test_a_redirect_is_told_and_not_followed() -> None:
    with serving({"/": Answer("", 302, (("Location", "/there"),)), "/there": "x"}) as site, Fetcher() as fetcher:
        assert fetcher.get(f"{site.url}/", 10).leads_to == "/there"
        assert site.asked == ["/"]
    assert _get(Answer("", 304)).leads_to is None


def test_no_more_is_read_than_the_bound() -> None:
    whole = _get(Answer("x" * 1000))
    assert (len(whole.body), whole.cut) == (1000, False)
    more = _get(Answer("x" * 1001))
    assert (len(more.body), more.cut) == (1000, True)


def test_what_inflates_is_bounded_too() -> None:
    packed = gzip.compress(b"x" * 50_000_000)
    fetched = _get(Answer(packed, headers=(("Content-Encoding", "gzip"),)))
    assert (fetched.body, fetched.cut) == (b"x" * 1000, True)


@pytest.mark.parametrize(
    ("body", "coding"), [(gzip.compress(b"x" * 99, mtime=0)[:-3], "gzip"), (b"no gzip", "gzip"), (b"x", "compress")]
)
def test_broken_codings(body: bytes, coding: str) -> None:
    with pytest.raises(CannotFetch):
        _get(Answer(body, headers=(("Content-Encoding", coding),)))


def test_nobody_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}/"
    with Fetcher() as fetcher, pytest.raises(CannotFetch, match="refused"):
        fetcher.get(address, 10)


def test_an_answer_that_never_comes() -> None:
    with serving({}, drop=frozenset({"/"})) as site, Fetcher() as fetcher, pytest.raises(CannotFetch):
        fetcher.get(f"{site.url}/", 10)
