"""What granted vendors are told of the choice: in their queries and before their scripts, whatever the page says."""

from __future__ import annotations

import json
import shutil
import subprocess
from urllib.parse import parse_qs

import pytest

from proxy.model import Category
from proxy.relay.signals import Chosen, fields, prelude, with_fields
from tests.laws import law_in
from tests.relay.gateway import http
from tests.relay.served import serving
from tests.relay.vendors import a_vendor

ADS, STATS = Category.ADVERTISING, Category.ANALYTICS
BOTH, NONE = frozenset({ADS, STATS}), frozenset[Category]()
GTAG = "https://www.googletagmanager.com/gtag/js?id=G-1"


@pytest.mark.parametrize(
    ("granted", "gcs"),
    [(NONE, "G100"), ({STATS}, "G101"), ({ADS}, "G110"), (BOTH, "G111")],
)
def test_google_is_told_of_both_storages(granted: frozenset[Category], gcs: str) -> None:
    told = fields("google", Chosen(frozenset(granted)))
    assert told["gcs"] == gcs
    assert ("npa" in told) == (ADS not in granted)


def test_limits_are_for_who_has_not_said_yes_where_a_law_on_sale_holds() -> None:
    assert fields("meta", Chosen(BOTH, limited=True)) == {"dpo": "LDU", "dpoco": "0", "dpost": "0"}
    assert fields("pinterest", Chosen(BOTH, limited=True, region="US-CA")) == {  # as Pinterest's own example has it
        "pd[opt_out_type]": "LDP",
        "pd[st]": "4b650e5c4785025dee7bd65e3c5c527356717d7a1c0bfef5b4ada8ca1e9cbe17",
        "pd[country]": "9b202ecbc6d45c6d8901d989a918878397a3eb9d00e8f48022fc051b19d21a1d",
    }
    assert fields("pinterest", Chosen(BOTH, limited=True)) == {"pd[opt_out_type]": "LDP"}
    for terms in ("meta", "pinterest", None):
        assert fields(terms, Chosen(BOTH)) == {}  # type: ignore[arg-type]
        assert prelude(terms, Chosen(BOTH), GTAG) == b""  # type: ignore[arg-type]
    assert fields(None, Chosen(BOTH, limited=True)) == {}


@pytest.mark.parametrize(
    ("target", "made"),
    [
        (b"/c", b"/c?gcs=G101"),
        (b"/c?", b"/c?gcs=G101"),
        (b"/c?v=1&gcs=G111&x=%7e", b"/c?v=1&x=%7e&gcs=G101"),
        (b"/c?%67cs=G111&gcs=&gcs", b"/c?gcs=G101"),
    ],
)
def test_what_the_page_says_is_replaced(target: bytes, made: bytes) -> None:
    assert with_fields(target, {"gcs": "G101"}) == made


def test_nothing_to_tell_leaves_the_bytes() -> None:
    assert with_fields(b"/c?a&&b=%7e", {}) == b"/c?a&&b=%7e"


@pytest.mark.node
def test_google_finds_the_signals_first_in_its_queue_and_once() -> None:
    for address, layer in ((GTAG, "dataLayer"), (f"{GTAG}&l=mine", "mine"), (f"{GTAG}&l=a']);alert(1", "dataLayer")):
        before = prelude("google", Chosen(frozenset({STATS})), address).decode()
        script = f"var window=globalThis;window.{layer}=[['js',1],['config','G-1']];{before}{before}"
        script += f"console.log(JSON.stringify(window.{layer}.map(one=>Array.from(one))))"
        node = shutil.which("node") or shutil.which("nodejs") or ""
        told = json.loads(subprocess.run([node, "-e", script], capture_output=True, check=True).stdout)
        assert told == [
            [
                "consent",
                "default",
                {
                    "ad_storage": "denied",
                    "ad_user_data": "denied",
                    "ad_personalization": "denied",
                    "analytics_storage": "granted",
                },
            ],
            ["js", 1],
            ["config", "G-1"],
        ]


@pytest.mark.node
def test_pinterest_finds_its_flag_first_in_its_queue() -> None:
    before = prelude("pinterest", Chosen(BOTH, limited=True), "https://s.pinimg.com/ct/core.js").decode()
    node = shutil.which("node") or shutil.which("nodejs") or ""
    for start, told in (
        ("window.pintrk={queue:[['load','1']]};", '[["set",{"opt_out_type":"LDP"}],["load","1"]]'),
        ("window.pintrk={};", None),
        ("", None),
    ):
        script = f"var window=globalThis;{start}{before}console.log(JSON.stringify((window.pintrk||{{}}).queue)||'')"
        out = subprocess.run([node, "-e", script], capture_output=True, check=True, text=True).stdout.strip()
        assert out == (told or "")


async def test_hits_and_scripts_through_the_relay_bear_them() -> None:
    plain = a_vendor("google", "g.example")
    relay = plain.technical.relay.model_copy(update={"signals": "google"})
    google = plain.model_copy(update={"technical": plain.technical.model_copy(update={"relay": relay})})
    async with serving(google) as served:
        served.gateway.answer = http(200, b"GIF89a", Content_Type="image/gif")
        served.granted = ("analytics",)
        await served.ask("google/g.example/pixel?v=2&gcs=G111", dest="image")
        await served.ask("google/g.example/collect?v=2", "POST", b"en=x", "empty")
        asked = [parse_qs(seen.target.partition("?")[2]) for seen in served.gateway.seen]
        assert [one["gcs"] for one in asked] == [["G101"], ["G101"]]
        assert [one["v"] for one in asked] == [["2"], ["2"]]
        served.gateway.answer = http(200, b"run();", Content_Type="text/javascript")
        script = await served.ask("google/g.example/tag.js", dest="script")
        assert script.body.startswith(b"(function(q)")
        assert b'"analytics_storage": "granted"' in script.body
        assert script.body.endswith(b"run();")


@pytest.mark.parametrize(("region", "limited"), [("US-CA", True), ("DE", False)])
def test_a_law_on_sale_is_what_limits(region: str, limited: bool) -> None:
    assert law_in(region).sale is limited
