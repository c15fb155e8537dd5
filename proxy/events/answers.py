"""What a vendor's answer means for the events that it was told of. Pure."""

from __future__ import annotations

import json
from contextlib import suppress
from email.utils import parsedate_to_datetime
from enum import StrEnum

from proxy.events.wiring import Route
from proxy.relay.telling import Answered, NotAnswered

#: Statuses by which a vendor says that the shop is not who it says, and those by which it says "later".
_STRANGER, _LATER = frozenset({401, 403}), frozenset({408, 425, 429})


class Meaning(StrEnum):
    """What becomes of the events."""

    TAKEN = "taken"
    LATER = "later"
    STRANGER = "the vendor does not take the shop's secrets"
    REFUSED = "refused"


def meaning(answered: Answered, route: Route | None, now: int) -> tuple[Meaning, float]:
    """With `LATER`, the seconds that the vendor wants to be left alone (0: it did not say). `now`: milliseconds since
    1970; no route: a browser's own request."""
    if (later := _later(answered, now)) is not None or answered.status >= 500:
        return Meaning.LATER, later or 0.0
    if answered.status in _STRANGER and route is not None:
        return Meaning.STRANGER, 0.0
    return (Meaning.TAKEN if _good(answered, route) else Meaning.REFUSED), 0.0


def access_token(answered: Answered) -> tuple[str, float]:
    """The token of an answer to `request.token_request`, and for how many seconds it holds (RFC 6749, 5.1). Raises
    `NotAnswered`."""
    try:
        said = json.loads(answered.body)
        return str(said["access_token"]), float(said.get("expires_in", 300))
    except (ValueError, KeyError, TypeError):
        why = f"no access token was given for the refresh token: status {answered.status}"
        raise NotAnswered(why, sent=False) from None


def _good(answered: Answered, route: Route | None) -> bool:
    """Whether the vendor took it: its status, and what its file says that a good answer says."""
    if not 200 <= answered.status < 300:
        return False
    wanted = route.connector.answer if route is not None else {}
    if not wanted:
        return True
    try:
        said = json.loads(answered.body)
    except ValueError:
        return False
    return isinstance(said, dict) and all(said.get(name) == value for name, value in wanted.items())


def _later(answered: Answered, now: int) -> float | None:
    """Seconds after which the vendor wants to be asked again (Retry-After, RFC 9110, 10.2.3); None: not asked later."""
    told = answered.headers.get(b"retry-after")
    if answered.status not in _LATER and not (answered.status == 503 and told):
        return None
    text = (told or b"").decode("latin-1").strip()
    if text.isdecimal():
        return float(text)
    with suppress(ValueError, TypeError):
        return max(parsedate_to_datetime(text).timestamp() - now / 1000, 0.0)
    return 0.0
