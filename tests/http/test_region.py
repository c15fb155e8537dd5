"""Where a visitor is: by a trusted front server's headers, by a database, or nobody knows."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from proxy.consent.regime import regimes_of
from proxy.errors import Refused
from proxy.http.region import Regions
from proxy.settings import Settings

Headers = list[tuple[bytes, bytes]]


def places(**region: object) -> Regions:
    settings = Settings.model_validate({"region": region})
    return Regions(settings.region, regimes_of(settings))


def where(headers: dict[str, str] | Headers, names: list[str], *, trusted: bool = True) -> str | None:
    lines = headers if isinstance(headers, list) else [(k.lower().encode(), v.encode()) for k, v in headers.items()]
    return places(headers=names).of(lines, None, trusted=trusted)[0]


CLOUDFRONT = ["CloudFront-Viewer-Country", "CloudFront-Viewer-Country-Region"]


@pytest.mark.parametrize(
    ("headers", "names", "region"),
    [
        ({"CF-IPCountry": "DE"}, ["CF-IPCountry"], "DE"),
        ({"CF-IPCountry": " de "}, ["cf-ipcountry"], "DE"),
        ({"CF-IPCountry": "XX"}, ["CF-IPCountry"], None),
        ({"CF-IPCountry": "T1"}, ["CF-IPCountry"], None),
        ({"CF-IPCountry": ""}, ["CF-IPCountry"], None),
        ({"CF-IPCountry": "DEU"}, ["CF-IPCountry"], None),
        ({"CF-IPCountry": "DE, US"}, ["CF-IPCountry"], None),
        ({}, ["CF-IPCountry"], None),
        ({"X-Region": "US-CA"}, ["X-Region"], "US-CA"),
        (dict(zip(CLOUDFRONT, ("US", "CA"), strict=True)), CLOUDFRONT, "US-CA"),
        (dict(zip(CLOUDFRONT, ("US", "US-CA"), strict=True)), CLOUDFRONT, "US-CA"),
        (dict(zip(CLOUDFRONT, ("US", ""), strict=True)), CLOUDFRONT, "US"),
        (dict(zip(CLOUDFRONT, ("US", "California"), strict=True)), CLOUDFRONT, "US"),
        ({CLOUDFRONT[1]: "CA"}, CLOUDFRONT, None),
        ([(b"cf-ipcountry", b"DE"), (b"cf-ipcountry", b"US")], ["CF-IPCountry"], None),
    ],
)
def test_what_a_front_server_says(headers: dict[str, str] | Headers, names: list[str], region: str | None) -> None:
    assert where(headers, names) == region


def test_nobody_else_is_believed() -> None:
    assert where({"CF-IPCountry": "US"}, ["CF-IPCountry"], trusted=False) is None
    assert where({"CF-IPCountry": "US"}, []) is None


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("regions") / "regions.mmdb"
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="GeoLite2-City")
    california = {"country": {"iso_code": "US"}, "subdivisions": [{"iso_code": "CA"}]}
    writer.insert_network(IPSet(["192.0.2.0/24"]), california)
    writer.insert_network(IPSet(["198.51.100.0/24", "2001:db8::/32"]), {"country": {"iso_code": "DE"}})
    writer.insert_network(IPSet(["203.0.113.0/24"]), {"registered_country": {"iso_code": "US"}})
    writer.to_db_file(str(file))
    return file


@pytest.mark.parametrize(
    ("address", "region"),
    [
        ("192.0.2.9", "US-CA"),
        ("198.51.100.9", "DE"),
        ("2001:db8::1", "DE"),
        ("203.0.113.9", None),
        ("127.0.0.1", None),
        (None, None),
    ],
)
def test_what_the_database_says(database: Path, address: str | None, region: str | None) -> None:
    assert places(database=str(database)).of([], address, trusted=False)[0] == region


def test_the_header_comes_before_the_database_and_the_database_where_it_says_nothing(database: Path) -> None:
    both = places(database=str(database), headers=["CF-IPCountry"])
    assert both.of([(b"cf-ipcountry", b"FR")], "192.0.2.9", trusted=True)[0] == "FR"
    assert both.of([(b"cf-ipcountry", b"XX")], "192.0.2.9", trusted=True)[0] == "US-CA"
    assert both.of([(b"cf-ipcountry", b"FR")], "192.0.2.9", trusted=False)[0] == "US-CA"


@pytest.mark.parametrize("content", [None, b"", b"no database"])
def test_a_database_that_cannot_be_read_is_told(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "regions.mmdb"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(Refused, match=r"region\.database"):
        places(database=str(file))
