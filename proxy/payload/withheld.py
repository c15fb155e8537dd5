"""Why a request does not leave: it cannot be minimised. No part of the request is ever in it."""

from __future__ import annotations

from enum import StrEnum


class Why(StrEnum):
    """Why a request does not leave: a closed set, for logs and metrics."""

    ADDRESS = "holds the visitor's address where it cannot be shortened"
    CODING = "body in a coding that cannot be read"
    TOO_LARGE = "body too large when decompressed"
    UNNAMED = "body without named fields, and the vendor's file lists the fields that may pass"
    MALFORMED = "malformed"


class Withheld(Exception):
    """This request does not leave; `why` says what of it cannot be minimised. No part of the request is in it."""

    def __init__(self, why: Why) -> None:
        self.why = why
        super().__init__(why.value)
