from __future__ import annotations

import pytest

from proxy.payload.names import is_flag, names_an_address


@pytest.mark.parametrize(
    "name",
    "ip uip _uip ip_override client_ip_address clientIpAddress cip userIP ep.ip_override user_data[client_ip_address] "
    "remote_addr x-forwarded-ip IPAddress ip_address ipv4 device.ip x_real_ip visitorIp".split(),
)
def test_names_that_say_ip(name: str) -> None:
    assert names_an_address(name)


@pytest.mark.parametrize("name", "zip ship description equip tip_id clip recipient script iphone dl cid ipsum".split())
def test_names_that_do_not(name: str) -> None:
    assert not names_an_address(name)


def test_a_yes_or_no_holds_no_address() -> None:
    assert all(map(is_flag, ("", "0", "1", "true", "FALSE", " 1 ")))
    assert not any(map(is_flag, ("8.8.8.8", "134744072", "::1", "2", "yes?")))
