"""`consentry demo` as people start it: it says where to look, runs without a network, and ends at once."""

from __future__ import annotations

import json
import re
import signal
import socket
from collections.abc import Iterator

import httpx
import pytest

from proxy.address import truncate
from proxy.catalogue.load import load
from proxy.catalogue.use import in_use
from proxy.demo.run import demo_settings
from proxy.demo.seen import SAMPLE_ADDRESS
from proxy.demo.shop import ACCOUNTS
from tests.demo.running import Demo, running


@pytest.fixture(scope="module")
def taken() -> Iterator[int]:
    """A port that somebody else listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture(scope="module")
def demo(taken: int) -> Iterator[Demo]:
    with running("--listen", f"127.0.0.1:{taken}") as one:
        yield one


def test_the_settings_fit_the_shop_and_the_catalogue() -> None:
    settings = demo_settings(storefront="http://127.0.0.1:1", gateway="http://127.0.0.1:2")
    use = in_use(load(), settings)
    assert settings.vendors.use is not None
    assert set(settings.vendors.use) <= set(use.vendors)
    assert settings.vendor["google-analytics"].accounts["measurement_id"] == ACCOUNTS["ga"]
    assert settings.vendor["meta-pixel"].accounts["pixel_id"] == ACCOUNTS["meta"]
    assert settings.vendors.gateway == "http://127.0.0.1:2"


def test_the_sample_address_can_be_shortened() -> None:
    assert truncate(SAMPLE_ADDRESS) == "203.0.113.0"


def test_before_a_choice_only_the_essential_are_reached_and_afterwards_the_granted_with_a_short_address(
    demo: Demo,
) -> None:
    with httpx.Client(base_url=demo.shop, headers={"Accept": "text/html"}) as visitor:
        demo.forget()
        first = visitor.get("/")
        assert 'id="consentry"' in first.text
        assert "Early Mist" in first.text
        assert demo.received() == []

        choice = {"choice": "accept", "return_to": "/"}
        answer = visitor.post("/_consent", data=choice, headers={"Origin": demo.shop})
        assert answer.status_code == 303
        page = visitor.get("/").text
        script = re.search(r'src="([^"]*/_consent/v/google-analytics/[^"]*gtag/js[^"]*)"', page)
        assert script is not None
        same_site = {"Sec-Fetch-Site": "same-origin"}
        loaded = visitor.get(script[1].replace("&amp;", "&"), headers=same_site | {"Sec-Fetch-Dest": "script"})
        assert loaded.status_code == 200
        assert "https://www.google-analytics.com" not in loaded.text
        collect = re.search(r"'([^']*/_consent/v/google-analytics/[^']*/g/collect\?v=2)'", loaded.text)
        assert collect is not None
        sent = visitor.post(f"{collect[1]}&tid=G-1&en=page_view", headers=same_site | {"Sec-Fetch-Dest": "empty"})
        assert sent.status_code in (200, 204)
        assert "set-cookie" not in sent.headers

    hit = next(one for one in demo.received() if one["target"].startswith("/g/collect"))
    assert hit["host"] == "www.google-analytics.com"
    assert ["X-Forwarded-For", "203.0.113.0"] in hit["headers"]
    assert SAMPLE_ADDRESS not in json.dumps(demo.received())
    assert "<code>203.0.113.0</code>" in httpx.get(demo.live).text


def test_ctrl_c_ends_it_though_an_event_stream_and_an_idle_connection_are_open() -> None:
    with running("--listen", "127.0.0.1:0") as demo, httpx.Client() as idle:
        assert idle.get(demo.shop).status_code == 200
        with idle.stream("GET", f"{demo.live}/events") as events:
            assert next(events.iter_text()).startswith("data:")
            demo.process.send_signal(signal.SIGINT)
            assert demo.process.wait(timeout=10) == 0
    assert "Traceback" not in demo.said


def test_a_taken_port_is_replaced_and_said_so(demo: Demo, taken: int) -> None:
    assert f"Port {taken} is taken" in demo.said
    assert not demo.shop.endswith(f":{taken}")
    assert httpx.get(demo.live).status_code == 200
