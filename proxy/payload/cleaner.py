"""Queries and bodies bound for a vendor, cleaned of IP addresses.

Rules of this file: a field whose name says that it carries an IP address leaves with a shortened one or not at all,
whatever address it held. The visitor's own address is shortened wherever it is written, in names and values, in URLs,
JSON and base64 nested in them; a field that holds it where it cannot be shortened is dropped. A body that cannot be
read leaves only if the address is not in it. What needed no cleaning leaves byte for byte. Pure.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
from dataclasses import dataclass
from urllib.parse import quote, quote_plus, unquote_plus

from proxy.address import truncate
from proxy.payload.formats import base64_json, decompressed, is_json, is_text, no_constant, no_twins, same, unquoted
from proxy.payload.names import is_flag, names_an_address
from proxy.payload.withheld import Why, Withheld
from proxy.spellings import Spellings

_DEPTH = 5


@dataclass(frozen=True, slots=True)
class Cleaner:
    """Cleans what one visitor sends to one vendor.

    `spelled` are the visitor's own address's spellings, `fields` the vendor's allow-list (`Relay.fields`). `shorten`
    False: no address leaves, not even a shortened one.
    """

    spelled: Spellings | None
    fields: tuple[str, ...] = ("*",)
    shorten: bool = True

    def passes(self, name: str) -> bool:
        return any(name.startswith(field[:-1]) if field.endswith("*") else name == field for field in self.fields)

    @property
    def passes_all(self) -> bool:
        return "*" in self.fields

    def query(self, raw: bytes) -> bytes:
        """A query or a form body (`application/x-www-form-urlencoded`). Raises `Withheld`."""
        pieces = (self._field(piece) for piece in raw.split(b"&"))
        cleaned = self.text(b"&".join(piece for piece in pieces if piece is not None))  # it may lie across fields
        if cleaned is None:
            raise Withheld(Why.ADDRESS)
        return cleaned

    def text(self, raw: bytes) -> bytes | None:
        """Any text with every spelling shortened; None where that cannot be."""
        return raw if self.spelled is None else self.spelled.replace(raw)

    def body(self, media_type: str, boundary: bytes | None, raw: bytes) -> bytes:
        """A body, not compressed. Raises `Withheld`."""
        if raw.startswith(_GZIP):  # by the vendor's own script, not by HTTP
            plain = decompressed("gzip", raw)
            if plain.startswith(_GZIP):
                raise Withheld(Why.CODING)
            cleaned = self.body(media_type, boundary, plain)
            return raw if cleaned == plain else gzip.compress(cleaned, mtime=0)
        if media_type == "application/x-www-form-urlencoded":
            return self.query(raw)
        if media_type == "multipart/form-data" and boundary:
            return self._multipart(boundary, raw)
        if is_text(media_type, raw):
            return self._lines(raw)
        if raw and not self.passes_all:
            raise Withheld(Why.UNNAMED)
        if self._hidden_in(raw):
            raise Withheld(Why.ADDRESS)
        return raw

    def _hidden_in(self, content: bytes) -> bool:
        return self.spelled is not None and self.spelled.in_bytes(content)

    def _short(self, text: str) -> str | None:
        return truncate(text) if self.shorten else None

    def _address(self, value: str) -> str | None:
        """The value of a field that carries an address: a mere flag, or a shortened address; None: drop it."""
        return value if is_flag(value) else self._short(value)

    def _field(self, piece: bytes) -> bytes | None:
        name, equals, value = piece.partition(b"=")
        plain_name = unquote_plus(name.decode(errors="surrogateescape"), errors="surrogateescape")
        if not piece or not self.passes(plain_name):
            return None
        plain = unquote_plus(value.decode(errors="surrogateescape"), errors="surrogateescape")
        if names_an_address(plain_name):
            if not is_flag(plain):
                short = self._short(plain)
                if short is None:
                    return None
                piece = name + equals + quote(short).encode()
        else:
            cleaned = self._value(plain, 1)
            if cleaned is None:
                return None
            if cleaned != plain:
                piece = name + equals + quote_plus(cleaned, errors="surrogateescape").encode()
        return self.text(piece)

    def _value(self, text: str, depth: int) -> str | None:
        """A decoded value: JSON, base64 of JSON, a URL or a query nested in it, or plain text. None: drop it."""
        if depth > _DEPTH:
            return self._plain(text)
        if text[:1] in ("{", "["):
            try:
                return self._json_text(text, depth)
            except ValueError:
                return self._plain(text)
        if (inner := base64_json(text)) is not None:
            cleaned = self._value(inner, depth + 1)
            if cleaned is None:
                return None
            if cleaned != inner:
                return base64.b64encode(cleaned.encode(errors="surrogateescape")).decode()
        elif "=" in text:
            before, mark, query = text.partition("?")
            if not mark:
                before, query = "", text
            query, hash_mark, fragment = query.partition("#")
            text = before + mark + self._nested_query(query, depth) + hash_mark + fragment
        elif "%" in text:
            peeled = unquoted(text)
            cleaned = self._value(peeled, depth + 1)
            if cleaned is None:
                return None
            if cleaned != peeled:
                return quote(cleaned, safe="", errors="surrogateescape")
        return self._plain(text)

    def _nested_query(self, query: str, depth: int) -> str:
        kept = []
        for piece in query.split("&"):
            name, equals, value = piece.partition("=")
            if equals and names_an_address(unquoted(name)) and not is_flag(value):
                short = self._short(unquoted(value))
                if short is not None:
                    kept.append(f"{name}={short}")
            elif value[:1] in ("{", "[") or "%" in value:
                cleaned = self._value(value, depth + 1)
                if cleaned is not None:
                    kept.append(name + equals + cleaned)
            else:
                kept.append(piece)
        return "&".join(kept)

    def _plain(self, text: str) -> str | None:
        raw = self.text(text.encode(errors="surrogateescape"))
        return None if raw is None else raw.decode(errors="surrogateescape")

    def _json_text(self, text: str, depth: int) -> str:
        """JSON with its leaves cleaned, as it came if nothing was to clean. Raises ValueError if it is none."""
        try:
            found = json.loads(text, object_pairs_hook=no_twins, parse_constant=no_constant)
            cleaned = self._json(found, depth, top=depth == 0)
            return text if same(cleaned, found) else json.dumps(cleaned, separators=(",", ":"), allow_nan=False)
        except RecursionError:
            raise ValueError("nested too deep") from None

    def _json(self, found: object, depth: int, *, top: bool = False) -> object:
        if isinstance(found, dict):
            kept = ((key, value) for key, value in found.items() if not top or self.passes(key))
            return {self._plain(key) or "": self._member(key, value, depth) for key, value in kept}
        if isinstance(found, list):
            return [self._json(value, depth, top=top) for value in found]
        if isinstance(found, str):
            return self._value(found, depth + 1) or ""
        if isinstance(found, int) and self.spelled is not None and found == self.spelled.number:
            return None
        return found

    def _member(self, key: str, value: object, depth: int) -> object:
        if not names_an_address(key) or value is None or isinstance(value, bool):
            return self._json(value, depth)
        if isinstance(value, str):
            return self._address(value) or ""
        if isinstance(value, (int, float)):
            return value if value in (0, 1) else None
        if isinstance(value, list):
            return [self._member(key, one, depth) for one in value]
        return self._json(value, depth)

    def _lines(self, raw: bytes) -> bytes:
        """A text body: JSON, or lines of JSON, of form fields (`sendBeacon` batches) or of anything."""
        text = raw.decode(errors="surrogateescape")
        try:
            readable = text.lstrip()[:1] in ("{", "[") and (self.passes_all or is_json(text))
            whole = self._json_text(text, 0) if readable else None
        except ValueError:
            whole = None
        lines = [self._line(line) for line in text.split("\n")] if whole is None else [whole]
        cleaned = self.text("\n".join(lines).encode(errors="surrogateescape"))
        if cleaned is None:
            raise Withheld(Why.ADDRESS)
        return cleaned

    def _line(self, line: str) -> str:
        if _FORM_LINE.match(line):
            return self.query(line.encode(errors="surrogateescape")).decode(errors="surrogateescape")
        if line.strip() and not self.passes_all and not is_json(line):
            raise Withheld(Why.UNNAMED)
        cleaned = self._value(line, 0)
        if cleaned is None:
            raise Withheld(Why.ADDRESS)
        return cleaned

    def _multipart(self, boundary: bytes, raw: bytes) -> bytes:
        """`multipart/form-data` (RFC 7578), part by part; a part whose name may not pass is left out."""
        opening = b"--" + boundary
        first, *parts = (b"\r\n" + raw).split(b"\r\n" + opening)
        if first or not parts or parts[-1].strip() != b"--":
            raise Withheld(Why.MALFORMED)
        kept = [cleaned for part in parts[:-1] if (cleaned := self._part(part)) is not None]
        return b"".join(opening + part + b"\r\n" for part in kept) + opening + b"--\r\n"

    def _part(self, part: bytes) -> bytes | None:
        head, blank, content = part.partition(b"\r\n\r\n")
        named = _PART_NAME.search(head)
        if not blank or named is None:
            raise Withheld(Why.MALFORMED)
        name = named[1].decode("latin-1")
        if not self.passes(name):
            return None
        if b"\0" in content:
            return None if self._hidden_in(part) else part
        text = content.decode(errors="surrogateescape")
        cleaned = self._address(text) if names_an_address(name) else self._value(text, 1)
        clean_head = self.text(head)
        if cleaned is None or clean_head is None:
            return None
        return clean_head + blank + cleaned.encode(errors="surrogateescape")


_GZIP = b"\x1f\x8b"
_FORM_LINE = re.compile(r"[\w.\[\]%~-]+=[^\s{]*\Z")
_PART_NAME = re.compile(rb'[;\s]name="([^"\r\n]*)"', re.IGNORECASE)
