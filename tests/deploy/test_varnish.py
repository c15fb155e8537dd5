"""A real Varnish with deploy/varnish.vcl in front: it keeps what may be kept, and nobody gets another's variant."""

from __future__ import annotations

import contextlib
import http.server
import random
import re
import shutil
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from proxy.consent.cookie import Seal
from proxy.model import Category, Consent, How, Regime
from tests.cli.command import GOOD_KEYS, GOOD_SETTINGS
from tests.cli.served import serving
from tests.free_port import free_port
from tests.places import ROOT

pytestmark = [pytest.mark.varnish, pytest.mark.timeout(180)]

ORIGIN = "https://shop.example"
PAGE = b"""<!doctype html><html><head><title>Pots</title>
<script src="https://www.google-analytics.com/analytics.js"></script></head><body><h1>Pots</h1>
<img src="https://www.facebook.com/tr?id=1" width="1" height="1" alt=""></body></html>"""
SETTINGS = GOOD_SETTINGS + (
    '[listen]\ntrusted = ["127.0.0.0/8"]\n[region]\nheaders = ["CF-IPCountry"]\n'
    '[cache]\nshared = true\nseconds = 60\n[csp]\nmode = "report"\nsample = 1000\n'
)
#: What the storefront says of each path.
KEPT = {"/pots": "public, max-age=60", "/s": "s-maxage=60, max-age=0"}
NOT_KEPT = {"/mine": "private, max-age=60", "/now": "no-store", "/silent": ""}


@dataclass
class Shop:
    """A storefront that counts what it is asked."""

    asked: Counter[str] = field(default_factory=Counter)
    address: str = ""


@contextlib.contextmanager
def counting() -> Iterator[Shop]:
    shop = Shop()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet

        def do_GET(self) -> None:
            shop.asked[self.path] += 1
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            said = (KEPT | NOT_KEPT).get(self.path.partition("?")[0], "")
            if said:
                self.send_header("Cache-Control", said)
            self.send_header("Content-Length", str(len(PAGE)))
            self.end_headers()
            self.wfile.write(PAGE)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        shop.address = f"http://127.0.0.1:{server.server_port}"
        yield shop
        server.shutdown()


@contextlib.contextmanager
def varnish(consentry: str, folder: Path) -> Iterator[str]:
    place = consentry.rpartition(":")[2]
    vcl = (ROOT / "deploy" / "varnish.vcl").read_text()
    assert '.port = "8000"' in vcl
    (folder / "varnish.vcl").write_text(vcl.replace('.port = "8000"', f'.port = "{place}"'))
    port = free_port()
    program = shutil.which("varnishd") or shutil.which("varnishd", path="/usr/sbin") or ""
    command = [program, "-j", "none", "-F", "-n", str(folder / "varnish"), "-f", str(folder / "varnish.vcl")]
    command += ["-a", f"127.0.0.1:{port}", "-s", "malloc,64m", "-p", "thread_pools=1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        for _ in range(200):
            with contextlib.suppress(httpx.HTTPError):
                httpx.get(f"http://127.0.0.1:{port}/_consent/style.css", headers={"Host": "shop.example"})
                break
            assert process.poll() is None, process.stdout and process.stdout.read()
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)
        assert process.stdout is not None
        process.stdout.close()


@dataclass(frozen=True)
class Front:
    shop: Shop
    direct: str
    through: str


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    folder = tmp_path_factory.mktemp("varnish")
    config = folder / "consentry.toml"
    config.write_text(SETTINGS)
    with (
        counting() as shop,
        serving(shop.address, folder / "state", "--config", config, **GOOD_KEYS) as served,
        varnish(served.public, folder) as through,
    ):
        yield Front(shop, served.public, through)


def cookie(*granted: Category, days: int = 0, how: How = How.SAVE) -> str:
    seal = Seal([GOOD_KEYS["CONSENTRY_SECRET_KEYS"].encode()], ORIGIN)
    day = datetime.now(UTC).date() - timedelta(days=days)
    record = "r" * 22 if granted else None
    nothing: frozenset[str] = frozenset()
    return "__Host-consent=" + seal.seal(
        Consent(1, day, frozenset(granted), nothing, nothing, Regime.OPT_IN, how, record=record)
    )


def visitor(**headers: str) -> dict[str, str]:
    sent = {"Host": "shop.example", "Accept": "text/html", "Sec-Fetch-Dest": "document", "User-Agent": "Firefox"}
    return sent | {name.replace("_", "-"): value for name, value in headers.items()}


REFUSED = cookie(how=How.REJECT)
FORGED = REFUSED[:-3] + ("AAA" if not REFUSED.endswith("AAA") else "BBB")


def body(answer: httpx.Response) -> str:
    assert answer.status_code == 200
    return answer.text


def test_the_undecided_and_the_refused_page_are_kept_each_for_their_own(front: Front) -> None:
    for sent, has in (
        (visitor(), ("Accept all", "stub/meta-pixel")),
        (visitor(Accept_Language="de-AT,de;q=0.9"), ("Alle", "stub/meta-pixel")),
        (visitor(Cookie=REFUSED), ("Privacy choices", "stub/google-analytics.js")),
        (visitor(Sec_GPC="1"), ("Opt-Out Request Honored",)),
        (visitor(CF_IPCountry="US"), ("Your Privacy Choices", "/_consent/v/google-analytics/")),
    ):
        before = front.shop.asked["/pots?own"]
        answers = [httpx.get(f"{front.through}/pots?own", headers=sent) for _ in range(3)]
        assert front.shop.asked["/pots?own"] == before + 1
        for answer in answers:
            assert body(answer) == body(answers[0])
            assert all(text in answer.text or text.startswith("stub") for text in has), has
            assert answer.headers["cache-control"] == "private, no-store"
            assert "Consentry-Variant" in answer.headers["vary"]
            assert "report" not in answer.headers.get("content-security-policy-report-only", "")
            assert not {"cdn-cache-control", "consentry-variant", "set-cookie"} & answer.headers.keys()


@pytest.mark.parametrize(
    "sent",
    [
        visitor(Cookie=cookie(Category.ANALYTICS)),
        visitor(Cookie=f"session=1; {REFUSED}"),
        visitor(Cookie="session=1"),
        visitor(Cookie=FORGED),
        visitor(Cookie=cookie(days=200)),
        visitor(Authorization="Basic eDp5"),
        visitor(Sec_Purpose="prefetch"),
        visitor(Sec_Fetch_Dest="iframe"),
        visitor(Sec_Fetch_Dest="empty"),
    ],
)
def test_everybody_elses_page_is_kept_by_nobody(front: Front, sent: dict[str, str]) -> None:
    for path in ("/pots?else", "/s?else"):
        before = front.shop.asked[path]
        for _ in range(2):
            answer = httpx.get(f"{front.through}{path}", headers=sent)
            assert answer.headers["cache-control"] in ("private, no-store", "private, no-cache")
        assert front.shop.asked[path] == before + 2


@pytest.mark.parametrize("path", NOT_KEPT)
def test_what_the_storefront_keeps_for_itself_is_kept_by_nobody(front: Front, path: str) -> None:
    for _ in range(2):
        httpx.get(f"{front.through}{path}", headers=visitor())
    assert front.shop.asked[path] == 2


def test_a_variant_that_somebody_else_names_is_not_believed(front: Front) -> None:
    named = {"Consentry-Variant": "none/de//0"}
    for sent in (visitor(**named), visitor(Cookie=cookie(Category.ANALYTICS), **named)):
        direct = httpx.get(f"{front.direct}/pots", headers=sent)
        assert "cdn-cache-control" not in direct.headers
        assert body(httpx.get(f"{front.through}/pots", headers=sent)) == body(
            httpx.get(f"{front.direct}/pots", headers={k: v for k, v in sent.items() if k not in named})
        )
    right = httpx.get(f"{front.direct}/pots", headers=visitor(**{"Consentry-Variant": "none/en//0"}))
    assert right.headers["cdn-cache-control"] == "max-age=60"


def test_no_visitor_ever_gets_anothers_page(front: Front) -> None:
    chance = random.Random(1)
    cookies = [
        "",
        "",
        "",
        REFUSED,
        REFUSED,
        cookie(days=3, how=How.REJECT),
        cookie(days=200),
        FORGED,
        "session=1",
        f"a=b; {REFUSED}",
    ]
    cookies += [
        cookie(Category.ANALYTICS),
        cookie(Category.ADVERTISING),
        cookie(Category.ANALYTICS, Category.ADVERTISING),
    ]
    kept = Counter[bool]()
    expected: dict[tuple[str, ...], str] = {}
    with httpx.Client() as client:
        for _ in range(2500):
            sent = visitor()
            for name, values in (
                ("Cookie", cookies),
                ("Accept-Language", ["", "", "de", "en-GB", "fr;q=0.3, it", "xx, pl", "pt-BR,pt;q=0.5"]),
                ("CF-IPCountry", ["", "", "", "DE", "US", "de"]),
                ("Sec-GPC", ["", "", "", "1", "0"]),
                ("Sec-Fetch-Dest", ["document"] * 6 + ["iframe", "empty"]),
                ("Consentry-Variant", [""] * 6 + ["none/en//0", "none/de/DE/1"]),
            ):
                if value := chance.choice(values):
                    sent[name] = value
                else:
                    sent.pop(name, None)
            path = chance.choice([*KEPT, *NOT_KEPT])
            asked = front.shop.asked[path]
            got = client.get(f"{front.through}{path}", headers=sent)
            kept[front.shop.asked[path] == asked] += 1
            key = (path, *(sent.get(name, "") for name in ("Cookie", "Accept-Language", "CF-IPCountry", "Sec-GPC")))
            key = (*key, sent["Sec-Fetch-Dest"])
            if key not in expected:
                plain = {name: value for name, value in sent.items() if name != "Consentry-Variant"}
                expected[key] = _without_times(body(client.get(f"{front.direct}{path}", headers=plain)))
            assert _without_times(body(got)) == expected[key], sent
    assert kept[True] > 100


def _without_times(page: str) -> str:
    return re.sub(r"\s+", " ", page)
