"""Debian's Chromium with a new profile, as a person would start it.

A persistent context is used because Chromium warms up connections (preconnect) only outside incognito windows, and a
preconnect to a vendor is one of the things that must not happen.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from typing import Any

from playwright.sync_api import BrowserContext, Playwright, sync_playwright

from tests.places import CHROMIUM

#: Hosts that it calls by itself (its own services), whatever the page is.
ITSELF = {"accounts.google.com", "update.googleapis.com", "clients2.google.com", "www.google.com"}

FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()


@contextlib.contextmanager
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@contextlib.contextmanager
def chromium(running: Playwright, flags: Sequence[str] = (), **options: Any) -> Iterator[BrowserContext]:
    """A running browser; `options` are Playwright's (java_script_enabled, locale, color_scheme, viewport …)."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        context = running.chromium.launch_persistent_context(
            profile, executable_path=CHROMIUM, args=[*FLAGS, *flags], **options
        )
        try:
            yield context
        finally:
            context.close()
