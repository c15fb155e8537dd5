"""What a visitor meets by where they are, over real sockets: whose tags run, who is asked, and how long it holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from proxy.consent.cookie import Seal, cookie_name
from proxy.model import Category, Consent, How, Regime, Standing
from tests.http.shop import KEY, SITE, TODAY, Answer, answering, open_shop, page

TAG = b'<script src="https://www.google-analytics.com/analytics.js"></script>'
ADS = b'<script src="https://connect.facebook.net/en_US/fbevents.js"></script>'
HTML = b"<!doctype html><html lang=en><head><title>x</title>" + TAG + ADS + b"</head><body><p>Text</p></body></html>"
STATS_CUT, ADS_CUT = b"/_consent/stub/google-analytics.js", b"/_consent/stub/meta-pixel.js"
BANNER, SALE = b'id="consentry"', b"Your Privacy Choices"
TRUSTED = {"listen": {"trusted": ["127.0.0.0/8"]}, "region": {"headers": ["X-Country"]}}


async def seen(*headers: str, today: date = TODAY, **tables: object) -> tuple[Answer, bytes]:
    """A page, and the Consentry-Consent that the storefront got."""
    async with answering(page(HTML)) as storefront, open_shop(storefront, today=today, **(TRUSTED | tables)) as shop:
        got = await shop.get("/", "Sec-Fetch-Dest: document", "Sec-Fetch-Mode: navigate", *headers)
        return got, storefront.requests[-1].get(b"consentry-consent")[0]


def cookie(how: How, day: date = TODAY) -> str:
    refusal = Consent(9, day, frozenset(), frozenset(), frozenset(), Regime.OPT_OUT, how)
    return f"Cookie: {cookie_name(SITE)}={Seal([KEY], SITE).seal(refusal)}"


@pytest.mark.parametrize("headers", [(), ("X-Country: DE",), ("X-Country: XX",), ("X-Country: BR",)])
async def test_where_the_law_asks_first_nothing_runs_and_there_is_a_banner(headers: tuple[str, ...]) -> None:
    got, told = await seen(*headers)
    assert STATS_CUT in got.body
    assert ADS_CUT in got.body
    assert BANNER in got.body
    assert told == b"analytics=0, advertising=0, marketing=0, social=0, gpc=0, regime=opt-in"


@pytest.mark.parametrize("region", ["US", "US-CA"])
async def test_where_visitors_object_everything_runs_and_a_link_is_on_every_page(region: str) -> None:
    got, told = await seen(f"X-Country: {region}")
    assert STATS_CUT not in got.body
    assert ADS_CUT not in got.body
    assert BANNER not in got.body
    assert SALE in got.body
    assert got.get(b"cache-control") == [b"private, no-store"]
    assert told == b"analytics=1, advertising=1, marketing=1, social=1, gpc=0, regime=opt-out"


async def test_there_the_signal_opts_out_and_the_page_says_so() -> None:
    got, told = await seen("X-Country: US-CA", "Sec-GPC: 1")
    assert STATS_CUT not in got.body
    assert ADS_CUT in got.body
    assert b"Opt-Out Request Honored" in got.body
    assert told == b"analytics=1, advertising=0, marketing=0, social=0, gpc=1, regime=opt-out"


async def test_who_is_not_trusted_says_nothing_of_where_visitors_are() -> None:
    got, _ = await seen("X-Country: US-CA", listen={"trusted": []})
    assert STATS_CUT in got.body
    assert BANNER in got.body


@pytest.mark.parametrize("days", [0, 182, 366, 4000])
async def test_an_objection_there_never_lapses_and_nobody_is_asked_about_it(days: int) -> None:
    got, told = await seen("X-Country: US-CA", cookie(How.REJECT), today=TODAY + timedelta(days))
    assert STATS_CUT in got.body
    assert ADS_CUT in got.body
    assert BANNER not in got.body
    assert told.startswith(b"analytics=0, advertising=0")


@pytest.mark.parametrize(("days", "renewed"), [(0, False), (199, False), (200, True), (399, True)])
async def test_browsers_are_kept_from_forgetting_it(days: int, renewed: bool) -> None:
    sent = cookie(How.REJECT)
    got, _ = await seen("X-Country: US-CA", sent, today=TODAY + timedelta(days))
    line = (sent.removeprefix("Cookie: ") + "; Path=/; Max-Age=34560000; HttpOnly; SameSite=Lax").encode()
    assert [value for value in got.get(b"set-cookie") if b"consent=" in value] == ([line] if renewed else [])


async def test_elsewhere_a_refusal_is_asked_about_again_after_half_a_year() -> None:
    for days, asked in ((181, False), (182, True)):
        got, _ = await seen("X-Country: FR", cookie(How.REJECT), today=TODAY + timedelta(days))
        assert STATS_CUT in got.body
        assert (BANNER in got.body) is asked
        assert got.get(b"set-cookie") == []


async def test_the_exception_for_statistics_is_off_until_the_shop_turns_it_on() -> None:
    plausible = b'<!doctype html><body><script src="https://plausible.io/js/script.js"></script>' + ADS
    on = {"regimes": {"united-kingdom": {"statistics": True}}}
    cut = b"/_consent/stub/plausible.js"
    async with answering(page(plausible)) as storefront:
        for tables, region, chosen, is_cut in (
            ({}, "GB", (), True),
            (on, "GB", (), False),
            (on, "DE", (), True),
            (on, "GB", (cookie(How.REJECT),), True),
        ):
            async with open_shop(storefront, **(TRUSTED | tables)) as shop:
                got = await shop.get("/", "Sec-Fetch-Dest: document", f"X-Country: {region}", *chosen)
                assert (cut in got.body) is is_cut, (tables, region, chosen)
                assert ADS_CUT in got.body


async def test_a_law_of_the_shops_own_has_its_own_policy_and_time() -> None:
    own = {"regions": ["RU"], "regime": "opt-in", "privacy_policy": "/elsewhere", "remember_days": 30}
    got, _ = await seen("X-Country: RU", regimes={"excluded": own})
    assert SITE.encode() + b"/elsewhere" in got.body
    assert b"30 days" in got.body
    got, _ = await seen("X-Country: RU", cookie(How.REJECT), today=TODAY + timedelta(30), regimes={"excluded": own})
    assert BANNER in got.body


def test_a_standing_that_does_not_lapse_is_a_refusal_alone() -> None:
    seal = Seal([KEY], SITE)
    whole = Consent(9, TODAY, frozenset(), frozenset({"x"}), frozenset(), Regime.OPT_OUT, How.SAVE, record="r" * 22)
    late = TODAY + timedelta(500)
    assert seal.read([seal.seal(whole)], late, 182, lapses=False).consent == whole  # it refuses all but one
    assert seal.read([seal.seal(whole)], late, 182) == Standing()


def test_who_allowed_all_that_the_shop_asks_about_refuses_nothing() -> None:
    asked = frozenset({Category.ANALYTICS})
    seal = Seal([KEY], SITE, asked)
    consent = Consent(9, TODAY, asked, frozenset(), frozenset(), Regime.OPT_OUT, How.ACCEPT, record="r" * 22)
    late = TODAY + timedelta(500)
    assert seal.read([seal.seal(consent)], late, 182, lapses=False) == Standing()
    assert seal.days_left(consent, 182, TODAY, lapses=False) == 182
    assert seal.renewed(SITE, None, "value", consent, TODAY + timedelta(300)) is None
    refusal = replace(consent, granted=frozenset(), how=How.REJECT, record=None)
    assert seal.renewed(SITE, None, "value", refusal, TODAY + timedelta(300)) is not None
