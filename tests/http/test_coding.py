"""Content codings, whole, byte by byte and in pieces; broken ones and bombs."""

from __future__ import annotations

import gzip
import random
import zlib

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from proxy.http.coding import FREE, PIECE, CannotDecode, Decoder, coding_of, encoder, narrowed

CODINGS = ["gzip", "br", "zstd"]
PAGE = b"".join(b"<p>%d %d</p>" % (number, number * number % 977) for number in range(4_000))
OUTSIDE = {
    "gzip": gzip.compress,
    "br": lambda body: brotli.compress(body, quality=5),
    "zstd": zstandard.compress,
}


def decoded(coding: str, body: bytes, size: int) -> bytes:
    decoder = Decoder(coding)
    pieces = [piece for start in range(0, len(body), size) for piece in decoder.feed(body[start : start + size])]
    decoder.close()
    return b"".join(pieces)


@pytest.mark.parametrize("size", [1, 7, 1000, 10**9])
@pytest.mark.parametrize("coding", CODINGS)
def test_what_others_encode_is_decoded_in_any_pieces(coding: str, size: int) -> None:
    assert decoded(coding, OUTSIDE[coding](PAGE), size) == PAGE


@pytest.mark.parametrize("coding", [*CODINGS, "identity"])
def test_what_is_encoded_can_be_read_at_each_flush(coding: str) -> None:
    encode, decode = encoder(coding), Decoder(coding)
    for piece in (PAGE[:10], PAGE[10:5000], b"", PAGE[5000:]):
        assert b"".join(decode.feed(encode.feed(piece) + encode.flush())) == piece
    list(decode.feed(encode.close()))
    decode.close()


@given(st.data())
def test_there_and_back_in_any_pieces(data: st.DataObject) -> None:
    coding = data.draw(st.sampled_from(CODINGS))
    pieces = data.draw(st.lists(st.binary(max_size=2000), max_size=8))
    encode = encoder(coding)
    body = b"".join(map(encode.feed, pieces)) + encode.close()
    assert decoded(coding, body, data.draw(st.integers(1, 500))) == b"".join(pieces)


@pytest.mark.parametrize("coding", CODINGS)
def test_a_body_that_stops_early_is_an_error(coding: str) -> None:
    body = OUTSIDE[coding](PAGE)
    for end in (1, 5, len(body) // 2, len(body) - 1):
        with pytest.raises(CannotDecode):
            decoded(coding, body[:end], 1000)


@pytest.mark.parametrize("coding", [*CODINGS, "identity"])
def test_a_body_without_a_byte_is_empty(coding: str) -> None:
    assert decoded(coding, b"", 1) == b""


@pytest.mark.parametrize("coding", CODINGS)
def test_a_body_that_is_something_else_is_an_error(coding: str) -> None:
    with pytest.raises(CannotDecode):
        decoded(coding, b"<!doctype html>" * 100, 50)


def test_a_wrong_checksum_is_an_error() -> None:
    body = bytearray(gzip.compress(PAGE))
    body[-6] ^= 1
    with pytest.raises(CannotDecode):
        decoded("gzip", bytes(body), 1000)


@pytest.mark.parametrize("size", [1, 3, 10**9])
def test_several_gzip_members_and_zstd_frames_are_one_body(size: int) -> None:
    assert decoded("gzip", gzip.compress(b"a") + gzip.compress(b"") + gzip.compress(b"b"), size) == b"ab"
    assert decoded("gzip", gzip.compress(b"a") + b"\0" * 20, size) == b"a"
    assert decoded("zstd", zstandard.compress(b"a") + zstandard.compress(b"b"), size) == b"ab"
    with pytest.raises(CannotDecode):
        decoded("gzip", gzip.compress(b"a") + gzip.compress(b"b")[:-3], size)


def bomb(coding: str) -> bytes:
    if coding == "gzip":
        deflate = zlib.compressobj(9, zlib.DEFLATED, 31)
        return b"".join(deflate.compress(bytes(1_000_000)) for _ in range(60)) + deflate.flush()
    return OUTSIDE[coding](bytes(60_000_000)) if coding == "zstd" else brotli.compress(bytes(50_000_000), quality=1)


@pytest.mark.parametrize("coding", CODINGS)
def test_a_bomb_is_stopped_and_never_held(coding: str) -> None:
    decoder, total, largest = Decoder(coding), 0, 0

    def inflate() -> None:
        nonlocal total, largest
        for piece in decoder.feed(bomb(coding)):
            total += len(piece)
            largest = max(largest, len(piece))

    with pytest.raises(CannotDecode, match="inflate"):
        inflate()
    assert total <= 30_000_000
    assert largest <= 2 * PIECE if coding != "zstd" else largest <= 8 * 1024 * 1024


def test_a_page_of_few_words_may_shrink_a_lot() -> None:
    assert decoded("gzip", gzip.compress(bytes(FREE)), 10**9) == bytes(FREE)


def test_a_zstd_window_beyond_the_webs_is_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters.from_level(3, window_log=25)
    body = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    noise = random.Random(1).randbytes(300_000)
    whole = body.compress(noise) + body.flush()
    with pytest.raises(CannotDecode):
        decoded("zstd", whole, 1000)


@pytest.mark.parametrize(
    ("values", "coding"),
    [
        ([], "identity"),
        ([b""], "identity"),
        ([b"identity"], "identity"),
        ([b" GZIP "], "gzip"),
        ([b"x-gzip"], "gzip"),
        ([b"br"], "br"),
        ([b"identity, zstd"], "zstd"),
        ([b"gzip, gzip"], None),
        ([b"gzip", b"br"], None),
        ([b"deflate"], None),
        ([b"dcb"], None),
        ([b"\xff"], None),
    ],
)
def test_one_coding_that_we_know_or_none(values: list[bytes], coding: str | None) -> None:
    assert coding_of(values) == coding


@pytest.mark.parametrize(
    ("values", "asked"),
    [
        ([b"gzip, deflate, br, zstd, dcb"], b"gzip, br, zstd"),
        ([b"GZIP;q=0.5", b"br ; q=1.0"], b"gzip;q=0.5, br;q=1.0"),
        ([b"identity;q=0, br"], b"identity;q=0, br"),
        ([b"*"], b"identity"),
        ([b"deflate"], b"identity"),
        ([], b"identity"),
        ([b"gzip;level=9, br;q=x, zstd\r\nX: y"], b"identity"),
    ],
)
def test_only_what_we_can_decode_is_asked_for(values: list[bytes], asked: bytes) -> None:
    assert narrowed(values) == asked
