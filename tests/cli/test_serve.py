from __future__ import annotations

import contextlib
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from proxy.catalogue.load import load
from proxy.html.stub import stub
from tests.cli.command import GOOD_KEYS, GOOD_SETTINGS, consentry
from tests.cli.served import PAGE, serving, small_shop


@pytest.fixture(scope="module")
def storefront() -> Iterator[str]:
    with small_shop() as address:
        yield address


def test_it_says_what_runs_and_serves_it(storefront: str, tmp_path: Path) -> None:
    with serving(storefront, tmp_path / "state", "--dev") as served:
        page = httpx.get(served.public)
        ready = httpx.get(f"{served.admin}/readyz")
        live = httpx.get(f"{served.admin}/livez")
        metrics = httpx.get(f"{served.admin}/metrics")
        said = served.end()
    assert b"/_consent/stub/meta-pixel.js" in page.content
    assert b"connect.facebook.net" not in page.content
    assert [answer.status_code for answer in (page, ready, live, metrics)] == [200] * 4
    assert "consentry_" in metrics.text
    for fact in (
        "mode            enforce",
        f"storefront      {storefront}",
        "unknown         allowed",
        "region source   none: everyone opt-in",
        f"{served.public}/_consent",
    ):
        assert fact in served.summary
    assert (served.process.returncode, said) == (0, f"{_WARNING}\nEnded.\n")
    assert (tmp_path / "state").is_dir()


def test_whatever_stood_there_an_inert_script_stands_in_for_it(storefront: str, tmp_path: Path) -> None:
    """A known company, what looks like a tracker, a third party that is blocked, a key that nobody has."""
    catalogue = load()
    keys = [next(iter(catalogue.known)), catalogue.shapes[0].key, "unknown", "nobody"]
    with serving(storefront, tmp_path / "state", "--dev") as served:
        answers = [httpx.get(f"{served.public}/_consent/stub/{key}.js") for key in (*keys, "spotify", "meta-pixel")]
    assert [answer.status_code for answer in answers] == [200] * 6
    assert {answer.headers["content-type"] for answer in answers} == {"text/javascript; charset=utf-8"}
    *strangers, described = [answer.content for answer in answers]
    assert set(strangers) == {stub(None)}
    assert b'define("fbq", "function")' in described


_WARNING = "warning: --dev is for trying out, not for the public: throw-away keys, plain http."


def test_production_says_its_origin_and_does_not_warn(storefront: str, tmp_path: Path) -> None:
    config = tmp_path / "consentry.toml"
    config.write_text(GOOD_SETTINGS)
    with serving(storefront, tmp_path, "--config", config, **GOOD_KEYS) as served:
        said = served.end(signal.SIGTERM)
    assert "site            https://shop.example" in served.summary
    assert "unknown         blocked" in served.summary
    assert ": google-analytics, meta-pixel; " in served.summary
    assert (served.process.returncode, said) == (0, "Ended.\n")


def test_several_workers_share_keys_and_counters(storefront: str, tmp_path: Path) -> None:
    with serving(storefront, tmp_path, "--dev", "--workers", "2") as served:
        assert "processes       2" in served.summary
        with httpx.Client(base_url=served.public) as browser:
            browser.headers["Origin"] = served.public
            chosen = browser.post("/_consent", data={"choice": "accept", "return_to": "/"})
            assert chosen.status_code == 303
            cookie = chosen.headers["set-cookie"].partition(";")[0]
        for _ in range(12):
            page = httpx.get(served.public, headers={"Cookie": cookie})
            assert b"/_consent/v/meta-pixel/" in page.content
        metrics = httpx.get(f"{served.admin}/metrics").text
        said = served.end()
    counted = re.search(r'consentry_requests_total\{outcome="rewritten"\} (\S+)', metrics)
    assert counted is not None, metrics
    assert float(counted[1]) == 12
    assert (served.process.returncode, said) == (0, f"{_WARNING}\nEnded.\n")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_hangup_makes_it_read_its_settings_again(storefront: str, tmp_path: Path, workers: str) -> None:
    config = tmp_path / "consentry.toml"
    config.write_text("")

    def until(expected: Callable[[bytes], bool]) -> bool:
        """Whether all of eight answers in a row are so before long: several workers change one after another."""
        for _ in range(60):
            if all(expected(httpx.get(served.public).content) for _ in range(8)):
                return True
            time.sleep(0.1)
        return False

    with serving(storefront, tmp_path, "--dev", "--config", config, "--workers", workers) as served:
        assert until(lambda page: b"/_consent/stub/" in page)
        config.write_text('mode = "pass"\n')
        served.process.send_signal(signal.SIGHUP)
        assert until(lambda page: page == PAGE)
        config.write_text('mode = "passs"\n')
        served.process.send_signal(signal.SIGHUP)
        time.sleep(2)
        assert until(lambda page: page == PAGE)
        config.write_text("")
        served.process.send_signal(signal.SIGHUP)
        assert until(lambda page: b"/_consent/stub/" in page)
        said = served.end()
    assert "not reloaded: the old settings go on" in said
    assert "consentry.toml:1" in said
    assert served.process.returncode == 0


def test_a_storefront_that_is_down_is_a_log_line_to_act_on(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nowhere = f"127.0.0.1:{closed.getsockname()[1]}"
    with serving(f"http://{nowhere}", tmp_path, "--dev") as served:
        assert httpx.get(f"{served.public}/cart?secret=1").status_code == 502
        said = served.end()
    (line,) = (line for line in said.splitlines() if " error " in line)
    for fact in ("storefront failed", nowhere, "path='/cart'"):
        assert fact in line
    assert "secret" not in line


def test_a_port_in_use_starts_nothing(storefront: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        arguments = ("serve", "--dev", "--storefront", storefront, "--state", tmp_path)
        done = consentry(*arguments, "--listen", address, "--admin", address.replace("127.0.0.1", "localhost"))
    assert (done.returncode, done.stdout) == (1, b"")
    told = done.stderr.decode()
    assert f"--listen: {address} is in use by another process." in told
    assert "--admin: localhost:" in told


def test_production_is_not_started_without_its_settings(tmp_path: Path) -> None:
    done = consentry("serve", "--state", tmp_path / "state")
    assert (done.returncode, done.stdout) == (1, b"")
    for words in (
        "CONSENTRY_SECRET_KEYS",
        "origin:",
        "controller:",
        "vendors.use:",
        "vendors.unknown:",
        "[storefront]",
    ):
        assert words in done.stderr.decode()
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--storefront", "ftp://shop.example"], 1, "--storefront: "),
        (["--storefront", "shop.example"], 1, "--storefront: "),
        (["--storefront", "http://localhost:8000"], 1, "ask itself for every page"),
        (["--storefront", "http://127.0.0.1:8001"], 1, "ask itself for every page"),
        (["--admin", "127.0.0.1:8000"], 1, "address of --listen, too"),
        (["--listen", "192.0.2.1:0"], 1, "--listen: 192.0.2.1:0 is no address of this machine"),
        (["--state", "file/below"], 1, "--state: "),
        (["--config", "missing.toml"], 1, "missing.toml"),
        (["--vendors", "missing"], 1, "missing"),
        (["--listen", "8000"], 2, "HOST:PORT"),
        (["--listen", "127.0.0.1:99999"], 2, "not a port"),
        (["--admin", "http://127.0.0.1:1"], 2, "HOST:PORT"),
        (["--workers", "0"], 2, "--workers"),
        (["--storefront"], 2, "--storefront"),
    ],
)
def test_wrong_input(tmp_path: Path, arguments: list[str], code: int, told: str) -> None:
    (tmp_path / "file").write_text("")
    front = () if arguments[0] == "--storefront" else ("--storefront", "http://127.0.0.1:9")
    done = consentry("serve", "--dev", *front, *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (code, b"")
    assert told in done.stderr.decode()


@pytest.mark.parametrize("workers", [(), ("--workers", "2")])
def test_a_process_that_is_told_to_end_says_so_before_it_stops_serving(
    storefront: str, tmp_path: Path, workers: tuple[str, ...]
) -> None:
    settings = tmp_path / "consentry.toml"
    settings.write_text(GOOD_SETTINGS + "[limits]\nleave_seconds = 1.5\n")
    with serving(storefront, tmp_path / "state", "--config", settings, *workers, **GOOD_KEYS) as served:
        as_shop = {"host": "shop.example"}
        while httpx.get(f"{served.admin}/readyz").status_code != 200:
            time.sleep(0.05)
        served.process.send_signal(signal.SIGTERM)
        start = time.monotonic()
        while time.monotonic() - start < 1:
            if httpx.get(f"{served.admin}/readyz").status_code == 503:
                break
        assert httpx.get(f"{served.admin}/livez").status_code == 200
        assert httpx.get(served.public, headers=as_shop).status_code == 200
        served.process.wait(10)
        assert 1.4 < time.monotonic() - start < 4
        assert served.process.returncode == 0


def test_a_second_signal_does_not_wait_for_the_leaving(storefront: str, tmp_path: Path) -> None:
    settings = tmp_path / "consentry.toml"
    settings.write_text(GOOD_SETTINGS + "[limits]\nleave_seconds = 60\n")
    with serving(storefront, tmp_path / "state", "--config", settings, **GOOD_KEYS) as served:
        served.process.send_signal(signal.SIGTERM)
        while httpx.get(f"{served.admin}/readyz").status_code == 200:
            time.sleep(0.05)
        served.end(signal.SIGTERM)
        assert served.process.returncode == 0


def test_one_process_serves_several_shops_each_by_its_own_settings(storefront: str, tmp_path: Path) -> None:
    settings = tmp_path / "consentry.toml"
    common = GOOD_SETTINGS.partition("\n")[2]
    settings.write_text(
        f"{common}[[site]]\norigin = 'https://shop.example'\nhosts = ['www.shop.example']\n"
        f"[[site]]\norigin = 'https://laden.example'\nmode = 'pass'\n"
    )
    with serving(storefront, tmp_path / "state", "--config", settings, **GOOD_KEYS) as served:
        answers = {
            host: httpx.get(served.public, headers={"host": host})
            for host in ("shop.example", "www.shop.example", "laden.example", "laden.example:443", "other.example")
        }
    assert [answer.status_code for answer in answers.values()] == [200, 200, 200, 200, 421]
    assert 'action="https://shop.example/_consent"' in answers["shop.example"].text
    assert 'action="https://www.shop.example/_consent"' in answers["www.shop.example"].text
    assert answers["laden.example"].content == PAGE
    assert "https://laden.example" in served.summary
    assert "mode            pass" in served.summary


def test_a_choice_for_one_shop_is_none_for_another(storefront: str, tmp_path: Path) -> None:
    settings = tmp_path / "consentry.toml"
    common = GOOD_SETTINGS.partition("\n")[2]
    settings.write_text(f"{common}[[site]]\norigin = 'https://a.example'\n[[site]]\norigin = 'https://b.example'\n")
    person = {"sec-fetch-site": "same-origin", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    person["sec-fetch-user"] = "?1"
    with serving(storefront, tmp_path / "state", "--config", settings, **GOOD_KEYS) as served:
        form = {"choice": "accept", "shown": "1", "return_to": "/"}
        given = httpx.post(f"{served.public}/_consent", data=form, headers=person | {"host": "a.example"})
        cookie = given.headers["set-cookie"].partition(";")[0]
        asked = {
            host: 'id="consentry"' in httpx.get(served.public, headers={"host": host, "cookie": cookie}).text
            for host in ("a.example", "b.example")
        }
    assert given.status_code == 303
    assert asked == {"a.example": False, "b.example": True}


@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_event_stream_is_ended_and_not_broken_off_when_the_process_ends(tmp_path: Path, workers: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as shop:

        def tell() -> None:
            with contextlib.suppress(OSError):
                while True:
                    plug, _ = shop.accept()
                    plug.recv(65536)
                    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
                    plug.sendall(head + b"9\r\ndata: 1\n\n\r\n")
                    plugs.append(plug)

        plugs: list[socket.socket] = []
        threading.Thread(target=tell, daemon=True).start()
        address = f"http://127.0.0.1:{shop.getsockname()[1]}"
        with serving(address, tmp_path / "state", "--dev", "--workers", workers) as served:
            host, port = served.public.removeprefix("http://").split(":")
            with socket.create_connection((host, int(port)), 10) as visitor:
                visitor.settimeout(10)
                visitor.sendall(b"GET /events HTTP/1.1\r\nHost: shop.example\r\nAccept: text/event-stream\r\n\r\n")
                told = b""
                while b"data: 1" not in told:
                    told += visitor.recv(65536)
                started = time.perf_counter()
                served.process.send_signal(signal.SIGTERM)
                while more := visitor.recv(65536):
                    told += more
            assert told.endswith(b"0\r\n\r\n")
            assert time.perf_counter() - started < 2
        for plug in plugs:
            plug.close()


def test_a_vendor_that_comes_later_must_say_since_when(storefront: str, tmp_path: Path) -> None:
    config, state = tmp_path / "consentry.toml", tmp_path / "state"
    config.write_text(GOOD_SETTINGS)
    with serving(storefront, state, "--config", config, **GOOD_KEYS) as served:
        config.write_text(GOOD_SETTINGS.replace('"meta-pixel"', '"meta-pixel", "hotjar"'))
        served.process.send_signal(signal.SIGHUP)
        time.sleep(2.5)
        said = served.end()
    assert "not reloaded" in said
    assert "vendor.hotjar.since" in said
    refused = consentry(
        "serve", "--storefront", storefront, "--config", config, "--state", state, "--listen", "127.0.0.1:0",
        environ=GOOD_KEYS,
    )  # fmt: skip
    assert refused.returncode == 1
    assert b"[vendor.hotjar] since = 2" in refused.stderr
    config.write_text(config.read_text() + "[vendor.hotjar]\nsince = 2\n")
    with serving(storefront, state, "--config", config, **GOOD_KEYS) as served:
        served.end()
