from __future__ import annotations

import json

import pytest

from proxy.payload.cleaner import Cleaner
from proxy.payload.withheld import Why, Withheld
from proxy.spellings import spellings

V4 = "198.51.100.173"
ALL = Cleaner(spellings(V4))
PRIVATE = Cleaner(spellings("192.168.7.31"))


def cleaned(body: object, cleaner: Cleaner = ALL) -> object:
    return json.loads(cleaner.body("application/json", None, json.dumps(body).encode()))


def test_an_address_that_cannot_be_shortened_costs_its_field() -> None:
    assert PRIVATE.query(b"a=1&b=192.168.7.31&c=%7B%22d%22%3A%22192.168.7.31%22%7D") == b"a=1&c=%7B%22d%22%3A%22%22%7D"
    assert (
        PRIVATE.query(b"u=https%3A%2F%2Fa.example%2F%3Fx%3D%25252F192.168.7.31") == b"u=https%3A%2F%2Fa.example%2F%3F"
    )
    assert cleaned({"a": "192.168.7.31", "192.168.7.31": 1, "c": 2}, PRIVATE) == {"a": "", "": 1, "c": 2}
    body = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n192.168.7.31\r\n--b--\r\n'
    assert PRIVATE.body("multipart/form-data", b"b", body) == b"--b--\r\n"
    for text in (b"192.168.7.31", b"a\nmy 192.168.7.31"):
        with pytest.raises(Withheld) as withheld:
            PRIVATE.body("text/plain", None, text)
        assert withheld.value.why is Why.ADDRESS
    with pytest.raises(Withheld):
        PRIVATE.query(b"a=192.168&#46;7.31")


def test_json_fields_that_name_an_address_are_cleaned_whatever_their_shape() -> None:
    assert cleaned({"ip": 3325256877, "userIp": 0, "n": 3325256877, "m": 17}) == {
        "ip": None,
        "userIp": 0,
        "n": None,
        "m": 17,
    }
    assert cleaned({"ip": {"v4": "8.8.8.8", "x": V4}, "ips": ["8.8.4.4"], "ip_list": ["8.8.4.4", 7, None]}) == {
        "ip": {"v4": "8.8.8.8", "x": "198.51.100.0"},
        "ips": ["8.8.4.4"],
        "ip_list": ["8.8.4.0", None, None],
    }


def test_urls_in_urls_are_cleaned_to_the_bottom() -> None:
    inner = "https%3A%2F%2Fb.example%2F%3Fip%3D8.8.8.8"
    url = f'https://a.example/?x=1&next={inner}&j={{"ip":"8.8.4.4"}}&ip=nonsense&ip=1#f?ip=8.8.8.8'
    assert cleaned({"u": url}) == {
        "u": "https://a.example/?x=1&next=https%3A%2F%2Fb.example%2F%3Fip%3D8.8.8.0"
        '&j={"ip":"8.8.4.0"}&ip=1#f?ip=8.8.8.8'
    }


def test_deep_nesting_still_hides_the_visitors_own_address() -> None:
    value = V4.replace(".", "%2E")
    for _ in range(8):
        value = value.replace("%", "%25")
    assert ALL.query(f"a={value}".encode()) == b"a=198.51.100.0"
    nested: object = V4
    for _ in range(50):
        nested = {"a": [nested]}
    assert V4 not in json.dumps(cleaned(nested))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--other\r\n\r\n--other--",
        b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1',
        b"--b\r\nContent-Disposition: form-data\r\n\r\n1\r\n--b--",
        b'--b\r\nContent-Disposition: form-data; name="a"\r\n--b--',
    ],
)
def test_multipart_that_is_not_well_formed_is_withheld(body: bytes) -> None:
    with pytest.raises(Withheld) as withheld:
        ALL.body("multipart/form-data", b"b", body)
    assert withheld.value.why is Why.MALFORMED


def test_parts_are_kept_by_name_and_cleaned() -> None:
    packed = b"\x00\xc6\x33\x64\xad"
    parts = {"v": b"1", "uid": b"7", "ip": b"8.8.8.8", "file": b"\x00\x01", "raw": packed, "flag_ip": b"1"}
    body = b"".join(
        b'--b\r\nContent-Disposition: form-data; name="' + name.encode() + b'"\r\n\r\n' + value + b"\r\n"
        for name, value in parts.items()
    )
    cleaner = Cleaner(spellings(V4), ("v", "ip", "file", "raw", "flag_ip"))
    left = cleaner.body("multipart/form-data", b"b", body + b"--b--")
    kept = [part.partition(b"\r\n\r\n")[2] for part in left.split(b"\r\n--b")[:-1]]
    assert kept == [b"1", b"8.8.8.0", b"\x00\x01", b"1"]
