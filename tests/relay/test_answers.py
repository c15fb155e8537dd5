from __future__ import annotations

from datetime import UTC, datetime

import pytest

from proxy.catalogue.match import Destination
from proxy.relay.answers import content_type, cookies, stand_in
from tests.relay.vendors import a_vendor

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MONTHS_13 = 395 * 24 * 3600


@pytest.mark.parametrize(
    ("destination", "said", "answered"),
    [
        (Destination.SCRIPT, "application/javascript", "text/javascript"),
        (Destination.SCRIPT, "Text/JavaScript; Charset=UTF-8", "text/javascript; charset=utf-8"),
        (Destination.SCRIPT, 'application/x-javascript;charset="iso-8859-1"', "text/javascript; charset=iso-8859-1"),
        (Destination.SCRIPT, "text/html", None),
        (Destination.SCRIPT, "text/plain", None),
        (Destination.SCRIPT, "application/json", None),
        (Destination.SCRIPT, "text/javascript, text/html", None),
        (Destination.SCRIPT, "", None),
        (Destination.STYLE, "text/css; charset=utf-8", "text/css; charset=utf-8"),
        (Destination.STYLE, 'text/css; charset=a"b; x\r\ny', "text/css"),
        (Destination.STYLE, "text/html", None),
        (Destination.FONT, "font/woff2", "font/woff2"),
        (Destination.FONT, "application/font-woff", "application/font-woff"),
        (Destination.FONT, "application/octet-stream", "application/octet-stream"),
        (Destination.FONT, "text/html", None),
        (Destination.FONT, "image/svg+xml", None),
        (Destination.IMAGE, "image/gif", "image/gif"),
        (Destination.IMAGE, "image/webp;x=1", "image/webp"),
        (Destination.IMAGE, "image/svg+xml", None),
        (Destination.IMAGE, "IMAGE/SVG", None),
        (Destination.IMAGE, "text/html", None),
        (Destination.BEACON, "text/plain", "text/plain"),
        (Destination.BEACON, "application/json; charset=utf-8", "application/json"),
        (Destination.BEACON, "image/gif", "image/gif"),
        (Destination.BEACON, "text/html", None),
        (Destination.BEACON, "text/javascript", None),
        (Destination.BEACON, "application/xml", None),
        (Destination.BEACON, "image/svg+xml", None),
    ],
)
def test_a_type_is_its_destinations_or_none(destination: Destination, said: str, answered: str | None) -> None:
    found = content_type(destination, said.encode())
    assert found == (None if answered is None else answered.encode())


@pytest.mark.parametrize(
    ("line", "rewritten"),
    [
        ("_tracked=1", "_tracked=1; Path=/; SameSite=Lax; Secure"),
        (
            "_tracked_x=a-b.c; Domain=.tracker.example; Path=/collect; Max-Age=60; SameSite=None; HttpOnly",
            "_tracked_x=a-b.c; Path=/; Max-Age=60; SameSite=Lax; Secure",
        ),
        ("_tracked=1; Max-Age=99999999", f"_tracked=1; Path=/; Max-Age={MONTHS_13}; SameSite=Lax; Secure"),
        (
            "_tracked=1; Expires=Mon, 22 Nov 2027 12:00:00 GMT; Max-Age=10",
            "_tracked=1; Path=/; Max-Age=10; SameSite=Lax; Secure",
        ),
        ("_tracked=1; Expires=Sun, 22 Nov 2026 13:00:00 GMT", "_tracked=1; Path=/; Max-Age=3600; SameSite=Lax; Secure"),
        ("_tracked=1; Expires=Sun, 22-Nov-2026 13:00:00 GMT", "_tracked=1; Path=/; Max-Age=3600; SameSite=Lax; Secure"),
        (
            "_tracked=1; Expires=Fri, 31 Dec 2038 23:59:59 GMT",
            f"_tracked=1; Path=/; Max-Age={MONTHS_13}; SameSite=Lax; Secure",
        ),
        ("_tracked=; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "_tracked=; Path=/; Max-Age=0; SameSite=Lax; Secure"),
        ("_tracked=1; Expires=whenever", "_tracked=1; Path=/; SameSite=Lax; Secure"),
        ("elsewhere=1", None),
        ("unlisted=1", None),
        ("__Host-consent=1; Path=/", None),
        ("__Secure-consent=1", None),
        ("consent=1", None),
        ("tracked=1", None),
        ("_tracked", None),
        ("_tracked=a b", None),
        ("_tracked=a\r\nX: y", None),
        ("_tracked=\xe4", None),
        ("_tracked=" + "x" * 5000, None),
    ],
)
def test_only_listed_first_party_cookies_are_set_and_written_anew(line: str, rewritten: str | None) -> None:
    found = cookies(a_vendor(), [(b"set-cookie", line.encode("latin-1"))], frozenset(), True, NOW)
    assert found == ([] if rewritten is None else [(b"set-cookie", rewritten.encode())])


def test_on_plain_http_a_cookie_is_not_secure() -> None:
    assert cookies(a_vendor(), [(b"set-cookie", b"_tracked=1")], frozenset(), False, NOW) == [
        (b"set-cookie", b"_tracked=1; Path=/; SameSite=Lax")
    ]


def test_a_second_visit_leaves_the_expiry_as_it_was_but_may_delete() -> None:
    answered = [(b"set-cookie", b"_tracked=2; Max-Age=60"), (b"set-cookie", b"_tracked_b=; Max-Age=0")]
    carried = frozenset({"_tracked", "_tracked_b"})
    assert cookies(a_vendor(), answered, carried, False, NOW) == [
        (b"set-cookie", b"_tracked_b=; Path=/; Max-Age=0; SameSite=Lax")
    ]


def test_every_destination_has_a_stand_in_that_no_page_can_be_made_of() -> None:
    for destination in Destination:
        status, headers, body = stand_in(destination, b"window.tracker=function(){};")
        if body:
            assert content_type(destination, dict(headers)[b"content-type"]) is not None
        assert status in (200, 204, 502)
    assert stand_in(Destination.SCRIPT, b"x")[2] == b"x"
    assert stand_in(Destination.IMAGE, b"x")[2].startswith(b"GIF89a")
