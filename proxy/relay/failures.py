"""Why a vendor gave no answer that could be passed on. Nothing of the request or the answer is ever in it."""

from __future__ import annotations

from enum import StrEnum


class Failure(StrEnum):
    """Why a vendor gave no usable answer: a closed set, for logs and metrics."""

    CONNECT = "connect"
    NOT_PUBLIC = "address not public"
    TIMEOUT = "timeout"
    PROTOCOL = "protocol"
    CODING = "coding"
    TOO_LARGE = "too large"
    BUSY = "busy"
    STATUS = "status"
    REDIRECT = "redirect"
    TYPE = "content type"
    CANNOT_REWRITE = "cannot be rewritten"


class VendorDown(Exception):
    """No answer, or none that can be used. `failure` says why; nothing of the request is in it."""

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        super().__init__(failure.value)
