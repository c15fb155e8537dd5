"""What is answered, counted and logged when there is no page to show."""

from __future__ import annotations

import pytest
import structlog
from prometheus_client import REGISTRY

from proxy.http.failing import CIRCLES, REFUSED, STOREFRONT, CannotCut, failure_answer, failure_of
from proxy.http.wire import Kind, StorefrontDown
from proxy.model import Standing, Visit
from tests.laws import OPT_IN

VISIT = Visit(Standing(), OPT_IN, False, None, ("fr",), "/a?token=1")
SCOPE = {
    "method": "GET",
    "raw_path": b"/a",
    "query_string": b"token=1",
    "consentry.visit": VISIT,
    "consentry.request_id": "abc-7",
}

#: RFC 9209, 2.3: the names that a Proxy-Status error may have, of those we use.
REGISTERED = {
    "dns_error",
    "connection_refused",
    "connection_timeout",
    "connection_limit_reached",
    "connection_read_timeout",
    "tls_certificate_error",
    "http_response_timeout",
    "http_response_incomplete",
    "http_response_header_section_size",
    "http_response_content_coding",
    "http_protocol_error",
    "proxy_internal_error",
    "proxy_loop_detected",
}


def test_every_way_to_fail_has_an_answer_with_a_registered_name() -> None:
    assert set(STOREFRONT) == set(Kind)
    failures = [*STOREFRONT.values(), *REFUSED.values(), CIRCLES]
    assert {failure.error for failure in failures} <= REGISTERED
    assert {failure.status for failure in failures} == {502, 503, 504, 508}


@pytest.mark.parametrize("kind", Kind)
def test_a_storefronts_failure_is_counted_and_logged_for_an_engineer(kind: Kind) -> None:
    counted = ("consentry_storefront_errors_total", {"kind": kind.value})
    before = REGISTRY.get_sample_value(*counted) or 0
    with structlog.testing.capture_logs() as logs:
        failure = failure_of(StorefrontDown(kind, "no answer within 60 s"), SCOPE, place="inside:8080", started=False)
    assert failure is STOREFRONT[kind]
    assert REGISTRY.get_sample_value(*counted) == before + 1
    (line,) = logs
    assert line["storefront"] == "inside:8080"
    assert (line["kind"], line["detail"], line["path"]) == (kind.value, "no answer within 60 s", "/a")
    assert line["request_id"] == "abc-7"


def test_a_page_that_cannot_be_cut_is_counted_by_reason() -> None:
    counted = ("consentry_refused_html_total", {"reason": "charset"})
    before = REGISTRY.get_sample_value(*counted) or 0
    with structlog.testing.capture_logs() as logs:
        error = CannotCut("charset", "utf-7")
        assert failure_of(error, SCOPE, place="x", started=True) is REFUSED["charset"]
    assert REGISTRY.get_sample_value(*counted) == before + 1
    assert (logs[0]["reason"], logs[0]["answer_begun"]) == ("charset", True)


def test_the_page_is_in_the_visitors_language_and_says_how_long_to_wait() -> None:
    headers, body = failure_answer(STOREFRONT[Kind.FULL], SCOPE, "/_consent")
    fields = dict(headers)
    assert fields[b"content-language"] == b"fr"
    assert fields[b"content-length"] == b"%d" % len(body)
    assert fields[b"proxy-status"] == b"consentry; error=connection_limit_reached"
    assert fields[b"retry-after"] == b"2"
    assert fields[b"x-request-id"] == b"abc-7"
    assert b"token" not in body
    assert b"retry-after" not in dict(failure_answer(CIRCLES, SCOPE, "/_consent")[0])
