"""Whose a host is, by the Public Suffix List."""

from __future__ import annotations

import pytest

from proxy.catalogue.suffixes import is_registrys, registrable


@pytest.mark.parametrize(
    ("host", "domain", "registrys"),
    [
        ("cdn.acme.co.uk", "acme.co.uk", False),
        ("acme.example", "acme.example", False),
        ("co.uk", None, True),
        ("com", None, True),
        ("example", None, True),
        ("shop.myshopify.com", "shop.myshopify.com", False),
        ("myshopify.com", None, False),
    ],
)
def test_whose_a_host_is(host: str, domain: str | None, registrys: bool) -> None:
    assert registrable(host) == domain
    assert is_registrys(host) is registrys
