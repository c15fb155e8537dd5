"""What is counted, and that its labels are closed sets."""

from __future__ import annotations

from prometheus_client import REGISTRY, Gauge, generate_latest

from proxy import metrics
from proxy.model import Action


def test_every_metric_is_ours_and_explained() -> None:
    counters = [metrics.REQUESTS, metrics.REFUSED_HTML, metrics.STOREFRONT_ERRORS, metrics.TAGS]
    assert [counter._name for counter in counters] == [
        "consentry_requests",
        "consentry_refused_html",
        "consentry_storefront_errors",
        "consentry_tags",
    ]
    assert all(counter._documentation for counter in counters)


def test_tags_are_counted_by_action() -> None:
    for action in Action:
        counted = ("consentry_tags_total", {"action": action.value})
        before = REGISTRY.get_sample_value(*counted) or 0
        metrics.TAGS.labels(action.value).inc()
        assert REGISTRY.get_sample_value(*counted) == before + 1
    assert b"consentry_tags_total" in generate_latest(REGISTRY)


def test_no_gauge_is_told_by_a_process_that_is_gone() -> None:
    gauges = [found for found in vars(metrics).values() if isinstance(found, Gauge)]
    assert gauges
    assert {gauge._multiprocess_mode for gauge in gauges} <= {"livesum", "livemax"}
