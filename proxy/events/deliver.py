"""Events on their way out of the outbox: leased, asked about once more, sent, and settled by what the vendor said.

Rules of this file: nothing is sent that the visitor's last word does not allow; where the records cannot be asked, it
waits. A vendor that fails is left alone for a while, longer each time, and its events wait; only it. What may have been
sent already is sent again where the vendor drops doubles, and else put aside for a person. Nothing that was taken is
ever lost: it is sent, withdrawn, too old for the vendor (then it is among the dead), or it waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from secrets import token_hex
from typing import Any

import structlog

from proxy import metrics
from proxy.database import Down
from proxy.events.answers import Meaning, access_token, meaning
from proxy.events.outbox import Full, Outbox, Taken
from proxy.events.pause import FIRST, LONGEST, Pause
from proxy.events.request import Facts, Moment, batches, beacon, request, token_request
from proxy.events.wiring import Route
from proxy.minimise import Outgoing
from proxy.relay.telling import Answered, NotAnswered

_log = structlog.get_logger("proxy.events")

#: Requests under way for one vendor at once, in one process.
AT_ONCE = 16

#: Seconds: between looks at what waits; and how long an event whose consent is not on record yet waits for it.
LOOK, ON_RECORD = 1.0, 600.0

#: Hours after which a browser's own request is sent no more.
BEACON = 24.0

#: Events of one vendor that are taken at once, at most.
MOST = 2000

#: Characters of a vendor's answer that are kept with an event that it refused.
ANSWER = 500


class Fate(StrEnum):
    """What the records say of an event about to be sent."""

    SEND = "send"
    WITHDRAWN = "withdrawn"
    NOT_YET = "not on record yet"
    UNKNOWN = "the store is down"


#: Sends a request to a host: (site, vendor's key, host, request, private, seconds). Raises `NotAnswered`.
Send = Callable[[str, str, str, Outgoing, bool, float], Awaitable[Answered]]

#: What the records say of taken events, by their place in the list.
Ask = Callable[[Sequence[Taken]], Awaitable[Sequence[Fate]]]


@dataclass(slots=True)
class _Settled:
    """What became of a batch."""

    gone: list[Taken] = field(default_factory=list)
    back: list[tuple[Taken, float]] = field(default_factory=list)
    dead: list[tuple[Taken, str]] = field(default_factory=list)


class Delivery:
    """Delivers for every site of a process. `routes` by site and vendor; `beacons` are the vendors of each site whose
    browsers' requests may wait here, and whether their servers may be private."""

    def __init__(
        self,
        outbox: Outbox,
        routes: Mapping[tuple[str, str], Route],
        beacons: Mapping[tuple[str, str], bool],
        send: Send,
        ask: Ask,
        now: Callable[[], int],
        answer_seconds: float,
    ) -> None:
        self._outbox = outbox
        self._routes = routes
        self._beacons = beacons
        self._send = send
        self._ask = ask
        self._now = now
        self._answer_seconds = answer_seconds
        self._wake: dict[str, asyncio.Event] = {
            vendor: asyncio.Event() for vendor in sorted({vendor for _, vendor in (*routes, *beacons)})
        }
        clock = asyncio.get_running_loop().time
        self._pauses = {vendor: Pause(vendor, clock) for vendor in self._wake}
        self._tokens: dict[tuple[str, str], tuple[str, float]] = {}  # of a site's vendor, and until when it holds
        self._counted = {vendor for _, vendor in routes}
        self._begun: set[str] = set()
        self._sending: set[tuple[str, str, str]] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        self._spawn(self._look())

    async def stop(self) -> None:
        """What is under way has until its answer; the rest waits in the outbox."""
        tasks = [*self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def wake(self, vendor: str) -> None:
        """Something waits for a vendor."""
        if vendor not in self._wake:
            return
        self._wake[vendor].set()
        if vendor not in self._begun:
            self._begun.add(vendor)
            self._spawn(self._deliver(vendor))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _look(self) -> None:
        """See again and again what other processes left, and what is due again."""
        while True:
            try:
                await self._see()
            except (Down, Full):
                pass
            except Exception:  # a mistake of ours must not end the looking
                _log.exception("what waits could not be seen")
            await asyncio.sleep(LOOK)

    async def _see(self) -> None:
        """Wake each vendor that something waits for, and count what waits."""
        backlog, now = {} if self._outbox.fresh else await self._outbox.backlog(), self._now()
        self._counted |= backlog.keys()
        for vendor in self._counted:
            found = backlog.get(vendor)
            if found and found.waiting:
                self.wake(vendor)
            metrics.EVENTS_WAITING.labels(vendor).set(found.waiting if found else 0)
            metrics.EVENTS_DEAD.labels(vendor).set(found.dead if found else 0)
            oldest = found.oldest if found else None
            metrics.EVENTS_OLDEST.labels(vendor).set(0 if oldest is None else max(now - oldest, 0) / 1000)

    # -- one vendor -----------------------------------------------------------------------------------------------

    async def _deliver(self, vendor: str) -> None:
        wake, pause = self._wake[vendor], self._pauses[vendor]
        while True:
            try:
                await asyncio.sleep(pause.left)
                wake.clear()
                most = AT_ONCE * max((route.connector.batch for route in self._of(vendor)), default=1)
                if pause.failing:  # one request finds out whether it is back
                    most = max(most // AT_ONCE, 1)
                taken = await self._outbox.take(vendor, min(most, MOST))
                if taken:
                    await self._settle_all(vendor, taken)
                else:
                    await wake.wait()
            except (Down, Full) as error:
                pause.failed(str(error))
            except Exception as error:  # a mistake of ours must not end the deliveries: they come back by their lease
                _log.exception("events could not be delivered", vendor=vendor)
                pause.failed(type(error).__name__)

    def _of(self, vendor: str) -> list[Route]:
        return [route for (_, key), route in self._routes.items() if key == vendor]

    async def _settle_all(self, vendor: str, taken: Sequence[Taken]) -> None:
        """Send what may be sent, and tell the outbox what became of each."""
        own = [one for one in taken if _name(one) not in self._sending]  # a clock that jumped ends leases early
        self._sending.update(map(_name, own))
        settled = _Settled()
        try:
            due = [one for one, fate in zip(own, await self._ask(own), strict=True) if self._may(one, fate, settled)]
            by_site: dict[str, list[Taken]] = {}
            for one in due:
                by_site.setdefault(one.waiting.site, []).append(one)
            await asyncio.gather(*(self._send_all(site, vendor, some, settled) for site, some in by_site.items()))
            await self._outbox.settle(gone=settled.gone, back=settled.back, dead=settled.dead)
        finally:
            self._sending.difference_update(map(_name, own))
        if settled.dead:
            metrics.EVENTS.labels(vendor, "dead").inc(len(settled.dead))
            why = settled.dead[0][1].partition("\n")[0]
            _log.warning("events are among the dead", vendor=vendor, events=len(settled.dead), why=why)

    def _may(self, one: Taken, fate: Fate, settled: _Settled) -> bool:
        """Whether it may be sent; what else becomes of it is noted."""
        waiting, key = one.waiting, (one.waiting.site, one.waiting.vendor)
        route = self._routes.get(key)
        age = (self._now() - waiting.at) / 1000
        if route is None and not (_is_beacon(waiting.facts) and key in self._beacons):
            settled.dead.append((one, "the shop does not have this vendor told of events any more"))
        elif fate is Fate.WITHDRAWN or (fate is Fate.NOT_YET and age > ON_RECORD):
            settled.gone.append(one)
            metrics.EVENTS.labels(waiting.vendor, "withdrawn").inc()
        elif fate in (Fate.NOT_YET, Fate.UNKNOWN):
            settled.back.append((one, FIRST))
        elif one.again and not (route and route.connector.dedup):
            settled.dead.append((one, "it may have been sent: the process ended before the vendor's answer came"))
        elif age > (hours := route.connector.oldest if route and not _is_beacon(waiting.facts) else BEACON) * 3600:
            settled.dead.append((one, f"older than the {hours:g} hours that the vendor allows"))
        else:
            return True
        return False

    async def _send_all(self, site: str, vendor: str, due: Sequence[Taken], settled: _Settled) -> None:
        turns = asyncio.Semaphore(AT_ONCE)
        route = self._routes.get((site, vendor))
        pairs = [(one, one.waiting.facts) for one in due]
        beacons = [[pair] for pair in pairs if _is_beacon(pair[1])]
        events = [pair for pair in pairs if not _is_beacon(pair[1])]
        some = [*beacons, *(batches(route.connector, events) if route is not None else ())]

        async def one(batch: list[tuple[Taken, Facts]]) -> None:
            async with turns:
                await self._send_batch(site, vendor, batch, settled)

        await asyncio.gather(*map(one, some))

    async def _send_batch(
        self, site: str, vendor: str, batch: Sequence[tuple[Taken, Facts]], settled: _Settled
    ) -> None:
        """Send one request. Where a vendor refuses several together, each half is sent alone."""
        taken, facts = [one for one, _ in batch], [told for _, told in batch]
        route, pause = self._routes.get((site, vendor)), self._pauses[vendor]
        if wait := pause.left:
            settled.back += [(one, wait) for one in taken]
            return
        private = route.private if route else self._beacons[site, vendor]
        try:
            if _is_beacon(facts[0]):
                host, outgoing = beacon(facts[0])
            else:
                assert route is not None
                host, outgoing = request(route, facts, await self._moment(site, route))
            answered = await self._send(site, vendor, host, outgoing, private, self._answer_seconds)
        except NotAnswered as error:
            if error.sent and not (route and route.connector.dedup):
                settled.dead += [(one, f"it may have been sent: {error}") for one in taken]
                pause.failed(str(error))
            else:
                self._back(vendor, taken, 0.0, str(error), settled)
            return
        meant, later = meaning(answered, route, self._now())
        if meant is Meaning.LATER:
            self._back(vendor, taken, later, f"status {answered.status}", settled)
        elif meant is Meaning.STRANGER:
            self._tokens.pop((site, vendor), None)
            self._back(vendor, taken, LONGEST / 5, f"status {answered.status}: {meant}", settled)
        elif meant is Meaning.TAKEN:
            self._went(vendor, taken, settled)
        elif len(batch) > 1:
            middle = len(batch) // 2
            await self._send_batch(site, vendor, batch[:middle], settled)
            await self._send_batch(site, vendor, batch[middle:], settled)
        elif _is_beacon(facts[0]):  # a browser would not have asked again either
            metrics.EVENTS.labels(vendor, "refused").inc()
            settled.gone += taken
        else:
            said = answered.body[: ANSWER * 4].decode(errors="replace")[:ANSWER]
            settled.dead += [(one, f"refused with status {answered.status}\n{said}".strip()) for one in taken]

    async def _moment(self, site: str, route: Route) -> Moment:
        """What a request holds besides events. Raises `NotAnswered`."""
        now, key = self._now(), route.vendor.key
        token, until = self._tokens.get((site, key), ("", 0.0))
        if route.connector.wants_token and now / 1000 >= until:
            host, outgoing = token_request(route)
            try:
                answered = await self._send(site, key, host, outgoing, route.private, self._answer_seconds)
            except NotAnswered as error:
                raise NotAnswered(f"no access token: {error}", sent=False) from None
            token, lasts = access_token(answered)
            self._tokens[site, key] = token, now / 1000 + max(lasts - 60, 1)
        return Moment(now // 1000, token_hex(16), token)

    def _back(self, vendor: str, taken: Sequence[Taken], least: float, why: str, settled: _Settled) -> None:
        wait = self._pauses[vendor].failed(why, least)
        settled.back += [(one, wait) for one in taken]
        metrics.EVENTS.labels(vendor, "retried").inc(len(taken))

    def _went(self, vendor: str, taken: Sequence[Taken], settled: _Settled) -> None:
        self._pauses[vendor].went()
        settled.gone += taken
        metrics.EVENTS.labels(vendor, "sent").inc(len(taken))
        now = self._now()
        for one in taken:
            metrics.EVENTS_SECONDS.labels(vendor).observe(max(now - one.waiting.at, 0) / 1000)


def _name(taken: Taken) -> tuple[str, str, str]:
    return taken.waiting.site, taken.waiting.vendor, taken.waiting.id


def _is_beacon(facts: Facts) -> bool:
    return "target" in facts
