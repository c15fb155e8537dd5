"""Hypothesis profiles (HYPOTHESIS_PROFILE=fuzz, FUZZ_EXAMPLES), and the skips where a program is missing."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

from tests.places import MISSING

examples = int(os.environ.get("FUZZ_EXAMPLES", "5000"))
settings.register_profile("quick", deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("fuzz", deadline=None, max_examples=examples, suppress_health_check=list(HealthCheck))
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for mark, reason in MISSING.items():
        skip = pytest.mark.skip(reason=reason)
        for item in items:
            if mark in item.keywords:
                item.add_marker(skip)
