"""The vendors in use, as settings make them; what settings cannot mean; the order of a verdict."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from proxy.catalogue.load import Catalogue, catalogue_of
from proxy.catalogue.match import Destination, relays
from proxy.catalogue.url import Split
from proxy.catalogue.use import InUse, in_use
from proxy.catalogue.words import Datum
from proxy.errors import Problem, Refused
from proxy.model import Category, Decision, Reach, Reason
from proxy.settings import Settings
from proxy.toml_file import parse_toml
from tests.catalogue.vendors import vendor

DIRECT: dict[str, Any] = {"reach": "direct", "data": ["page", "full-ip"]}

CATALOGUE: Catalogue = catalogue_of(
    [
        vendor("stats", technical={"relay": {"script": ["stats.example/x.js"]}, "accounts": ["site_id"]}),
        vendor("ads", categories=["advertising"], since=4),
        vendor("box", technical={"container": True}, purposes=["load-tags"]),
        vendor("player", categories=["social"], technical={"embed": ["player.example/embed"]}, **DIRECT),
        vendor("chat", categories=["marketing"], **DIRECT),
        vendor("pay", categories=["essential"], essential_because="payment", **DIRECT),
    ]
)


def _settings(**tables: Any) -> Settings:
    return Settings.model_validate(tables)


def _used(keys: list[str] | None, **vendor_tables: Any) -> InUse:
    return in_use(CATALOGUE, _settings(vendors={"use": keys}, vendor=vendor_tables))


def test_in_use_are_the_named_and_the_essential() -> None:
    assert set(_used(["stats"]).vendors) == {"stats", "pay"}
    assert set(_used([]).vendors) == {"pay"}


def test_without_a_list_every_described_vendor_is_in_use_and_nothing_need_be_said() -> None:
    assert set(_used(None).vendors) == set(CATALOGUE.vendors)


def test_what_a_shop_settles_holds_instead_of_the_file() -> None:
    stats = _used(
        ["stats"],
        stats={
            "categories": ["analytics", "advertising"],
            "role": "joint",
            "transfer": {"to": ["DE"], "basis": "adequacy"},
            "retention": "1 day",
            "since": 7,
            "site_id": "4",
        },
    ).vendors["stats"]
    assert stats.needs == {Category.ANALYTICS, Category.ADVERTISING}
    assert (stats.role, stats.transfer.to, stats.retention, stats.since) == ("joint", ("DE",), "1 day", 7)


def test_the_policy_version_is_the_newest_of_what_is_in_use() -> None:
    assert _used(["stats"]).version == 1
    assert _used(["stats", "ads"]).version == 4
    assert in_use(CATALOGUE, _settings(vendors={"use": ["ads"]}, consent={"policy": 9})).version == 9


def test_an_essential_vendor_may_be_made_to_ask() -> None:
    used = _used([], pay={"categories": ["marketing"]})
    assert "pay" not in used.vendors
    asked = _used(["pay"], pay={"categories": ["marketing"], "direct": True}).vendors["pay"]
    assert not asked.essential
    assert asked.needs == {Category.MARKETING}


@pytest.mark.parametrize(
    ("key", "reach", "data"),
    [
        ("stats", "direct", (Datum.PAGE, Datum.FULL_IP)),
        ("stats", "relay", (Datum.PAGE, Datum.SHORT_IP)),
        ("chat", "relay", (Datum.PAGE, Datum.SHORT_IP)),
        ("chat", "server", (Datum.PAGE, Datum.SHORT_IP)),
    ],
)
def test_what_it_is_said_to_receive_follows_another_reach(key: str, reach: str, data: tuple[Datum, ...]) -> None:
    one = _used([key], **{key: {"reach": reach, "direct": reach == "direct"}}).vendors[key]
    assert one.reach is Reach(reach)
    assert one.data == data


def test_a_vendor_that_gets_no_address_gets_none_by_the_relay() -> None:
    catalogue = catalogue_of([vendor("files", data=["page"])])
    used = in_use(catalogue, _settings(vendors={"use": ["files"]}, vendor={"files": {"reach": "relay"}}))
    assert used.vendors["files"].data == (Datum.PAGE,)


@pytest.mark.parametrize(
    ("keys", "table", "needs"),
    [
        (["box"], {}, "analytics"),
        (["box", "ads"], {}, "analytics advertising"),
        (None, {}, "analytics advertising social marketing"),
        (["box", "ads", "player"], {"loads": ["player"]}, "analytics social"),
        (["box", "ads"], {"loads": []}, "analytics"),
        (["box"], {"loads": ["ads"]}, "analytics advertising"),
        (["box"], {"loads": ["pay"]}, "analytics"),
    ],
)
def test_a_container_needs_what_it_may_load(keys: list[str] | None, table: dict[str, Any], needs: str) -> None:
    box = _used(keys, box=table).vendors["box"]
    assert box.needs == {Category(name) for name in needs.split()}


def test_a_container_needs_what_settings_make_of_what_it_loads() -> None:
    box = _used(["box", "stats"], stats={"categories": ["social"]}).vendors["box"]
    assert box.needs == {Category.ANALYTICS, Category.SOCIAL}


def test_a_shops_own_hosts_match_and_are_relayed_as_the_file_relays() -> None:
    used = _used(["stats"], stats={"hosts": ["stats.shop.example"]})
    stats = used.vendors["stats"]
    match = used.matcher.find("stats.shop.example", "/matomo.js")
    assert match is not None
    assert match.vendor is stats
    assert relays(stats, Destination.SCRIPT, "stats.shop.example", "/matomo.js")
    assert relays(stats, Destination.SCRIPT, "stats.example", "/x.js")
    assert not relays(stats, Destination.IMAGE, "stats.shop.example", "/matomo.php")


def _problems(keys: list[str] | None, **vendor_tables: Any) -> list[Problem]:
    with pytest.raises(Refused) as refused:
        _used(keys, **vendor_tables)
    return list(refused.value.problems)


@pytest.mark.parametrize(
    ("keys", "tables", "key", "message", "mend"),
    [
        (["stat"], {}, "vendors.use", "no vendor file describes 'stat'", "Did you mean stats?"),
        ([], {"stat": {}}, "vendor.stat", "no vendor file describes 'stat'", "Did you mean stats?"),
        (["chat"], {}, "vendors.use", "full IP addresses", "Add [vendor.chat] direct = true"),
        (["stats"], {"stats": {"reach": "direct"}}, "vendors.use", "full IP", "direct = true"),
        (["stats"], {"stats": {"direct": True}}, "vendor.stats.direct", "does nothing", 'Add reach = "direct"'),
        (["box"], {"box": {"loads": ["adds"]}}, "vendor.box.loads", "no vendor file describes 'adds'", "mean ads?"),
        (["stats"], {"stats": {"loads": ["ads"]}}, "vendor.stats.loads", "is for containers", "Take it out."),
        (
            ["stats"],
            {"stats": {"site_ids": "1"}},
            "vendor.stats.site_ids",
            "neither a setting",
            "Did you mean site_id?",
        ),
        (["ads"], {"ads": {"x9": "1"}}, "vendor.ads.x9", "neither a setting", "these account ids: none."),
        (["ads"], {"ads": {"categories": ["essential"]}}, "vendor.ads.categories", "cannot make", "Copy its file"),
        (["ads"], {"ads": {"categories": []}}, "vendor.ads.categories", "is empty", "Name one"),
        (["ads"], {"ads": {"hosts": ["stats.example"]}}, "vendor.ads.hosts", "a pattern of stats", "one vendor"),
        (["player"], {"player": {"reach": "server"}}, "vendor.player", "an embed is shown by the browser", ""),
    ],
)
def test_what_settings_cannot_mean(keys: list[str], tables: dict[str, Any], key: str, message: str, mend: str) -> None:
    problems = _problems(keys, **tables)
    assert [problem.key for problem in problems] == [key]
    assert message in problems[0].message
    assert mend in problems[0].mend


def test_all_of_it_is_told_at_once_with_its_lines() -> None:
    text = '[vendors]\nuse = [\n  "stat",\n  "chat",\n]\n[vendor.box]\nloads = ["x"]\n[vendor.none]\n'
    document, places = parse_toml(text, Path("shop.toml"))
    with pytest.raises(Refused) as refused:
        in_use(CATALOGUE, Settings.model_validate(document), file="shop.toml", places=places)
    assert [(problem.file, problem.line, problem.key) for problem in refused.value.problems] == [
        ("shop.toml", 3, "vendors.use"),
        ("shop.toml", 4, "vendors.use"),
        ("shop.toml", 7, "vendor.box.loads"),
        ("shop.toml", 8, "vendor.none"),
    ]


GRANTED, REFUSED = Decision(True, Reason.GRANTED), Decision(False, Reason.REFUSED)
ESSENTIAL = Decision(True, Reason.ESSENTIAL)


@pytest.mark.parametrize(
    ("host", "key", "decision"),
    [
        ("www.stats.example", "stats", GRANTED),
        ("box.example", "box", REFUSED),
        ("pay.example", "pay", ESSENTIAL),
        ("ads.example", "ads", Decision(False, Reason.NOT_IN_USE)),
        ("cdn.ads.example", "ads", Decision(True, Reason.OPERATOR)),
        ("a.cdn.ads.example", "ads", Decision(True, Reason.OPERATOR)),
        ("xcdn.ads.example", "ads", Decision(False, Reason.NOT_IN_USE)),
        ("allowed.test", None, Decision(True, Reason.OPERATOR)),
        ("notallowed.test", None, Decision(False, Reason.UNKNOWN_BLOCKED)),
        ("localhost", None, Decision(False, Reason.UNKNOWN_BLOCKED)),
    ],
)
def test_the_order_of_a_verdict(host: str, key: str | None, decision: Decision) -> None:
    vendors = {"use": ["stats", "box"], "allow": ["cdn.ads.example", "allowed.test"], "unknown": "block"}
    used = in_use(CATALOGUE, _settings(vendors=vendors))
    found, verdict = used.judge(host, "/", {"stats": GRANTED, "box": REFUSED, "pay": ESSENTIAL})
    assert (found and found.key, verdict) == (key, decision)


def test_the_unknown_are_allowed_where_the_shop_says_so() -> None:
    used = in_use(CATALOGUE, _settings(vendors={"use": [], "unknown": "allow"}))
    assert used.judge("nobody.test", "/", {}) == (None, Decision(True, Reason.UNKNOWN_ALLOWED))


def test_a_verdict_is_of_the_vendor_as_settings_make_it() -> None:
    used = _used(["stats"], stats={"retention": "1 day"})
    found, _ = used.judge("stats.example", "/", {"stats": GRANTED, "pay": ESSENTIAL})
    assert found is used.vendors["stats"]


@pytest.mark.parametrize(
    "tables",
    [
        {"vendors": {"use": ["stats", "ads"]}},
        {"vendors": {"use": ["stats"], "allow": ["a.test"]}},
        {"vendors": {"use": ["stats"], "unknown": "block"}},
        {"vendors": {"use": ["stats"]}, "consent": {"policy": 2}},
        {"vendors": {"use": ["stats"]}, "vendor": {"stats": {"retention": "1 day"}}},
        {"vendors": {"use": ["stats"]}, "vendor": {"stats": {"hosts": ["stats.shop.example"]}}},
        {"vendors": {"use": ["stats"]}, "vendor": {"ads": {"hosts": ["ads.shop.example"]}}},
    ],
)
def test_the_digest_changes_with_whatever_changes_a_page(tables: dict[str, Any]) -> None:
    before = in_use(CATALOGUE, _settings(vendors={"use": ["stats"]}))
    assert before.digest == in_use(CATALOGUE, _settings(vendors={"use": ["stats"]})).digest
    assert before.digest != in_use(CATALOGUE, _settings(**tables)).digest


def test_the_digest_changes_with_the_catalogue() -> None:
    other = catalogue_of([*CATALOGUE.vendors.values(), vendor("more")])
    settings = _settings(vendors={"use": ["stats"]})
    assert in_use(CATALOGUE, settings).digest != in_use(other, settings).digest


@pytest.mark.parametrize(
    ("host", "target", "ours"),
    [
        ("shop.example", "/app.js", True),
        ("www.shop.example", "/", True),
        ("stats.shop.example", "/x.js", False),
        ("shop.example", "/own/stats/x.js", False),
        ("shop.example", "/own/stationery", True),
        ("othershop.example", "/", False),
        ("example", "/", False),
    ],
)
def test_what_a_vendor_has_on_the_shops_own_host_is_the_vendors(host: str, target: str, ours: bool) -> None:
    used = _used(["stats"], stats={"hosts": ["stats.shop.example", "shop.example/own/stats"]})
    assert used.is_shop(Split(host, target), {"shop.example"}) is ours
