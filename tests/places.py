"""Where tests find what is not in the repository: the folder of real pages and outside cases, and other programs.

`PAGES_DIR` and `CONFORMANCE_DIR` may be absent; tests that read them then skip, and say so. A program that is missing
skips the tests that need it, but for those named in the environment (as in REQUIRE=browser,nginx,node): these then
fail.
"""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("SHARED_DIR", ROOT.parent / "shared"))
PAGES_DIR = SHARED / "pages"
CONFORMANCE_DIR = SHARED / "conformance"

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
NODE = shutil.which("node") or shutil.which("nodejs")
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
CADDY = shutil.which("caddy")
HAPROXY = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")
SYSTEMD = shutil.which("systemd-analyze")
VARNISH = shutil.which("varnishd") or shutil.which("varnishd", path="/usr/sbin")
SLOWHTTPTEST = shutil.which("slowhttptest")

STRACE = shutil.which("strace")
#: The library, not the program of that name: that one shares semaphores with others that run beside it.
FAKETIME = next((str(file) for file in Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), None)

#: Where PostgreSQL is, as a superuser who may make databases.
POSTGRESQL = os.environ.get("TEST_POSTGRESQL", "postgresql://postgres@127.0.0.1:5432/postgres")

#: Where NATS is, with JetStream.
NATS = os.environ.get("TEST_NATS", "nats://127.0.0.1:4222")


def _listening(url: str) -> str | None:
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 5432), 1).close()
    except OSError:
        return None
    return url


_PROGRAMS = {
    "browser": (CHROMIUM, "Chromium", "chromium"),
    "nginx": (NGINX, "nginx", "nginx-light"),
    "caddy": (CADDY, "Caddy", "caddy"),
    "haproxy": (HAPROXY, "HAProxy", "haproxy"),
    "varnish": (VARNISH, "Varnish", "varnish"),
    "systemd": (SYSTEMD, "systemd-analyze", "systemd"),
    "slowhttptest": (SLOWHTTPTEST, "slowhttptest", "slowhttptest"),
    "node": (NODE, "Node", "nodejs"),
    "strace": (STRACE, "strace", "strace"),
    "faketime": (FAKETIME, "faketime", "faketime"),
}

#: Markers whose tests are skipped here, and why.
MISSING = {
    mark: f"{name} is not installed (Debian: apt-get install {package})"
    for mark, (found, name, package) in _PROGRAMS.items()
    if found is None and mark not in os.environ.get("REQUIRE", "").split(",")
}
if _listening(POSTGRESQL) is None and "postgresql" not in os.environ.get("REQUIRE", "").split(","):
    MISSING["postgresql"] = f"PostgreSQL does not answer at {POSTGRESQL} (another: TEST_POSTGRESQL)"

if _listening(NATS) is None and "nats" not in os.environ.get("REQUIRE", "").split(","):
    MISSING["nats"] = f"NATS does not answer at {NATS} (another: TEST_NATS)"


def real_pages() -> list[Path]:
    """The real pages, in the order of their names; empty where the folder is not there."""
    return sorted(PAGES_DIR.glob("*.html")) if PAGES_DIR.is_dir() else []
