"""What vendors' documents demand of a request that tells them of events, as a stand-in would refuse it otherwise.

Sources: Google, "Measurement Protocol reference"; Google, "Method: events.ingest"; Meta, "Conversions API parameters";
X, "Web conversions"; TikTok, "Events API 2.0"; Pinterest, "API for Conversions"; LinkedIn, "Conversions API schema";
Microsoft, "UET Conversions API integration"; Matomo, "Tracking HTTP API"; Plausible, "Events API".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Told:
    """One event as a vendor hears of it: in the vendor's word, of whom, what is said of it, and what is around it."""

    name: str
    visitor: str | None
    said: Mapping[str, Any]
    around: Mapping[str, Any] = field(default_factory=dict)


def check(key: str, method: str, target: str, raw: bytes) -> Iterator[Told]:
    """The events of one request (its bytes as they came). Fails where the vendor's documents are not met."""
    head, _, body = raw.partition(b"\r\n\r\n")
    headers = dict(line.decode("latin-1").split(": ", 1) for line in head.split(b"\r\n")[1:])
    headers = {name.lower(): value for name, value in headers.items()}
    assert "cookie" not in headers
    if method == "POST":
        assert int(headers["content-length"]) == len(body)
        assert headers["content-type"] == "application/json"
    yield from _DEMANDS[key](method, target, headers, json.loads(body) if body else {})


def _google_analytics(method: str, target: str, headers: Mapping[str, str], body: Any) -> Iterator[Told]:
    query = parse_qs(urlsplit(target).query)
    assert (method, urlsplit(target).path) == ("POST", "/mp/collect")
    assert query.keys() == {"measurement_id", "api_secret"}
    assert re.fullmatch(r"\d+\.\d+", body["client_id"])
    assert 1 <= len(body["events"]) <= 25
    assert set(body["consent"].values()) <= {"GRANTED", "DENIED"}
    for event in body["events"]:
        assert re.fullmatch(r"[A-Za-z]\w{0,39}", event["name"])
        assert isinstance(event["timestamp_micros"], int)
        params = event["params"]
        assert len(params) <= 25
        assert {"session_id", "engagement_time_msec"} <= params.keys()
        assert params.get("value") is None or {"currency"} <= params.keys()
        if event["name"] == "purchase":
            assert {"value", "currency"} <= params.keys()
        yield Told(event["name"], body["client_id"], event, body)


def _google_ads(method: str, target: str, headers: Mapping[str, str], body: Any) -> Iterator[Told]:
    assert (method, target.partition("?")[0]) == ("POST", "/v1/events:ingest")
    assert headers["authorization"].startswith("Bearer ")
    assert 1 <= len(body["events"]) <= 2000
    for destination in body["destinations"]:
        assert destination["operatingAccount"]["accountType"] == "GOOGLE_ADS"
        assert destination["productDestinationId"]
    for event in body["events"]:
        assert event["transactionId"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", event["eventTimestamp"])
        assert "adIdentifiers" in event or "userData" in event
        assert set(event["consent"].values()) <= {"CONSENT_GRANTED", "CONSENT_DENIED"}
        assert "ipAddress" not in json.dumps(event)
        yield Told(body["destinations"][0]["productDestinationId"], None, event, body)


def _meta(method: str, target: str, headers: Mapping[str, str], body: Any) -> Iterator[Told]:
    assert method == "POST"
    assert re.fullmatch(r"/v\d+\.0/\d+/events", target)
    assert headers["authorization"].startswith("Bearer ")
    assert 1 <= len(body["data"]) <= 1000
    for event in body["data"]:
        assert event["action_source"] == "website"
        assert {"event_name", "event_time", "event_id", "event_source_url"} <= event.keys()
        assert isinstance(event["event_time"], int)
        assert event["user_data"]["client_user_agent"]
        for digest in event["user_data"].get("em", ()):
            assert _SHA256.fullmatch(digest)
        if "data_processing_options" in event:
            assert event["data_processing_options"] == ["LDU"]
            assert event["data_processing_options_country"] == event["data_processing_options_state"] == 0
        if event["event_name"] == "Purchase":
            assert {"value", "currency"} <= event["custom_data"].keys()
        yield Told(event["event_name"], event["user_data"]["external_id"][0], event, body)


def _x(method: str, target: str, headers: Mapping[str, str], body: Any) -> Iterator[Told]:
    assert method == "POST"
    assert re.fullmatch(r"/12/measurement/conversions/\w+", target)
    proof = headers["authorization"]
    for name in ("oauth_consumer_key", "oauth_nonce", "oauth_signature", "oauth_timestamp", "oauth_token"):
        assert f'{name}="' in proof
    assert 'oauth_signature_method="HMAC-SHA1"' in proof
    assert 1 <= len(body["conversions"]) <= 500
    for event in body["conversions"]:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", event["conversion_time"])
        kinds = {name for identifier in event["identifiers"] for name in identifier}
        assert kinds & {"twclid", "hashed_email", "hashed_phone_number"}
        assert all(len(identifier) == 1 for identifier in event["identifiers"])
        yield Told(event["event_id"], None, event, body)


def _vk(method: str, target: str, headers: Mapping[str, str], body: Any) -> Iterator[Told]:
    query = {name: values[0] for name, values in parse_qs(urlsplit(target).query).items()}
    assert (method, urlsplit(target).path, query.keys()) == ("GET", "/rtrg", {"p", "event"})
    yield Told(query["event"], None, query)


def _mytarget(method: str, target: str, headers: Mapping[str, str], body: Any) -> Iterator[Told]:
    assert method == "GET"
    path, _, query = target.partition("?")
    fields = dict(field.partition("=")[::2] for field in query.split(";"))
    assert path == "/counter"
    assert fields["js"] == "na"
    assert fields["id"].isdecimal()
    yield Told(unquote(fields["e"]).rpartition("/")[2], None, fields)


def _tiktok(method: str, target: str, headers: Mapping[str, str], body: Any) -> Iterator[Told]:
    assert (method, target) == ("POST", "/open_api/v1.3/event/track/")
    assert headers["access-token"]
    assert body["event_source"] == "web"
    assert body["event_source_id"]
    assert 1 <= len(body["data"]) <= 1000
    for event in body["data"]:
        assert isinstance(event["event_time"], int)
        assert event["page"]["url"]
        assert isinstance(event["limited_data_use"], bool)
        assert _SHA256.fullmatch(event["user"]["external_id"])
        yield Told(event["event"], event["user"]["external_id"], event, body)


def _pinterest(method: str, target: str, headers: Mapping[str, str], body: Any) -> Iterator[Told]:
    assert method == "POST"
    assert re.fullmatch(r"/v5/ad_accounts/\d+/events", target)
    assert headers["authorization"].startswith("Bearer ")
    for event in body["data"]:
        assert event["action_source"] == "web"
        assert isinstance(event["event_time"], int)
        user = event["user_data"]
        assert "em" in user or {"client_ip_address", "client_user_agent"} <= user.keys()
        assert isinstance(event["opt_out"], bool)
        yield Told(event["event_name"], user["external_id"][0], event, body)


def _linkedin(method: str, target: str, headers: Mapping[str, str], body: Any) -> Iterator[Told]:
    assert (method, target) == ("POST", "/rest/conversionEvents")
    assert re.fullmatch(r"20\d{4}", headers["linkedin-version"])
    assert headers["x-restli-protocol-version"] == "2.0.0"
    assert headers["x-restli-method"] == "BATCH_CREATE"
    for event in body["elements"]:
        assert re.fullmatch(r"urn:lla:llaPartnerConversion:\d+", event["conversion"])
        assert event["conversionHappenedAt"] > 10**12
        assert all(identifier.keys() == {"idType", "idValue"} for identifier in event["user"]["userIds"])
        assert event["user"]["userIds"]
        if "conversionValue" in event:
            assert isinstance(event["conversionValue"]["amount"], str)
        yield Told(event["conversion"], None, event, body)


def _microsoft(method: str, target: str, headers: Mapping[str, str], body: Any) -> Iterator[Told]:
    assert method == "POST"
    assert re.fullmatch(r"/v1/\d+/events", target)
    assert headers["authorization"].startswith("Bearer ")
    for event in body["data"]:
        assert event["eventType"] in ("pageLoad", "custom")
        assert event["adStorageConsent"] in ("G", "D")
        assert event["eventSourceUrl"]
        assert event["userData"]
        yield Told(event["eventName"], event["userData"]["anonymousId"], event, body)


def _matomo(method: str, target: str, headers: Mapping[str, str], body: Any) -> Iterator[Told]:
    assert (method, target) == ("POST", "/matomo.php")
    assert body["token_auth"]
    for text in body["requests"]:
        assert text.startswith("?")
        said = {name: values[0] for name, values in parse_qs(text[1:]).items()}
        assert said["rec"] == "1"
        assert said["idsite"].isdecimal()
        assert re.fullmatch(r"[0-9a-f]{16}", said["_id"])
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", said["cdt"])
        assert said["cip"].endswith((".0", "::"))
        yield Told(said.get("e_a") or ("purchase" if "ec_id" in said else "page_view"), said["_id"], said, body)


def _plausible(method: str, target: str, headers: Mapping[str, str], body: Any) -> Iterator[Told]:
    assert (method, target) == ("POST", "/api/event")
    assert headers["user-agent"]
    assert {"name", "url", "domain"} <= body.keys()
    if "revenue" in body:
        assert body["revenue"].keys() == {"currency", "amount"}
    yield Told(body["name"], None, body)


_DEMANDS: Mapping[str, Callable[[str, str, Mapping[str, str], Any], Iterator[Told]]] = {
    "google-analytics": _google_analytics,
    "google-ads": _google_ads,
    "meta-pixel": _meta,
    "x": _x,
    "vk": _vk,
    "mytarget": _mytarget,
    "tiktok": _tiktok,
    "pinterest": _pinterest,
    "linkedin": _linkedin,
    "microsoft-ads": _microsoft,
    "matomo": _matomo,
    "plausible": _plausible,
}
