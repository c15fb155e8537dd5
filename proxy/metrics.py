"""What we count, for the admin listener's /metrics. Labels are closed sets; nothing of a visitor is ever one.

Counters live in prometheus_client's default registry, one set for each process.
"""

from __future__ import annotations

from prometheus_client import Counter

#: outcome: forwarded (untouched), rewritten, passed (mode = "pass"), failed (a page of ours instead of the
#: storefront's), reset (broken off in mid-answer), left (the visitor left first).
REQUESTS = Counter("consentry_requests_total", "Requests to the storefront, by what became of them.", ["outcome"])

#: reason: coding, charset, range, rewriter, limits.
REFUSED_HTML = Counter("consentry_refused_html_total", "HTML that was not passed on, since it was not cut.", ["reason"])

#: kind: proxy.http.wire.Kind.
STOREFRONT_ERRORS = Counter("consentry_storefront_errors_total", "Failures of the storefront, by kind.", ["kind"])

#: outcome: relayed, a proxy.relay.gate.Refusal or a proxy.relay.vendor_hop.Failure; vendor: a key, or "unknown".
RELAYED = Counter("consentry_relayed_total", "Requests to the relay, by vendor and outcome.", ["vendor", "outcome"])

#: action: proxy.model.Action.
TAGS = Counter("consentry_tags_total", "Tags found in pages, by what was done to them.", ["action"])
