"""The exact requests by which each vendor is told of events, under each consent, law and privacy profile.

`REWRITE_GOLDEN=1` writes the files anew, to be read before they are kept.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from proxy.minimise import Outgoing
from tests.events import demands
from tests.events.cases import ADDRESS, CONSENTS, MANNERS, all_routes, requests
from tests.spelled import hits

GOLDEN = Path(__file__).parent / "golden"
ROUTES = all_routes()


def _shown(host: str, outgoing: Outgoing) -> dict[str, object]:
    body = outgoing.body.decode()
    return {
        "request": f"{outgoing.method} https://{host}{outgoing.target.decode()}",
        "headers": {name.decode(): value.decode() for name, value in outgoing.headers},
        "body": json.loads(body) if body.startswith("{") else body,
    }


@pytest.mark.parametrize("key", sorted(ROUTES))
def test_requests_are_those_of_the_golden_file(key: str) -> None:
    made = {
        f"{manner}, {consent}, {kind}": _shown(host, outgoing)
        for manner in MANNERS
        for consent in CONSENTS
        for kind, host, outgoing in requests(ROUTES[key], manner, consent)
    }
    file = GOLDEN / f"{key}.json"
    text = json.dumps(made, indent=1, ensure_ascii=False) + "\n"
    if os.environ.get("REWRITE_GOLDEN"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


def _raw(outgoing: Outgoing) -> bytes:
    lines = [b"%b: %b" % header for header in outgoing.headers]
    if outgoing.body:
        lines.append(b"Content-Length: %d" % len(outgoing.body))
    return b"\r\n".join([b"%b" % outgoing.method.encode(), *lines]) + b"\r\n\r\n" + outgoing.body


@pytest.mark.parametrize("key", sorted(ROUTES))
@pytest.mark.parametrize("manner", MANNERS)
def test_requests_meet_what_the_vendors_documents_demand(key: str, manner: str) -> None:
    for consent in CONSENTS:
        for _, _, outgoing in requests(ROUTES[key], manner, consent):
            told = list(demands.check(key, outgoing.method, outgoing.target.decode(), _raw(outgoing)))
            assert told


@pytest.mark.parametrize("key", sorted(ROUTES))
@pytest.mark.parametrize("manner", MANNERS)
def test_the_visitors_address_and_e_mail_are_in_none(key: str, manner: str) -> None:
    for consent in CONSENTS:
        for _, _, outgoing in requests(ROUTES[key], manner, consent):
            raw = _raw(outgoing) + outgoing.target
            assert hits(ADDRESS, raw) == []
            assert b"test@example.com" not in raw
            assert b"test%40example.com" not in raw
            if manner != "truncate":
                assert b"203.0.113" not in raw


@pytest.mark.parametrize("key", sorted(ROUTES))
def test_what_cnil_wants_of_a_proxy_holds(key: str) -> None:
    for _, _, outgoing in requests(ROUTES[key], "cnil-2022-proxy", "all"):
        raw = _raw(outgoing) + outgoing.target
        for gone in (b"203.0.113", b"search.example", b"utm_source", b"gclid", b"Cj0K", b"IwAR0", b"A-1007", b"de-at"):
            assert gone not in raw, gone
        assert b"973dfe463ec85785" not in raw
        assert b"141.0" not in raw


def test_no_two_vendors_know_a_visitor_by_the_same_id() -> None:
    seen: dict[str, str] = {}
    for key, route in ROUTES.items():
        for _, _, outgoing in requests(route, "truncate", "all"):
            told = demands.check(key, outgoing.method, outgoing.target.decode(), _raw(outgoing))
            for one in told:
                if one.visitor is not None:
                    assert seen.setdefault(one.visitor, key) == key
    assert len(seen) == 6


def test_consent_is_told_as_it_is() -> None:
    """A field that says granted whatever was chosen is what others got wrong."""
    denied = [outgoing for _, _, outgoing in requests(ROUTES["google-analytics"], "truncate", "analytics")]
    granted = [outgoing for _, _, outgoing in requests(ROUTES["google-analytics"], "truncate", "all")]
    assert all(b'"ad_user_data":"DENIED"' in one.body for one in denied)
    assert all(b'"ad_user_data":"GRANTED"' in one.body for one in granted)
    for key, field in {"meta-pixel": b'["LDU"]', "tiktok": b'"limited_data_use":true', "pinterest": b'"LDP"'}.items():
        assert all(field in one.body for _, _, one in requests(ROUTES[key], "truncate", "opt-out"))
        assert not any(field in one.body for _, _, one in requests(ROUTES[key], "truncate", "all"))
