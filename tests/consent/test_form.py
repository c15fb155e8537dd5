"""The choice form as it arrives: read whole or refused, and never a way off the site."""

from __future__ import annotations

import contextlib
from urllib.parse import quote, unquote, urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.consent.form import LARGEST_FORM, Form, NotTaken, Why, parse_body, read_form, return_path
from proxy.model import Category, How

URLENCODED = "application/x-www-form-urlencoded"
KNOWN = frozenset({"stats", "ads"})


def multipart(*parts: str, end: str = "--B--\r\n") -> bytes:
    return "".join(f"--B\r\n{part}\r\n" for part in parts).encode() + end.encode()


def part(name: str, value: str) -> str:
    return f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}'


@pytest.mark.parametrize("kind", [URLENCODED, f"{URLENCODED}; charset=utf-8", URLENCODED.upper()])
def test_fields_come_in_order_and_decoded(kind: str) -> None:
    body = b"choice=save&category=analytics&category=social&return_to=%2Fa%3Fb%3D1+2&shown="
    assert parse_body(kind, body) == [
        ("choice", "save"),
        ("category", "analytics"),
        ("category", "social"),
        ("return_to", "/a?b=1 2"),
        ("shown", ""),
    ]


def test_multipart_says_the_same() -> None:
    body = multipart(part("choice", "save"), part("category", "social"), part("return_to", "/café"), part("shown", ""))
    assert parse_body("multipart/form-data; boundary=B", body) == [
        ("choice", "save"),
        ("category", "social"),
        ("return_to", "/café"),
        ("shown", ""),
    ]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("", b"choice=accept"),
        ("text/plain", b"choice=accept"),
        ("application/json", b'{"choice": "accept"}'),
        (URLENCODED, b"choice"),
        (URLENCODED, b"choice=accept&&"),
        (URLENCODED, b"choice=%ff"),
        (URLENCODED, "choice=é".encode()),
        ("multipart/form-data", multipart(part("choice", "accept"))),
        ("multipart/form-data; boundary=", multipart(part("choice", "accept"))),
        ("multipart/form-data; boundary=B", b""),
        ("multipart/form-data; boundary=B", b"choice=accept"),
        ("multipart/form-data; boundary=B", multipart(part("choice", "accept"), end="")),
        ("multipart/form-data; boundary=B", multipart(part("choice", "accept"), end="--B--\r\n")[:-6]),
        (
            "multipart/form-data; boundary=B",
            multipart('Content-Disposition: form-data; name="choice"; filename="x"\r\n\r\naccept'),
        ),
        ("multipart/form-data; boundary=B", multipart(part("choice", "VALUE")).replace(b"VALUE", b"\xff")),
    ],
)
def test_what_is_no_form_of_ours_is_refused(kind: str, body: bytes, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(NotTaken) as refused:
        parse_body(kind, body)
    assert (refused.value.status, refused.value.why) == (400, Why.MALFORMED)
    assert caplog.text == ""  # or anybody could fill the log


@pytest.mark.parametrize("kind", [URLENCODED, "multipart/form-data; boundary=B", "text/plain"])
def test_a_form_has_a_size(kind: str) -> None:
    with pytest.raises(NotTaken) as refused:
        parse_body(kind, b"choice=" + b"a" * LARGEST_FORM)
    assert (refused.value.status, refused.value.why) == (400, Why.TOO_LARGE)


@given(st.sampled_from([URLENCODED, "multipart/form-data; boundary=B"]), st.binary(max_size=200))
def test_any_bytes_are_fields_or_refused(kind: str, body: bytes) -> None:
    try:
        fields = parse_body(kind, body)
    except NotTaken:
        return
    assert all(isinstance(name, str) and isinstance(value, str) for name, value in fields)


@given(st.data())
def test_a_damaged_multipart_form_is_read_or_refused(data: st.DataObject) -> None:
    body = multipart(part("choice", "save"), part("category", "social"))
    place = data.draw(st.integers(0, len(body) - 1))
    damaged = body[:place] + data.draw(st.binary(max_size=3)) + body[place + data.draw(st.integers(0, 3)) :]
    with contextlib.suppress(NotTaken):
        assert all(len(field) == 2 for field in parse_body("multipart/form-data; boundary=B", damaged))


def test_a_whole_form() -> None:
    fields = [
        ("choice", "save"),
        ("category", "essential"),
        ("category", "analytics"),
        ("refuse", "stats"),
        ("refuse", "stats"),
        ("vendor", "ads"),
        ("shown", "3"),
        ("return_to", "/cart?x=1"),
    ]
    assert read_form(fields, KNOWN, "/_consent") == Form(
        how=How.SAVE,
        categories=frozenset({Category.ESSENTIAL, Category.ANALYTICS}),
        refuse=frozenset({"stats"}),
        vendors=frozenset({"ads"}),
        shown=3,
        return_to="/cart?x=1",
    )


def test_the_least_form() -> None:
    assert read_form([("choice", "reject")], KNOWN, "/_consent") == Form(how=How.REJECT)


@pytest.mark.parametrize(
    "fields",
    [
        [],
        [("category", "analytics")],
        [("choice", "")],
        [("choice", "ACCEPT")],
        [("choice", "accept"), ("choice", "accept")],
        [("choice", "accept"), ("choice", "reject")],
        [("choice", "accept"), ("more", "1")],
        [("choice", "accept"), ("", "")],
        [("choice", "save"), ("category", "everything")],
        [("choice", "save"), ("category", "")],
        [("choice", "save"), ("vendor", "nobody")],
        [("choice", "save"), ("refuse", "nobody")],
        [("choice", "accept"), ("shown", "1"), ("shown", "1")],
        [("choice", "accept"), ("return_to", "/"), ("return_to", "/")],
        *([("choice", "accept"), ("shown", number)] for number in ("", "x", "0", "-1", "1.0", "1e3", "٣", "9" * 10)),
    ],
)
def test_a_field_or_value_that_we_do_not_send_is_refused(fields: list[tuple[str, str]]) -> None:
    with pytest.raises(NotTaken) as refused:
        read_form(fields, KNOWN, "/_consent")
    assert (refused.value.status, refused.value.why) == (400, Why.MALFORMED)


@pytest.mark.parametrize(
    ("form", "grants"),
    [
        (Form(How.ACCEPT), True),
        (Form(How.REJECT, categories=frozenset({Category.SOCIAL})), False),
        (Form(How.WITHDRAW, vendors=frozenset({"ads"})), False),
        (Form(How.SAVE), False),
        (Form(How.SAVE, categories=frozenset({Category.ESSENTIAL})), False),
        (Form(How.SAVE, categories=frozenset({Category.SOCIAL})), True),
        (Form(How.SAVE, vendors=frozenset({"ads"})), True),
        (Form(How.SAVE, refuse=frozenset({"ads"})), False),
    ],
)
def test_which_forms_ask_for_a_grant(form: Form, grants: bool) -> None:
    assert form.asks_for_a_grant is grants


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/a/b.html",
        "/a//b",
        "/caf%C3%A9?q=%0A%5C&u=//elsewhere.example#consentry-embed-12",
        "/?next=https://elsewhere.example/",
        "/_consent",
        "/_consent?lang=de",
        "/_consentful/page",
        "/a%2Fb",
        "/100%",
        "/x:y@z",
        "/" + "a" * 1999,
    ],
)
def test_a_way_back_on_this_site_is_kept(path: str) -> None:
    assert return_path(path, "/_consent") == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "a",
        "?a",
        "//elsewhere.example",
        "///elsewhere.example",
        "/\\elsewhere.example",
        "\\\\elsewhere.example",
        "/a\\b",
        "https://elsewhere.example/",
        "javascript:alert(1)",
        " //elsewhere.example",
        "/ /elsewhere.example",
        "/\t/elsewhere.example",
        "/\n/elsewhere.example",
        "/a\r\nSet-Cookie: x=1",
        "/a\x00",
        "/a\x7f",
        "/café",
        "/\u2028",
        "/%2felsewhere.example",
        "/%2F%2Felsewhere.example",
        "/%5celsewhere.example",
        "/%5C%5Celsewhere.example",
        "/%09/elsewhere.example",
        "/%0d%0aSet-Cookie:x",
        "/%00",
        "/%252felsewhere.example",
        "/%25252felsewhere.example",
        "/%25255celsewhere.example",
        "/%" + "25" * 900 + "2felsewhere.example",
        "/.//elsewhere.example",
        "/..//elsewhere.example",
        "/%2e%2e//elsewhere.example",
        "/./%5celsewhere.example",
        "/_consent/v/ads/ads.example/x.js",
        "/_consent/embed/video?return_to=/",
        "/_consent%2Fembed/video",
        "/%5fconsent/embed/video",
        "/" + "a" * 2000,
    ],
)
def test_every_other_way_leads_to_the_start_page(path: str) -> None:
    assert return_path(path, "/_consent") == "/"


def test_a_long_query_is_left_behind() -> None:
    assert return_path("/search?q=" + "a" * 2000, "/_consent") == "/search"


@pytest.mark.parametrize("spot", ["consentry-embed-1", "video", "section.2:b_c", "1", "a" * 100])
def test_a_way_back_leads_to_a_spot_of_its_page(spot: str) -> None:
    assert return_path(f"/post?a=1#{spot}", "/_consent") == f"/post?a=1#{spot}"


@pytest.mark.parametrize(
    "other",
    [
        "",
        "-a",
        "a b",
        "a%20b",
        "é",
        "a\nb",
        ":~:text=secret",
        "/\\elsewhere.example",
        "#a",
        "a#b",
        "?a",
        '"',
        "a" * 101,
    ],
)
def test_what_is_no_plain_id_is_left_behind(other: str) -> None:
    assert return_path(f"/post?a=1#{other}", "/_consent") == "/post?a=1"


_HOSTILE = st.lists(
    st.sampled_from([*"/ // \\ %2f %5C %252f %09 .. . : @ ? # https: elsewhere.example % a".split(), "\t"]),
    max_size=8,
).map("".join)


@given(_HOSTILE | st.text(max_size=50))
def test_no_way_back_ever_leaves_the_site(text: str) -> None:
    for way in (return_path(text, "/_consent"), return_path("/" + text, "/_consent")):
        assert urlsplit(urljoin("https://shop.example/_consent", way))[:2] == ("https", "shop.example")
        assert way.startswith("/")
        assert way.isascii()
        assert way.isprintable()
        assert not unquote(unquote(way.partition("?")[0])).startswith(("//", "/\\"))


@given(st.text(max_size=30))
def test_a_page_is_come_back_to_whatever_its_name(name: str) -> None:
    path = "/page/" + quote(name, safe="")
    expected = "/" if any(ord(one) < 32 or ord(one) == 127 or one == "\\" for one in unquote(path)) else path
    if "%" not in name:  # a name that is itself percent-encoded is looked into once more
        assert return_path(path, "/_consent") == expected
