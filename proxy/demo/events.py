"""What the demo's shop says has happened, as any back end could: a `Consentry-Event` header on its answer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from starlette.responses import Response

from proxy.demo.goods import Good


def state(
    response: Response,
    name: str,
    lines: Sequence[tuple[Good, int]],
    lang: str,
    *,
    order: str = "",
    email: str = "",
) -> Response:
    """The answer, with the event in it. An e-mail address is stated by its SHA-256 alone."""
    event: dict[str, object] = {
        "name": name,
        "value": sum(good.cents * count for good, count in lines) / 100,
        "currency": "EUR",
        "items": [
            {"id": good.slug, "name": good.name.in_(lang), "price": good.cents / 100, "quantity": count}
            for good, count in lines
        ],
    }
    if order:
        event |= {"id": order, "order": order}
    if email:
        event["email_sha256"] = hashlib.sha256(email.strip().lower().encode()).hexdigest()
    response.headers["Consentry-Event"] = json.dumps(event)
    return response
