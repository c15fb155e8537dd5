"""Where tests find what is not in the repository: the folder of real pages and outside cases, and the browser.

`PAGES_DIR` and `CONFORMANCE_DIR` may be absent; tests that read them then skip, and say so. With REQUIRE=browser in the
environment a missing browser is a failure, not a skip (CI sets it).
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("SHARED_DIR", ROOT.parent / "shared"))
PAGES_DIR = SHARED / "pages"
CONFORMANCE_DIR = SHARED / "conformance"

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
BROWSER_REQUIRED = "browser" in os.environ.get("REQUIRE", "").split(",")


def real_pages() -> list[Path]:
    """The real pages, in the order of their names; empty where the folder is not there."""
    return sorted(PAGES_DIR.glob("*.html")) if PAGES_DIR.is_dir() else []
