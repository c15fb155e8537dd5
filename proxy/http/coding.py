"""Content codings, streamed: gzip, br and zstd in both directions.

Rules: what a decoder gives out is bounded piece by piece, whatever the input promises, and in all by a size and a ratio
(a page that inflates further is a bomb). A stream that stops before its end, or whose checksum is wrong, is an error,
never a shorter page. One coding at a time: nested and unknown codings cannot be decoded, and the caller fails closed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

import brotli
import zstandard
from isal import igzip_lib, isal_zlib

#: The most that one step of decoding gives out (bytes; brotli may give half as much again, zstd see `_SLICE`).
PIECE = 64 * 1024
#: The most that a page may be when decoded, and how many times larger than it came, once beyond `FREE` bytes. Real
#: pages stay below 60 times.
LARGEST = 256 * 1024 * 1024
RATIO = 100
FREE = 4 * 1024 * 1024
#: zstd has no bound on what one call gives out; a block is at most 128 KiB and at least four bytes, so 256 bytes of
#: input are at most 8 MiB. RFC 9659: a window for the web is at most 8 MiB.
_SLICE = 256
_ZSTD_WINDOW = 8 * 1024 * 1024

_GZIP, _GZIP_LEVEL, _BR_LEVEL, _BR_WINDOW, _ZSTD_LEVEL = 31, 2, 4, 19, 3


class CannotDecode(Exception):
    """The body is not what its Content-Encoding says, breaks off, or is a bomb."""


class _Engine(Protocol):
    def feed(self, data: bytes) -> Iterator[bytes]: ...
    @property
    def whole(self) -> bool: ...


class _Plain:
    whole = True

    def feed(self, data: bytes) -> Iterator[bytes]:
        yield data


class _Gunzip:
    """RFC 1952, several members too. What follows the last member and is none is left out, as browsers do."""

    def __init__(self) -> None:
        self._member = isal_zlib.decompressobj(wbits=_GZIP)
        self._after = b""

    @property
    def whole(self) -> bool:
        return bool(self._member.eof)

    def feed(self, data: bytes) -> Iterator[bytes]:
        while True:
            if self._member.eof:
                self._after += data
                if len(self._after) < 2 or not self._after.startswith(b"\x1f\x8b"):
                    self._after = self._after[:2]
                    return
                data, self._after = self._after, b""
                self._member = isal_zlib.decompressobj(wbits=_GZIP)
            piece = self._member.decompress(data, PIECE)
            data = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            if piece:
                yield piece
            if not data and len(piece) < PIECE:
                return


class _Unbrotli:
    def __init__(self) -> None:
        self._engine = brotli.Decompressor()

    @property
    def whole(self) -> bool:
        return bool(self._engine.is_finished())

    def feed(self, data: bytes) -> Iterator[bytes]:
        if self._engine.is_finished():
            return
        while piece := self._engine.process(data, output_buffer_limit=PIECE):
            yield piece
            data = b""


class _Unzstd:
    """RFC 8878, several frames too."""

    def __init__(self) -> None:
        self._engine = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
        self._frame = self._engine.decompressobj()

    @property
    def whole(self) -> bool:
        return self._frame.eof

    def feed(self, data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), _SLICE):
            rest = data[start : start + _SLICE]
            while rest:
                if self._frame.eof:
                    self._frame = self._engine.decompressobj()
                piece = self._frame.decompress(rest)
                rest = self._frame.unused_data if self._frame.eof else b""
                if piece:
                    yield piece


_ENGINES: Mapping[str, Callable[[], _Engine]] = {"identity": _Plain, "gzip": _Gunzip, "br": _Unbrotli, "zstd": _Unzstd}


class Decoder:
    """Decodes one body. `coding` is one of `gzip`, `br`, `zstd`, `identity`."""

    def __init__(self, coding: str) -> None:
        self._engine = _ENGINES[coding]()
        self._came = self._gave = 0
        self._bounded = coding != "identity"

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The pieces that this much more of the body decodes to. Raises `CannotDecode`; exhaust it before the next."""
        self._came += len(data)
        try:
            for piece in self._engine.feed(data):
                self._gave += len(piece)
                if self._bounded and self._gave > min(LARGEST, max(FREE, RATIO * self._came)):
                    raise CannotDecode(f"{self._came} bytes inflate to more than {self._gave}")
                yield piece
        except (igzip_lib.IsalError, brotli.error, zstandard.ZstdError) as error:  # type: ignore[misc]  # isal's stubs call it an instance
            raise CannotDecode(str(error)) from None

    def close(self) -> None:
        """Raises `CannotDecode` where the body stopped before its coding's end. (No byte at all is an empty body.)"""
        if self._came and not self._engine.whole:
            raise CannotDecode("the body stops before the end of its content coding")


class Encoder(Protocol):
    """Encodes one body. `flush` gives out all that is held back, so that a reader can go on; `close` ends the body."""

    def feed(self, data: bytes) -> bytes: ...
    def flush(self) -> bytes: ...
    def close(self) -> bytes: ...


class _PlainEncoder:
    def feed(self, data: bytes) -> bytes:
        return data

    def flush(self) -> bytes:
        return b""

    def close(self) -> bytes:
        return b""


class _Gzip:
    def __init__(self) -> None:
        self._engine = isal_zlib.compressobj(_GZIP_LEVEL, isal_zlib.DEFLATED, _GZIP)

    def feed(self, data: bytes) -> bytes:
        return bytes(self._engine.compress(data))

    def flush(self) -> bytes:
        return bytes(self._engine.flush(isal_zlib.Z_SYNC_FLUSH))

    def close(self) -> bytes:
        return bytes(self._engine.flush())


class _Brotli:
    def __init__(self) -> None:
        self._engine = brotli.Compressor(quality=_BR_LEVEL, lgwin=_BR_WINDOW)

    def feed(self, data: bytes) -> bytes:
        return bytes(self._engine.process(data))

    def flush(self) -> bytes:
        return bytes(self._engine.flush())

    def close(self) -> bytes:
        return bytes(self._engine.finish())


class _Zstd:
    def __init__(self) -> None:
        self._engine = zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compressobj()

    def feed(self, data: bytes) -> bytes:
        return self._engine.compress(data)

    def flush(self) -> bytes:
        return self._engine.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)

    def close(self) -> bytes:
        return self._engine.flush()


_ENCODERS: Mapping[str, Callable[[], Encoder]] = {
    "identity": _PlainEncoder,
    "gzip": _Gzip,
    "br": _Brotli,
    "zstd": _Zstd,
}


def encoder(coding: str) -> Encoder:
    """An encoder for `gzip`, `br`, `zstd` or `identity`."""
    return _ENCODERS[coding]()


def coding_of(values: Iterable[bytes]) -> str | None:
    """The one coding that Content-Encoding headers name; None where we cannot decode it (unknown, or several)."""
    names = [name for value in values for name in value.decode("latin-1").lower().replace(" ", "").split(",") if name]
    names = ["gzip" if name == "x-gzip" else name for name in names if name != "identity"]
    if not names:
        return "identity"
    return names[0] if len(names) == 1 and names[0] in _ENGINES else None


_MEMBER = re.compile(r"[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*((?:;[ \t]*q=[ \t]*[0-9.]{1,5})?)[ \t]*\Z", re.I)


def narrowed(values: Iterable[bytes]) -> bytes:
    """An Accept-Encoding that asks for nothing we cannot decode. A list without any of ours becomes `identity`."""
    kept = []
    for member in b",".join(values).decode("latin-1").split(","):
        found = _MEMBER.match(member)
        if found and found[1].lower() in _ENGINES:
            kept.append(found[1].lower() + found[2].replace(" ", "").replace("\t", ""))
    return ", ".join(kept).encode() or b"identity"
