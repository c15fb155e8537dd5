"""The headers by which the browser holds back what scripts start, over real sockets."""

from __future__ import annotations

import pytest

from proxy.model import ASKED, Category
from tests.http.shop import Answer, answering, consent_cookie, open_shop, page

DOCUMENT = ("Sec-Fetch-Dest: document", "Sec-Fetch-Mode: navigate")
REPORT_ONLY = b"content-security-policy-report-only"
POLICY = b"content-security-policy"
HTML = b'<!doctype html><body><script src="https://cdn.jsdelivr.net/a.js"></script><img src="https://res.cloudinary.com/i">'
ENFORCE = {"csp": {"mode": "enforce"}, "vendors": {"unknown": "block"}}


async def once(answer: bytes, *headers: str, **tables: object) -> Answer:
    async with answering(answer) as storefront, open_shop(storefront, **tables) as shop:
        return await shop.get("/", *headers)


async def test_a_page_says_whom_it_may_contact_and_where_to_report() -> None:
    got = await once(page(HTML), *DOCUMENT)
    (policy,) = got.get(REPORT_ONLY)
    assert policy.startswith(b"default-src 'self' ")
    assert policy.endswith(b"; report-uri http://shop.example/_consent/csp")
    assert b" cloudinary.com" in policy or b" res.cloudinary.com" in policy
    assert b"google-analytics" not in policy
    assert got.get(POLICY) == []
    assert len(policy) <= 4096


async def test_enforced_it_stands_beside_the_storefronts_own() -> None:
    got = await once(page(HTML, b"Content-Security-Policy: img-src 'none'"), *DOCUMENT, **ENFORCE)
    theirs, ours = got.get(POLICY)
    assert theirs.startswith(b"img-src ")
    assert ours.startswith(b"default-src 'self'")
    assert got.get(REPORT_ONLY) == []


async def test_a_busy_shop_asks_few_browsers_and_still_enforces() -> None:
    async with answering(page(HTML)) as storefront, open_shop(storefront, csp={"sample": 1}) as shop:
        asked = [bool((await shop.get("/", *DOCUMENT)).get(REPORT_ONLY)) for _ in range(5)]
    assert asked[0]
    assert not all(asked)
    async with (
        answering(page(HTML)) as storefront,
        open_shop(storefront, **ENFORCE | {"csp": {"mode": "enforce", "sample": 0}}) as shop,
    ):
        (policy,) = (await shop.get("/", *DOCUMENT)).get(POLICY)
    assert b"report-uri" not in policy


@pytest.mark.parametrize("tables", [{"csp": {"mode": "off"}}, {"mode": "pass"}, {"mode": "observe"}])
async def test_no_policy_where_none_is_wanted(tables: dict[str, object]) -> None:
    got = await once(page(HTML), *DOCUMENT, **tables)
    assert got.get(POLICY) + got.get(REPORT_ONLY) == []


async def test_only_pages_get_one() -> None:
    got = await once(page(b"{}", kind=b"application/json"), *DOCUMENT)
    assert got.get(REPORT_ONLY) + got.get(b"permissions-policy") == []


async def test_advertising_features_are_off_until_advertising_is_granted() -> None:
    got = await once(page(HTML, b"Permissions-Policy: camera=(self)"), *DOCUMENT)
    theirs, ours = got.get(b"permissions-policy")
    assert theirs == b"camera=(self)"
    assert b"browsing-topics=()" in ours
    got = await once(page(HTML), *DOCUMENT, consent_cookie(Category.ANALYTICS))
    assert got.get(b"permissions-policy")
    got = await once(page(HTML), *DOCUMENT, consent_cookie(*ASKED))
    assert got.get(b"permissions-policy") == []


async def test_a_workers_script_which_has_a_policy_of_its_own_gets_it_too() -> None:
    script = page(b"fetch('https://t.example/')", b"Cache-Control: max-age=60", kind=b"text/javascript")
    got = await once(script, "Sec-Fetch-Dest: worker", **ENFORCE)
    (policy,) = got.get(POLICY)
    assert policy.startswith(b"default-src 'self'")
    assert got.get(b"cache-control") == [b"max-age=60", b"private, no-cache"]
    for destination in ("script", "serviceworker"):
        got = await once(script, f"Sec-Fetch-Dest: {destination}", **ENFORCE)
        assert (got.get(POLICY), got.get(b"cache-control")) == ([], [b"max-age=60"])
