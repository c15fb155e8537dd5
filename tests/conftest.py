"""Hypothesis profiles (HYPOTHESIS_PROFILE=fuzz, FUZZ_EXAMPLES), skips where a program is missing, and interrupts."""

from __future__ import annotations

import os
import signal

import pytest
from hypothesis import HealthCheck, settings

from tests.places import MISSING

examples = int(os.environ.get("FUZZ_EXAMPLES", "5000"))
settings.register_profile("quick", deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("fuzz", deadline=None, max_examples=examples, suppress_health_check=list(HealthCheck))
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

# what a shell runs in the background ignores interrupts, and so would all that the tests start and then interrupt
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for mark, reason in MISSING.items():
        skip = pytest.mark.skip(reason=reason)
        for item in items:
            if mark in item.keywords:
                item.add_marker(skip)
