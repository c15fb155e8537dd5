"""`POST /events`: a shop's back end states what happened, once the visitor is gone (a payment that came in later).

Rules of this file: nothing is answered without the token. What is answered with 202 is durable. Whose event it is, the
records or the consent that the back end was told of in that visit say; where neither allows any vendor, it is accepted
and goes nowhere.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from proxy.decide import Grounds
from proxy.events.capture import Capture
from proxy.events.intake import Making, NotKept
from proxy.events.last_word import LatestOf, LawOf, grounds_of
from proxy.events.said import NotSaid, Posted, read_posted
from proxy.model import ASKED, STRICTEST, Consent, Doubt, How, Regime, Standing
from proxy.ruling import Rulings

#: The largest body (bytes).
LARGEST = 4 << 20

#: Seconds after which a back end may try again where the outbox or the records do not answer.
AGAIN = "5"


@dataclass(frozen=True, slots=True)
class Shop:
    """One shop whose back end may post: its origin (None: in development), its rulings, its laws, and what
    makes its events."""

    origin: str | None
    rulings: Rulings
    law_of: LawOf
    capture: Capture


def events_route(token: str, shops: Sequence[Shop], latest_of: LatestOf) -> Route:
    """The route; without a token it answers that there is none."""
    handler = _Handler(token, shops, latest_of)
    return Route("/events", handler.post, methods=["POST"])


class _Handler:
    def __init__(self, token: str, shops: Sequence[Shop], latest_of: LatestOf) -> None:
        self._token = token.encode()
        self._shops = shops
        self._latest_of = latest_of

    async def post(self, request: Request) -> Response:
        if not self._token:
            return _said(503, "no token is set: set CONSENTRY_ADMIN_TOKEN, or CONSENTRY_ADMIN_TOKEN_FILE")
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), self._token):
            return _said(401, "the token is missing or wrong", {"WWW-Authenticate": "Bearer"})
        try:
            posted = read_posted(await _body(request))
            makings, vendors = await self._makings(posted)
            if makings:
                await self._shops[0].capture.keep(makings)
        except NotSaid as error:
            return _said(400, str(error))
        except NotKept as error:
            return _said(503, f"nothing was taken: {error}", {"Retry-After": AGAIN})
        return JSONResponse({"accepted": len(posted), "for_vendors": vendors}, 202)

    async def _makings(self, posted: Sequence[Posted]) -> tuple[list[Making], int]:
        """Raises `NotSaid`, `NotKept`."""
        visitors = sorted({said.visitor for said in posted if said.visitor is not None})
        latest = await self._latest_of(visitors) if visitors else {}
        if latest is None:
            raise NotKept("the records do not answer")
        makings, count = [], 0
        for index, said in enumerate(posted):
            shop = self._shop(said, index)
            if said.visitor is not None:
                word = latest.get(said.visitor)
                grounds = Grounds(Standing(doubt=Doubt.UNREADABLE)) if word is None else grounds_of(word, shop.law_of)
            else:
                grounds = _grounds(said.consent, index)
            ruling = shop.rulings.by(grounds)
            limited = grounds.law.limits(grounds.standing)
            origin = shop.origin or said.site or ""
            making, vendors = shop.capture.posted(said, origin, ruling, proof=said.visitor, limited=limited)
            makings.append(making)
            count += vendors
        return makings, count

    def _shop(self, said: Posted, index: int) -> Shop:
        if said.site is None and len(self._shops) == 1:
            return self._shops[0]
        for shop in self._shops:
            if said.site is not None and shop.origin in (said.site.rstrip("/"), None):
                return shop
        known = ", ".join(shop.origin or "any" for shop in self._shops)
        raise NotSaid(f"events[{index}].site: is none of this proxy's shops ({known})")


def _grounds(consent: str | None, index: int) -> Grounds:
    """By the text of Consentry-Consent. Raises `NotSaid`."""
    if consent is None:
        raise NotSaid(
            f"events[{index}]: whose it is, is not said: give visitor (Consentry-Visitor) or consent "
            "(Consentry-Consent), as the storefront got them in that visit"
        )
    said = dict(pair.strip().partition("=")[::2] for pair in consent.split(","))
    try:
        regime = Regime(said.get("regime", Regime.OPT_IN))
        granted = frozenset(category for category in ASKED if {"0": False, "1": True}[said[category]])
    except (KeyError, ValueError):
        raise NotSaid(
            f"events[{index}].consent: is no Consentry-Consent; it looks like "
            "analytics=1, advertising=0, marketing=0, social=0, gpc=0, regime=opt-in"
        ) from None
    nothing: frozenset[str] = frozenset()
    stated = Consent(1 << 30, date.min, granted, nothing, nothing, regime, How.SAVE, signal=True)
    return Grounds(Standing(stated), replace(STRICTEST, regime=regime))


async def _body(request: Request) -> bytes:
    pieces, left = [], LARGEST
    async for piece in request.stream():
        left -= len(piece)
        if left < 0:
            raise NotSaid(f"the body is larger than {LARGEST >> 20} MB; send the events in several")
        pieces.append(piece)
    return b"".join(pieces)


def _said(status: int, problem: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"problem": problem}, status, headers)
