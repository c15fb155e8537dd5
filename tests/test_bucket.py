"""The token bucket, by a clock of its own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.bucket import Bucket


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_so_many_a_second_and_no_more() -> None:
    clock = Clock()
    bucket = Bucket(5, clock=clock)
    assert [bucket.take() for _ in range(7)] == [True] * 5 + [False] * 2
    clock.now += 0.2
    assert [bucket.take(), bucket.take()] == [True, False]


def test_nothing_passes_at_none_a_second() -> None:
    clock = Clock()
    bucket = Bucket(0, clock=clock)
    clock.now += 1e6
    assert not bucket.take()


def test_less_than_one_a_second_still_passes_one_in_time() -> None:
    clock = Clock()
    bucket = Bucket(0.1, clock=clock)
    assert [bucket.take(), bucket.take()] == [True, False]
    clock.now += 10.001
    assert bucket.take()


@given(st.floats(0.1, 50), st.lists(st.floats(0, 5), max_size=60))
def test_never_more_than_the_rate_and_what_was_saved(rate: float, waits: list[float]) -> None:
    clock = Clock()
    bucket = Bucket(rate, saved=2 * rate, clock=clock)
    passed = 0
    for wait in waits:
        clock.now += wait
        passed += bucket.take()
    assert passed <= rate * sum(waits) + max(1, 2 * rate) + 1e-6


@pytest.mark.parametrize("saved", [0, 0.5])
def test_one_is_always_saved(saved: float) -> None:
    assert Bucket(1, saved=saved).take()
