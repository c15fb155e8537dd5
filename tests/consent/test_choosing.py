"""What is put on record of a choice, and what is not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from proxy.consent.language import words
from proxy.consent.notice import notice_of, unpack
from proxy.consent.records import Event
from proxy.model import ASKED, Category, Doubt, How, Standing
from tests.consent.asked import CLICK, Shelf, kept, post
from tests.consent.shop import ORIGIN, RECORD, TODAY, consent, site, visit
from tests.laws import OPT_IN, law_in

HELD = Standing(consent("analytics", record="r" * 22))
REFUSED = Standing(consent(how=How.REJECT))
SCRIPTLESS = {"origin": ORIGIN}


async def on_record(fields: object, **more: object) -> Shelf:
    shelf = Shelf()
    got = await post(fields, records=shelf, **more)  # type: ignore[arg-type]
    assert got.status == 303
    return shelf


async def test_a_grant_is_on_record_with_all_that_proves_it() -> None:
    shelf = await on_record({"choice": "accept", "shown": "1", "lang": "de"}, of=visit(languages=("fr",), region="AT"))
    (entry,) = shelf.entries
    record = entry.record
    assert (record.site, record.event, record.how) == (ORIGIN, Event.GRANT, "accept")
    assert datetime.fromtimestamp(record.at / 1000, UTC) == datetime(
        TODAY.year, TODAY.month, TODAY.day, 9, 30, tzinfo=UTC
    )
    assert (record.granted, record.allowed, record.refused, record.before) == (ASKED, (), (), None)
    assert (record.policy, record.language, record.law, record.regime, record.region) == (
        1,
        "de",
        OPT_IN.key,
        "opt-in",
        "AT",
    )
    assert (record.gpc, record.proven, record.visitor) == (False, "click", RECORD)
    assert entry.notice is not None
    shown = unpack(entry.notice)
    assert record.notice == notice_of(site(), "de", OPT_IN, False).digest
    assert (shown["policy"], shown["language"], [vendor["key"] for vendor in shown["vendors"]]) == (
        1,
        "de",
        ["ads", "mail", "pay", "stats", "video"],
    )
    assert str(words("de")("button.accept")) in shown["banner"]
    assert "stats.example/privacy" in shown["preferences"]


@pytest.mark.parametrize(
    ("before", "fields", "gpc", "event", "visitor"),
    [
        (Standing(), {"choice": "accept"}, False, Event.GRANT, RECORD),
        (Standing(), {"choice": "accept"}, True, Event.OVERRIDE, RECORD),
        (Standing(), {"choice": "reject"}, False, Event.REFUSAL, None),
        (REFUSED, {"choice": "accept"}, False, Event.CHANGE, RECORD),
        (HELD, {"choice": "accept"}, False, Event.CHANGE, "r" * 22),
        (HELD, {"choice": "save", "vendor": "video"}, False, Event.CHANGE, "r" * 22),
        (HELD, {"choice": "withdraw"}, False, Event.WITHDRAWAL, "r" * 22),
        (HELD, {"choice": "reject"}, True, Event.WITHDRAWAL, "r" * 22),
        (Standing(doubt=Doubt.SIGNATURE), {"choice": "reject"}, False, Event.REFUSAL, None),
    ],
)
async def test_each_choice_is_called_what_it_does(
    before: Standing, fields: dict[str, str], gpc: bool, event: Event, visitor: str | None
) -> None:
    (entry,) = (await on_record(fields, of=visit(before, gpc=gpc))).entries
    assert (entry.record.event, entry.record.visitor, entry.record.gpc) == (event, visitor, gpc)


async def test_a_refusal_carries_nothing_that_tells_visitors_apart() -> None:
    one = (await on_record({"choice": "reject"}, headers=CLICK | {"user-agent": "Firefox", "cookie": "a=1"})).entries[0]
    two = (await on_record({"choice": "reject"}, headers=CLICK | {"user-agent": "Chrome"})).entries[0]
    assert one.record == two.record
    assert one.id != ""


async def test_the_same_refusal_once_more_is_nothing_new() -> None:
    assert not (await on_record({"choice": "reject"}, of=visit(REFUSED))).entries
    assert (await on_record({"choice": "withdraw"}, of=visit(REFUSED))).entries


async def test_an_older_page_is_not_said_to_have_been_this_one() -> None:
    shelf = Shelf()
    await post({"choice": "accept", "shown": "1"}, shop=site(version=2), records=shelf)
    (entry,) = shelf.entries
    assert (entry.record.policy, entry.record.notice, entry.notice) == (1, None, None)


@pytest.mark.parametrize(
    ("headers", "proven"),
    [(CLICK, "click"), (SCRIPTLESS, "origin")],
)
async def test_how_it_was_proven(headers: dict[str, str], proven: str) -> None:
    (entry,) = (await on_record({"choice": "accept"}, headers=headers)).entries
    assert entry.record.proven == proven


async def test_a_refusal_needs_no_proof() -> None:
    (entry,) = (await on_record({"choice": "reject"}, headers={})).entries
    assert entry.record.proven == ""


@pytest.mark.parametrize(
    "agent",
    [
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 (compatible; YandexBot/3.0)",
        "Baiduspider",
        "some-crawler/1",
    ],
)
async def test_robots_choose_nothing_and_leave_no_record(agent: str) -> None:
    shelf = Shelf()
    for choice in ("accept", "reject"):
        got = await post({"choice": choice}, headers=CLICK | {"user-agent": agent}, records=shelf)
        assert (got.status, got.all("set-cookie")) == (303, [])
    assert not shelf.entries


async def test_what_is_made_ahead_of_a_click_leaves_no_record() -> None:
    shelf = await on_record({"choice": "reject"}, headers=CLICK | {"sec-purpose": "prefetch;prerender"})
    assert not shelf.entries


async def test_a_phone_is_no_robot_for_its_name() -> None:
    agent = "Mozilla/5.0 (Linux; Android 10; CUBOT NOTE 20) AppleWebKit/537.36"
    assert (await on_record({"choice": "accept"}, headers=CLICK | {"user-agent": agent})).entries


async def test_what_cannot_be_put_on_record_is_not_granted_but_can_be_refused() -> None:
    failing = Shelf(fails=True)
    got = await post({"choice": "accept"}, records=failing)
    assert (got.status, got.all("set-cookie")) == (503, [])
    assert b"could not be put on record" in got.body
    refused = await post({"choice": "withdraw"}, of=visit(HELD), records=failing)
    assert refused.status == 303
    assert not kept(refused).consent.grants_anything  # type: ignore[union-attr]


async def test_what_did_not_count_or_is_asked_once_more_leaves_no_record() -> None:
    shelf = Shelf()
    assert (await post({"choice": "maybe"}, records=shelf)).status == 400
    assert (await post({"choice": "accept"}, headers={"origin": "https://evil.example"}, records=shelf)).status == 403
    objected = visit(REFUSED, law=law_in("US-CA"))
    assert (await post({"choice": "accept"}, of=objected, records=shelf)).status == 200
    assert not shelf.entries


async def test_a_changed_consent_keeps_the_number_of_its_proof() -> None:
    got = await post({"choice": "accept"}, of=visit(HELD))
    assert kept(got).consent.record == "r" * 22  # type: ignore[union-attr]
    assert Category.SOCIAL in kept(got).consent.granted  # type: ignore[union-attr]
