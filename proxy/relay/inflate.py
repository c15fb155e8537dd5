"""Content codings of vendors' answers: gzip is taken off piece by piece, anything else is no answer. No I/O."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from proxy.relay.failures import Failure, VendorDown

_PIECE = 65_536


class Inflate:
    """Takes gzip off, never holding more than a piece of what comes out. Raises `VendorDown`."""

    def __init__(self, coding: bytes, largest: int) -> None:
        self._room = largest
        match coding.strip().lower():
            case b"" | b"identity":
                self._inflate = None
            case b"gzip" | b"x-gzip":
                self._inflate = zlib.decompressobj(wbits=31)
            case _:
                raise VendorDown(Failure.CODING)
        self._started = False

    def feed(self, raw: bytes) -> Iterator[bytes]:
        if self._inflate is None:
            yield self._counted(raw)
            return
        self._started = True
        while raw and not self._inflate.eof:
            try:
                piece = self._inflate.decompress(raw, _PIECE)
            except zlib.error:
                raise VendorDown(Failure.CODING) from None
            raw = self._inflate.unconsumed_tail
            if piece:
                yield self._counted(piece)

    def close(self) -> None:
        if self._inflate is not None and self._started and not self._inflate.eof:
            raise VendorDown(Failure.CODING)

    def _counted(self, piece: bytes) -> bytes:
        self._room -= len(piece)
        if self._room < 0:
            raise VendorDown(Failure.TOO_LARGE)
        return piece
