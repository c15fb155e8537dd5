"""Events on their way out of the outbox: leased, asked about once more, sent, and settled by what the vendor said.

Rules of this file: nothing is sent that the visitor's last word does not allow; where the records cannot be asked, it
waits. A vendor that fails is left alone for a while, longer each time, and its events wait; only it. What may have been
sent already is sent again where the vendor drops doubles, and else put aside for a person. Nothing that was taken is
ever lost: it is sent, withdrawn, too old for the vendor (then it is among the dead), or it waits.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from enum import StrEnum
from secrets import token_hex
from typing import Any

import structlog

from proxy import metrics
from proxy.database import Down
from proxy.events.outbox import Full, Outbox, Taken
from proxy.events.request import Facts, Moment, batches, beacon, request, token_request
from proxy.events.wiring import Route
from proxy.minimise import Outgoing

_log = structlog.get_logger("proxy.events")

#: Requests under way for one vendor at once, in one process.
AT_ONCE = 16

#: Seconds: between looks at what waits; a vendor's first pause, and its longest; and how long an event whose consent is
#: not on record yet waits for it.
LOOK, FIRST, LONGEST, ON_RECORD = 1.0, 1.0, 300.0, 600.0

#: Hours after which a browser's own request is sent no more.
BEACON = 24.0

#: Events of one vendor that are taken at once, at most.
MOST = 2000

#: Characters of a vendor's answer that are kept with an event that it refused.
ANSWER = 500

#: Statuses by which a vendor says that the shop is not who it says, and those by which it says "later".
_UNKNOWN_SHOP, _LATER = frozenset({401, 403}), frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class Answered:
    """A vendor's answer."""

    status: int
    headers: Mapping[bytes, bytes]
    body: bytes


class NotAnswered(Exception):
    """There was no answer. `sent`: the vendor may have got the request."""

    def __init__(self, why: str, *, sent: bool) -> None:
        self.sent = sent
        super().__init__(why)


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
class _Pause:
    """How a vendor is doing: how long it is left alone after how many failures on end."""

    failures: int = 0
    until: float = 0.0
    token: str = ""
    token_until: float = 0.0
    told: bool = False


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
        self._pauses = {vendor: _Pause() for vendor in self._wake}
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
        """See what other processes left, and what is due again; and count what waits."""
        counted = {vendor for _, vendor in self._routes}
        while True:
            with suppress(Down, Full):
                backlog, now = {} if self._outbox.fresh else await self._outbox.backlog(), self._now()
                for vendor in {*backlog, *counted}:
                    found = backlog.get(vendor)
                    if found and found.waiting:
                        self.wake(vendor)
                    metrics.EVENTS_WAITING.labels(vendor).set(found.waiting if found else 0)
                    metrics.EVENTS_DEAD.labels(vendor).set(found.dead if found else 0)
                    oldest = found.oldest if found else None
                    metrics.EVENTS_OLDEST.labels(vendor).set(0 if oldest is None else max(now - oldest, 0) / 1000)
                counted |= backlog.keys()
            await asyncio.sleep(LOOK)

    # -- one vendor -----------------------------------------------------------------------------------------------

    async def _deliver(self, vendor: str) -> None:
        wake, pause, loop = self._wake[vendor], self._pauses[vendor], asyncio.get_running_loop()
        while True:
            try:
                if (wait := pause.until - loop.time()) > 0:
                    await asyncio.sleep(wait)
                wake.clear()
                most = AT_ONCE * max((route.connector.batch for route in self._of(vendor)), default=1)
                if pause.failures:  # one request finds out whether it is back
                    most = max(most // AT_ONCE, 1)
                taken = await self._outbox.take(vendor, min(most, MOST))
                if taken:
                    await self._settle_all(vendor, taken)
                else:
                    await wake.wait()
            except (Down, Full) as error:
                self._failed(vendor, 0.0, str(error))
            except Exception as error:  # a mistake of ours must not end the deliveries: they come back by their lease
                _log.exception("events could not be delivered", vendor=vendor)
                self._failed(vendor, 0.0, type(error).__name__)

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
        if pause.until > asyncio.get_running_loop().time():
            settled.back += [(one, pause.until - asyncio.get_running_loop().time()) for one in taken]
            return
        private = route.private if route else self._beacons[site, vendor]
        try:
            if _is_beacon(facts[0]):
                host, outgoing = beacon(facts[0])
            else:
                assert route is not None
                host, outgoing = request(route, facts, await self._moment(site, route, pause))
            answered = await self._send(site, vendor, host, outgoing, private, self._answer_seconds)
        except NotAnswered as error:
            if error.sent and not (route and route.connector.dedup):
                settled.dead += [(one, f"it may have been sent: {error}") for one in taken]
                self._failed(vendor, 0.0, str(error))
            else:
                self._back(vendor, taken, 0.0, str(error), settled)
            return
        if (later := _later(answered, self._now())) is not None or answered.status >= 500:
            self._back(vendor, taken, later or 0.0, f"status {answered.status}", settled)
        elif answered.status in _UNKNOWN_SHOP and route is not None:
            why = f"status {answered.status}: the vendor does not take the shop's secrets"
            self._back(vendor, taken, LONGEST / 5, why, settled)
            pause.token_until = 0.0
        elif _good(answered, route):
            self._went(vendor, taken)
            settled.gone += taken
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

    async def _moment(self, site: str, route: Route, pause: _Pause) -> Moment:
        """What a request holds besides events. Raises `NotAnswered`."""
        now, auth = self._now(), route.connector.auth
        if auth is not None and auth.kind == "oauth2" and now / 1000 >= pause.token_until:
            host, outgoing = token_request(route)
            answered = await self._send(site, route.vendor.key, host, outgoing, route.private, self._answer_seconds)
            try:
                said = json.loads(answered.body)
                pause.token, lasts = str(said["access_token"]), float(said.get("expires_in", 300))
            except (ValueError, KeyError, TypeError):
                raise NotAnswered(f"no access token: status {answered.status}", sent=False) from None
            pause.token_until = now / 1000 + max(lasts - 60, 1)
        return Moment(now // 1000, token_hex(16), pause.token)

    def _went(self, vendor: str, taken: Sequence[Taken]) -> None:
        pause, now = self._pauses[vendor], self._now()
        if pause.told:
            _log.info("the vendor takes events again", vendor=vendor)
        pause.failures, pause.told = 0, False
        metrics.EVENTS_PAUSED.labels(vendor).set(0)
        metrics.EVENTS.labels(vendor, "sent").inc(len(taken))
        for one in taken:
            metrics.EVENTS_SECONDS.labels(vendor).observe(max(now - one.waiting.at, 0) / 1000)

    def _back(self, vendor: str, taken: Sequence[Taken], least: float, why: str, settled: _Settled) -> None:
        wait = self._failed(vendor, least, why)
        settled.back += [(one, wait) for one in taken]
        metrics.EVENTS.labels(vendor, "retried").inc(len(taken))

    def _failed(self, vendor: str, least: float, why: str) -> float:
        """Leave a vendor alone; for how many seconds. What fails at the same time is one failure."""
        pause, now = self._pauses[vendor], asyncio.get_running_loop().time()
        if pause.until <= now:
            pause.failures += 1
            doubled: float = min(FIRST * 2 ** (pause.failures - 1), LONGEST)
            wait = max(doubled * random.uniform(0.7, 1.3), min(least, 3600.0))  # noqa: S311  (no secret)
            pause.until = now + wait
            metrics.EVENTS_PAUSED.labels(vendor).set(1)
            if not pause.told and pause.failures > 1:
                pause.told = True
                _log.warning("the vendor takes no events: they wait", vendor=vendor, why=why)
        return pause.until - now


def _name(taken: Taken) -> tuple[str, str, str]:
    return taken.waiting.site, taken.waiting.vendor, taken.waiting.id


def _is_beacon(facts: Facts) -> bool:
    return "target" in facts


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
