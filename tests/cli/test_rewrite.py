from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.cli.command import CONSENTRY, consentry, environment

PIXEL = b'<script src="https://connect.facebook.net/en_US/fbevents.js"></script>'
PAGE = b'<!doctype html><html lang="en"><head>' + PIXEL + b"</head><body><p>Shop</p></body></html>\n"


def test_standard_input_to_standard_output() -> None:
    done = consentry("rewrite", "--no-banner", stdin=PAGE)
    assert (done.returncode, done.stderr) == (0, b"")
    stub = b'<script src="https://shop.example/_consent/stub/meta-pixel.js"></script>'
    assert done.stdout == PAGE.replace(PIXEL, stub)


def test_the_banner_goes_in_by_default() -> None:
    done = consentry("rewrite", stdin=PAGE)
    assert b"<body><section" in done.stdout
    assert b'id="consentry"' in done.stdout


def test_what_needs_nothing_is_left_alone_to_the_byte() -> None:
    page = b"<!doctype html>\r\n<P CLASS=x>\xff\x00 &amp <a href='https://www.facebook.com/shop'>us</a>"
    done = consentry("rewrite", "--no-banner", stdin=page)
    assert done.stdout == page


def test_a_grant_lets_its_vendors_through_and_no_others() -> None:
    done = consentry("rewrite", "--no-banner", "--grant", "advertising", stdin=PAGE)
    assert b"https://shop.example/_consent/v/meta-pixel/connect.facebook.net/en_US/fbevents.js" in done.stdout
    refused = consentry("rewrite", "--no-banner", "--grant", "analytics,vendor:youtube", stdin=PAGE)
    assert b"/_consent/stub/meta-pixel.js" in refused.stdout


def test_chunks_never_change_a_byte() -> None:
    whole = consentry("rewrite", stdin=PAGE).stdout
    for size in (1, 7, 100_000):
        assert consentry("rewrite", "--chunk", str(size), stdin=PAGE).stdout == whole


def test_unknown_third_parties_are_kept_unless_blocked() -> None:
    page = b'<img src="https://nobody.invalid/x.gif">'
    assert consentry("rewrite", "--no-banner", stdin=page).stdout == page
    assert b"nobody" not in consentry("rewrite", "--no-banner", "--unknown", "block", stdin=page).stdout


def test_the_site_says_who_is_first_party() -> None:
    page = b'<link rel=canonical href="https://www.acme.co.uk/p"><img src="https://cdn.acme.co.uk/x.gif">'
    blocked = ("rewrite", "--no-banner", "--unknown", "block")
    assert b"cdn.acme" not in consentry(*blocked, stdin=page).stdout
    assert consentry(*blocked, "--site", "https://acme.co.uk", stdin=page).stdout == page
    assert consentry(*blocked, "--site", "canonical", stdin=page).stdout == page
    nameless = consentry(*blocked, "--site", "canonical", stdin=b"<p>")
    assert b"no canonical link" in nameless.stderr


def test_the_settings_say_whose_page_it_is(tmp_path: Path) -> None:
    config = tmp_path / "consentry.toml"
    config.write_text('origin = "https://other.example"\n[vendors]\nuse = []\n')
    done = consentry("rewrite", "--config", config, "--no-banner", stdin=PAGE)
    assert b"https://other.example/_consent/stub/" in done.stdout


def test_the_report_has_a_line_for_each_tag(tmp_path: Path) -> None:
    report = tmp_path / "tags.jsonl"
    consentry("rewrite", "--report", report, stdin=PAGE + b'<img src="https://nobody.invalid/x.gif">')
    lines = [json.loads(line) for line in report.read_text().splitlines()]
    assert [set(line) for line in lines] == [
        {"page", "offset", "element", "url", "vendor", "categories", "action", "reason"}
    ] * 2
    pixel, unknown = lines
    assert (pixel["page"], pixel["offset"], pixel["vendor"]) == ("-", PAGE.index(PIXEL), "meta-pixel")
    assert (pixel["categories"], pixel["action"], pixel["reason"]) == (["advertising"], "cut", "not asked yet")
    assert pixel["url"] == "https://connect.facebook.net/en_US/fbevents.js"
    assert (unknown["vendor"], unknown["categories"], unknown["action"]) == (None, [], "keep")


def test_the_report_on_standard_error() -> None:
    done = consentry("rewrite", "--no-banner", "--report", "-", stdin=PAGE)
    assert json.loads(done.stderr)["vendor"] == "meta-pixel"


def test_files_into_a_folder(tmp_path: Path) -> None:
    pages = [tmp_path / f"{name}.html" for name in "ab"]
    for page in pages:
        page.write_bytes(PAGE)
    out = tmp_path / "new" / "cut"
    report = tmp_path / "tags.jsonl"
    done = consentry("rewrite", "--report", report, "--out", out, *pages)
    assert (done.returncode, done.stdout) == (0, b"")
    assert b"2 of 2 pages" in done.stderr
    alone = consentry("rewrite", pages[0]).stdout
    assert {file.name: file.read_bytes() for file in out.iterdir()} == {"a.html": alone, "b.html": alone}
    assert [json.loads(line)["page"] for line in report.read_text().splitlines()] == [str(page) for page in pages]


def test_utf_16_comes_back_as_utf_16() -> None:
    page = ("\ufeff" + PAGE.decode()).encode("utf-16-le")
    done = consentry("rewrite", "--no-banner", stdin=page)
    assert done.returncode == 0
    assert "/_consent/stub/meta-pixel.js" in done.stdout.decode("utf-16")


def test_a_charset_that_cannot_be_read_is_refused() -> None:
    done = consentry("rewrite", stdin=b"<meta charset=iso-2022-jp>" + PAGE)
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"iso-2022-jp" in done.stderr


def test_one_bad_file_does_not_keep_the_others(tmp_path: Path) -> None:
    good, bad, folder = tmp_path / "good.html", tmp_path / "bad.html", tmp_path / "folder.html"
    good.write_bytes(PAGE)
    bad.write_bytes(b"<meta charset=utf-7>")
    folder.mkdir()
    out = tmp_path / "out"
    done = consentry("rewrite", "--out", out, bad, folder, tmp_path / "missing.html", good)
    assert done.returncode == 1
    assert [file.name for file in out.iterdir()] == ["good.html"]
    for words in ("bad.html", "utf-7", "folder.html: cannot be", "missing.html: cannot", "1 of 4 pages", "3 problems"):
        assert words in done.stderr.decode()


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["missing.html"], 1, "missing.html: cannot be read: No such file"),
        (["."], 1, "directory"),
        (["--report", "missing/tags.jsonl"], 1, "--report"),
        (["--out", "page.html/out", "page.html"], 1, "--out"),
        (["--config", "missing.toml"], 1, "missing.toml"),
        (["--vendors", "missing"], 1, "missing"),
        (["page.html", "page.html"], 2, "--out DIR"),
        (["--out", "out"], 2, "standard input"),
        (["--out", "out", "page.html", "sub/page.html"], 2, "several files"),
        (["--out", ".", "page.html"], 2, "overwritten"),
        (["--grant", "adverts"], 2, "adverts"),
        (["--grant", "vendor:nobody"], 2, "nobody"),
        (["--unknown", "maybe"], 2, "maybe"),
        (["--site", "shop.example"], 2, "shop.example"),
        (["--chunk", "0"], 2, "--chunk"),
        (["--chunk", "many"], 2, "--chunk"),
        (["--surprise"], 2, "--surprise"),
    ],
)
def test_wrong_input(tmp_path: Path, arguments: list[str], code: int, told: str) -> None:
    (tmp_path / "page.html").write_bytes(PAGE)
    done = consentry("rewrite", *arguments, stdin=PAGE, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (code, b"")
    assert told in done.stderr.decode()


def test_a_reader_that_leaves_is_no_fault_of_ours(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_bytes(b"<p>" * 1_000_000)
    with subprocess.Popen(
        [*CONSENTRY, "rewrite", "--no-banner", page],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(1)
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(10) == 1


def test_a_page_streams_through() -> None:
    with subprocess.Popen(
        [*CONSENTRY, "rewrite", "--no-banner"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment()
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"<p>first</p>" * 100)
        process.stdin.flush()
        assert os.read(process.stdout.fileno(), 100).startswith(b"<p>first</p>")
        process.stdin.close()


def test_an_interrupt_ends_it_cleanly() -> None:
    with subprocess.Popen(
        [*CONSENTRY, "rewrite", "--no-banner"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"<p>first</p>" * 100)
        process.stdin.flush()
        os.read(process.stdout.fileno(), 100)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=10)
        assert (process.returncode, told) == (130, b"")
