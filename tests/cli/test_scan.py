"""The command in a process of its own, against real sites on this machine."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.cli.command import CONSENTRY, consentry, environment, installed
from tests.scan.site import Answer, serving

HOME = """<!doctype html><title>Shop</title>
<script src="https://connect.facebook.net/en_US/fbevents.js"></script>
<script>fetch("https://tail.example/prices.json"); fetch("https://www.google-analytics.com/g/collect")</script>
<link rel="stylesheet" href="https://fonts.googleapis.com/css2?family=Inter">
<img src="https://tail.example/mug.jpg"><a href="/about">About</a><a href="https://www.facebook.com/shop">us</a>
"""
ABOUT = '<!doctype html><title>About</title><img src="https://other.example/x.png">'
SHOP: dict[str, str | Answer] = {
    "/": Answer(HOME, headers=(("Set-Cookie", "session=1; HttpOnly"), ("Set-Cookie", "_ga=GA1.1.1"))),
    "/about": ABOUT,
}
QUICK = ("--pause", "0")


def test_the_table() -> None:
    with serving(SHOP) as site:
        done = installed("scan", site.url, *QUICK)
    told = done.stdout.decode()
    assert done.returncode == 0
    assert told.startswith(f"{site.url}: 2 pages read\n")
    lines = {line.split()[0]: line.split() for line in told.splitlines() if line}
    assert lines["meta-pixel"][1:6] == ["described", "advertising", "connect.facebook.net", "1", "cut"]
    assert lines["google-fonts"][-3:] == ["relay", "1", "essential"]
    assert lines["tail.example"][1:] == ["unknown", "-", "tail.example", "1", "cut", "2", "unknown,", "blocked"]
    assert lines["_ga"] == ["_ga", "google-analytics", "1"]
    assert lines["session"] == ["session", "the", "shop's", "own", "1"]
    assert lines[f"{site.url}/"][1:] == ["4", "1", "2", "2"]
    assert lines[f"{site.url}/about"][1:] == ["1", "1", "0", "0"]


def test_json() -> None:
    with serving(SHOP) as site:
        done = installed("scan", site.url, "--json", *QUICK)
    found = json.loads(done.stdout)
    assert (found["site"], found["unknown"], found["pages_read"]) == (site.url, "block", 2)
    assert found["unknown_hosts"] == [{"host": "other.example", "pages": 1}, {"host": "tail.example", "pages": 1}]
    assert {"name": "_ga", "vendors": ["google-analytics"], "pages": 1} in found["cookies"]
    home, about = found["pages"]
    assert (home["url"], home["status"], home["read"], home["problem"]) == (f"{site.url}/", 200, True, None)
    assert home["unknown_hosts"] == ["tail.example"]
    assert {party["vendor"] for party in home["third_parties"]} == {
        None,
        "meta-pixel",
        "google-analytics",
        "google-fonts",
    }
    literals = [(one["host"], one["vendor"], one["action"]) for one in home["inline_literals"]]
    assert literals == [("tail.example", None, "cut"), ("www.google-analytics.com", "google-analytics", "cut")]
    assert all(HOME[one["offset"] :].startswith(one["url"]) for one in home["inline_literals"])
    assert [party["name"] for party in about["third_parties"]] == ["other.example"]
    pixel = next(party for party in found["third_parties"] if party["vendor"] == "meta-pixel")
    assert (pixel["name"], pixel["kind"], pixel["pages"], pixel["actions"]) == (
        "Meta Pixel",
        "described",
        1,
        {"cut": 1},
    )
    assert pixel["reasons"] == ["not asked yet"]


def test_the_report(tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    with serving(SHOP) as site:
        done = installed("scan", site.url, "--html", file, "--json", *QUICK)
    assert done.returncode == 0
    assert json.loads(done.stdout)["pages_read"] == 2
    assert f"The report is in {file}" in done.stderr.decode()
    report = file.read_text("utf-8")
    assert f"<title>Third parties on {site.url}</title>" in report
    assert "tail.example" in report


def test_a_report_that_cannot_be_written(tmp_path: Path) -> None:
    with serving(SHOP) as site:
        nowhere = consentry("scan", site.url, "--html", tmp_path / "no" / "report.html")
        folder = consentry("scan", site.url, "--html", tmp_path, *QUICK)
    assert (nowhere.returncode, site.asked.count("/")) == (2, 1)  # told before anything is asked
    assert folder.returncode == 1
    assert b"--html:" in folder.stderr


def test_unknown_third_parties_as_the_option_or_the_settings_say(tmp_path: Path) -> None:
    def unknown(site: str, *options: str | Path) -> set[str]:
        found = json.loads(consentry("scan", site, "--json", *QUICK, *options).stdout)
        return {action for party in found["third_parties"] if party["kind"] == "unknown" for action in party["actions"]}

    config = tmp_path / "consentry.toml"
    config.write_text('[vendors]\nunknown = "allow"\nallow = ["tail.example"]\n')
    with serving(SHOP) as site:
        assert unknown(site.url) == {"cut"}
        assert unknown(site.url, "--unknown", "allow") == {"keep"}
        assert unknown(site.url, "--config", config) == {"keep"}
        assert unknown(site.url, "--config", config, "--unknown", "block") == {"keep", "cut"}


def test_a_shop_without_third_parties() -> None:
    with serving({"/": "<!doctype html><p>Only us"}) as site:
        done = consentry("scan", site.url, *QUICK)
    assert done.returncode == 0
    assert b"No third party is contacted by what was read." in done.stdout
    assert b"The server set no cookie." in done.stdout


def test_what_was_left_out_is_said() -> None:
    with serving({**SHOP, "/robots.txt": Answer("User-agent: *\nDisallow: /about")}) as site:
        done = consentry("scan", site.url, *QUICK)
    assert b"Left out because robots.txt forbids it: 1 page." in done.stderr


def test_nothing_answers() -> None:
    with serving({}) as site:
        pass
    done = installed("scan", site.url)
    assert (done.returncode, done.stdout) == (1, b"")
    assert f"{site.url}/ does not answer:" in done.stderr.decode()


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({"/robots.txt": Answer("User-agent: *\nDisallow: /"), "/": "x"}, "robots.txt of"),
        ({"/": Answer("%PDF", kind="application/pdf")}, "is no HTML (application/pdf)"),
        ({"/": Answer("gone", 410)}, "answers 410"),
        ({"/": Answer("", 302, (("Location", "https://elsewhere.invalid/"),))}, "which is another site"),
        ({"/": Answer("<p>", kind="text/html; charset=iso-2022-jp")}, "cannot be rewritten: charset"),
    ],
)
def test_nothing_to_read(answers: dict[str, str | Answer], words: str) -> None:
    with serving(answers) as site:
        done = consentry("scan", site.url, *QUICK)
        told = consentry("scan", site.url, *QUICK, "--json")
    assert (done.returncode, done.stdout) == (1, b"")
    assert words in done.stderr.decode()
    assert told.returncode == 1
    assert words in json.dumps(json.loads(told.stdout)["problems"])


@pytest.mark.parametrize(
    "arguments", [["ftp://shop.example"], ["https://"], ["http://a b/"], ["https://shop.example", "--pages", "0"], []]
)
def test_wrong_usage(arguments: list[str]) -> None:
    assert consentry("scan", *arguments).returncode == 2


def test_an_address_without_a_scheme() -> None:
    with serving(SHOP) as site:
        done = consentry("scan", site.url.removeprefix("http://"), *QUICK)
    assert done.returncode == 0


def test_an_interrupt_tells_what_was_read_by_then() -> None:
    links = "".join(f"<a href=/{number}>" for number in range(40))
    with serving({"/": HOME + links}) as site:
        command = [*CONSENTRY, "scan", site.url, "--pause", "0.5"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()) as scan:
            until = time.monotonic() + 30
            while "/1" not in site.asked and time.monotonic() < until:
                time.sleep(0.05)
            scan.send_signal(signal.SIGINT)
            told, said = scan.communicate(timeout=30)
    assert scan.returncode == 130
    assert told.startswith(f"{site.url}: 1 page read\n".encode())
    assert b"meta-pixel" in told
    assert b"Interrupted: this is what was read by then." in said
    assert len(site.asked) < 10
