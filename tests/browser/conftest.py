"""What several browser tests share for as long as a module runs: Playwright, and the internet around the browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Playwright

from tests.browser.chromium import playwright
from tests.browser.internet import Internet, internet


@pytest.fixture(scope="module")
def around() -> Iterator[Internet]:
    with internet() as server:
        yield server


@pytest.fixture(scope="module")
def running() -> Iterator[Playwright]:
    with playwright() as started:
        yield started
