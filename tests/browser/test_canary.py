"""A visitor's unique address through a real browser: in every header that carries one, no vendor sees it whole.

A page with the tags of vendors that are relayed is opened through the proxy, which believes the headers of this
machine. Every byte that reached vendors, by way of the relay and from the browser itself, is searched for the address
in all its spellings; the shortened one must be there, or nothing would be proven.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.model import Reach
from tests.browser.chromium import chromium, playwright
from tests.browser.internet import Internet, internet
from tests.browser.shop import consentry, file_server
from tests.browser.test_pages import CATALOGUE, MATCHER
from tests.spelled import hits

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

PAGE = """<!doctype html><html lang="en"><head><title>Shop</title>
<link rel="preconnect" href="https://www.google-analytics.com">
<script async src="https://www.googletagmanager.com/gtag/js?id=G-1"></script>
<script>
var beacon = "https://www.google-analytics.com/g/collect?v=2&tid=G-1&uip=ADDRESS";
navigator.sendBeacon(beacon, "en=page_view&uip=ADDRESS");
fetch("https://www.facebook.com/tr?id=1&ev=PageView&cd[ip]=ADDRESS", {mode: "no-cors"});
new Image().src = "https://ct.pinterest.com/v3/?event=init&ip=ADDRESS";
</script></head><body><p>Welcome</p>
<noscript><img src="https://www.facebook.com/tr?id=1&noscript=1&ip=ADDRESS"></noscript>
<img src="https://px.ads.linkedin.com/collect/?pid=1&fmt=gif&ip=ADDRESS">
</body></html>"""

CARRIERS = (
    "X-Real-IP True-Client-IP CF-Connecting-IP Fastly-Client-IP X-Client-IP X-Cluster-Client-IP X-Azure-ClientIP "
    "CloudFront-Viewer-Address X-Envoy-External-Address X-Original-Forwarded-For Forwarded"
).split()


@pytest.mark.parametrize(
    ("address", "short"),
    [("198.51.100.173", b"198.51.100.0"), ("2001:db8:77:a1b2:c3d4:0:5e6f:7081", b"2001:db8:77::")],
    ids=["IPv4", "IPv6"],
)
@pytest.mark.parametrize("scripting", [True, False], ids=["scripting", "no-scripting"])
def test_no_vendor_sees_the_whole_address(tmp_path: Path, address: str, short: bytes, scripting: bool) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "index.html").write_text(PAGE.replace("ADDRESS", address))
    settings = '[listen]\ntrusted = ["127.0.0.1/32"]\n[vendors]\ngateway = "http://127.0.0.1:{}"\n'
    with internet() as around, internet() as gateway, file_server(tmp_path / "shop") as shop, playwright() as running:
        with (
            consentry(shop, tmp_path, settings.format(gateway.port)) as origin,
            chromium(running, around.flags, java_script_enabled=scripting) as context,
        ):
            context.route(f"{origin}/**", lambda route: route.continue_(headers=route.request.headers | told(address)))
            page = context.new_page()
            page.goto(f"{origin}/")
            page.wait_for_timeout(500)
            assert received(gateway) == b""
            assert vendors_contacted(around) == []
            with page.expect_navigation():
                page.locator("#consentry button[value=accept]").click()
            page.wait_for_timeout(1500)
        relayed = received(gateway)
        assert b"/tr?id=1" in relayed
        assert b"/collect/?pid=1" in relayed
        assert hits(address, relayed) == []
        assert short in relayed
        assert vendors_contacted(around) == []


def told(address: str) -> dict[str, str]:
    """The headers of a request that came through every kind of front server there is."""
    return {"X-Forwarded-For": address} | dict.fromkeys(CARRIERS, address)


def received(internet: Internet) -> bytes:
    return b"\n".join(contact.head + b"\n" + contact.body for contact in internet.seen() if contact.target)


def vendors_contacted(around: Internet) -> list[str]:
    """Described vendors that the browser itself reached, but for those who say that it does."""
    found = [(contact, MATCHER.find(contact.host, contact.target or "/")) for contact in around.seen()]
    return [
        f"{match.vendor.key}: {contact.host}{contact.target}"
        for contact, match in found
        if match is not None and CATALOGUE.vendors[match.vendor.key].reach is not Reach.DIRECT
    ]
