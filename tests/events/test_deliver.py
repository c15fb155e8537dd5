"""Deliveries: what each answer of a vendor's, or none, does to an event; and that nothing is ever lost."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from pathlib import Path

import pytest

from proxy.database import Down
from proxy.events import deliver, pause
from proxy.events.deliver import Delivery, Fate
from proxy.events.outbox import Backlog, Outbox, Taken, Waiting
from proxy.events.outbox.sqlite import FILE, SqliteOutbox
from proxy.events.request import beacon_facts
from proxy.events.wiring import Route
from proxy.minimise import Outgoing
from proxy.relay.telling import Answered, NotAnswered
from tests.events.cases import all_routes
from tests.events.outboxes import NOW, Clock

SITE = "https://shop.example"
ROUTES = all_routes()
OK = Answered(200, {}, b"{}")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second is a fiftieth of one."""
    for room, names in ((deliver, ("LOOK", "FIRST", "LONGEST")), (pause, ("FIRST", "LONGEST"))):
        for name in names:
            monkeypatch.setattr(room, name, getattr(room, name) / 50)


@dataclass
class Vendor:
    """A vendor that answers as it is told, and remembers what reached it."""

    answers: Callable[[str, Sequence[str]], Answered | Exception] = lambda _, __: OK
    got: list[tuple[str, list[str]]] = field(default_factory=list)

    async def send(self, site: str, key: str, host: str, outgoing: Outgoing, private: bool, seconds: float) -> Answered:
        ids = _ids(outgoing)
        answer = self.answers(host, ids)
        if isinstance(answer, Exception):
            if isinstance(answer, NotAnswered) and answer.sent:
                self.got.append((host, ids))
            raise answer
        if answer.status < 300:
            self.got.append((host, ids))
        return answer

    @property
    def ids(self) -> list[str]:
        return [one for _, ids in self.got for one in ids]


def _ids(outgoing: Outgoing) -> list[str]:
    if not outgoing.body.startswith(b"{"):
        return [outgoing.body.decode() or outgoing.target.decode()]
    body = json.loads(outgoing.body)
    events = body.get("data") or body.get("conversions") or body.get("events") or []
    return [event.get("event_id") or event.get("conversion_id") or event["name"] for event in events]


async def _send_all(taken: Sequence[Taken]) -> list[Fate]:
    return [Fate.SEND] * len(taken)


def told(number: int, vendor: str = "meta-pixel", **more: object) -> Waiting:
    facts = {"event.name": "Purchase", "event.id": f"e{number}", "event.at": NOW, "visitor": f"{number:064x}"}
    return Waiting(f"e{number}", SITE, vendor, NOW, facts, **more)  # type: ignore[arg-type]


@contextlib.asynccontextmanager
async def delivering(
    folder: Path,
    vendor: Vendor,
    clock: Clock,
    *,
    routes: dict[str, Route] = ROUTES,
    ask: deliver.Ask = _send_all,
    outbox: Outbox | None = None,
    sites: Sequence[str] = (SITE,),
) -> AsyncIterator[Outbox]:
    outbox = outbox or SqliteOutbox(folder / FILE, clock, 1 << 30, 1.0)
    delivery = Delivery(
        outbox,
        {(site, key): route for site in sites for key, route in routes.items()},
        {(SITE, "hotjar"): False},
        vendor.send,
        ask,
        clock,
        0.3,
    )
    delivery.start()
    try:
        yield outbox
    finally:
        await delivery.stop()
        await outbox.aclose()


async def empty(outbox: Outbox, clock: Clock, seconds: float = 8) -> None:
    """Until nothing waits any more; the clock runs fifty times as fast as ours."""
    for _ in range(int(seconds / 0.02)):
        if not any(one.waiting for one in (await outbox.backlog()).values()):
            return
        clock.now += 1000
        await asyncio.sleep(0.02)
    raise AssertionError(f"still waiting: {await outbox.backlog()}")


async def why(outbox: Outbox) -> dict[str, str]:
    return {one.waiting.id: one.why for one in await outbox.dead(most=1000)}


async def test_a_fault_that_nobody_knew_of_ends_no_looking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vendor, clock = Vendor(), Clock()
    outbox = SqliteOutbox(tmp_path / FILE, clock, 1 << 30, 1.0)
    await outbox.put([told(1)])
    looks = 0

    async def backlog() -> Mapping[str, Backlog]:
        nonlocal looks
        looks += 1
        if looks == 1:
            raise RuntimeError("a mistake of ours")
        return await SqliteOutbox.backlog(outbox)

    monkeypatch.setattr(outbox, "backlog", backlog)
    async with delivering(tmp_path, vendor, clock, outbox=outbox), asyncio.timeout(8):
        while not vendor.ids:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert vendor.ids == ["e1"]


async def test_everything_is_sent_once_and_together(tmp_path: Path) -> None:
    vendor, clock = Vendor(), Clock()
    async with delivering(tmp_path, vendor, clock) as outbox:
        await outbox.put([told(number) for number in range(500)])
        await empty(outbox, clock)
        assert Counter(vendor.ids) == Counter(f"e{number}" for number in range(500))
        assert len(vendor.got) < 10
        assert await why(outbox) == {}


@pytest.mark.parametrize(
    "failure",
    [
        Answered(500, {}, b"oops"),
        Answered(429, {b"retry-after": b"3"}, b""),
        Answered(503, {b"retry-after": formatdate(NOW / 1000 + 4, usegmt=True).encode()}, b""),
        Answered(401, {}, b"who?"),
        NotAnswered("connect", sent=False),
        NotAnswered("timeout", sent=True),
    ],
    ids=["500", "429", "503 by a date", "401", "refused", "no answer"],
)
async def test_a_vendor_that_fails_for_a_while_loses_nothing(tmp_path: Path, failure: Answered | Exception) -> None:
    times, clock = 0, Clock()

    def answers(_: str, __: Sequence[str]) -> Answered | Exception:
        nonlocal times
        times += 1
        return failure if times <= 4 else OK

    vendor = Vendor(answers)
    async with delivering(tmp_path, vendor, clock) as outbox:
        await outbox.put([told(number) for number in range(20)])
        await empty(outbox, clock, 20)
        assert set(vendor.ids) == {f"e{number}" for number in range(20)}
        assert await why(outbox) == {}


async def test_one_event_that_is_refused_does_not_keep_the_others(tmp_path: Path) -> None:
    def answers(_: str, ids: Sequence[str]) -> Answered:
        return Answered(400, {}, b"no value for e7") if {"e7", "e13"} & set(ids) else OK

    vendor, clock = Vendor(answers), Clock()
    async with delivering(tmp_path, vendor, clock) as outbox:
        await outbox.put([told(number) for number in range(20)])
        await empty(outbox, clock)
        assert set(vendor.ids) == {f"e{number}" for number in range(20)} - {"e7", "e13"}
        assert await why(outbox) == dict.fromkeys(("e7", "e13"), "refused with status 400\nno value for e7")


async def test_what_may_have_been_sent_is_not_sent_again_to_who_does_not_drop_doubles(tmp_path: Path) -> None:
    vendor, clock = Vendor(lambda *_: NotAnswered("the answer broke off", sent=True)), Clock()
    async with delivering(tmp_path, vendor, clock) as outbox:
        await outbox.put([told(1, "plausible"), told(2, "google-analytics")])
        await empty(outbox, clock)
        assert len(vendor.got) == 2
        assert await why(outbox) == dict.fromkeys(("e1", "e2"), "it may have been sent: the answer broke off")


async def test_what_a_dead_process_had_taken(tmp_path: Path) -> None:
    """Sent again where the vendor drops doubles, put aside where it does not."""
    clock = Clock()
    dying = SqliteOutbox(tmp_path / FILE, clock, 1 << 30, 1.0)
    await dying.put([told(1), told(2, "plausible")])
    assert len([*await dying.take("meta-pixel", 9), *await dying.take("plausible", 9)]) == 2
    await dying.aclose()
    vendor = Vendor()
    async with delivering(tmp_path, vendor, clock) as outbox:
        await empty(outbox, clock)
        assert vendor.ids == ["e1"]
        assert await why(outbox) == {"e2": "it may have been sent: the process ended before the vendor's answer came"}


async def test_what_is_too_old_for_the_vendor_is_put_aside(tmp_path: Path) -> None:
    vendor, clock = Vendor(), Clock(NOW + 8 * 86_400_000)
    async with delivering(tmp_path, vendor, clock) as outbox:
        await outbox.put([told(1), replace(told(2), at=NOW + 8 * 86_400_000)])
        await empty(outbox, clock)
        assert vendor.ids == ["e2"]
        assert await why(outbox) == {"e1": "older than the 167 hours that the vendor allows"}


async def test_the_vendors_own_words_for_failure_count(tmp_path: Path) -> None:
    """TikTok answers 200 whatever happened; the code in its answer says what did."""
    vendor, clock = Vendor(lambda *_: Answered(200, {}, b'{"code": 40001, "message": "no permission"}')), Clock()
    async with delivering(tmp_path, vendor, clock) as outbox:
        await outbox.put([told(1, "tiktok")])
        await empty(outbox, clock)
        assert list((await why(outbox)).values()) == [
            'refused with status 200\n{"code": 40001, "message": "no permission"}'
        ]


async def test_the_visitors_last_word_holds(tmp_path: Path) -> None:
    fates = {"p1": Fate.SEND, "p2": Fate.WITHDRAWN, "p3": Fate.NOT_YET, "p4": Fate.UNKNOWN}

    async def ask(taken: Sequence[Taken]) -> list[Fate]:
        return [fates[one.waiting.proof or "p1"] for one in taken]

    vendor, clock = Vendor(), Clock()
    async with delivering(tmp_path, vendor, clock, ask=ask) as outbox:
        await outbox.put([told(number, proof=f"p{number}") for number in range(1, 5)])
        for _ in range(500):
            await asyncio.sleep(0.02)
            if vendor.ids and (await outbox.backlog())["meta-pixel"].waiting == 2:
                break
        assert vendor.ids == ["e1"]
        assert (await outbox.backlog())["meta-pixel"].waiting == 2
        fates |= {"p3": Fate.SEND, "p4": Fate.WITHDRAWN}
        await empty(outbox, clock)
        assert vendor.ids == ["e1", "e3"]
        assert await why(outbox) == {}


async def test_what_never_comes_on_record_goes_after_a_while(tmp_path: Path) -> None:
    async def ask(taken: Sequence[Taken]) -> list[Fate]:
        return [Fate.NOT_YET] * len(taken)

    vendor, clock = Vendor(), Clock()
    async with delivering(tmp_path, vendor, clock, ask=ask) as outbox:
        await outbox.put([told(1, proof="p")])
        clock.now += int(0.9 * deliver.ON_RECORD * 1000)
        await empty(outbox, clock)
        assert clock.now - NOW > deliver.ON_RECORD * 1000
        assert (vendor.ids, await why(outbox)) == ([], {})


async def test_one_vendor_that_fails_holds_no_other_up(tmp_path: Path) -> None:
    def answers(host: str, _: Sequence[str]) -> Answered:
        return Answered(500, {}, b"") if host == "graph.facebook.com" else OK

    vendor, clock = Vendor(answers), Clock()
    async with delivering(tmp_path, vendor, clock) as outbox:
        await outbox.put([told(number) for number in range(50)])
        await outbox.put([told(number, "x") for number in range(50)])
        for _ in range(500):
            await asyncio.sleep(0.02)
            if len(vendor.ids) == 50:
                break
        assert {host for host, _ in vendor.got} == {"ads-api.x.com"}
        assert (await outbox.backlog())["meta-pixel"].waiting == 50


async def test_google_ads_token_is_fetched_once_and_again_when_it_is_not_taken(tmp_path: Path) -> None:
    tokens: list[bytes] = []

    class Google(Vendor):
        async def send(
            self, site: str, key: str, host: str, outgoing: Outgoing, private: bool, seconds: float
        ) -> Answered:
            if host == "oauth2.googleapis.com":
                assert b"grant_type=refresh_token" in outgoing.body
                assert b"refresh_token=secret-refresh_token" in outgoing.body
                tokens.append(outgoing.body)
                return Answered(200, {}, b'{"access_token": "t%d", "expires_in": 3600}' % len(tokens))
            proof = dict(outgoing.headers)[b"Authorization"]
            if proof == b"Bearer t1":
                return Answered(401, {}, b"")
            assert proof == b"Bearer t2"
            self.got.append((host, ["sent"]))
            return Answered(200, {}, b'{"requestId": "1"}')

    vendor, clock = Google(), Clock()
    async with delivering(tmp_path, vendor, clock) as outbox:
        facts = {"event.name": "987654", "event.id": "e1", "event.at": NOW, "click.google": "c"}
        await outbox.put([Waiting("e1", SITE, "google-ads", NOW, facts)])
        await empty(outbox, clock, 20)
        assert (len(tokens), len(vendor.got)) == (2, 1)


async def test_an_event_waits_while_its_token_cannot_be_fetched(tmp_path: Path) -> None:
    fetched = 0

    class Google(Vendor):
        async def send(
            self, site: str, key: str, host: str, outgoing: Outgoing, private: bool, seconds: float
        ) -> Answered:
            nonlocal fetched
            if host == "oauth2.googleapis.com":
                fetched += 1
                if fetched == 1:
                    raise NotAnswered("no answer", sent=True)
                return Answered(200, {}, b'{"access_token": "t"}')
            self.got.append((host, ["sent"]))
            return Answered(200, {}, b'{"requestId": "1"}')

    route = ROUTES["google-ads"]
    once = replace(route, connector=route.connector.model_copy(update={"dedup": False}))
    vendor, clock = Google(), Clock()
    async with delivering(tmp_path, vendor, clock, routes={"google-ads": once}) as outbox:
        facts = {"event.name": "987654", "event.id": "e1", "event.at": NOW, "click.google": "c"}
        await outbox.put([Waiting("e1", SITE, "google-ads", NOW, facts)])
        await empty(outbox, clock, 20)
        assert (len(vendor.got), await why(outbox)) == (1, {})


async def test_each_shop_has_a_token_of_its_own(tmp_path: Path) -> None:
    other = "https://other.example"

    class Google(Vendor):
        async def send(
            self, site: str, key: str, host: str, outgoing: Outgoing, private: bool, seconds: float
        ) -> Answered:
            if host == "oauth2.googleapis.com":
                return Answered(200, {}, json.dumps({"access_token": f"of {site}"}).encode())
            assert dict(outgoing.headers)[b"Authorization"] == f"Bearer of {site}".encode()
            self.got.append((host, [site]))
            return Answered(200, {}, b'{"requestId": "1"}')

    vendor, clock = Google(), Clock()
    async with delivering(tmp_path, vendor, clock, sites=(SITE, other)) as outbox:
        facts = {"event.name": "987654", "event.id": "e1", "event.at": NOW, "click.google": "c"}
        await outbox.put([Waiting("e1", site, "google-ads", NOW, facts) for site in (SITE, other)])
        await empty(outbox, clock, 20)
        assert sorted(vendor.ids) == [other, SITE]


async def test_a_browsers_own_request_goes_as_the_relay_made_it(tmp_path: Path) -> None:
    got: list[Outgoing] = []

    class Hotjar(Vendor):
        async def send(
            self, site: str, key: str, host: str, outgoing: Outgoing, private: bool, seconds: float
        ) -> Answered:
            got.append(outgoing)
            return Answered(204, {}, b"")

    sent = Outgoing("POST", b"/collect?v=1", ((b"Accept", b"*/*"), (b"User-Agent", b"X\xe9")), b"\x00\xffbody")
    clock = Clock()
    async with delivering(tmp_path, Hotjar(), clock) as outbox:
        await outbox.put([Waiting("b1", SITE, "hotjar", NOW, beacon_facts("in.hotjar.com", sent))])
        await empty(outbox, clock)
        assert got == [sent]


async def test_what_the_shop_no_longer_tells_of_is_put_aside(tmp_path: Path) -> None:
    vendor, clock = Vendor(), Clock()
    only_meta = {"meta-pixel": ROUTES["meta-pixel"]}
    async with delivering(tmp_path, vendor, clock, routes=only_meta) as outbox:
        await outbox.put([replace(told(1), site="https://closed.example"), told(2)])
        await empty(outbox, clock)
        assert vendor.ids == ["e2"]
        assert list(await why(outbox)) == ["e1"]


async def test_an_outbox_that_is_gone_for_a_while_ends_nothing(tmp_path: Path) -> None:
    clock, vendor = Clock(), Vendor()

    class Flaky(SqliteOutbox):
        times = 0

        async def take(self, vendor: str, most: int) -> list[Taken]:
            self.times += 1
            if self.times < 5:
                raise Down("gone") if self.times % 2 else ValueError("a mistake of ours")
            return await super().take(vendor, most)

    flaky = Flaky(tmp_path / FILE, clock, 1 << 30, 1.0)
    async with delivering(tmp_path, vendor, clock, outbox=flaky) as outbox:
        await outbox.put([told(1)])
        await empty(outbox, clock)
        assert vendor.ids == ["e1"]


async def test_an_hour_of_every_fault_loses_nothing(tmp_path: Path) -> None:
    """Vendors that answer 500, hang, say later, break off in the middle of a body, by turns, while the clock jumps."""
    faults: list[Answered | Exception] = [
        Answered(500, {}, b""),
        NotAnswered("no answer within 10 s", sent=True),
        Answered(429, {b"retry-after": b"2"}, b""),
        NotAnswered("protocol", sent=True),
        NotAnswered("connect", sent=False),
        OK,
    ]
    times, clock = 0, Clock()

    def answers(_: str, __: Sequence[str]) -> Answered | Exception:
        nonlocal times
        times += 1
        return faults[times % len(faults)] if clock.now < NOW + 3600_000 else OK

    vendor = Vendor(answers)
    async with delivering(tmp_path, vendor, clock) as outbox:
        put = 0
        for step in range(120):  # half a minute each
            await outbox.put([told(put + number) for number in range(10)])
            put += 10
            clock.now += {40: 600_000, 60: -900_000, 80: 300_000}.get(step, 30_000)
            await asyncio.sleep(0.02)
        clock.now = max(clock.now, NOW + 3600_000)
        await empty(outbox, clock, 20)
        assert set(vendor.ids) == {f"e{number}" for number in range(put)}
        assert await why(outbox) == {}
