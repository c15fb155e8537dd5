"""The files of deploy/ as an engineer would use them: nginx with TLS in front, production settings, and a page."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import trustme
from prometheus_client import REGISTRY

from proxy import metrics
from proxy.catalogue.load import load
from proxy.catalogue.use import in_use
from proxy.settings import load_settings
from tests.browser.shop import file_server
from tests.free_port import free_port
from tests.places import NGINX, ROOT

DEPLOY = ROOT / "deploy"
SECRET = {"CONSENTRY_SECRET_KEYS": "an example of a key that is long enough"}


def test_the_settings_are_complete_and_fit_the_catalogue() -> None:
    settings = load_settings(DEPLOY / "consentry.toml", environ=SECRET)
    used = in_use(load(), settings)
    assert {"google-analytics", "stripe"} <= set(used.vendors)


def test_every_metric_is_explained() -> None:
    told = set(re.findall(r"`(consentry_\w+)`", (DEPLOY / "README.md").read_text()))
    counted = {family.name + "_total" for family in REGISTRY.collect() if family.name.startswith("consentry_")}
    assert metrics.REQUESTS
    assert told == counted


@contextlib.contextmanager
def _running(command: list[str], port: int, **environ: str) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | environ)
    try:
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.05)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(15)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[httpx.Client]:
    """nginx :443, Consentry :8000 and a file server as the storefront, on free ports; a client that trusts nginx."""
    (tmp_path / "shop").mkdir()
    page = '<html lang="en"><body><img src="https://www.facebook.com/tr?id=1"><p>Welcome</p></body></html>'
    (tmp_path / "shop" / "index.html").write_text(page)
    authority = trustme.CA()
    certificate = authority.issue_cert("shop.example")
    (tmp_path / "key.pem").write_bytes(certificate.private_key_pem.bytes())
    (tmp_path / "chain.pem").write_bytes(b"".join(one.bytes() for one in certificate.cert_chain_pems))
    tls, plain, admin = free_port(), free_port(), free_port()
    with file_server(tmp_path / "shop") as storefront:
        settings = (DEPLOY / "consentry.toml").read_text().replace("http://127.0.0.1:3000", storefront)
        (tmp_path / "consentry.toml").write_text(settings)
        serve = [sys.executable, "-m", "proxy", "serve", "--config", str(tmp_path / "consentry.toml")]
        serve += ["--listen", f"127.0.0.1:{plain}", "--admin", f"127.0.0.1:{admin}", "--state", str(tmp_path / "state")]
        front = [str(NGINX), "-p", str(tmp_path), "-c", str(_nginx_settings(tmp_path, tls, plain)), "-g", "daemon off;"]
        with _running(serve, plain, **SECRET), _running(front, tls):
            context = ssl.create_default_context()
            authority.configure_trust(context)
            with httpx.Client(
                transport=_Pinned(context, tls), base_url="https://shop.example", timeout=20, trust_env=False
            ) as client:
                yield client


class _Pinned(httpx.HTTPTransport):
    """Finds shop.example at nginx's port on this machine."""

    def __init__(self, context: ssl.SSLContext, port: int) -> None:
        super().__init__(verify=context, trust_env=False)
        self._port = port

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        there = request.url.copy_with(host="127.0.0.1", port=self._port)
        extensions = request.extensions | {"sni_hostname": "shop.example"}
        return super().handle_request(
            httpx.Request(request.method, there, headers=request.headers, stream=request.stream, extensions=extensions)
        )


def _nginx_settings(folder: Path, tls: int, plain: int) -> Path:
    site = (DEPLOY / "nginx.conf").read_text()
    for ours, theirs in {
        "listen 443 ssl": f"listen 127.0.0.1:{tls} ssl",
        "127.0.0.1:8000": f"127.0.0.1:{plain}",
        "/etc/ssl/shop.example/fullchain.pem": str(folder / "chain.pem"),
        "/etc/ssl/shop.example/privkey.pem": str(folder / "key.pem"),
    }.items():
        assert ours in site
        site = site.replace(ours, theirs)
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    whole = f"error_log {folder}/error.log;\npid {folder}/nginx.pid;\nevents {{}}\nhttp {{\naccess_log off;\n"
    (folder / "nginx.conf").write_text(f"{whole}{temporary}{site}}}\n")
    return folder / "nginx.conf"


@pytest.mark.nginx
def test_a_page_and_a_choice_go_through_nginx_and_consentry(shop: httpx.Client) -> None:
    page = shop.get("/")
    assert page.status_code == 200
    assert 'id="consentry"' in page.text
    assert "facebook.com" not in page.text.partition("</section>")[2]
    assert "Welcome" in page.text

    person = {"sec-fetch-site": "same-origin", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    form = {"choice": "accept", "shown": "1", "return_to": "/"}
    forged = shop.post("/_consent", data=form, headers=person)
    assert forged.status_code == 403
    given = shop.post("/_consent", data=form, headers=person | {"sec-fetch-user": "?1"})
    assert given.status_code == 303
    assert given.headers["set-cookie"].startswith("__Host-consent=")
    assert "secure" in given.headers["set-cookie"].lower()

    after = shop.get("/")
    assert 'src="https://shop.example/_consent/v/meta-pixel/www.facebook.com/tr?id=1"' in after.text
    assert after.headers["cache-control"] == "private, no-store"
    assert shop.get("/", headers={"host": "other.example"}).status_code == 421
