"""`consentry consents`, on what a running proxy put on record; and that nothing which was answered is ever missing."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
import shutil
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess

import httpx
import pytest

from tests.cli.command import GOOD_KEYS, GOOD_SETTINGS, consentry
from tests.cli.served import Served, serving, small_shop
from tests.consent.records.places import fresh_database

ORIGIN = {"Host": "shop.example", "Origin": "https://shop.example"}


@pytest.fixture(scope="module")
def storefront() -> Iterator[str]:
    with small_shop() as address:
        yield address


class Place:
    """A shop's settings and state folder."""

    def __init__(self, folder: Path, more: str = "") -> None:
        self.state = folder / "state"
        self.config = folder / "consentry.toml"
        self.config.write_text(GOOD_SETTINGS + more)

    def consents(
        self, *arguments: str | Path, code: int = 0, keys: dict[str, str] = GOOD_KEYS
    ) -> CompletedProcess[bytes]:
        done = consentry("consents", *arguments, "--config", self.config, "--state", self.state, environ=keys)
        assert done.returncode == code, done.stderr.decode()
        return done

    def records(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.consents("export", "--json").stdout.splitlines()]

    def landed(self) -> None:
        """Wait until nothing is on its way into the store: the first choices make its tables."""
        for _ in range(200):
            if (self.state / "records.sqlite3").exists() and not list((self.state / "spool").glob("*")):
                return
            time.sleep(0.05)
        raise AssertionError("records still wait on the disk")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def choose(served: Served, **fields: str) -> str:
    """Make a choice; the cookie that it makes."""
    got = httpx.post(f"{served.public}/_consent", data=fields, headers=ORIGIN)
    assert got.status_code == 303, got.text
    return got.headers["set-cookie"].partition(";")[0]


def number(cookie: str) -> str:
    return cookie.split("~")[7]


def test_a_choice_from_the_form_to_the_authority(storefront: str, place: Place, tmp_path: Path) -> None:
    with serving(storefront, place.state, "--config", place.config, **GOOD_KEYS) as served:
        assert re.search(r"records +SQLite, \S+records.sqlite3; kept for 3 years", served.summary)
        cookie = choose(served, choice="accept", shown="1", lang="fr")
        choose(served, choice="reject", shown="1")
        place.landed()
        receipt = httpx.get(f"{served.public}/_consent/receipt?as=json", headers=ORIGIN | {"Cookie": cookie})
        assert receipt.headers["content-disposition"].startswith("attachment")
        (tmp_path / "receipt.json").write_bytes(receipt.content)

        # While it runs: taken out, looked up, rebuilt, verified.
        grant, refusal = place.records()
        assert (grant["event"], grant["granted"], grant["language"]) == ("grant", ["analytics", "advertising"], "fr")
        assert (grant["visitor"], grant["proven"], grant["law"]) == (number(cookie), "origin", "elsewhere")
        assert (refusal["event"], refusal["granted"], "visitor" in refusal) == ("refusal", [], False)
        shown = tmp_path / "shown.html"
        said = place.consents("show", number(cookie), "--html", shown)
        assert b"accept" in said.stdout
        for words in ("Tout accepter", "Google Analytics", "Meta Pixel", "Shop Ltd"):
            assert words in shown.read_text()
        assert b"signature is ours" in place.consents("show", "--receipt", tmp_path / "receipt.json").stderr
        heads = tmp_path / "heads.json"
        assert b"2 records in 1 chain: nothing was changed." in place.consents("verify", "--save-head", heads).stderr

        # The visitor has it erased, and the chain is whole.
        got = httpx.post(
            f"{served.public}/_consent/receipt", data={"erase": "yes"}, headers=ORIGIN | {"Cookie": cookie}
        )
        assert got.status_code == 303
        assert number(got.headers["set-cookie"].partition(";")[0]) == ""
        erased, _, proof = place.records()
        assert (erased["event"], proof["event"], proof["erased"]) == ("erased", "erasure", [[1, 1]])
        assert b"Nothing is on record" in place.consents("show", number(cookie), code=1).stderr
        assert b"since the heads were saved" in place.consents("verify", "--head", heads).stderr
        served.end()
    rows = list(csv.DictReader(io.StringIO(place.consents("export").stdout.decode())))
    assert [row["event"] for row in rows] == ["erased", "refusal", "erasure"]


def test_what_was_tampered_with_is_told(storefront: str, place: Place, tmp_path: Path) -> None:
    with serving(storefront, place.state, "--config", place.config, **GOOD_KEYS) as served:
        cookie = choose(served, choice="accept", shown="1")
        choose(served, choice="reject")
        place.landed()
        receipt = httpx.get(f"{served.public}/_consent/receipt?as=json", headers=ORIGIN | {"Cookie": cookie}).json()
        served.end()
    receipt["receipt"]["created"] = "2020-01-01"
    (tmp_path / "receipt.json").write_text(json.dumps(receipt))
    assert b"NOT ours" in place.consents("show", "--receipt", tmp_path / "receipt.json", code=1).stderr
    with sqlite3.connect(place.state / "records.sqlite3") as database:
        database.execute("UPDATE consentry_records SET payload=replace(payload, 'reject', 'accept') WHERE seq=2")
    told = place.consents("verify", code=1)
    assert b"https://shop.example chain 1 record 2: edited" in told.stdout
    assert json.loads(place.consents("verify", "--json", code=1).stdout)["faults"][0]["seq"] == 2
    told = place.consents("verify", code=1, keys={"CONSENTRY_SECRET_KEYS": "another-key-of-thirty-two-bytes-or-more"})
    assert b"2 records not verified: made with the key" in told.stdout


def test_an_operator_erases_and_purges(storefront: str, place: Place) -> None:
    with serving(storefront, place.state, "--config", place.config, **GOOD_KEYS) as served:
        cookie = choose(served, choice="accept", shown="1")
        choose(served, choice="reject")
        place.landed()
        assert b"Erased: 1 record." in place.consents("erase", number(cookie)).stderr
        assert b"Nothing is on record" in place.consents("erase", number(cookie), code=1).stderr
        assert b"Purged: 0 records" in place.consents("purge").stderr
        assert b"Purged: 3 records" in place.consents("purge", "--before", "2100-01-01").stderr
        assert place.records() == []
        choose(served, choice="reject")
        assert b"1 record in 1 chain: nothing was changed." in place.consents("verify").stderr
        served.end()


def test_bad_input_is_told(place: Place, tmp_path: Path) -> None:
    assert b"is not there: nothing is on record" in place.consents("export", code=1).stderr
    place.state.mkdir()
    (place.state / "records.sqlite3").write_text(
        "this is no database at all, but it is long enough to look like one" * 9
    )
    assert b"file is not a database" in place.consents("verify", code=1).stderr
    (tmp_path / "odd.json").write_text("{}")
    assert b"holds no heads of chains" in place.consents("verify", "--head", tmp_path / "odd.json", code=1).stderr
    assert b"is no receipt of ours" in place.consents("show", "--receipt", tmp_path / "odd.json", code=1).stderr
    assert b"cannot be read" in place.consents("verify", "--head", tmp_path / "none.json", code=1).stderr
    assert place.consents("show", code=2).returncode == 2
    place.config.write_text(GOOD_SETTINGS + '[store]\nurl = "mysql://x/y"\n')
    assert b"no address of a PostgreSQL database" in place.consents("export", code=1).stderr
    place.config.write_text(GOOD_SETTINGS + '[store]\nurl = "postgresql://me:secret@127.0.0.1/x"\n')
    told = place.consents("export", code=1).stderr
    assert b"has a password in it" in told
    assert b"secret" not in told
    place.config.write_text(GOOD_SETTINGS + '[records]\nkeep = "for ever"\n')
    assert b"records.keep" in place.consents("export", code=1).stderr


@pytest.mark.parametrize("workers", [1, 2])
def test_what_was_answered_is_on_record_after_kill_9(storefront: str, place: Place, workers: int) -> None:
    answered = []
    with serving(storefront, place.state, "--config", place.config, "--workers", str(workers), **GOOD_KEYS) as served:
        choose(served, choice="reject", shown="1")
        ending = threading.Event()

        def visit() -> None:
            with httpx.Client() as client:
                while not ending.is_set():
                    try:
                        got = client.post(f"{served.public}/_consent", data={"choice": "accept"}, headers=ORIGIN)
                    except httpx.HTTPError:
                        return
                    answered.append(number(got.headers["set-cookie"]))

        visitors = [threading.Thread(target=visit) for _ in range(8)]
        for visitor in visitors:
            visitor.start()
        time.sleep(1.5)
        children = subprocess.run(["pgrep", "-P", str(served.process.pid)], capture_output=True, text=True).stdout
        for pid in [*children.split(), str(served.process.pid)]:
            subprocess.run(["kill", "-9", pid], check=False)
        ending.set()
        for visitor in visitors:
            visitor.join()
    assert len(answered) > 20
    with serving(storefront, place.state, "--config", place.config, **GOOD_KEYS) as served:
        place.landed()
        served.end()
    found = {record.get("visitor") for record in place.records()}
    assert set(answered) <= found
    place.consents("verify")


@pytest.mark.strace
def test_the_record_is_on_the_disk_before_the_answer_leaves(storefront: str, place: Place, tmp_path: Path) -> None:
    with serving(storefront, place.state, "--config", place.config, **GOOD_KEYS) as served:
        choose(served, choice="reject", shown="1")  # makes the tables
        place.landed()
        log = tmp_path / "calls"
        watched = "fdatasync,fsync,write,writev,sendto,sendmsg"
        command = [shutil.which("strace"), "-f", "-p", str(served.process.pid), "-e", f"trace={watched}", "-s", "40"]
        with subprocess.Popen([*command, "-o", log], stderr=subprocess.PIPE, text=True) as strace:  # type: ignore[list-item]
            assert strace.stderr is not None
            assert "attached" in strace.stderr.readline()
            choose(served, choice="accept", shown="1")
            strace.terminate()
            strace.stderr.read()
        served.end()
    calls = log.read_text().splitlines()
    answer = next(place for place, call in enumerate(calls) if "303 See Other" in call)
    synced = [place for place, call in enumerate(calls) if re.search(r"fdatasync\(.*= 0|fdatasync resumed.*= 0", call)]
    assert synced, calls
    assert synced[0] < answer


@pytest.mark.postgresql
def test_postgresql_by_its_address_in_the_environment(storefront: str, place: Place) -> None:
    async def run() -> None:
        async with fresh_database() as url:
            keys = GOOD_KEYS | {"CONSENTRY_STORE_URL": url}
            await asyncio.to_thread(_through_postgresql, storefront, place, keys)

    asyncio.run(run())


def _through_postgresql(storefront: str, place: Place, keys: dict[str, str]) -> None:
    with serving(storefront, place.state, "--config", place.config, "--workers", "2", **keys) as served:
        assert re.search(r"records +PostgreSQL, 127.0.0.1/consentry_test_\w+; kept for 3 years", served.summary)
        numbers = {number(choose(served, choice="accept", shown="1")) for _ in range(10)}
        served.end()
    lines = place.consents("export", "--json", keys=keys).stdout.splitlines()
    assert {json.loads(line)["visitor"] for line in lines} == numbers
    assert b"10 records in" in place.consents("verify", keys=keys).stderr
