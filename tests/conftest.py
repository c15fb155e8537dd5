"""Hypothesis profiles (HYPOTHESIS_PROFILE=fuzz, FUZZ_EXAMPLES: `make fuzz`), and the skip where there is no browser."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

from tests.places import BROWSER_REQUIRED, CHROMIUM

settings.register_profile("quick", deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile(
    "fuzz",
    deadline=None,
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "5000")),
    suppress_health_check=list(HealthCheck),
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if CHROMIUM or BROWSER_REQUIRED:
        return
    skip = pytest.mark.skip(reason="Chromium is not installed (Debian: apt-get install chromium)")
    for item in items:
        if "browser" in item.keywords:
            item.add_marker(skip)
