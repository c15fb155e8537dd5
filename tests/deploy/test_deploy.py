"""The files of deploy/ as an engineer would use them: front servers with TLS, production settings, a unit, an image."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
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
from tests.places import CADDY, HAPROXY, NGINX, ROOT, SYSTEMD

DEPLOY = ROOT / "deploy"
SECRET = {"CONSENTRY_SECRET_KEYS": "an example of a key that is long enough"}


def test_the_settings_are_complete_and_fit_the_catalogue() -> None:
    settings = load_settings(DEPLOY / "consentry.toml", environ=SECRET)
    used = in_use(load(), settings)
    assert {"google-analytics", "stripe"} <= set(used.vendors)


def test_every_metric_is_explained() -> None:
    told = set(re.findall(r"`(consentry_\w+)`", (DEPLOY / "README.md").read_text()))
    families = [family for family in REGISTRY.collect() if family.name.startswith("consentry_")]
    counted = {family.name + "_total" * (family.type == "counter") for family in families}
    assert metrics.REQUESTS
    assert told == counted


@contextlib.contextmanager
def _running(command: list[str], port: int, **environ: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | environ)
    try:
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.05)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(15)


@dataclass(frozen=True)
class Ports:
    """Where the front server listens, where Consentry does, and where the storefront is."""

    tls: int
    public: int
    admin: int
    storefront: str


def _in_place(name: str, places: dict[str, str]) -> str:
    """A file of deploy/ with what a person would change changed."""
    text = (DEPLOY / name).read_text()
    for ours, theirs in places.items():
        assert ours in text, ours
        text = text.replace(ours, theirs)
    return text


def _nginx(folder: Path, ports: Ports) -> list[str]:
    site = _in_place(
        "nginx.conf",
        {
            "listen 443 ssl": f"listen 127.0.0.1:{ports.tls} ssl",
            "127.0.0.1:8000": f"127.0.0.1:{ports.public}",
            "/etc/ssl/shop.example/fullchain.pem": str(folder / "chain.pem"),
            "/etc/ssl/shop.example/privkey.pem": str(folder / "key.pem"),
            "/srv/shop": str(folder / "files"),
        },
    )
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.getuid() == 0 else ""
    whole = f"error_log {folder}/error.log;\npid {folder}/nginx.pid;\n{user}events {{}}\nhttp {{\naccess_log off;\n"
    (folder / "nginx.conf").write_text(f"{whole}{temporary}{site}}}\n")
    return [str(NGINX), "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", "daemon off;"]


def _caddy(folder: Path, ports: Ports) -> list[str]:
    site = _in_place(
        "Caddyfile",
        {
            "shop.example {": f"https://shop.example:{ports.tls} {{\n\ttls {folder}/chain.pem {folder}/key.pem",
            "127.0.0.1:8000": f"127.0.0.1:{ports.public}",
            "/srv/shop": str(folder / "files"),
        },
    )
    (folder / "Caddyfile").write_text(f"{{\n\tadmin off\n\tauto_https off\n}}\n{site}")
    return [str(CADDY), "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]


def _haproxy(folder: Path, ports: Ports) -> list[str]:
    (folder / "shop.pem").write_bytes((folder / "chain.pem").read_bytes() + (folder / "key.pem").read_bytes())
    text = _in_place(
        "haproxy.cfg",
        {
            "bind :443": f"bind 127.0.0.1:{ports.tls}",
            "/etc/haproxy/shop.example.pem": str(folder / "shop.pem"),
            "127.0.0.1:8000": f"127.0.0.1:{ports.public}",
            "port 8001": f"port {ports.admin}",
            "127.0.0.1:3000": ports.storefront.removeprefix("http://"),
        },
    )
    (folder / "haproxy.cfg").write_text(text)
    return [str(HAPROXY), "-f", str(folder / "haproxy.cfg"), "-db"]


def _haproxy_saying_who(folder: Path, ports: Ports) -> list[str]:
    command = _haproxy(folder, ports)
    text = (folder / "haproxy.cfg").read_text()
    told = text.replace("    option forwardfor\n", "").replace(" check port", " send-proxy-v2 check port")
    assert told != text
    (folder / "haproxy.cfg").write_text(told)
    return command


FRONTS = {
    "nginx": pytest.param(_nginx, marks=pytest.mark.nginx, id="nginx"),
    "caddy": pytest.param(_caddy, marks=pytest.mark.caddy, id="caddy"),
    "haproxy": pytest.param(_haproxy, marks=pytest.mark.haproxy, id="haproxy"),
    "proxy protocol": pytest.param(_haproxy_saying_who, marks=pytest.mark.haproxy, id="haproxy, PROXY protocol"),
}


@dataclass(frozen=True)
class Front:
    """A client of the whole, and the ports of its parts."""

    client: httpx.Client
    ports: Ports
    trust: ssl.SSLContext
    log: Path


@pytest.fixture(scope="module", params=list(FRONTS.values()))
def shop(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Front]:
    """The front server with TLS, Consentry, and a file server as the storefront, on free ports."""
    tmp_path = tmp_path_factory.mktemp("deploy")
    files = tmp_path / "files"
    (files / "static").mkdir(parents=True)
    page = '<html lang="en"><body><img src="https://www.facebook.com/tr?id=1"><p>Welcome</p></body></html>'
    (files / "index.html").write_text(page)
    (files / "static" / "pot.txt").write_text("a pot")
    authority = trustme.CA()
    certificate = authority.issue_cert("shop.example")
    (tmp_path / "key.pem").write_bytes(certificate.private_key_pem.bytes())
    (tmp_path / "chain.pem").write_bytes(b"".join(one.bytes() for one in certificate.cert_chain_pems))
    with file_server(files) as storefront:
        ports = Ports(free_port(), free_port(), free_port(), storefront)
        settings = (DEPLOY / "consentry.toml").read_text().replace("http://127.0.0.1:3000", storefront)
        settings = settings.replace("access = false", "access = true").replace('format = "text"', 'format = "json"')
        settings = settings.replace("leave_seconds = 3", "leave_seconds = 0")
        (tmp_path / "consentry.toml").write_text(settings)
        serve = [sys.executable, "-m", "proxy", "serve", "--config", str(tmp_path / "consentry.toml")]
        serve += ["--listen", f"127.0.0.1:{ports.public}", "--admin", f"127.0.0.1:{ports.admin}"]
        serve += ["--state", str(tmp_path / "state")]
        log = (tmp_path / "consentry.log").open("wb")
        proxy = subprocess.Popen(serve, stdout=subprocess.DEVNULL, stderr=log, env=os.environ | SECRET)
        try:
            _until_ready(ports.admin)
            home = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
            with _running(request.param(tmp_path, ports), ports.tls, **home):
                context = ssl.create_default_context()
                authority.configure_trust(context)
                with httpx.Client(
                    transport=_Pinned(context, ports.tls), base_url="https://shop.example", timeout=20, trust_env=False
                ) as client:
                    yield Front(client, ports, context, tmp_path / "consentry.log")
        finally:
            proxy.terminate()
            proxy.wait(15)
            log.close()


def _until_ready(admin: int) -> None:
    for _ in range(400):
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"http://127.0.0.1:{admin}/readyz", trust_env=False).status_code == 200:
                return
        time.sleep(0.05)
    raise AssertionError("Consentry did not become ready")


class _Pinned(httpx.HTTPTransport):
    """Finds shop.example at the front server's port on this machine."""

    def __init__(self, context: ssl.SSLContext, port: int) -> None:
        super().__init__(verify=context, trust_env=False)
        self._port = port

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        there = request.url.copy_with(host="127.0.0.1", port=self._port)
        extensions = request.extensions | {"sni_hostname": "shop.example"}
        return super().handle_request(
            httpx.Request(request.method, there, headers=request.headers, stream=request.stream, extensions=extensions)
        )


def _eventually(front: Front, path: str) -> httpx.Response:
    """The answer, once the front server has found Consentry (HAProxy looks for it every second)."""
    for _ in range(40):
        answer = front.client.get(path)
        if answer.status_code != 503:
            return answer
        time.sleep(0.1)
    raise AssertionError("it stays away")


def test_a_page_and_a_choice_go_through_a_front_server_and_consentry(shop: Front) -> None:
    page = _eventually(shop, "/")
    assert page.status_code == 200
    assert 'id="consentry"' in page.text
    assert "facebook.com" not in page.text.partition("</section>")[2]
    assert "Welcome" in page.text

    person = {"sec-fetch-site": "same-origin", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    form = {"choice": "accept", "shown": "1", "return_to": "/"}
    forged = shop.client.post("/_consent", data=form, headers=person)
    assert forged.status_code == 403
    given = shop.client.post("/_consent", data=form, headers=person | {"sec-fetch-user": "?1"})
    assert given.status_code == 303
    assert given.headers["set-cookie"].startswith("__Host-consent=")
    assert "secure" in given.headers["set-cookie"].lower()

    after = shop.client.get("/")
    assert 'src="https://shop.example/_consent/v/meta-pixel/www.facebook.com/tr?id=1"' in after.text
    assert after.headers["cache-control"] == "private, no-store"


def test_it_speaks_http_2_serves_files_itself_and_says_who_connected(shop: Front) -> None:
    _eventually(shop, "/")
    shop.trust.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection(("127.0.0.1", shop.ports.tls)) as plain,
        shop.trust.wrap_socket(plain, server_hostname="shop.example") as secure,
    ):
        assert secure.selected_alpn_protocol() == "h2"
    shop.trust.set_alpn_protocols(["http/1.1"])
    still = shop.client.get("/static/pot.txt", headers={"x-forwarded-for": "6.6.6.6"})
    assert (still.status_code, still.text) == (200, "a pot")
    assert "via" not in still.headers or "consentry" not in still.headers["via"]
    shop.client.get("/?asked", headers={"x-forwarded-for": "6.6.6.6"})
    lines = [json.loads(line) for line in shop.log.read_text().splitlines() if '"request"' in line]
    assert {line["path"] for line in lines} <= {"/", "/_consent"}
    assert lines
    assert {line["address"] for line in lines} == {None}  # this machine is nobody's public address; 6.6.6.6 would be


@pytest.mark.systemd
def test_the_unit_is_accepted_and_leaves_the_service_little(tmp_path: Path) -> None:
    text = (DEPLOY / "consentry.service").read_text()
    assert "/opt/consentry/bin/consentry serve " in text
    unit = tmp_path / "consentry.service"
    unit.write_text(text.replace("/opt/consentry/bin/consentry", "/bin/true"))
    verified = subprocess.run([str(SYSTEMD), "verify", str(unit)], capture_output=True, text=True)
    assert (verified.returncode, verified.stderr) == (0, "")
    rated = subprocess.run([str(SYSTEMD), "security", "--offline=true", str(unit)], capture_output=True, text=True)
    level = re.search(r"exposure level for consentry.service: ([\d.]+)", rated.stdout)
    assert level is not None, rated.stderr
    assert float(level[1]) <= 2.0


def test_the_image_file_copies_what_is_there_and_starts_what_can_be_started(tmp_path: Path) -> None:
    lines = re.sub(r"\\\n\s*", "", (DEPLOY / "Containerfile").read_text()).splitlines()
    steps = [line.partition(" ")[::2] for line in lines if line and not line.startswith("#")]
    for step, words in steps:
        if step == "COPY" and not words.startswith("--from"):
            assert all((ROOT / source).exists() for source in words.split()[:-1]), words
    told = dict(steps)
    assert told["USER"] == "65532"
    command = json.loads(told["ENTRYPOINT"]) + json.loads(told["CMD"])
    check = json.loads(told["HEALTHCHECK"].partition("CMD ")[2])
    public, admin = free_port(), free_port()
    settings = (DEPLOY / "consentry.toml").read_text().replace("leave_seconds = 3", "leave_seconds = 0")
    (tmp_path / "consentry.toml").write_text(settings)
    (tmp_path / "keys").write_text(SECRET["CONSENTRY_SECRET_KEYS"])
    places = {
        "consentry": "proxy",
        "/etc/consentry/consentry.toml": str(tmp_path / "consentry.toml"),
        "/run/consentry": str(tmp_path / "state"),
        "0.0.0.0:8000": f"127.0.0.1:{public}",
        "0.0.0.0:8001": f"127.0.0.1:{admin}",
    }
    command = [sys.executable, "-m", *(places.get(word, word) for word in command)]
    healthy = [sys.executable, *(word.replace("8001", str(admin)) for word in check[1:])]
    assert subprocess.run(healthy, capture_output=True).returncode != 0
    with _running(command, admin, CONSENTRY_SECRET_KEYS_FILE=str(tmp_path / "keys")):
        _until_ready(admin)
        assert subprocess.run(healthy, capture_output=True).returncode == 0
