"""Browsers' reports, counted by host, directive and vendor: how scripts' own tags come to be known by their names.

Rules of this file: reports are rationed and bounded in what they can make us keep, since anybody can send them; nothing
of a visitor is counted or logged. A host is told of in the log once. A host of an essential vendor that a browser
stopped is admitted from then on, and one of another vendor where that is granted: a forged report gains nothing by
that, for such a host is allowed anyway.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog

from proxy import metrics
from proxy.bucket import Bucket
from proxy.catalogue.use import InUse
from proxy.csp.reports import LARGEST, Violation, read_reports
from proxy.csp.seen import Seen
from proxy.model import Decision, Reason

_log = structlog.get_logger("proxy.csp")

#: Bodies a second that are read in one process; more are dropped, and counted.
PER_SECOND = 50
#: Hosts with a count of their own in one process; further ones are counted together.
MOST_HOSTS = 500


class Heard:
    """What one process has heard."""

    def __init__(self, use: InUse, seen: Seen, clock: Callable[[], float] = time.monotonic) -> None:
        self._use = use
        self._seen = seen
        self._ration = Bucket(PER_SECOND, 4 * PER_SECOND, clock)
        self._hosts: set[str] = set()
        self._decisions = dict.fromkeys(use.vendors, Decision(False, Reason.UNDECIDED))
        self._needed = use.vendors.keys() | use.essential.keys()

    def hear(self, body: bytes) -> None:
        """The body of one request; at most one byte more than is read."""
        if not self._ration.take():
            metrics.CSP_DROPPED.labels("rate").inc()
        elif len(body) > LARGEST:
            metrics.CSP_DROPPED.labels("size").inc()
        elif (violations := read_reports(body)) is None:
            metrics.CSP_DROPPED.labels("unreadable").inc()
        else:
            for violation in violations:
                self._count(violation)
            if not violations:
                metrics.CSP_DROPPED.labels("stranger").inc()

    def _count(self, violation: Violation) -> None:
        directive, host = violation
        if host is None:
            metrics.CSP_VIOLATIONS.labels("none", directive, "none").inc()
            return
        vendor, _ = self._use.judge(host, "/", self._decisions)
        key = "unknown" if vendor is None else vendor.key
        if key in self._needed:
            self._seen.hear(host, key)
        if host not in self._hosts:
            if len(self._hosts) >= MOST_HOSTS:
                metrics.CSP_VIOLATIONS.labels("other", directive, key).inc()
                return
            self._hosts.add(host)
            _log.info("a script contacts somebody", host=host, directive=directive, vendor=key)
        metrics.CSP_VIOLATIONS.labels(host, directive, key).inc()
