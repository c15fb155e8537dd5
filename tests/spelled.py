"""Every way to write an IP address that tests look for, worked out here and not by the code under test.

`encodings(address)` names each spelling and gives its bytes; `hits(address, content)` says which of them are in some
content, plainly or below up to three layers of percent-encoding, with letters in either case where case says nothing.
"""

from __future__ import annotations

import base64
import json
from ipaddress import IPv6Address, ip_address
from urllib.parse import quote, unquote_to_bytes


def plain(address: str) -> dict[str, str]:
    """The textual forms."""
    parsed = ip_address(address)
    if not isinstance(parsed, IPv6Address):
        high, low = divmod(int(parsed), 65536)
        return {
            "plain": address,
            "mapped": f"::ffff:{address}",
            "mapped hex": f"::ffff:{high:x}:{low:x}",
            "mapped expanded": f"0000:0000:0000:0000:0000:ffff:{high:04x}:{low:04x}",
            "padded octets": ".".join(f"{int(octet):03d}" for octet in address.split(".")),
        }
    groups = parsed.exploded.split(":")
    return {
        "compressed": parsed.compressed,
        "compressed upper": parsed.compressed.upper(),
        "expanded": parsed.exploded,
        "expanded upper": parsed.exploded.upper(),
        "unpadded": ":".join(group.lstrip("0") or "0" for group in groups),
        "dotted end": ":".join(groups[:6]) + ":" + ".".join(map(str, parsed.packed[12:])),
    }


def coded(address: str) -> dict[str, str]:
    """The forms that no shortened address can be put in place of."""
    parsed = ip_address(address)
    found = {
        "packed hex": parsed.packed.hex(),
        "packed hex upper": parsed.packed.hex().upper(),
        "decimal": str(int(parsed)),
    }
    for name, text in plain(address).items():
        if name.startswith(("plain", "compressed", "expanded", "mapped")):
            found[f"hex of {name}"] = text.encode().hex()
            for before in range(3):
                coded = base64.b64encode(b"{" * before + text.encode() + b"}").decode()
                found[f"base64 of {name}, {before} bytes before"] = coded
    found["base64 of the bytes"] = base64.b64encode(parsed.packed).decode()
    return found


def escaped(text: str) -> dict[str, str]:
    """One text in the escapes of URLs, JSON and HTML."""
    return {
        "as it is": text,
        "percent-encoded": quote(text, safe=""),
        "percent-encoded twice": quote(quote(text, safe=""), safe=""),
        "percent-encoded whole": "".join(f"%{ord(char):02X}" for char in text),
        "percent-encoded whole, lower": "".join(f"%{ord(char):02x}" for char in text),
        "JSON-escaped": "".join(f"\\u{ord(char):04x}" for char in text),
        "JSON in JSON": json.dumps("".join(f"\\u{ord(char):04X}" for char in text))[1:-1],
        "HTML-escaped": "".join(f"&#{ord(char)};" for char in text),
    }


def hits(address: str, content: bytes) -> list[str]:
    """Names of the spellings of this address that are in the content."""
    layers = [content]
    for _ in range(3):
        layers.append(unquote_to_bytes(layers[-1]))
    layers = [layer for one in layers for layer in (one, one.replace(b"\\\\", b"\\"), one.replace(b"\0", b""))]
    found = []
    for name, text in plain(address).items():
        for escape, written in escaped(text).items():
            if any(written.lower().encode() in layer.lower() for layer in layers):
                found.append(f"{name}, {escape}")
    for name, text in coded(address).items():
        core = text.rstrip("=")
        if "base64 of the" not in name and "base64" in name:
            before = int(name.split(", ")[1].split()[0])
            core = core[-(-before * 8 // 6) : -2]
            wanted = [core.encode(), core.translate(str.maketrans("+/", "-_")).encode()]
        else:
            wanted = [core.encode()]
        if any(one in layer for one in wanted for layer in layers):
            found.append(name)
    if ip_address(address).packed in content:
        found.append("bytes")
    return found
