"""Which law holds where, as shipped and as a shop changes it."""

from __future__ import annotations

import re

import pytest
from babel import Locale

from proxy.consent.regime import regimes_of, shipped
from proxy.errors import Refused
from proxy.model import ASKED, DENIED_BY_SIGNAL, Category, Regime
from proxy.settings import Settings
from tests.laws import law_in

EU = "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE".split()
#: States whose law demands that the Global Privacy Control be honoured.
SIGNAL_STATES = "CA CO CT DE MD MN MT NE NH NJ OR TX".split()


@pytest.mark.parametrize("region", [*EU, "IS", "LI", "NO", "GB", "CH", "BR", "DE-BY", "GB-SCT", "RU", "CN", "ZZ", None])
def test_nothing_runs_before_it_is_allowed(region: str | None) -> None:
    law = law_in(region)
    assert (law.regime, law.allowed, law.statistics, law.banner, law.lapses) == (
        Regime.OPT_IN,
        frozenset(),
        False,
        True,
        True,
    )


@pytest.mark.parametrize("region", ["US", "US-NY", *(f"US-{state}" for state in SIGNAL_STATES)])
def test_in_the_united_states_visitors_object(region: str) -> None:
    law = law_in(region)
    assert (law.regime, law.allowed, law.banner, law.lapses, law.sale) == (
        Regime.OPT_OUT,
        frozenset(ASKED),
        False,
        False,
        True,
    )
    assert law.signal == DENIED_BY_SIGNAL


def test_a_part_comes_before_its_country_and_germany_is_not_delaware() -> None:
    assert (law_in("US-CA").key, law_in("US-CA").steps) == ("california", 2)
    assert (law_in("DE").key, law_in("US-DE").key) == ("european-union", "united-states")


def test_every_shipped_table_says_what_it_is_and_names_regions_that_exist() -> None:
    known = Locale("en").territories
    for key, table in shipped().items():
        assert "" not in (table.name, table.source), key
        assert table.regime is not None, key
        assert all(region.partition("-")[0] in known for region in table.regions or ()), key
    regions = [region for table in shipped().values() for region in table.regions or ()]
    assert len(regions) == len(set(regions))


def of(**regimes: object) -> Settings:
    return Settings.model_validate({"regimes": regimes})


def test_a_shop_changes_a_law_without_losing_the_rest_of_it() -> None:
    laws = regimes_of(of(**{"united-kingdom": {"statistics": True}, "california": {"privacy_policy": "/california"}}))
    assert laws.of("GB").statistics
    assert (laws.of("GB").regime, laws.of("GB").banner) == (Regime.OPT_IN, True)
    assert (laws.of("US-CA").policy, laws.of("US-CA").steps) == ("/california", 2)


def test_a_shops_own_table_comes_before_a_shipped_one_in_whatever_order() -> None:
    own = {"regions": ["DE", "RU"], "regime": "opt-in", "privacy_policy": "/other", "remember_days": 90}
    laws = regimes_of(of(own=own, **{"european-union": {"privacy_policy": "/eu"}}))
    assert (laws.of("DE").key, laws.of("DE").policy, laws.of("DE").remember_days) == ("own", "/other", 90)
    assert (laws.of("FR").key, laws.of("FR").policy, laws.of("RU").key) == ("european-union", "/eu", "own")


def test_notice_and_opt_out_run_everything_by_a_link_unless_a_shop_says_otherwise() -> None:
    laws = regimes_of(of(a={"regions": ["AU"], "regime": "notice"}, b={"regions": ["NZ"], "regime": "opt-out"}))
    assert (laws.of("AU").allowed, laws.of("AU").banner) == (frozenset(ASKED), False)
    assert (laws.of("NZ").allowed, laws.of("NZ").lapses) == (frozenset(ASKED), True)
    mild = {"regions": ["JP"], "regime": "opt-out", "allowed": ["analytics"], "asks": "banner"}
    laws = regimes_of(of(mild=mild))
    assert (laws.of("JP").allowed, laws.of("JP").banner) == (frozenset({Category.ANALYTICS}), True)


@pytest.mark.parametrize(
    ("regimes", "told"),
    [
        ({"own": {"regime": "opt-in"}}, r"regimes\.own\.regions: is not set\. Add: regions = \[\"US-NY\"\]"),
        ({"own": {"regions": ["AU"]}}, r"regimes\.own\.regime: is not set\. Add: regime = \"opt-in\""),
        (
            {"a": {"regions": ["AU"], "regime": "notice"}, "b": {"regions": ["AU"], "regime": "opt-in"}},
            r"regimes\.b\.regions: AU is in regimes\.a, too\.",
        ),
        ({"elsewhere": {"regime": "notice"}}, r"regimes\.elsewhere\.regime: is opt-in"),
    ],
)
def test_what_a_shop_leaves_out_or_says_twice_is_told(regimes: dict[str, object], told: str) -> None:
    with pytest.raises(Refused) as refused:
        regimes_of(of(**regimes))
    assert any(re.search(told, str(problem)) for problem in refused.value.problems), refused.value.problems


@pytest.mark.parametrize(
    "table",
    [{"regions": ["UK"]}, {"regions": ["us"]}, {"regions": ["Germany"]}, {"gpc": ["advertising"]}, {"regime": "none"}],
)
def test_what_is_no_region_no_regime_or_dishonours_the_signal_is_refused(table: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"regimes"):
        of(own={"regions": ["AU"], "regime": "opt-in"} | table)
