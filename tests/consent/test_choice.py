"""What a choice becomes: who may grant, and that nothing is granted that was not ticked."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.catalogue.schema import Vendor
from proxy.catalogue.use import categories_in_use
from proxy.consent.choice import Occasion, Sender, choose, sender
from proxy.consent.form import Form, NotTaken, Why
from proxy.decide import Grounds, decide
from proxy.model import ASKED, DENIED_BY_SIGNAL, Category, Consent, Doubt, How, Reason, Standing
from tests.consent.shop import ADS, ALL, MAIL, ORIGIN, PAY, RECORD, STATS, TODAY, VIDEO, consent, vendor
from tests.laws import OPT_IN

ANALYTICS, ADVERTISING, MARKETING, SOCIAL = ASKED
CLICK = {
    "sec-fetch-site": "same-origin",
    "sec-fetch-mode": "navigate",
    "sec-fetch-dest": "document",
    "sec-fetch-user": "?1",
}


def headers(**values: str) -> list[tuple[bytes, bytes]]:
    return [(name.replace("_", "-").encode(), value.encode()) for name, value in values.items()]


def clicked(**changed: str | None) -> list[tuple[bytes, bytes]]:
    merged = CLICK | {name.replace("_", "-"): value for name, value in changed.items()}
    return headers(**{name: value for name, value in merged.items() if value is not None})


@pytest.mark.parametrize(
    ("sent", "who"),
    [
        (clicked(), Sender.PERSON),
        (clicked(origin=ORIGIN), Sender.PERSON),
        (clicked(origin="null"), Sender.PERSON),  # a page with Referrer-Policy: no-referrer
        ([(name.upper(), b" " + value + b"\t") for name, value in clicked()], Sender.PERSON),
        (clicked(sec_fetch_user=None), Sender.UNPROVEN),  # form.submit() by a script
        (clicked(sec_fetch_user="?0"), Sender.UNPROVEN),
        (clicked(sec_fetch_mode="cors", sec_fetch_dest="empty", sec_fetch_user=None), Sender.UNPROVEN),  # fetch()
        (clicked(sec_fetch_mode="cors"), Sender.UNPROVEN),
        (clicked(sec_fetch_dest="iframe"), Sender.UNPROVEN),
        (clicked(sec_fetch_site="none"), Sender.UNPROVEN),
        (clicked(sec_fetch_site=None), Sender.UNPROVEN),
        (clicked(sec_fetch_site=None, origin=ORIGIN), Sender.UNPROVEN),
        (headers(sec_fetch_user="?1", origin=ORIGIN), Sender.UNPROVEN),
        (headers(sec_fetch_storage_access="none", origin=ORIGIN), Sender.UNPROVEN),
        ([*clicked(), (b"sec-fetch-user", b"?1")], Sender.UNPROVEN),
        ([*clicked(), (b"sec-fetch-dest", b"empty")], Sender.UNPROVEN),
        (clicked(sec_fetch_site="cross-site"), Sender.FOREIGN),
        (clicked(sec_fetch_site="same-site"), Sender.FOREIGN),
        (clicked(sec_fetch_site="Same-Origin"), Sender.FOREIGN),
        ([*clicked(), (b"sec-fetch-site", b"cross-site")], Sender.FOREIGN),
        (clicked(origin="https://elsewhere.example"), Sender.FOREIGN),
        (clicked(origin="https://www.shop.example"), Sender.FOREIGN),
        (headers(origin=ORIGIN), Sender.PERSON),
        (headers(origin=f"{ORIGIN}:8443"), Sender.FOREIGN),
        (headers(origin="http://shop.example"), Sender.FOREIGN),
        (headers(origin="https://shop.example.elsewhere.example"), Sender.FOREIGN),
        ([(b"origin", ORIGIN.encode()), (b"origin", b"https://elsewhere.example")], Sender.FOREIGN),
        ([(b"origin", ORIGIN.encode()), (b"origin", b"null")], Sender.UNPROVEN),
        (headers(origin="null"), Sender.UNPROVEN),
        (headers(origin=""), Sender.FOREIGN),
        (headers(referer=f"{ORIGIN}/"), Sender.UNPROVEN),
        ([], Sender.UNPROVEN),
    ],
)
def test_who_sent_it(sent: list[tuple[bytes, bytes]], who: Sender) -> None:
    assert sender(sent, ORIGIN) is who


def occasion(*vendors: Vendor, **more: object) -> Occasion:
    used = {one.key: one for one in vendors or ALL}
    fields: dict[str, object] = {
        "asked": categories_in_use(used.values()),
        "version": 3,
        "standing": Standing(),
        "law": OPT_IN,
        "gpc": False,
        "today": TODAY,
    }
    return Occasion(vendors=used, **(fields | more))  # type: ignore[arg-type]


def made(form: Form, at: Occasion, who: Sender = Sender.PERSON) -> Consent:
    return choose(form, who, at, RECORD)


GRANTS = [Form(How.ACCEPT), Form(How.SAVE, categories=frozenset({SOCIAL})), Form(How.SAVE, vendors=frozenset({"ads"}))]
REFUSALS = [Form(How.REJECT), Form(How.WITHDRAW), Form(How.SAVE)]


@pytest.mark.parametrize("form", GRANTS)
def test_a_grant_needs_a_person(form: Form) -> None:
    assert made(form, occasion()).grants_anything
    with pytest.raises(NotTaken) as refused:
        made(form, occasion(), Sender.UNPROVEN)
    assert (refused.value.status, refused.value.why) == (403, Why.NO_CLICK)


@pytest.mark.parametrize("form", REFUSALS)
def test_a_refusal_needs_less(form: Form) -> None:
    before = Standing(consent("analytics", allowed=frozenset({"video"}), record="r"))
    for who in (Sender.PERSON, Sender.UNPROVEN):
        found = made(form, occasion(standing=before), who)
        assert not found.grants_anything
        assert (found.record, found.allowed, found.refused, found.signal) == (None, frozenset(), frozenset(), False)


@pytest.mark.parametrize("form", GRANTS + REFUSALS)
def test_another_site_chooses_nothing(form: Form) -> None:
    with pytest.raises(NotTaken) as refused:
        made(form, occasion(), Sender.FOREIGN)
    assert (refused.value.status, refused.value.why) == (403, Why.FOREIGN)


def test_accepting_all_grants_what_was_asked_about() -> None:
    assert made(Form(How.ACCEPT, shown=3), occasion()) == consent(
        "analytics", "advertising", "marketing", "social", policy=3, how=How.ACCEPT, record=RECORD
    )
    assert made(Form(How.ACCEPT), occasion(STATS, PAY)).granted == {ANALYTICS}
    assert not made(Form(How.ACCEPT), occasion(PAY)).grants_anything


def test_boxes_do_not_count_when_another_button_was_pressed() -> None:
    ticked = Form(How.REJECT, categories=frozenset(ASKED), vendors=frozenset({"ads"}))
    assert not made(ticked, occasion()).grants_anything
    accepted = made(replace(ticked, how=How.ACCEPT, refuse=frozenset({"ads"})), occasion())
    assert (accepted.allowed, accepted.refused) == (frozenset(), frozenset())


@pytest.mark.parametrize(("shown", "policy"), [(None, 1), (1, 1), (2, 2), (3, 3), (4, 3), (10**9 - 1, 3)])
def test_a_choice_counts_for_what_was_shown(shown: int | None, policy: int) -> None:
    assert made(Form(How.ACCEPT, shown=shown), occasion()).policy == policy
    assert made(Form(How.REJECT, shown=shown), occasion()).policy == policy


def test_saving_says_all() -> None:
    before = Standing(
        consent("analytics", allowed=frozenset({"video", "gone"}), refused=frozenset({"ads", "old"}), record="r")
    )
    form = Form(How.SAVE, frozenset({Category.ESSENTIAL, MARKETING}), frozenset({"mail"}), frozenset({"ads"}), 2)
    assert made(form, occasion(standing=before)) == consent(
        "marketing",
        policy=2,
        allowed=frozenset({"ads"}),
        refused=frozenset({"mail", "old"}),  # what is not in use was not asked about: it stays refused, never granted
        record="r",  # the same proof goes on
    )


def test_a_save_from_the_page_with_no_category_ticked_keeps_none() -> None:
    before = Standing(consent("analytics", "social", record="r"))
    form = Form(How.SAVE, frozenset({Category.ESSENTIAL}), vendors=frozenset({"video"}))
    found = made(form, occasion(standing=before))
    assert (found.granted, found.allowed) == (frozenset(), {"video"})


def test_a_category_that_no_vendor_in_use_needs_is_not_granted() -> None:
    assert made(Form(How.SAVE, frozenset({ANALYTICS, SOCIAL})), occasion(STATS)).granted == {ANALYTICS}


def test_refusing_outweighs_granting_by_name() -> None:
    form = Form(How.SAVE, frozenset({ANALYTICS}), refuse=frozenset({"ads"}), vendors=frozenset({"ads"}))
    found = made(form, occasion())
    assert (found.allowed, found.refused) == (frozenset(), {"ads"})


SHOW_VIDEO = Form(How.SAVE, vendors=frozenset({"video"}), shown=3)


def test_a_placeholder_adds_one_vendor_and_leaves_the_rest_as_it_is_and_as_old_as_it_is() -> None:
    earlier = TODAY - timedelta(days=100)
    before = consent(
        "analytics", day=earlier, allowed=frozenset({"mail"}), refused=frozenset({"video", "stats"}), record="r"
    )
    assert made(SHOW_VIDEO, occasion(standing=Standing(before))) == replace(
        before, allowed=frozenset({"mail", "video"}), refused=frozenset({"stats"})
    )


@pytest.mark.parametrize("standing", [Standing(), Standing(doubt=Doubt.SIGNATURE)])
def test_a_placeholder_alone_grants_its_vendor_alone(standing: Standing) -> None:
    found = made(SHOW_VIDEO, occasion(standing=standing))
    assert found == consent(policy=3, allowed=frozenset({"video"}), record=RECORD)
    grounds = Grounds(Standing(found))
    assert decide(VIDEO, grounds).allowed
    assert not any(decide(other, grounds).allowed for other in (STATS, ADS, MAIL))


def test_a_placeholder_after_a_refusal_grants_its_vendor_and_gets_a_record() -> None:
    found = made(SHOW_VIDEO, occasion(standing=Standing(consent(how=How.REJECT))))
    assert (found.granted, found.allowed, found.record) == (frozenset(), {"video"}, RECORD)


@pytest.mark.parametrize("form", GRANTS)
def test_a_grant_made_while_the_signal_is_on_outweighs_it_and_says_so(form: Form) -> None:
    found = made(form, occasion(gpc=True))
    assert found.signal
    assert decide(VIDEO if form.categories else ADS, Grounds(Standing(found), gpc=True)).reason is not Reason.SIGNAL


def test_one_vendor_granted_under_the_signal_lifts_no_older_grant_over_it() -> None:
    before = consent("analytics", "advertising", "marketing", allowed=frozenset({"mail", "stats", "gone"}), record="r")
    found = made(SHOW_VIDEO, occasion(standing=Standing(before), gpc=True))
    assert (found.granted, found.allowed, found.signal) == ({ANALYTICS}, {"stats", "video"}, True)
    grounds = Grounds(Standing(found), gpc=True)
    assert [decide(one, grounds).allowed for one in (STATS, ADS, MAIL, VIDEO)] == [True, False, False, True]


def test_a_vendor_that_is_refused_while_another_is_added_is_allowed_no_more() -> None:
    before = consent("analytics", allowed=frozenset({"video"}), record="r")
    form = Form(How.SAVE, refuse=frozenset({"video"}), vendors=frozenset({"stats"}))
    found = made(form, occasion(standing=Standing(before)))
    assert (found.allowed, found.refused) == ({"stats"}, {"video"})


def test_grants_made_under_the_signal_stay_when_one_is_added_under_it() -> None:
    before = consent("advertising", signal=True, record="r")
    found = made(SHOW_VIDEO, occasion(standing=Standing(before), gpc=True))
    assert (found.granted, found.signal) == ({ADVERTISING}, True)


def test_a_vendor_added_without_the_signal_does_not_outweigh_it_later() -> None:
    before = consent("advertising", signal=True, record="r")
    found = made(SHOW_VIDEO, occasion(standing=Standing(before), gpc=False))
    assert not found.signal


def test_the_categories_in_use_are_those_that_some_vendor_needs() -> None:
    container = vendor("tags", "analytics", loads=frozenset({MARKETING}))
    assert categories_in_use([PAY, container]) == {ANALYTICS, MARKETING}
    assert categories_in_use([PAY]) == frozenset()


def test_nobody_is_asked_about_what_an_essential_container_loads() -> None:
    container = vendor("tags", "essential", loads=frozenset({MARKETING}))
    assert categories_in_use([container, STATS]) == {ANALYTICS}
    assert made(Form(How.ACCEPT), occasion(container, STATS)).granted == {ANALYTICS}


keys = st.frozensets(st.sampled_from(["stats", "ads", "mail", "video"]))
forms = st.builds(
    Form,
    how=st.sampled_from(How),
    categories=st.frozensets(st.sampled_from(Category)),
    refuse=keys,
    vendors=keys,
    shown=st.none() | st.integers(1, 9),
)
befores = st.builds(
    lambda granted, allowed, refused, signal: consent(*granted, allowed=allowed, refused=refused, signal=signal),
    st.frozensets(st.sampled_from(ASKED)),
    keys,
    keys,
    st.booleans(),
)


@given(forms, befores, st.booleans(), st.sampled_from([Sender.PERSON, Sender.UNPROVEN]))
def test_nothing_comes_to_be_allowed_that_the_form_does_not_ask_for(
    form: Form, before: Consent, gpc: bool, who: Sender
) -> None:
    at = occasion(standing=Standing(before), gpc=gpc)
    try:
        found = made(form, at, who)
    except NotTaken:
        assert who is Sender.UNPROVEN
        assert form.asks_for_a_grant
        return
    for one in (STATS, ADS, MAIL, VIDEO):
        was = decide(one, Grounds(Standing(before), gpc=gpc)).allowed
        asked = form.how is How.ACCEPT or one.key in form.vendors or one.needs <= form.categories
        now = decide(one, Grounds(Standing(found), gpc=gpc)).allowed
        assert not now or (form.asks_for_a_grant and (was or asked))
        if form.how is not How.ACCEPT and one.key in form.refuse:
            assert not now
    if gpc and not before.signal and not form.vendors and form.how is How.SAVE:
        assert found.granted & DENIED_BY_SIGNAL <= form.categories
