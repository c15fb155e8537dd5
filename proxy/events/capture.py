"""What happens in a visit, noticed as requests and answers go by: pages that were viewed, what the shop's rules say of
addresses, and what its back end says in `Consentry-Event` headers.

Rules of this file: only what a person did counts: no robot, nothing that a browser fetched ahead, no failed page. An
event is made for the vendors that the visitor allows at that moment, and for no other. A page never waits for any of
it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import structlog
from starlette.types import Scope

from proxy import metrics
from proxy.consent.choice import is_robot
from proxy.events.intake import Intake, Making
from proxy.events.outbox import Waiting
from proxy.events.request import beacon_facts
from proxy.events.said import MOST_IN_HEADERS, NotSaid, Posted, Rule, read_header
from proxy.events.wiring import Route
from proxy.http.visit import values
from proxy.minimise import Outgoing
from proxy.minimise.events import Event, Manner, Minimised, Visited, told
from proxy.model import Decision, Visit
from proxy.ruling import Ruling

_log = structlog.get_logger("proxy.events")

Headers = Sequence[tuple[bytes, bytes]]

HEADER = b"consentry-event"


@dataclass(frozen=True, slots=True)
class _Happened:
    """What the events of one exchange have in common. Nothing of it outlives the making of them."""

    visit: Visit
    ruling: Ruling
    origin: str
    headers: Headers


class Capture:
    """Notices the events of one shop."""

    def __init__(
        self,
        site: str,
        routes: Mapping[str, Route],
        rules: Sequence[Rule],
        manner: Manner,
        intake: Intake,
        now: Callable[[], int],
        fresh: Callable[[], str],
    ) -> None:
        """`now`: milliseconds since 1970; `fresh`: a random id for an event."""
        self.site = site
        self._routes = routes
        self._rules = rules
        self._manner = manner
        self._intake = intake
        self._now = now
        self._fresh = fresh

    @property
    def routes(self) -> Mapping[str, Route]:
        """The vendors that are told of events."""
        return self._routes

    def notice(
        self,
        scope: Scope,
        ruling: Ruling,
        origin: str,
        status: int,
        answered: Headers,
        *,
        page: bool,
    ) -> None:
        """Take note of what happened in an exchange, if anything did. `answered` are the headers of the answer; `page`:
        a page comes back that a person opens as a document."""
        stated = [value for name, value in answered if name == HEADER]
        method: str = scope["method"]
        if not (stated or self._rules or page) or is_robot(scope["headers"]):
            return
        visit: Visit = scope["consentry.visit"]
        events: list[Event] = []
        if page and method == "GET" and (status < 300 or status == 304):
            events.append(Event("page_view", self._fresh(), self._now()))
        if status < 400:
            path, _, query = visit.path.partition("?")
            found = (rule.event(method, path, query, self._fresh(), self._now()) for rule in self._rules)
            events += [event for event in found if event is not None]
        events += self._stated(stated[:MOST_IN_HEADERS])
        allowed = self._allowed(ruling.decisions) if events else []
        if allowed:
            happened = _Happened(visit, ruling, origin, scope["headers"])
            more = any(event.name != "page_view" for event in events)
            self._intake.note(partial(self._made, events, happened, allowed), soon=more)

    def _stated(self, values: Iterable[bytes]) -> Iterable[Event]:
        for value in values:
            try:
                yield read_header(value).event(self._fresh(), self._now())
            except NotSaid as error:
                metrics.EVENTS.labels("any", "malformed").inc()
                _log.warning("the storefront stated an event that is none", why=str(error))

    def _allowed(self, decisions: Mapping[str, Decision]) -> list[Route]:
        return [route for key, route in self._routes.items() if key in decisions and decisions[key].allowed]

    def _made(self, events: Sequence[Event], happened: _Happened, allowed: Sequence[Route]) -> list[Waiting]:
        visit = happened.visit
        visited = Visited(
            happened.origin,
            happened.origin + visit.path,
            _text(happened.headers, b"referer"),
            _text(happened.headers, b"user-agent"),
            visit.languages[0] if visit.languages else "",
            visit.address,
            visit.standing.record,
            told(happened.ruling.categories, limited=visit.law.limits(visit.standing)),
        )
        return [one for event in events for one in self.for_all(event, visited, allowed)]

    def for_all(self, event: Event, visited: Visited, allowed: Iterable[Route]) -> Iterable[Waiting]:
        """The event as each of these vendors may learn of it, where the vendor is told of such."""
        minimised = Minimised(event, visited, self._manner)
        for route in allowed:
            connector, key = route.connector, route.vendor.key
            name = route.name_of(event.name)
            if name is None:
                continue
            known = minimised.facts(key, connector.facts, name)
            if connector.needs and known.keys().isdisjoint(connector.needs):
                metrics.EVENTS.labels(key, "no identifier").inc()
                continue
            yield Waiting(event.id, self.site, key, event.at, known, visited.proof, event.named)

    def posted(
        self, said: Posted, origin: str, ruling: Ruling, *, proof: str | None, limited: bool
    ) -> tuple[Making, int]:
        """What a back end posted: what makes its events, and for how many vendors. `proof`: the visitor's record."""
        at = self._now() if said.at is None else int(said.at * 1000)
        event = said.event(self._fresh(), at)
        visited = Visited(
            origin,
            said.url if said.url.startswith(origin + "/") else origin + "/",
            said.referrer,
            said.user_agent,
            said.language,
            said.address,
            proof,
            told(ruling.categories, limited=limited),
        )
        allowed = self._allowed(ruling.decisions)
        return (lambda: list(self.for_all(event, visited, allowed))), len(allowed)

    def post(self, key: str, host: str, outgoing: Outgoing, visit: Visit) -> None:
        """Take a browser's own request to a vendor, as the relay minimised it."""
        told = beacon_facts(host, outgoing)
        one = Waiting(self._fresh(), self.site, key, self._now(), told, visit.standing.record)
        self._intake.note(lambda: [one])

    async def keep(self, makings: Sequence[Making]) -> None:
        """Returns once all of these are durable. Raises `proxy.events.intake.NotKept`."""
        await self._intake.keep(lambda: [one for making in makings for one in making()])


def _text(headers: Headers, name: bytes) -> str:
    return next(iter(values(headers, name)), b"").decode("latin-1")
