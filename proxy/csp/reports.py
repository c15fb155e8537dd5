"""What a browser reports of a policy: which directive stopped whom, and nothing else (CSP 3, 5; Reporting API).

Rules of this file: of a report only the directive and the blocked host are read; where, who and what else it tells of
is a visitor's and is dropped here. Anybody can send anything, so both are held to what they can be. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

#: Bytes of a body that are read; browsers send less than 4 KB for one report.
LARGEST = 16 << 10
#: Reports in one body that are read.
MOST = 32

_DIRECTIVES = frozenset(
    "default-src script-src script-src-elem script-src-attr style-src style-src-elem style-src-attr img-src font-src "
    "connect-src frame-src child-src worker-src media-src object-src manifest-src prefetch-src form-action base-uri "
    "frame-ancestors fenced-frame-src".split()
)
_HOST = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
#: Extensions and the browser's own pages: nothing of the shop's.
_STRANGERS = re.compile(r"(?:[a-z]+-)*extension\b|about\b|chrome\b|resource\b|moz-|safari-|webkit-|ms-browser", re.I)


class Violation(NamedTuple):
    """`host` is None where no host was blocked: inline code, `data:`, an address in numbers."""

    directive: str
    host: str | None


def read_reports(body: bytes) -> tuple[Violation, ...] | None:
    """The violations in a body of either kind, without those that are no page's doing; None if it is no report."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return None
    reports = list(_bodies(told))[:MOST]
    return tuple(violation for report in reports if (violation := _violation(report)) is not None) if reports else None


def _bodies(told: object) -> Iterator[Mapping[str, Any]]:
    """`{"csp-report": {…}}` of `report-uri`, or the Reporting API's list."""
    if isinstance(told, dict) and isinstance(told.get("csp-report"), dict):
        yield told["csp-report"]
    for one in told if isinstance(told, list) else ():
        if isinstance(one, dict) and one.get("type") == "csp-violation" and isinstance(one.get("body"), dict):
            yield one["body"]


def _violation(report: Mapping[str, Any]) -> Violation | None:
    blocked = _text(report, "blocked-uri", "blockedURL").strip().lower()
    if _STRANGERS.match(blocked) or _STRANGERS.match(_text(report, "source-file", "sourceFile")):
        return None
    directive = _text(report, "effective-directive", "effectiveDirective", "violated-directive").partition(" ")[0]
    return Violation(directive if directive in _DIRECTIVES else "other", _host(blocked))


def _text(report: Mapping[str, Any], *names: str) -> str:
    return next((value for name in names if isinstance(value := report.get(name), str)), "")


def _host(blocked: str) -> str | None:
    try:
        parts = urlsplit(blocked)
        host = parts.hostname or ""
    except ValueError:
        return None
    return host if parts.scheme in ("http", "https", "ws", "wss") and _HOST.fullmatch(host) else None
