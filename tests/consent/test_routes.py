"""The paths of consent, asked as a server asks them."""

from __future__ import annotations

import json
from datetime import date, timedelta
from html import unescape

import pytest
from selectolax.lexbor import LexborHTMLParser

from proxy.consent.language import LANGUAGES, words
from proxy.consent.pages import shipped
from proxy.consent.routes import PIXEL
from proxy.model import Category, How, Regime, Standing
from tests.consent.asked import CLICK, FORM, ask, get, kept, post
from tests.consent.shop import ORIGIN, RECORD, TODAY, consent, site, visit
from tests.laws import OPT_OUT, law_in


async def test_accepting_is_answered_back_with_a_cookie_and_an_empty_cache() -> None:
    got = await post({"choice": "accept", "shown": "1", "return_to": "/cart?a=1"}, headers=CLICK | {"cookie": "_cut=1"})
    assert (got.status, got.body, got.one("content-length")) == (303, b"", "0")
    assert got.one("location") == "/cart?a=1"
    assert got.one("clear-site-data") == '"cache"'
    assert got.one("cache-control") == "no-store"
    assert kept(got).consent == consent(
        "analytics", "advertising", "marketing", "social", how=How.ACCEPT, record=RECORD
    )
    cookie, expiry = got.all("set-cookie")
    assert cookie.endswith("; Path=/; Max-Age=15724800; Secure; HttpOnly; SameSite=Lax")
    assert expiry == "_cut=; Max-Age=0; kept=ads+mail+pay+stats+video"


@pytest.mark.parametrize("choice", ["reject", "withdraw", "save"])
async def test_refusing_needs_no_browser_at_all_and_expires_vendors_cookies(choice: str) -> None:
    got = await post({"choice": choice}, headers={}, of=visit(Standing(consent("analytics", record="r"))))
    assert (got.status, got.one("location")) == (303, "/")
    found = kept(got).consent
    assert found == consent(how=How(choice))
    assert got.all("set-cookie")[1] == "_cut=; Max-Age=0; kept=pay"


async def test_two_like_refusals_are_the_same_bytes() -> None:
    one = await post({"choice": "reject"})
    two = await post({"choice": "reject"}, of=visit(gpc=True, languages=("ru",)))
    assert one.headers == two.headers


async def test_saving_from_the_page() -> None:
    fields = [
        ("choice", "save"),
        ("shown", "1"),
        ("category", "essential"),
        ("category", "analytics"),
        ("category", "social"),
        ("refuse", "stats"),
        ("return_to", "/_consent?lang=de"),
    ]
    got = await post(fields)
    assert got.one("location") == "/_consent?lang=de"
    assert kept(got).consent == consent("analytics", "social", refused=frozenset({"stats"}), record=RECORD)
    assert got.all("set-cookie")[1] == "_cut=; Max-Age=0; kept=pay"


async def test_a_placeholder_does_not_renew_an_older_choice() -> None:
    earlier = TODAY - timedelta(days=100)
    before = visit(Standing(consent("analytics", day=earlier, record="r")))
    got = await post({"choice": "save", "vendor": "video", "return_to": "/post"}, of=before)
    assert kept(got).consent == consent("analytics", day=earlier, allowed=frozenset({"video"}), record="r")
    assert f"Max-Age={82 * 86400};" in got.all("set-cookie")[0]


async def test_a_shared_cookie_and_one_in_development() -> None:
    shared = await post({"choice": "reject"}, shop=site(origin=ORIGIN, domain="shop.example"))
    assert shared.all("set-cookie")[0].startswith("__Secure-consent=")
    assert "; Domain=shop.example;" in shared.all("set-cookie")[0]
    plain = await post({"choice": "reject"}, shop=site(origin="http://localhost:8000"))
    assert plain.all("set-cookie")[0].startswith("consent=")
    assert "Secure" not in plain.all("set-cookie")[0]


async def test_a_multipart_form_counts_too() -> None:
    body = b'--B\r\nContent-Disposition: form-data; name="choice"\r\n\r\nreject\r\n--B--\r\n'
    got = await ask(
        "POST", "/_consent", body=[body[:9], body[9:]], headers={"content-type": "multipart/form-data; boundary=B"}
    )
    assert got is not None
    assert got.status == 303


@pytest.mark.parametrize(
    ("fields", "headers", "status", "why"),
    [
        ({"choice": "accept"}, {}, 403, "no-click"),
        ({"choice": "accept"}, CLICK | {"sec-fetch-user": "?0"}, 403, "no-click"),
        ({"choice": "accept"}, CLICK | {"sec-fetch-mode": "cors", "sec-fetch-dest": "empty"}, 403, "no-click"),
        ({"choice": "save", "vendor": "video"}, {"origin": "null"}, 403, "no-click"),
        ({"choice": "accept"}, {"origin": "https://elsewhere.example"}, 403, "foreign"),
        ({"choice": "reject"}, {"origin": "https://elsewhere.example"}, 403, "foreign"),
        ({"choice": "withdraw"}, {"sec-fetch-site": "cross-site"}, 403, "foreign"),
        ({"choice": "maybe"}, CLICK, 400, "malformed"),
        ({"choice": "accept", "lang": "xx"}, CLICK, 400, "malformed"),
        ({"choice": "save", "vendor": "pay"}, CLICK, 400, "malformed"),
        ({"choice": "accept"}, CLICK | {"content-type": "text/plain"}, 400, "malformed"),
        (b"", CLICK, 400, "malformed"),
        (b"choice=reject&" + b"refuse=ads&" * 6000, CLICK, 400, "too-large"),
    ],
)
@pytest.mark.parametrize("language", LANGUAGES)
async def test_what_does_not_count_changes_nothing_and_says_why(
    fields: dict[str, str] | bytes, headers: dict[str, str], status: int, why: str, language: str
) -> None:
    got = await post(fields, headers=headers, of=visit(languages=(language.lower(),)))
    assert got.status == status
    assert not got.all("set-cookie")
    assert not got.all("clear-site-data")
    assert got.one("cache-control") == "no-store"
    assert str(words(language)(f"not_taken.{why}")) in unescape(got.body.decode())


async def test_a_grant_under_the_signal_is_recorded_as_such() -> None:
    got = await post({"choice": "accept"}, of=visit(gpc=True))
    found = kept(got).consent
    assert found is not None
    assert found.signal
    assert got.all("set-cookie")[1] == "_cut=; Max-Age=0; kept=ads+mail+pay+stats+video"


async def test_the_regime_of_the_visit_is_recorded() -> None:
    found = kept(await post({"choice": "accept"}, of=visit(law=OPT_OUT))).consent
    assert found is not None
    assert found.regime is Regime.OPT_OUT
    assert Category.ESSENTIAL not in found.granted


async def test_who_leaves_in_the_middle_of_a_form_has_chosen_nothing() -> None:
    assert await ask("POST", "/_consent", body=b"choice=acc", headers=CLICK, leaves=True) is None


async def test_a_body_without_end_is_not_read_to_the_end() -> None:
    got = await ask("POST", "/_consent", body=[b"a" * 1000] * 100, headers=CLICK | {"content-type": FORM}, leaves=True)
    assert got is not None
    assert got.status == 400


@pytest.mark.parametrize("path", ["/_consent", "/_consent/", "/_consent?lang=xx", "/_consent?" + "a=1&" * 100])
async def test_the_preferences_page(path: str) -> None:
    got = await get(path, of=visit(languages=("de",)))
    assert (got.status, got.one("content-type")) == (200, "text/html; charset=utf-8")
    assert "<h1>Datenschutz-Auswahl</h1>" in got.body.decode()
    assert "frame-ancestors 'none'" in got.one("content-security-policy")
    assert got.one("content-length") == str(len(got.body))
    assert not got.all("set-cookie")


async def test_the_preferences_page_in_a_language_by_name_and_with_a_way_back() -> None:
    got = await get("/_consent?lang=fr&return_to=/cart%3Fa%3D1", of=visit(languages=("de",)))
    assert got.one("content-language") == "fr"
    assert 'name="return_to" value="/cart?a=1"' in got.body.decode()
    chosen = await get("/_consent?lang=fr", of=visit(languages=("de",)))
    assert 'name="return_to" value="/_consent?lang=fr"' in chosen.body.decode()
    odd = await get("/_consent?return_to=%ff%00//elsewhere.example", of=visit())
    assert 'name="return_to" value="/"' in odd.body.decode()


async def test_getting_never_chooses() -> None:
    got = await get("/_consent?choice=accept", headers=CLICK)
    assert got.status == 200
    assert not got.all("set-cookie")


async def test_the_style_sheet_is_kept_by_its_version_and_asked_for_again_without() -> None:
    named = await get(f"/_consent/style.css?{shipped().style_version}")
    assert (named.status, named.body, named.one("content-type")) == (200, shipped().style, "text/css; charset=utf-8")
    assert named.one("cache-control") == "public, max-age=31536000, immutable"
    for path in ("/_consent/style.css", "/_consent/style.css?old"):
        assert (await get(path)).one("cache-control") == "public, max-age=3600"
    for etag in (named.one("etag"), f'"x", W/{named.one("etag")}'):
        again = await get("/_consent/style.css", headers={"if-none-match": etag})
        assert (again.status, again.body, again.all("content-length")) == (304, b"", [])
    assert (await get("/_consent/style.css", headers={"if-none-match": '"other"'})).status == 200


@pytest.mark.parametrize(
    ("wanted", "status", "kind", "body"),
    [
        (None, 200, "text/javascript; charset=utf-8", b"/* stats */"),
        ("script", 200, "text/javascript; charset=utf-8", b"/* stats */"),
        ("empty", 200, "application/json", b"{}"),
        ("image", 200, "image/gif", PIXEL),
        ("style", 200, "text/css; charset=utf-8", b""),
        ("iframe", 204, None, b""),
        ("document", 204, None, b""),
    ],
)
async def test_a_stub_is_whatever_the_browser_wanted(
    wanted: str | None, status: int, kind: str | None, body: bytes
) -> None:
    got = await get("/_consent/stub/stats.js?id=1", headers={"sec-fetch-dest": wanted} if wanted else {})
    assert (got.status, got.body) == (status, body)
    assert got.all("content-type") == ([kind] if kind else [])
    assert got.one("cache-control") == "public, max-age=3600"
    assert got.one("vary") == "Sec-Fetch-Dest"


def test_the_pixel_is_the_smallest_transparent_gif() -> None:
    assert len(PIXEL) == 43
    assert PIXEL.startswith(b"GIF89a\x01\x00\x01\x00")
    assert PIXEL.endswith(b";")


async def test_a_stranger_has_a_stub_and_a_beacon_gets_an_empty_success() -> None:
    stranger = await get("/_consent/stub/unknown.js")
    assert (stranger.status, stranger.body) == (200, b"/* unknown */")
    assert stranger.one("content-type") == "text/javascript; charset=utf-8"
    beacon = await ask("POST", "/_consent/stub/stats.js", body=b"data")
    assert beacon is not None
    assert (beacon.status, beacon.body, beacon.one("cache-control")) == (204, b"", "no-store")


async def test_a_placeholder() -> None:
    got = await get("/_consent/embed/video?return_to=/post&lang=de")
    assert got.status == 200
    assert "frame-ancestors 'self'" in got.one("content-security-policy")
    assert "nicht geladen" in got.body.decode()
    assert 'name="return_to" value="/post"' in got.body.decode()


@pytest.mark.parametrize("key", ["nobody", "pay", "", "VIDEO", "vid%65o"])
async def test_no_placeholder_for_who_cannot_be_allowed(key: str) -> None:
    got = await get(f"/_consent/embed/{key}")
    assert got.status == 404
    assert "frame-ancestors 'self'" in got.one("content-security-policy")


async def test_that_the_signal_is_honoured_is_published() -> None:
    got = await get("/.well-known/gpc.json")
    assert (got.status, got.one("content-type")) == (200, "application/json")
    told = json.loads(got.body)
    assert told["gpc"] is True
    assert date.fromisoformat(told["lastUpdate"]) <= date(2026, 11, 22)
    assert set(told) == {"gpc", "lastUpdate"}


@pytest.mark.parametrize(
    "path", ["/_consent/none", "/_consent/style.css/x", "/_consent/stub/stats", "/_consent/stub", "/_consentful", "/"]
)
async def test_there_is_nothing_else(path: str) -> None:
    got = await get(path, of=visit(languages=("zh",)))
    assert got.status == 404
    assert got.one("content-language") == "zh-Hans"


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/_consent", "GET, HEAD, POST"),
        ("DELETE", "/_consent", "GET, HEAD, POST"),
        ("POST", "/_consent/style.css", "GET, HEAD"),
        ("POST", "/_consent/embed/video", "GET, HEAD"),
        ("POST", "/.well-known/gpc.json", "GET, HEAD"),
    ],
)
async def test_other_methods_are_told_which_there_are(method: str, path: str, allow: str) -> None:
    got = await ask(method, path)
    assert got is not None
    assert (got.status, got.one("allow")) == (405, allow)


@pytest.mark.parametrize(
    "path",
    ["/_consent", "/_consent/style.css", "/_consent/stub/stats.js", "/_consent/embed/video", "/.well-known/gpc.json"],
)
async def test_head_is_get_without_the_body(path: str) -> None:
    whole, head = await get(path), await ask("HEAD", path)
    assert head is not None
    assert (head.status, head.headers, head.body) == (whole.status, whole.headers, b"")


async def test_another_prefix() -> None:
    shop = site(prefix="/legal/privacy")
    assert (await get("/legal/privacy", shop=shop)).status == 200
    assert (await get("/legal/privacy/stub/stats.js", shop=shop)).body == b"/* stats */"
    assert (await get("/_consent", shop=shop)).status == 404


async def test_browsers_reports_are_heard_and_never_answered_with_an_error() -> None:
    heard: list[bytes] = []
    for body in (b"{}", b"\xff", b"x" * 100_000):
        got = await ask("POST", "/_consent/csp", body=body, heard=heard)
        assert got is not None
        assert (got.status, got.body) == (204, b"")
    assert [len(body) for body in heard] == [2, 1, 16385]
    got = await get("/_consent/csp")
    assert (got.status, dict(got.headers)[b"allow"]) == (405, b"POST")
    assert await ask("POST", "/_consent/csp", body=b"{", leaves=True) is None


# -- two steps back in -------------------------------------------------------------------------------------------------

CALIFORNIA = law_in("US-CA")
OBJECTED = Standing(consent(how=How.REJECT, regime=Regime.OPT_OUT))


@pytest.mark.parametrize(
    "fields",
    [
        {"choice": "accept", "shown": "1", "return_to": "/pots?a=1"},
        [("choice", "save"), ("category", "essential"), ("category", "analytics"), ("return_to", "/pots?a=1")],
        {"choice": "save", "vendor": "stats", "return_to": "/pots?a=1"},
    ],
)
async def test_what_was_objected_to_is_allowed_again_by_a_second_click(
    fields: dict[str, str] | list[tuple[str, str]],
) -> None:
    got = await post(fields, of=visit(OBJECTED, law=CALIFORNIA))
    assert (got.status, got.all("set-cookie")) == (200, [])
    tree = LexborHTMLParser(got.body)
    form = tree.css_first("main form")
    assert form.attributes["action"] == f"{ORIGIN}/_consent"
    again = [(one.attributes["name"], one.attributes["value"]) for one in form.css("input[type=hidden]")]
    button = form.css_first("button")
    again.append((button.attributes["name"], button.attributes["value"]))
    sent = list(fields.items()) if isinstance(fields, dict) else fields
    assert sorted(again) == sorted([*sent, ("confirm", "yes")])
    assert form.css_first("a").attributes["href"] == f"{ORIGIN}/pots?a=1"
    confirmed = await post(again, of=visit(OBJECTED, law=CALIFORNIA))
    assert confirmed.status == 303
    assert kept(confirmed).consent.grants_anything


async def test_one_click_is_enough_where_nobody_objected_or_the_law_does_not_ask() -> None:
    accept = {"choice": "accept"}
    assert (await post(accept, of=visit(law=CALIFORNIA))).status == 303
    assert (await post(accept, of=visit(OBJECTED, law=OPT_OUT))).status == 303
    assert (await post({"choice": "reject"}, of=visit(OBJECTED, law=CALIFORNIA))).status == 303


async def test_the_signal_is_an_objection_too() -> None:
    assert (await post({"choice": "accept"}, of=visit(law=CALIFORNIA, gpc=True))).status == 200
    over = Standing(consent("analytics", "advertising", "marketing", "social", signal=True))
    assert (await post({"choice": "accept"}, of=visit(over, law=CALIFORNIA, gpc=True))).status == 303


async def test_a_second_step_needs_a_click_of_its_own() -> None:
    scripted = CLICK | {"sec-fetch-mode": "cors", "sec-fetch-dest": "empty"}
    fields = {"choice": "accept", "confirm": "yes"}
    assert (await post(fields, headers=scripted, of=visit(OBJECTED, law=CALIFORNIA))).status == 403
    assert (await post({"choice": "accept", "confirm": "maybe"})).status == 400


async def test_an_objection_that_does_not_lapse_lives_as_long_as_browsers_let_it() -> None:
    got = await post({"choice": "reject"}, of=visit(law=CALIFORNIA))
    assert "Max-Age=34560000" in got.all("set-cookie")[0]
    got = await post({"choice": "accept"}, of=visit(law=CALIFORNIA))
    assert f"Max-Age={182 * 86400}" in got.all("set-cookie")[0]
