"""An operator's own list of hosts, in the ways in which such lists are written."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.catalogue.host_list import read_hosts, rows
from proxy.catalogue.known import read_known
from proxy.catalogue.match import Matcher
from proxy.model import Category
from tests.catalogue.vendors import vendor

MATCHER = Matcher([vendor("acme", ["acme.example"])])


@pytest.mark.parametrize(
    ("line", "host"),
    [
        ("ads.tracker.net", "ads.tracker.net"),
        ("*.tracker.net", "tracker.net"),
        ("Tracker.NET.  # why", "tracker.net"),
        ("0.0.0.0 tracker.net", "tracker.net"),
        ("127.0.0.1\ttracker.net # why", "tracker.net"),
        ("::1 tracker.net", "tracker.net"),
        ("||tracker.net^", "tracker.net"),
        ("||tracker.net^$third-party", "tracker.net"),
        ("address=/tracker.net/0.0.0.0", "tracker.net"),
        ("bücher.tracker.net", "xn--bcher-kva.tracker.net"),
    ],
)
def test_a_line_names_a_host(line: str, host: str) -> None:
    assert read_hosts(line, MATCHER).hosts == (host,)


@pytest.mark.parametrize(
    "line", ["", "# tracker.net", "! tracker.net", "[Adblock Plus 2.0]", "127.0.0.1 localhost", "##.ad"]
)
def test_a_line_that_says_nothing(line: str) -> None:
    assert (read_hosts(line, MATCHER).hosts, read_hosts(line, MATCHER).passed) == ((), ())


@pytest.mark.parametrize(
    "line",
    [
        "||tracker.net/path^",
        "||tracker.net^$domain=a.net",
        "@@||tracker.net^",
        "a.net##.ad",
        "/banner/",
        "co.uk",
        "word",
    ],
)
def test_a_line_that_names_no_whole_host_is_passed_over_and_counted(line: str) -> None:
    read = read_hosts(f"tracker.org\n{line}", MATCHER)
    assert (read.hosts, read.passed) == (("tracker.org",), (2,))


def test_each_host_once_and_none_that_belongs_to_somebody() -> None:
    read = read_hosts("tracker.net\nb.tracker.net\ntracker.net\nt.acme.example", MATCHER)
    assert read.hosts == ("tracker.net",)
    assert read.theirs == {"t.acme.example": "acme"}


def test_the_rows_are_known_companies(tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text(
        rows(["a.tracker.net", "b.tracker.net", "ad-x.org", "ad.x.org"], "mine", Category.ANALYTICS), "utf-8"
    )
    known, problems = read_known(file)
    assert not problems
    assert {key: one.domains for key, one in known.items()} == {
        "mine-tracker-net": ("a.tracker.net", "b.tracker.net"),
        "mine-ad-dash-x-org": ("ad-x.org",),
        "mine-x-org": ("ad.x.org",),
    }
    assert {one.categories for one in known.values()} == {(Category.ANALYTICS,)}


@given(st.text())
def test_whatever_a_list_holds_what_is_written_can_be_read(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    read = read_hosts(text, MATCHER)
    file = tmp_path_factory.mktemp("list") / "list.csv"
    file.write_text(rows(read.hosts, "mine", Category.ADVERTISING), "utf-8")
    known, problems = read_known(file)
    assert not problems
    assert {host for one in known.values() for host in one.domains} == set(read.hosts)
