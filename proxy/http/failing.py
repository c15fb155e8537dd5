"""What a visitor and an engineer get to see when no page of the storefront's can be shown.

Rules: the visitor gets a page in their language that says whose fault it is; the header Proxy-Status (RFC 9209) and one
log line say what happened, by closed sets of words. No line holds a query, a cookie or an address of a visitor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import structlog
from starlette.types import Scope

from proxy import metrics
from proxy.consent.failure import failure_headers, failure_page
from proxy.http.access import told_of
from proxy.http.wire import Kind, StorefrontDown
from proxy.model import Visit

_log = structlog.get_logger("proxy.http")


@dataclass(frozen=True, slots=True)
class Failure:
    """`status` is answered; `error` is its name in RFC 9209, 2.3; `retry_after` is in seconds; `details` are ours."""

    status: int
    error: str
    retry_after: int | None = None
    details: str = ""


#: What each failure is called in Proxy-Status (RFC 9209, 2.3).
STOREFRONT: Mapping[Kind, Failure] = {
    Kind.DNS: Failure(502, "dns_error"),
    Kind.REFUSED: Failure(502, "connection_refused", 5),
    Kind.CONNECT: Failure(504, "connection_timeout", 5),
    Kind.TLS: Failure(502, "tls_certificate_error"),
    Kind.FULL: Failure(503, "connection_limit_reached", 2),
    Kind.FIRST_BYTE: Failure(504, "http_response_timeout"),
    Kind.IDLE: Failure(504, "connection_read_timeout"),
    Kind.TOTAL: Failure(504, "connection_read_timeout"),
    Kind.BROKEN: Failure(502, "http_response_incomplete"),
    Kind.MALFORMED: Failure(502, "http_protocol_error"),
    Kind.TOO_LARGE: Failure(502, "http_response_header_section_size"),
}

Refusal = Literal["coding", "charset", "range", "rewriter"]

#: HTML that is not passed on, since we cannot cut it.
REFUSED: Mapping[Refusal, Failure] = {
    "coding": Failure(502, "http_response_content_coding", details="page in a content coding that cannot be read"),
    "charset": Failure(502, "http_response_content_coding", details="page in a charset that cannot be read"),
    "range": Failure(502, "http_protocol_error", details="part of a page"),
    "rewriter": Failure(502, "proxy_internal_error", details="page that cannot be cut"),
}

CIRCLES = Failure(508, "proxy_loop_detected")


class CannotCut(Exception):
    """HTML came back that cannot be cut, so it must not be passed on."""

    def __init__(self, refusal: Refusal, detail: str) -> None:
        self.refusal = refusal
        self.detail = detail
        super().__init__(f"{refusal}: {detail}")


def failure_of(error: StorefrontDown | CannotCut, scope: Scope, *, place: str, started: bool) -> Failure:
    """Count it, log it, and say what to answer. `place` is the storefront's host and port."""
    line = _log.bind(**told_of(scope), storefront=place, answer_begun=started)
    if isinstance(error, StorefrontDown):
        metrics.STOREFRONT_ERRORS.labels(error.kind.value).inc()
        line.error("storefront failed", kind=error.kind.value, detail=error.detail)
        return STOREFRONT[error.kind]
    metrics.REFUSED_HTML.labels(error.refusal).inc()
    line.error("page not passed on: it cannot be cut", reason=error.refusal, detail=error.detail)
    return REFUSED[error.refusal]


def failure_answer(failure: Failure, scope: Scope, prefix: str) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Headers and body of the page for a failure. Its request id is what a visitor can tell the shop's support."""
    visit: Visit = scope["consentry.visit"]
    shown: Literal[502, 503, 504] = 503 if failure.status == 503 else 504 if failure.status == 504 else 502
    body = failure_page(shown, visit.languages, prefix=prefix)
    details = f'; details="{failure.details}"' if failure.details else ""
    headers = [
        *failure_headers(visit.languages),
        (b"content-length", str(len(body)).encode()),
        (b"proxy-status", f"consentry; error={failure.error}{details}".encode()),
        (b"x-request-id", scope["consentry.request_id"].encode()),
    ]
    if failure.retry_after is not None:
        headers.append((b"retry-after", str(failure.retry_after).encode()))
    return headers, body
