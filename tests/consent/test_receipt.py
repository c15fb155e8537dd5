"""The visitor's own copy, and the erasure of what is on record."""

from __future__ import annotations

import json

import pytest
from selectolax.lexbor import LexborHTMLParser

from proxy.consent.language import LANGUAGES, words
from proxy.consent.records import Event, Kept
from proxy.consent.records.record import canonical
from proxy.model import How, Standing
from tests.consent.asked import CLICK, Shelf, get, kept, post
from tests.consent.shop import ORIGIN, RECORD, TODAY, consent, site, visit
from tests.laws import law_in

HELD = Standing(consent("analytics", record=RECORD))
HISTORY = [
    Kept(ORIGIN, 1, 4, 1_790_000_000_000, {"event": "grant", "granted": ["social"], "gpc": False}),
    Kept(ORIGIN, 1, 9, 1_795_000_000_000, {"event": "change", "granted": ["analytics"], "gpc": False, "notice": "d"}),
]


def text(body: bytes) -> str:
    tree = LexborHTMLParser(body)
    assert tree.body is not None
    return " ".join(tree.body.text().split())


@pytest.mark.parametrize("tag", LANGUAGES)
async def test_the_page_says_what_holds_and_what_is_on_record(tag: str) -> None:
    t = words(tag)
    got = await get(f"/_consent/receipt?lang={tag}", of=visit(HELD), records=Shelf(history=HISTORY))
    told = text(got.body)
    for expected in (RECORD, t("receipt.title"), t("category.analytics.name"), "Stats Ltd", t("event.change")):
        assert str(expected) in told
    assert "Ads Ltd" not in told
    form = LexborHTMLParser(got.body).css_first("form")
    assert form is not None
    assert form.attributes["action"] == f"{ORIGIN}/_consent/receipt"
    assert (got.one("cache-control"), got.one("referrer-policy")) == ("no-store", "same-origin")


async def test_the_file_has_the_fields_of_the_standard_and_is_signed() -> None:
    got = await get("/_consent/receipt?as=json", of=visit(HELD), records=Shelf(history=HISTORY))
    assert got.one("content-type") == "application/json"
    assert got.one("content-disposition") == f'attachment; filename="consent-receipt-{RECORD[:8]}.json"'
    told = json.loads(got.body)
    machine = await get("/_consent/receipt", of=visit(HELD), headers={"accept": "application/json"})
    assert json.loads(machine.body)["receipt"]["receipt_id"] == RECORD
    receipt = told["receipt"]
    assert told["signature"]["value"] == f"signed {len(canonical(receipt))}"
    assert receipt["schema_version"] == "ISO/IEC TS 27560:2023"
    assert {receipt[name] for name in ("receipt_id", "record_id", "pii_principal_id")} == {RECORD}
    processing = receipt["pii_processing"]
    assert processing["privacy_notice"]["address"] == f"{ORIGIN}/privacy"
    assert processing["withdrawal_method"] == f"{ORIGIN}/_consent"
    (purpose,) = processing["purposes"]
    assert (purpose["purpose_type"], purpose["lawful_basis"], purpose["recipient_third_parties"]) == (
        ["analytics"],
        "consent",
        ["stats"],
    )
    assert [party["party_role"] for party in receipt["party_identification"]] == ["controller", "processor"]
    assert [(event["event_type"], event["event_state"]) for event in receipt["events"]] == [
        ("grant", "superseded"),
        ("change", "valid"),
    ]
    assert receipt["events"][1]["validity_until"] == "2027-05-23"


async def test_while_the_store_is_down_the_receipt_can_be_had() -> None:
    down = Shelf(history=None)
    assert "cannot be read at this moment" in text((await get("/_consent/receipt", of=visit(HELD), records=down)).body)
    told = json.loads((await get("/_consent/receipt?as=json", of=visit(HELD), records=down)).body)
    assert [event["event_time"] for event in told["receipt"]["events"]] == [TODAY.isoformat()]


@pytest.mark.parametrize("standing", [Standing(), Standing(consent(how=How.REJECT))])
async def test_whoever_allowed_nothing_has_none_and_is_told_why(standing: Standing) -> None:
    got = await get("/_consent/receipt", of=visit(standing))
    assert got.status == 200
    assert "There is no receipt" in text(got.body)
    assert not LexborHTMLParser(got.body).css("form")
    assert (await get("/_consent/receipt?as=json", of=visit(standing))).status == 404


@pytest.mark.parametrize(
    ("region", "there", "not_there"),
    [
        ("DE", "to complain to a data protection authority", "to opt out of the sale"),
        ("BR", "to know with whom it is shared", "to have somebody else"),
        ("US-CA", "to have somebody else use these rights for you", "to have its use restricted"),
    ],
)
async def test_rights_are_those_of_the_place(region: str, there: str, not_there: str) -> None:
    for path in ("/_consent", "/_consent/receipt"):
        told = text((await get(path, of=visit(law=law_in(region)))).body)
        assert there in told
        assert not_there not in told
        assert "privacy@shop.example" in told


async def test_which_language_holds_is_said_in_the_others() -> None:
    said = "the text in this language holds: German"
    assert said in text((await get("/_consent", shop=site(prevails="de"))).body)
    assert "Weichen" not in text((await get("/_consent?lang=de", shop=site(prevails="de"))).body)
    assert "translations differ" not in text((await get("/_consent")).body)


async def test_erasing_withdraws_everything_and_keeps_that_it_was_asked() -> None:
    shelf = Shelf()
    fields = {"erase": "yes", "return_to": "/pots"}
    got = await post(fields, "/_consent/receipt", of=visit(HELD), records=shelf)
    assert (got.status, got.one("location")) == (303, "/pots")
    now = kept(got).consent
    assert now is not None
    assert (now.grants_anything, now.record, now.how) == (False, None, How.WITHDRAW)
    assert got.all("set-cookie")[1].endswith("kept=pay")
    (entry,) = shelf.entries
    assert (entry.record.event, entry.record.visitor, entry.erases) == (Event.ERASURE, None, RECORD)


async def test_what_does_not_count_erases_nothing() -> None:
    shelf = Shelf()
    held = visit(HELD)
    foreign = CLICK | {"origin": "https://evil.example"}
    path = "/_consent/receipt"
    assert (await post({"erase": "yes"}, path, of=held, headers=foreign, records=shelf)).status == 403
    assert (await post({}, path, of=held, records=shelf)).status == 400
    assert (await post({"erase": "yes", "more": "1"}, path, of=held, records=shelf)).status == 400
    assert not shelf.entries
    assert (await post({"erase": "yes"}, path, records=shelf)).status == 303
    assert not shelf.entries
    assert (await post({"erase": "yes"}, path, of=held, records=Shelf(fails=True))).status == 503
