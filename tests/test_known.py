"""The shipped list of known companies: what holds for each row, what holds among them, and how far it reaches."""

from __future__ import annotations

import csv
from collections.abc import Iterator

import pytest

from proxy.catalogue.known import Known
from proxy.catalogue.load import load, shipped_dir
from proxy.catalogue.match import Matcher
from proxy.catalogue.suffixes import registrable
from tests.catalogue.vendors import sample
from tests.places import SHARED

CATALOGUE = load()
KNOWN = list(CATALOGUE.known.values())
FILE = shipped_dir() / "known.csv"
MATCHER = Matcher(CATALOGUE.vendors.values(), KNOWN)

HOSTS_SEEN = SHARED / "facts" / "hosts-seen.csv"

#: Hosts that public blocklists stop on most pages, and that are nobody's to name here.
NOT_OURS = {
    "cdn-ukwest.onetrust.com": "a consent manager",
    "tag.goadopt.io": "a consent manager",
    "load.sst.mob.co.uk": "the site's own",
    "brunchpro.blog": "the site's own",
}


def domains() -> Iterator[tuple[Known, str, str]]:
    """Company, host, path of everything that the list claims."""
    for company in KNOWN:
        for domain in company.domains:
            host, _, path = domain.partition("/")
            yield company, host, path


def test_rows_stand_sorted_by_key_with_sorted_domains() -> None:
    with FILE.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [row["key"] for row in rows] == sorted(row["key"] for row in rows)
    assert [row["key"] for row in rows if row["domains"].split() != sorted(row["domains"].split())] == []


def test_no_row_is_a_described_vendor() -> None:
    with FILE.open(encoding="utf-8", newline="") as lines:
        keys = {row["key"] for row in csv.DictReader(lines)}
    assert keys & set(CATALOGUE.vendors) == set()
    described = {pattern for vendor in CATALOGUE.vendors.values() for pattern in vendor.technical.match}
    assert [domain for company in KNOWN for domain in company.domains if domain in described] == []


@pytest.mark.parametrize("below", ["", "www."], ids=["bare", "www"])
def test_no_row_hides_what_a_file_describes(below: str) -> None:
    hidden = [
        (pattern, found.vendor.key)
        for vendor in CATALOGUE.vendors.values()
        for pattern in vendor.technical.match
        for host, target in [sample(pattern)]
        if (found := MATCHER.find(below + host, target)) is None or found.vendor.key not in CATALOGUE.vendors
    ]
    assert hidden == []


def test_no_domain_is_a_place_where_anybody_may_settle() -> None:
    assert [(company.key, host) for company, host, _ in domains() if registrable(host) is None] == []


def test_no_company_claims_what_it_has_already() -> None:
    below: list[tuple[str, str]] = []
    for company, host, path in domains():
        parents = [host] * bool(path) + [host.split(".", i)[i] for i in range(1, host.count(".") + 1)]
        below += [(company.key, host) for parent in parents if parent in company.domains]
    assert below == []


def test_every_domain_leads_to_its_own_company() -> None:
    for company, host, path in domains():
        found = MATCHER.find(host, f"/{path}")
        assert found is not None, (company.key, host)
        assert found.vendor.key == company.key, (company.key, host, found.vendor.key)


@pytest.mark.skipif(not HOSTS_SEEN.is_file(), reason=f"{HOSTS_SEEN} is not there")
def test_every_host_that_blocklists_stop_on_most_pages_is_covered() -> None:
    with HOSTS_SEEN.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    stopped = {row["host"] for row in rows if 2 * int(row["pages_on_public_blocklists"]) > int(row["pages"])}
    assert {host for host in stopped if not MATCHER.under(host)} == set(NOT_OURS)
