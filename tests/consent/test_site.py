"""When a visitor is asked, and what a site's addresses are."""

from __future__ import annotations

import pytest

from proxy.catalogue.schema import Vendor
from proxy.consent.pages import shipped
from proxy.consent.site import must_ask, site_of
from proxy.consent.summary import only_in_frames, summary
from proxy.model import Doubt, How, Law, Standing
from proxy.settings.schema import Controller, Settings
from tests.consent.shop import ADS, ALL, CONTROLLER, MAIL, PAY, STATS, VIDEO, consent, site, use, vendor
from tests.laws import NOTICE, OPT_IN, OPT_OUT

NEW = vendor("new", "analytics", since=2)
CHOSEN = Standing(consent("analytics"))


@pytest.mark.parametrize(
    ("vendors", "standing", "law", "gpc", "ask"),
    [
        (ALL, Standing(), OPT_IN, False, True),
        (ALL, Standing(), OPT_IN, True, True),
        (ALL, Standing(), OPT_OUT, False, False),
        (ALL, Standing(), NOTICE, False, False),
        ((PAY,), Standing(), OPT_IN, False, False),
        ((), Standing(), OPT_IN, False, False),
        (ALL, Standing(doubt=Doubt.SIGNATURE), OPT_IN, False, True),
        (ALL, Standing(doubt=Doubt.SIGNATURE), OPT_OUT, False, True),
        (ALL, Standing(doubt=Doubt.SIGNATURE), NOTICE, False, True),
        ((PAY,), Standing(doubt=Doubt.SIGNATURE), OPT_IN, False, False),
        (ALL, CHOSEN, OPT_IN, False, False),
        (ALL, Standing(consent(how=How.REJECT)), OPT_IN, False, False),
        ((*ALL, NEW), CHOSEN, OPT_IN, False, True),
        ((*ALL, NEW), CHOSEN, OPT_OUT, False, False),
        ((*ALL, NEW), Standing(consent("analytics", policy=2)), OPT_IN, False, False),
        ((*ALL, NEW), Standing(consent("social")), OPT_IN, False, False),
        ((*ALL, NEW), Standing(consent("analytics", refused=frozenset({"new"}))), OPT_IN, False, False),
        ((*ALL, NEW), Standing(consent("analytics", allowed=frozenset({"new"}))), OPT_IN, False, False),
        ((vendor("new", "social", since=2),), Standing(consent("social")), OPT_IN, True, False),
    ],
)
def test_who_is_asked(vendors: tuple[Vendor, ...], standing: Standing, law: Law, gpc: bool, ask: bool) -> None:
    assert must_ask(use(*vendors), standing, law, gpc) is ask


def test_a_site_is_what_the_settings_say() -> None:
    settings = Settings.model_validate(
        {
            "controller": CONTROLLER.model_dump(),
            "consent": {"prefix": "/privacy", "remember_days": 30, "domain": "shop.example"},
        }
    )
    found = site_of(settings, use(*ALL), shipped(), "https://www.shop.example")
    assert found == site(
        origin="https://www.shop.example",
        prefix="/privacy",
        remember_days=30,
        domain="shop.example",
        records="shop.example",
    )
    assert found.preferences == "https://www.shop.example/privacy"
    assert (found.name, found.policy(OPT_IN)) == ("Blue <Teapot> & Söhne", "https://www.shop.example/privacy")


@pytest.mark.parametrize(
    ("controller", "name", "policy"),
    [
        (None, "shop.example", None),
        (Controller(name="Us"), "Us", None),
        (Controller(name="Us", privacy_policy="https://legal.example/p"), "Us", "https://legal.example/p"),
    ],
)
def test_a_site_has_a_name_in_any_case(controller: Controller | None, name: str, policy: str | None) -> None:
    assert (site(controller=controller).name, site(controller=controller).policy(OPT_IN)) == (name, policy)


def test_sites_are_equal_where_their_pages_are() -> None:
    assert site(*ALL) == site(*ALL)
    assert len({site(), site(STATS), site(version=2), site(prefix="/p"), site(controller=None)}) == 5


def test_the_sum_of_what_partners_do() -> None:
    facts = summary([PAY, VIDEO, MAIL, ADS, STATS])
    assert facts.partners == 4
    assert facts.purposes == (
        ("analytics", ("measure-visits",)),
        ("advertising", ("show-ads",)),
        ("marketing", ("send-messages",)),
        ("social", ("show-videos",)),
    )
    assert facts.received == ("page", "short-ip", "full-ip", "email")
    assert facts.countries == {"US", "IE"}
    assert facts.direct == 1


def test_who_shows_frames_sees_the_full_address_even_if_the_rest_is_relayed() -> None:
    post = vendor("post", "social", technical={"match": ["post.example"], "embed": ["post.example/embed"]})
    assert (summary([post, STATS]).direct, only_in_frames(post), only_in_frames(STATS)) == (1, True, False)
    assert not only_in_frames(VIDEO)


def test_the_sum_of_nobody_is_nothing() -> None:
    facts = summary([PAY])
    assert (facts.partners, facts.purposes, facts.received, facts.direct) == (0, (), (), 0)
