"""Encodings: which a browser would read a page in, and UTF-16 through a rewriter of bytes, to the byte."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.http.charset import ASCII_LIKE, PRESCAN, UTF_16BE, UTF_16LE, CannotRead, Recoded, encoding_of

META = b"<!doctype html><head>"


@pytest.mark.parametrize(
    ("content_type", "start", "encoding"),
    [
        (None, b"", ASCII_LIKE),
        (b"text/html", b"<p>\xe9", ASCII_LIKE),
        (b"text/html; charset=utf-8", b"", ASCII_LIKE),
        (b'text/html;x=y;Charset="ISO-8859-1"', b"", ASCII_LIKE),
        (b"text/html; charset='utf-8'", b"", ASCII_LIKE),
        (b"text/html; charset= Shift_JIS", b"", ASCII_LIKE),
        (b"text/html; charset=", b"", ASCII_LIKE),
        (b"text/html; charset=utf-16", b"", UTF_16LE),
        (b"text/html; charset=UTF-16BE", b"", UTF_16BE),
        (b"text/html; charset=utf-8", b"\xff\xfe<\0", UTF_16LE),
        (b"text/html; charset=iso-2022-jp", b"\xfe\xff\0<", UTF_16BE),
        (b"text/html; charset=utf-16", b"\xef\xbb\xbf<p>", ASCII_LIKE),
        (b"text/html", META + b"<meta charset=utf-16le>", ASCII_LIKE),
        (b"text/html", META + b'<meta charset="x-made-up"><p>', ASCII_LIKE),
        (b"text/html", META + b"<!-- <meta charset=iso-2022-jp> -->", ASCII_LIKE),
        (b"text/html", META + b"<meta charset=utf-8><meta charset=iso-2022-jp>", ASCII_LIKE),
        (b"text/html; charset=utf-8", META + b"<meta charset=iso-2022-jp>", ASCII_LIKE),
        (b"text/html", META + b" " * PRESCAN + b"<meta charset=iso-2022-jp>", ASCII_LIKE),
        (b"application/xhtml+xml", b'<?xml version="1.0" encoding="windows-1252"?>', ASCII_LIKE),
    ],
)
def test_the_encoding_that_browsers_would_read(content_type: bytes | None, start: bytes, encoding: str) -> None:
    assert encoding_of(content_type, start) == encoding


@pytest.mark.parametrize(
    ("content_type", "start"),
    [
        (b"text/html; charset=iso-2022-jp", b""),
        (b"text/html; charset=ISO-2022-KR", b""),
        (b"text/html; charset=hz-gb-2312", b""),
        (b"text/html; charset=utf-7", b""),
        (b"text/html; charset=utf-32", b""),
        (b"text/html; charset=x-made-up", b""),
        (b"text/html", META + b"<meta charset=ISO-2022-JP>"),
        (b"text/html", META + b'<META http-equiv="Content-Type" content="text/html; charset=csISO2022JP">'),
        (b"text/html", META + b"<meta name='>' charset='utf-7'>"),
        (b"text/html", META + b"<meta charset=x-made-up><meta charset=hz-gb-2312>"),
        (b"application/xhtml+xml", b'<?xml version="1.0" encoding="iso-2022-jp"?>'),
    ],
)
def test_an_encoding_in_which_tags_can_hide_is_refused(content_type: bytes, start: bytes) -> None:
    with pytest.raises(CannotRead):
        encoding_of(content_type, start)


class _Shout:
    """Rewrites what it is told to, and holds back a byte between feeds, as a rewriter may."""

    def __init__(self, old: bytes, new: bytes) -> None:
        self._old, self._new, self._held = old, new, b""

    def feed(self, piece: bytes) -> bytes:
        whole = self._held + piece
        out, self._held = whole[:-1], whole[-1:]
        return out.replace(self._old, self._new)

    def close(self) -> bytes:
        return self._held + b"<end>"


def _through(body: bytes, encoding: str, size: int) -> bytes:
    rewriter = Recoded(_Shout(b"\xff", b""), encoding)
    out = b"".join(rewriter.feed(body[start : start + size]) for start in range(0, len(body), size))
    return out + rewriter.close()


@given(st.binary(max_size=200), st.sampled_from([UTF_16LE, UTF_16BE]), st.integers(1, 9))
def test_utf_16_comes_out_to_the_byte_whatever_the_pieces(body: bytes, encoding: str, size: int) -> None:
    whole = len(body) - len(body) % 2
    end = "<end>".encode(encoding)
    out = _through(body, encoding, size)
    assert out.replace(end, b"", 1) == body or out == body[:whole] + end + body[whole:]


@given(st.text(max_size=100), st.sampled_from([UTF_16LE, UTF_16BE]), st.integers(1, 9))
def test_utf_16_text_is_rewritten(text: str, encoding: str, size: int) -> None:
    body = ("\ufeff" + text).encode(encoding, "surrogatepass")
    assert _through(body, encoding, size) == body + "<end>".encode(encoding)


def test_what_is_rewritten_is_encoded_again() -> None:
    rewriter = Recoded(_Shout(b"tag", "schön".encode()), UTF_16LE)
    out = rewriter.feed("a tag".encode("utf-16-le")) + rewriter.feed(b"!\0") + rewriter.close()
    assert out.decode("utf-16-le") in ("a tag!<end>", "a schön!<end>")
