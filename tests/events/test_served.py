"""Events through the installed command, over sockets: captured, posted, withdrawn, sent, put aside."""

from __future__ import annotations

import contextlib
import json
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.cli.command import consentry
from tests.cli.served import Served, serving
from tests.events.served import BROWSER, ENVIRONMENT, TOKEN, Vendors, ask, choose, post, settings, shop, vendors
from tests.spelled import coded, hits, plain

GRANTED = "analytics=1, advertising=1, marketing=1, social=1, gpc=0, regime=opt-in"
ACCEPT = b"choice=accept&shown=1&lang=en"


@dataclass
class Running:
    served: Served
    vendors: Vendors
    file: Path
    state: Path


@contextlib.contextmanager
def running(folder: Path, more: str = "", **environ: str) -> Iterator[Running]:
    with vendors() as told, shop() as storefront:
        file = settings(folder, told.url, more=more)
        with serving(storefront, folder / "state", "--config", file, **ENVIRONMENT | environ) as served:
            yield Running(served, told, file, folder / "state")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """For tests that change nothing."""
    with running(tmp_path_factory.mktemp("shared")) as one:
        yield one


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path) as one:
        yield one


def names(told: Vendors) -> list[str]:
    """What Meta was told, in order."""
    bodies = [json.loads(one.body) for one in told.to("graph.facebook.com")]
    return [event["event_name"] for body in bodies for event in body["data"]]


def settle(told: Vendors, count: int) -> None:
    assert told.until(lambda: len(names(told)) >= count), names(told)
    time.sleep(0.5)


def test_the_summary_says_who_is_told_and_where_events_wait(shared: Running) -> None:
    assert "for google-analytics, meta-pixel, plausible; they wait in SQLite" in shared.served.summary


def test_what_a_visitor_does_is_told_and_no_browser_sees_the_words_for_it(run: Running) -> None:
    public = run.served.public
    status, headers, _ = ask(public, target="/event/purchase", **BROWSER)
    assert (status, "consentry-event" in headers) == (200, False)
    cookie = choose(public, ACCEPT)
    for target in ("/", "/event/purchase", "/search?q=red+vase&mail=a@b.example", "/missing", "/wrong"):
        _, headers, _ = ask(public, target=target, Cookie=cookie, **BROWSER)
        assert "consentry-event" not in headers
    ask(public, target="/", Cookie=cookie, **BROWSER | {"User_Agent": "Googlebot/2.1"})
    ask(public, target="/", Cookie=cookie, Sec_Purpose="prefetch;prerender", **BROWSER)
    ask(public, target="/", Cookie=cookie, **BROWSER | {"Sec_Fetch_Dest": "iframe"})
    settle(run.vendors, 6)
    assert sorted(names(run.vendors)) == ["PageView"] * 4 + ["Purchase", "Search"]
    raw = b"".join(one.raw for one in run.vendors.requests)
    assert hits("203.0.113.77", raw) == []
    assert b"a@b.example" not in raw
    assert b"203.0.113.0" in raw


def test_the_page_has_no_tag_of_a_vendor_that_the_server_tells(shared: Running) -> None:
    _, _, body = ask(shared.served.public, target="/_consent", **BROWSER)
    assert b"Meta" in body
    assert b"what you click" in body


def test_withdrawing_removes_what_waits(run: Running) -> None:
    public = run.served.public
    cookie = choose(public, ACCEPT)
    run.vendors.answer = lambda _: 500
    ask(public, target="/event/purchase", Cookie=cookie, **BROWSER)
    assert run.vendors.until(lambda: len(run.vendors.requests) > 0)
    choose(public, b"choice=withdraw&shown=1&lang=en", cookie)
    time.sleep(1)
    run.vendors.answer = lambda _: 200
    run.vendors.requests.clear()
    time.sleep(4)
    assert run.vendors.requests == []


def test_a_changed_choice_holds_for_what_waits(run: Running) -> None:
    public = run.served.public
    cookie = choose(public, ACCEPT)
    run.vendors.answer = lambda _: 500
    ask(public, target="/event/purchase", Cookie=cookie, **BROWSER)
    assert run.vendors.until(lambda: bool(run.vendors.to("graph.facebook.com")))
    choose(public, b"choice=save&category=analytics&shown=1&lang=en", cookie)
    run.vendors.answer = lambda _: 200
    run.vendors.requests.clear()
    assert run.vendors.until(lambda: bool(run.vendors.to("www.google-analytics.com")))
    time.sleep(2)
    assert run.vendors.to("graph.facebook.com") == []


@pytest.mark.parametrize(
    ("token", "body", "status", "problem"),
    [
        ("", {"name": "x"}, 401, "the token is missing or wrong"),
        ("wrong", {"name": "x"}, 401, "the token is missing or wrong"),
        (TOKEN, {"name": "X"}, 400, "events[0].name: String should match pattern '^[a-z][a-z0-9_]{0,39}$'"),
        (TOKEN, {"name": "x"}, 400, "events[0]: whose it is, is not said"),
        (TOKEN, {"name": "x", "consent": "all"}, 400, "events[0].consent: is no Consentry-Consent"),
        (TOKEN, {"name": "x", "consent": GRANTED, "site": "https://b.example"}, 400, "events[0].site: is none of"),
    ],
)
def test_what_a_back_end_posts_wrong(shared: Running, token: str, body: object, status: int, problem: str) -> None:
    found, said = post(shared.served.admin, body, token)
    assert found == status
    assert str(said["problem"]).startswith(problem)


def test_a_back_end_posts_events_of_a_visit(run: Running) -> None:
    public, admin = run.served.public, run.served.admin
    cookie = choose(public, ACCEPT)
    _, headers, _ = ask(public, target="/", Cookie=cookie, Consentry_Visitor="forged-by-a-client-0000", **BROWSER)
    visitor = json.loads(headers["x-seen"])["consentry-visitor"]
    assert visitor != "forged-by-a-client-0000"
    event = {"name": "purchase", "id": "A-1", "visitor": visitor, "value": 5, "currency": "EUR"}
    assert run.vendors.until(lambda: post(admin, event)[0] == 202)  # the records may just be being made
    assert post(admin, event) == (202, {"accepted": 1, "for_vendors": 3})
    assert post(admin, [event, {**event, "id": "A-2"}])[0] == 202
    settle(run.vendors, 3)
    assert sorted(names(run.vendors)) == ["PageView", "Purchase", "Purchase"]
    assert run.vendors.ids["A-1"] == run.vendors.ids["A-2"] == 1
    choose(public, b"choice=withdraw&shown=1&lang=en", cookie)
    assert post(admin, {**event, "id": "A-3"}) == (202, {"accepted": 1, "for_vendors": 0})
    nobody = {**event, "visitor": "x" * 22, "id": "A-4"}
    assert post(admin, nobody) == (202, {"accepted": 1, "for_vendors": 0})
    analytics = {"name": "purchase", "consent": GRANTED.replace("advertising=1", "advertising=0")}
    assert post(admin, analytics) == (202, {"accepted": 1, "for_vendors": 2})


def test_without_a_token_nothing_can_be_posted(tmp_path: Path) -> None:
    with running(tmp_path, CONSENTRY_ADMIN_TOKEN="") as run:
        status, said = post(run.served.admin, {"name": "x"}, "")
        assert (status, str(said["problem"]).startswith("no token is set")) == (503, True)


def test_the_operator_sees_what_waits_and_what_is_dead_and_lets_it_wait_again(run: Running) -> None:
    admin = run.served.admin
    run.vendors.answer = lambda one: 400 if one.host == "graph.facebook.com" else 200
    assert post(admin, [{"name": "purchase", "id": f"A-{n}", "consent": GRANTED} for n in range(3)])[0] == 202
    command = ("--config", run.file, "--state", run.state)

    def rows() -> dict[str, dict[str, object]]:
        done = consentry(
            "events", "status", "--json", "--admin", admin.removeprefix("http://"), *command, environ=ENVIRONMENT
        )
        return {row["vendor"]: row for row in json.loads(done.stdout)}

    assert run.vendors.until(lambda: rows()["meta-pixel"]["dead"] == 3)
    assert run.vendors.until(lambda: rows()["google-analytics"]["sent"] == 3)
    table = consentry("events", "status", "--once", *command, environ=ENVIRONMENT).stdout.decode()
    assert "meta-pixel" in table
    dead = consentry("events", "dead", *command, environ=ENVIRONMENT).stdout.decode()
    assert dead.count("refused with status 400") == 3
    run.vendors.answer = lambda _: 200
    done = consentry("events", "retry", "--vendor", "meta-pixel", *command, environ=ENVIRONMENT)
    assert done.stderr.decode() == "Waiting again: 3 events.\n"
    assert run.vendors.until(lambda: len(run.vendors.ids) == 3)
    assert consentry("events", "dead", *command, environ=ENVIRONMENT).stdout.decode() == "None is dead.\n"
    again = consentry("events", "retry", "--all", *command, environ=ENVIRONMENT)
    assert (again.returncode, again.stderr.decode()) == (1, "Waiting again: 0 events.\n")


def test_what_waits_when_it_ends_is_sent_by_the_next(tmp_path: Path) -> None:
    with vendors() as told, shop() as storefront:
        told.answer = lambda _: 500
        file = settings(tmp_path, told.url)
        with serving(storefront, tmp_path / "state", "--config", file, **ENVIRONMENT) as served:
            assert (
                post(served.admin, [{"name": "purchase", "id": f"A-{n}", "consent": GRANTED} for n in range(50)])[0]
                == 202
            )
            served.end(signal.SIGTERM)
        told.answer = lambda _: 200
        with serving(storefront, tmp_path / "state", "--config", file, **ENVIRONMENT):
            assert told.until(lambda: len(told.ids) == 50)
        assert set(told.ids.values()) == {1}


def test_what_is_missing_is_told_at_the_start_with_what_to_write(tmp_path: Path) -> None:
    file = settings(tmp_path, "http://127.0.0.1:9", more='[vendor.matomo]\nreach = "server"\n')
    text = (
        file.read_text().replace('"plausible"]', '"plausible", "matomo", "hotjar"]')
        + '[vendor.hotjar]\nreach = "server"\n'
    )
    file.write_text(text.replace('pixel_id = "7"\n', ""))
    environ = {name: value for name, value in ENVIRONMENT.items() if "META" not in name}
    done = consentry("check", "--config", file, environ=environ)
    said = done.stderr.decode()
    assert done.returncode == 1
    for told in (
        "vendor.meta-pixel.pixel_id: is not set, and its events cannot be sent without it. Add: [vendor.meta-pixel]",
        "vendor.meta-pixel: needs the secret access_token for its events. Set CONSENTRY_META_PIXEL_ACCESS_TOKEN,",
        "vendor.matomo.server: is not set",
        "vendor.hotjar.reach: is server, but its file has no connector: nothing would reach it.",
    ):
        assert told in said, said


def test_a_secret_that_no_vendor_has_is_told(tmp_path: Path) -> None:
    file = settings(tmp_path, "http://127.0.0.1:9")
    wrong = {"CONSENTRY_META_PIXEL_ACCES_TOKEN": "x"}
    done = consentry("check", "--config", file, environ=ENVIRONMENT | wrong)
    assert b"Did you mean CONSENTRY_META_PIXEL_ACCESS_TOKEN?" in done.stderr


def test_a_vendor_is_tried_out_without_its_secrets_being_shown(tmp_path: Path) -> None:
    with vendors() as told:
        file = settings(tmp_path, told.url)
        done = consentry("vendors", "test", "google-analytics", "--config", file, environ=ENVIRONMENT)
        shown = done.stdout.decode()
        assert (done.returncode, "secret-of-google" in shown) == (0, False)
        assert "/debug/mp/collect?measurement_id=G-1&api_secret=<api_secret>" in shown
        assert '"transaction_id"' in shown
        assert "What to look for: An empty list of validationMessages" in done.stderr.decode()
        (sent,) = told.requests
        assert sent.target == "/debug/mp/collect?measurement_id=G-1&api_secret=secret-of-google"
        dry = consentry("vendors", "test", "plausible", "--dry-run", "--json", "--config", file, environ=ENVIRONMENT)
        assert json.loads(dry.stdout)["answer"] is None
        assert len(told.requests) == 1
        done = consentry("vendors", "test", "plausible", "--config", file, environ=ENVIRONMENT)
        assert b"has no way to test" in done.stderr
        told.answer = lambda _: 403
        assert consentry("vendors", "test", "meta-pixel", "--config", file, environ=ENVIRONMENT).returncode == 1
        unknown = consentry("vendors", "test", "meta-pixel", "--event", "refund", "--config", file, environ=ENVIRONMENT)
        assert b"is not told of 'refund'" in unknown.stderr


def test_a_beacon_that_nobody_reads_the_answer_of_is_answered_at_once_and_sent(tmp_path: Path) -> None:
    """As `navigator.sendBeacon` sends it, while the vendor takes its time."""
    with vendors() as told, shop() as storefront:
        file = settings(tmp_path, told.url)
        text = file.read_text().replace('[vendor.google-analytics]\nreach = "server"\n', "[vendor.google-analytics]\n")
        file.write_text(text)
        with serving(storefront, tmp_path / "state", "--config", file, **ENVIRONMENT) as served:
            cookie = choose(served.public, ACCEPT)
            told.answer = lambda _: 500
            start = time.monotonic()
            status, _, _ = ask(
                served.public,
                "POST",
                "/_consent/v/google-analytics/www.google-analytics.com/g/collect?v=2&en=page_view&uip=203.0.113.77",
                b"en=scroll",
                Cookie=cookie,
                Origin="https://shop.example",
                Content_Type="text/plain;charset=UTF-8",
                **BROWSER | {"Sec_Fetch_Dest": "empty", "Sec_Fetch_Mode": "no-cors"},
            )
            assert (status, time.monotonic() - start < 2.5) == (204, True)
            assert told.until(lambda: bool(told.to("www.google-analytics.com")))
            told.answer = lambda _: 200
            count = len(told.to("www.google-analytics.com"))
            assert told.until(lambda: len(told.to("www.google-analytics.com")) > count)
            one = told.to("www.google-analytics.com")[-1]
            assert (one.target, one.body) == ("/g/collect?v=2&en=page_view&uip=203.0.113.0&gcs=G111", b"en=scroll")
            assert hits("203.0.113.77", one.raw) == []


@pytest.mark.parametrize("profile", ["truncate", "cnil-2022-proxy"])
@pytest.mark.parametrize("address", ["203.0.113.77", "2001:db8:7:8:9:a:b:c"])
def test_the_address_is_in_nothing_that_leaves(tmp_path: Path, profile: str, address: str) -> None:
    """In every carrier of an event and in every spelling: query, path, referrer, browser, languages, headers, posts."""
    written = sorted({*plain(address).values(), *coded(address).values()})
    with running(tmp_path, f'[privacy]\nprofile = "{profile}"\nquery = ["q"]\n') as run:
        public, admin = run.served.public, run.served.admin
        browser = BROWSER | {"X_Forwarded_For": address}
        cookie = choose(public, ACCEPT)
        for text in written:
            held = quote(text, safe="")
            more = {"Cookie": cookie, **browser, "User_Agent": f"Mozilla/5.0 Firefox/1 {text}", "Accept_Language": "de"}
            ask(
                public,
                target=f"/x/{held}?q={held}&utm_source={held}&gclid={held}",
                Referer=f"https://a.example/{held}",
                **more,
            )
            ask(public, target=f"/search?q={held}", **more)
        said = {"consent": GRANTED, "address": address, "currency": "EUR", "value": 1}
        for number, text in enumerate(written):
            items = [{"id": text[:128], "name": text[:256]}]
            event = {
                "name": "purchase",
                "order": text[:128],
                "search": text[:256],
                "items": items,
                "id": f"{number}-{text}"[:128],
            }
            status, _ = post(admin, {**said, **event, "url": f"https://shop.example/{text}", "user_agent": text})
            assert status == 202
        assert run.vendors.until(lambda: names(run.vendors).count("Purchase") == len(written))
        assert run.vendors.until(lambda: len(run.vendors.to("plausible.io")) >= 3 * len(written))
        raw = b"\n".join(one.raw for one in run.vendors.requests)
        assert hits(address, raw) == []
        if profile != "truncate":
            assert b"203.0.113" not in raw
            assert b"2001:db8" not in raw
