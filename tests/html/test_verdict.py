# ruff: noqa: E501 (a row of a table is one line)
"""One table: vendor, decision and use in, action and reason out."""

from __future__ import annotations

import pytest

from proxy.catalogue.match import Destination
from proxy.html.verdict import Other, Use, verdict
from proxy.model import Action, Decision, Reach, Reason
from tests.html.pages import DENIED, ESSENTIAL, GRANTED, everything

NOT_IN_USE = Decision(False, Reason.NOT_IN_USE)
OPERATOR = Decision(True, Reason.OPERATOR)
BLOCKED = Decision(False, Reason.UNKNOWN_BLOCKED)
GA, GA_JS = "www.google-analytics.com", "/analytics.js"


@pytest.mark.parametrize(
    ("key", "decision", "use", "host", "target", "action", "reason"),
    [
        ("google-analytics", DENIED, Destination.SCRIPT, GA, GA_JS, Action.CUT, Reason.UNDECIDED),
        ("google-analytics", GRANTED, Destination.SCRIPT, GA, GA_JS, Action.RELAY, Reason.GRANTED),
        ("google-analytics", GRANTED, Destination.STYLE, GA, GA_JS, Action.CUT, Reason.NOT_RELAYED),
        ("google-analytics", GRANTED, Other.REST, GA, GA_JS, Action.CUT, Reason.NOT_RELAYED),
        ("google-analytics", GRANTED, Other.CONNECTION, GA, "/", Action.RELAY, Reason.GRANTED),
        ("google-analytics", OPERATOR, Destination.STYLE, GA, GA_JS, Action.KEEP, Reason.OPERATOR),
        ("youtube", DENIED, Other.FRAME, "www.youtube.com", "/embed/x", Action.PLACEHOLDER, Reason.UNDECIDED),
        ("youtube", NOT_IN_USE, Other.FRAME, "www.youtube.com", "/embed/x", Action.CUT, Reason.NOT_IN_USE),
        ("youtube", DENIED, Other.FRAME, "www.youtube.com", "/other", Action.CUT, Reason.UNDECIDED),
        ("youtube", DENIED, Destination.SCRIPT, "www.youtube.com", "/embed/x", Action.CUT, Reason.UNDECIDED),
        ("youtube", GRANTED, Other.FRAME, "www.youtube.com", "/embed/x", Action.KEEP, Reason.GRANTED),
        ("tiktok", GRANTED, Other.FRAME, "www.tiktok.com", "/embed/x", Action.KEEP, Reason.GRANTED),
        ("stripe", ESSENTIAL, Destination.SCRIPT, "js.stripe.com", "/v3/", Action.KEEP, Reason.ESSENTIAL),
        ("stripe", ESSENTIAL, Other.CONNECTION, "js.stripe.com", "/", Action.KEEP, Reason.ESSENTIAL),
        ("google-fonts", ESSENTIAL, Destination.STYLE, "fonts.googleapis.com", "/css?family=A", Action.RELAY, Reason.ESSENTIAL),
        ("google-fonts", ESSENTIAL, Other.CONNECTION, "fonts.gstatic.com", "/", Action.RELAY, Reason.ESSENTIAL),
        (None, BLOCKED, Destination.SCRIPT, "a.example", "/", Action.CUT, Reason.UNKNOWN_BLOCKED),
        (None, BLOCKED, Other.FRAME, "a.example", "/", Action.CUT, Reason.UNKNOWN_BLOCKED),
    ],
)  # fmt: skip
def test_the_verdict(
    key: str | None, decision: Decision, use: Use, host: str, target: str, action: Action, reason: Reason
) -> None:
    vendor = everything().vendors[key] if key else None
    assert verdict(vendor, decision, use, host, target) == (action, reason)


def test_a_vendor_reached_from_the_server_only_has_no_tag() -> None:
    vendor = everything().vendors["google-analytics"].model_copy(update={"reach": Reach.SERVER})
    assert verdict(vendor, GRANTED, Destination.SCRIPT, GA, GA_JS) == (Action.CUT, Reason.SERVER_ONLY)


def test_a_vendor_that_the_shop_reaches_directly_is_not_relayed() -> None:
    vendor = everything().vendors["google-analytics"].model_copy(update={"reach": Reach.DIRECT})
    assert verdict(vendor, GRANTED, Destination.SCRIPT, GA, GA_JS) == (Action.KEEP, Reason.GRANTED)
