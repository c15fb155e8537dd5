from __future__ import annotations

import base64
import gzip
import zlib

import pytest

from proxy.payload.formats import LARGEST_DECODED, base64_json, decompressed, is_json, is_text, same
from proxy.payload.withheld import Why, Withheld


def test_gzip_and_zlib_are_taken_off_up_to_the_limit() -> None:
    for pack in (gzip.compress, zlib.compress):
        assert decompressed("gzip", pack(b"a" * 100)) == b"a" * 100
        assert decompressed("deflate", pack(b"")) == b""
        with pytest.raises(Withheld) as withheld:
            decompressed("gzip", pack(b"a" * (LARGEST_DECODED + 1)))
        assert withheld.value.why is Why.TOO_LARGE


@pytest.mark.parametrize(
    ("coding", "raw"),
    [
        ("br", b"x"),
        ("gzip, gzip", gzip.compress(b"x", mtime=0)),
        ("gzip", b""),
        ("gzip", b"plain"),
        ("gzip", gzip.compress(b"x", mtime=0)[:-1]),
        ("gzip", gzip.compress(b"x", mtime=0) + gzip.compress(b"y", mtime=0)),
    ],
)
def test_what_cannot_be_read_whole_is_withheld(coding: str, raw: bytes) -> None:
    with pytest.raises(Withheld) as withheld:
        decompressed(coding, raw)
    assert withheld.value.why is Why.CODING


@pytest.mark.parametrize(
    ("media_type", "raw", "text"),
    [
        ("text/plain", b"a\xff", True),
        ("application/json", b"{}", True),
        ("application/ld+json", b"{}", True),
        ("", b"a=1", True),
        ("", b"a\nb", True),
        ("application/octet-stream", b"a=1", True),
        ("application/octet-stream", b"\xff\xfe", False),
        ("text/plain", b"a\0", False),
        ("", b"a\0", False),
        ("image/png", b"text", False),
        ("application/x-protobuf", b"text", False),
    ],
)
def test_text_is_told_from_binary(media_type: str, raw: bytes, text: bool) -> None:
    assert is_text(media_type, raw) is text


def test_json_in_base64_is_found_in_either_alphabet_padded_or_not() -> None:
    for inner in ('{"a":"\u00fc??>>"}', '[1,{"b":2}]'):
        for coded in (base64.b64encode(inner.encode()), base64.urlsafe_b64encode(inner.encode())):
            assert base64_json(coded.decode()) == inner
            assert base64_json(coded.decode().rstrip("=")) == inner
    for text in ("short", "plainwordswithoutjson", base64.b64encode(b"\xff" * 20).decode(), "a" * 13, "not base64!!!!"):
        assert base64_json(text) is None


def test_only_json_whose_names_can_be_told_apart_is_json() -> None:
    assert is_json('{"a":{"b":1}}')
    assert is_json('[{"a":1},{}]')
    for text in ("", "1", '"a"', "[1]", '{"a":1,"a":2}', '{"a":NaN}', "[" * 100_000, "{a:1}"):
        assert not is_json(text)


def test_equal_means_of_one_type() -> None:
    assert same({"a": [1, "x", None]}, {"a": [1, "x", None]})
    assert not same({"a": 1}, {"a": True})
