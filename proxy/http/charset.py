"""Which encoding a browser will read a page in, and so whether the byte rewriter may have it as it is.

Rules: byte order mark > Content-Type > `<meta>` in the first 1,024 bytes > windows-1252 (WHATWG Encoding and HTML
standards). Encodings in which ASCII bytes mean ASCII pass as they are; UTF-16 is decoded for the rewriter and encoded
again, to the byte; all others (ISO-2022-JP, HZ, UTF-7, UTF-32, names that nobody knows) cannot be read, and the caller
fails closed: in them, a tag may hide in bytes that look like text.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Protocol

#: How much of a page the look for `<meta charset>` covers (HTML standard, "prescan a byte stream").
PRESCAN = 1024

ASCII_LIKE = "ascii-like"
UTF_16LE = "utf-16-le"
UTF_16BE = "utf-16-be"


class CannotRead(Exception):
    """The page is in an encoding in which we cannot find its tags."""


def _labels(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: The labels of the Encoding standard whose encodings are ASCII-like.
_ASCII_LIKE = _labels(
    """
    unicode-1-1-utf-8 unicode11utf8 unicode20utf8 utf-8 utf8 x-unicode20utf8
    866 cp866 csibm866 ibm866
    csisolatin2 iso-8859-2 iso-ir-101 iso8859-2 iso88592 iso_8859-2 iso_8859-2:1987 l2 latin2
    csisolatin3 iso-8859-3 iso-ir-109 iso8859-3 iso88593 iso_8859-3 iso_8859-3:1988 l3 latin3
    csisolatin4 iso-8859-4 iso-ir-110 iso8859-4 iso88594 iso_8859-4 iso_8859-4:1988 l4 latin4
    csisolatincyrillic cyrillic iso-8859-5 iso-ir-144 iso8859-5 iso88595 iso_8859-5 iso_8859-5:1988
    arabic asmo-708 csiso88596e csiso88596i csisolatinarabic ecma-114 iso-8859-6 iso-8859-6-e iso-8859-6-i iso-ir-127
    iso8859-6 iso88596 iso_8859-6 iso_8859-6:1987
    csisolatingreek ecma-118 elot_928 greek greek8 iso-8859-7 iso-ir-126 iso8859-7 iso88597 iso_8859-7 iso_8859-7:1987
    sun_eu_greek
    csiso88598e csisolatinhebrew hebrew iso-8859-8 iso-8859-8-e iso-ir-138 iso8859-8 iso88598 iso_8859-8
    iso_8859-8:1988 visual csiso88598i iso-8859-8-i logical
    csisolatin6 iso-8859-10 iso-ir-157 iso8859-10 iso885910 l6 latin6
    iso-8859-13 iso8859-13 iso885913 iso-8859-14 iso8859-14 iso885914
    csisolatin9 iso-8859-15 iso8859-15 iso885915 iso_8859-15 l9 iso-8859-16
    cskoi8r koi koi8 koi8-r koi8_r koi8-ru koi8-u
    csmacintosh mac macintosh x-mac-roman
    dos-874 iso-8859-11 iso8859-11 iso885911 tis-620 windows-874
    cp1250 windows-1250 x-cp1250 cp1251 windows-1251 x-cp1251
    ansi_x3.4-1968 ascii cp1252 cp819 csisolatin1 ibm819 iso-8859-1 iso-ir-100 iso8859-1 iso88591 iso_8859-1
    iso_8859-1:1987 l1 latin1 us-ascii windows-1252 x-cp1252
    cp1253 windows-1253 x-cp1253
    cp1254 csisolatin5 iso-8859-9 iso-ir-148 iso8859-9 iso88599 iso_8859-9 iso_8859-9:1989 l5 latin5 windows-1254
    x-cp1254
    cp1255 windows-1255 x-cp1255 cp1256 windows-1256 x-cp1256 cp1257 windows-1257 x-cp1257 cp1258 windows-1258 x-cp1258
    x-mac-cyrillic x-mac-ukrainian
    chinese csgb2312 csiso58gb231280 gb2312 gb_2312 gb_2312-80 gbk iso-ir-58 x-gbk gb18030
    big5 big5-hkscs cn-big5 csbig5 x-x-big5
    cseucpkdfmtjapanese euc-jp x-euc-jp
    csshiftjis ms932 ms_kanji shift-jis shift_jis sjis windows-31j x-sjis
    cseuckr csksc56011987 euc-kr iso-ir-149 korean ks_c_5601-1987 ks_c_5601-1989 ksc5601 ksc_5601 windows-949
    x-user-defined
    """
)
_UTF_16 = {
    "unicodefffe": UTF_16BE,
    "utf-16be": UTF_16BE,
    "csunicode": UTF_16LE,
    "iso-10646-ucs-2": UTF_16LE,
    "ucs-2": UTF_16LE,
    "unicode": UTF_16LE,
    "unicodefeff": UTF_16LE,
    "utf-16": UTF_16LE,
    "utf-16le": UTF_16LE,
}
#: Labels that browsers do know and that are not ASCII-like (ISO-2022-JP, and those of "replacement"), and old ones
#: that some still sniff.
_UNREADABLE = _labels(
    """
    csiso2022jp iso-2022-jp csiso2022kr hz-gb-2312 iso-2022-cn iso-2022-cn-ext iso-2022-kr replacement
    utf-7 utf7 unicode-1-1-utf-7 csutf7 utf-32 utf32 utf-32le utf-32be ucs-4 scsu bocu-1 cesu-8
    """
)

_BOMS = ((b"\xef\xbb\xbf", ASCII_LIKE), (b"\xfe\xff", UTF_16BE), (b"\xff\xfe", UTF_16LE))


def encoding_of(content_type: bytes | None, start: bytes) -> str:
    """`ASCII_LIKE`, `UTF_16LE` or `UTF_16BE`. `start`: the page's first bytes, 1,024 where there are so many.

    Raises `CannotRead`.
    """
    for mark, encoding in _BOMS:
        if start.startswith(mark):
            return encoding
    label = label_of(content_type or b"")
    if not label:
        return declared(start[:PRESCAN])
    if label in _UTF_16:
        return _UTF_16[label]
    if label not in _ASCII_LIKE:
        raise CannotRead(f"charset {label[:40]!r}")
    return ASCII_LIKE


_PARAMETER = re.compile(rb"""[;,]\s*charset\s*=\s*(?:"([^"]*)"|'?([^\s;,"']*))""", re.I)


def label_of(content_type: bytes) -> str:
    """The charset parameter in lower case, "" where there is none."""
    found = _PARAMETER.search(content_type)
    return (found[1] or found[2] or b"").decode("latin-1").strip(" \t\r\n\f").lower() if found else ""


_COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.S)
_META = re.compile(rb"""<meta[\s/](?:[^>"']|"[^"]*"|'[^']*')*""", re.I)
_XML = re.compile(rb"<\?xml\s[^>]*")
_CHARSET = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?\s*([^\s"'>;/]+)""", re.I)


@lru_cache(256)
def declared(start: bytes) -> str:
    """What a `<meta>` or an XML declaration among the first bytes declares; `ASCII_LIKE` where nothing does.

    Names that browsers do not know declare nothing. A declared UTF-16 cannot be true of bytes in which it was
    found; browsers read UTF-8. Raises `CannotRead`.
    """
    xml = _XML.match(start)
    for meta in ([xml[0]] if xml else []) + _META.findall(_COMMENT.sub(b"", start)):
        for label in _CHARSET.findall(meta):
            name = label.decode("latin-1").lower()
            if name in _UNREADABLE:
                raise CannotRead(f"charset {name!r}")
            if name in _ASCII_LIKE or name in _UTF_16:
                return ASCII_LIKE
    return ASCII_LIKE


class Rewrites(Protocol):
    """A rewriter: `proxy.html.rewrite.Rewriter`, or the same for another encoding."""

    def feed(self, piece: bytes) -> bytes: ...
    def close(self) -> bytes: ...


class Recoded:
    """A rewriter of ASCII-like bytes made one of UTF-16: what it leaves alone comes out as it came in, to the byte."""

    def __init__(self, rewriter: Rewrites, encoding: str) -> None:
        self._rewriter = rewriter
        self._encode: Callable[[str, str], tuple[bytes, int]] = codecs.getencoder(encoding)
        self._read = codecs.getincrementaldecoder(encoding)("surrogatepass")
        self._reread = codecs.getincrementaldecoder("utf-8")("surrogatepass")

    def feed(self, piece: bytes) -> bytes:
        return self._back(self._rewriter.feed(self._read.decode(piece).encode("utf-8", "surrogatepass")))

    def close(self) -> bytes:
        odd = self._read.getstate()[0]  # half a character at the end of the page stays that
        return self._back(self._rewriter.close(), final=True) + odd

    def _back(self, rewritten: bytes, *, final: bool = False) -> bytes:
        return self._encode(self._reread.decode(rewritten, final), "surrogatepass")[0]
