"""The headers by which a page's browser itself holds back what the page's scripts start at run time.

Rules: they are added beside the storefront's own and only ever forbid. How many browsers are asked for reports is
rationed, so that a quiet shop hears of every view and a busy one is not flooded. What a visit's policy is, is composed
once and remembered, within bounds, until a page needs somebody new.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import lru_cache

import structlog

from proxy.bucket import Bucket
from proxy.catalogue.use import InUse
from proxy.csp.compose import Composed, compose
from proxy.csp.seen import Seen
from proxy.csp.sources import Lodgers
from proxy.html.page import TagReport
from proxy.html.rules import Identity
from proxy.http.headers import HeaderList
from proxy.model import Decision, Reason
from proxy.settings import Settings

_log = structlog.get_logger("proxy.http")

#: Policies remembered: one for each common visitor state.
_POLICIES = 64


class Backstop:
    """The backstop of one site. `seen` is shared with whoever hears of browsers' reports."""

    def __init__(self, settings: Settings, use: InUse, seen: Seen, clock: Callable[[], float] = time.monotonic) -> None:
        self._mode = settings.csp.mode
        self._use = use
        self._seen = seen
        self._lodgers = Lodgers(use)
        self._asked = Bucket(settings.csp.sample, clock=clock)
        self._reports = f"{settings.consent.prefix}/csp"
        self._policies = lru_cache(_POLICIES)(self._compose)
        self._told: set[str] = set()

    def note(self, tag: TagReport) -> None:
        """A tag of a page that is being rewritten."""
        if tag.vendor is not None and (tag.reason is Reason.ESSENTIAL or tag.vendor in self._use.vendors):
            self._seen.note(tag.host, tag.vendor)

    def headers(self, origin: str, own: str, decisions: Mapping[str, Decision], *, shown: bool) -> HeaderList:
        """What a page of `origin`, on the domain `own`, gets under these decisions. Call it when the first piece of
        the page is rewritten. `shown`: it may be shown as a page, not only be fetched by a script."""
        enforces = self._mode == "enforce"
        reports = self._mode != "off" and shown and self._asked.take()
        if not enforces and not reports:
            return []
        composed = self._policies(origin, own, Identity(decisions), Identity(self._seen.vendors))
        policy = composed.reporting_to(origin + self._reports) if reports else composed.policy
        return [(b"content-security-policy" if enforces else b"content-security-policy-report-only", policy)]

    def _compose(
        self,
        origin: str,
        own: str,
        decisions: Identity[Mapping[str, Decision]],
        seen: Identity[Mapping[str, tuple[str, ...]]],
    ) -> Composed:
        composed = compose(
            self._use,
            self._lodgers,
            decisions.value,
            own=(own,),
            seen=seen.value,
            report_to=origin + self._reports,
        )
        fresh = [name for name in composed.left_out if name not in self._told]
        if fresh:
            self._told.update(fresh)
            _log.warning("no room in the browser's policy", left_out=", ".join(fresh))
        return composed
