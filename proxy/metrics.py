"""What we count, for the admin listener's /metrics. Labels are closed sets; nothing of a visitor is ever one.

Counters live in prometheus_client's default registry, one set for each process.
"""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

#: outcome: forwarded (untouched), rewritten, observed, passed (mode = "pass", or outside the rollout), failed (a page
#: of ours instead of the storefront's), reset (broken off in mid-answer), left (the visitor left first).
REQUESTS = Counter("consentry_requests_total", "Requests to the storefront, by what became of them.", ["outcome"])

#: What a process holds now, looked at once a second. side: visitors, storefront-busy (a request is under way),
#: storefront-kept (waits for the next one).
CONNECTIONS = Gauge("consentry_connections", "Open connections.", ["side"], multiprocess_mode="livesum")
TASKS = Gauge("consentry_tasks", "Pieces of work under way in the event loop.", multiprocess_mode="livesum")

#: outcome: opened, refused (the storefront answered with something else), failed (it did not answer as it should).
WEBSOCKETS = Counter("consentry_websockets_total", "Handshakes of WebSockets, by what became of them.", ["outcome"])

#: reason: head-too-large, body-too-large, malformed, framing, version, head-slow, body-slow, unread (the answer was
#: not read).
REFUSED = Counter("consentry_refused_connections_total", "Connections closed on what clients did.", ["reason"])

#: outcome: done, refused (something was wrong with what is there now; the old goes on).
RELOADS = Counter("consentry_reloads_total", "Reloads of settings and vendor files, by outcome.", ["outcome"])

#: reason: coding, charset, range, rewriter, limits.
REFUSED_HTML = Counter("consentry_refused_html_total", "HTML that was not passed on, since it was not cut.", ["reason"])

#: kind: proxy.http.wire.Kind.
STOREFRONT_ERRORS = Counter("consentry_storefront_errors_total", "Failures of the storefront, by kind.", ["kind"])

#: outcome: relayed, a proxy.relay.gate.Refusal or a proxy.relay.vendor_hop.Failure; vendor: a key, or "unknown".
RELAYED = Counter("consentry_relayed_total", "Requests to the relay, by vendor and outcome.", ["vendor", "outcome"])

#: host: blocked by a policy of ours ("none": no host was; "other": many different ones); vendor: a key.
CSP_VIOLATIONS = Counter(
    "consentry_csp_violations_total", "What browsers report of our policy, by host.", ["host", "directive", "vendor"]
)
#: reason: rate, size, unreadable, stranger (an extension's doing).
CSP_DROPPED = Counter("consentry_csp_reports_dropped_total", "Reports that were not counted.", ["reason"])

#: outcome: stored (in one commit with others, before the answer), spooled (on the disk of the proxy, since the store
#: was slow or down), landed (from there in the store), lost (neither took it).
RECORDS = Counter("consentry_records_total", "Records of choices, by what became of them.", ["outcome"])
RECORDS_SECONDS = Histogram(
    "consentry_records_commit_seconds",
    "How long the store took for a commit.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 1.0),
)

#: action: what enforce would do (proxy.model.Action); reason: as of consentry_refused_html_total.
OBSERVED = Counter(
    "consentry_observed_tags_total", "Tags in pages that left as they came, by what would be done.", ["action"]
)
OBSERVED_REFUSALS = Counter(
    "consentry_observed_refusals_total", "Pages that left as they came and would not go through.", ["reason"]
)

#: action: proxy.model.Action.
TAGS = Counter("consentry_tags_total", "Tags found in pages, by what was done to them.", ["action"])

#: vendor: a key, or "any". outcome: queued (in the outbox), sent, retried (not taken now, and waits), refused (a
#: browser's own request that the vendor did not take), dead (a person must look), withdrawn (by the visitor), dropped
#: (there was no room), malformed (the storefront's words are no event), no identifier (the vendor would not take it).
EVENTS = Counter("consentry_events_total", "Events for vendors, by what became of them.", ["vendor", "outcome"])
EVENTS_SECONDS = Histogram(
    "consentry_events_delay_seconds",
    "From what happened until the vendor had taken it.",
    ["vendor"],
    buckets=(0.1, 0.5, 1, 5, 15, 60, 300, 1800, 7200, 86400, 259200),
)

#: What is in the outbox, as every living process that shares it sees it.
EVENTS_WAITING = Gauge("consentry_events_waiting", "Events that wait.", ["vendor"], multiprocess_mode="livemax")
EVENTS_DEAD = Gauge("consentry_events_dead", "Events among the dead.", ["vendor"], multiprocess_mode="livemax")
EVENTS_OLDEST = Gauge("consentry_events_oldest_seconds", "Age of the oldest.", ["vendor"], multiprocess_mode="livemax")
EVENTS_PAUSED = Gauge(
    "consentry_events_paused", "1 while a vendor that failed is left alone.", ["vendor"], multiprocess_mode="livemax"
)
