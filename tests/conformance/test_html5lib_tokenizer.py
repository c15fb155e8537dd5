"""The scanner against html5lib's tokenizer cases: every token of every case, whole and byte by byte."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from proxy.html import grammar
from proxy.html.attributes import character, closes_itself, decode, parse
from proxy.html.scan import Kind, Scanner, Until
from tests.places import CONFORMANCE_DIR

FILES = sorted((CONFORMANCE_DIR / "html5lib-tokenizer").glob("*.test"))
STATES = {
    "Data state": {},
    "PLAINTEXT state": {"until": Until.NEVER},
    "RCDATA state": {"raw": b"title"},
    "RAWTEXT state": {"raw": b"xmp"},
    "Script data state": {"raw": b"script"},
    "CDATA section state": {"until": Until.BRACKETS},
}
DOCTYPE = re.compile(
    r"""<!doctype[\t\n\f ]*(?P<name>[^\t\n\f >]*)[\t\n\f ]*(?P<rest>.*?)(?P<closed>>?)\Z""", re.I | re.S
)


@pytest.mark.skipif(not FILES, reason="html5lib's tokenizer cases are not here (SHARED_DIR)")
@pytest.mark.parametrize("size", [1 << 20, 1, 3], ids=["whole", "by one", "by three"])
def test_every_token_of_every_case(size: int) -> None:
    checked, wrong = 0, []
    for name, case, state in cases():
        checked += 1
        want, got = run(case, state, size)
        if want != got:
            wrong.append(f"{name} {state}: {case['input']!r}\n  wanted {want}\n  got    {got}")
    assert checked > 400
    assert not wrong, f"{len(wrong)} of {checked}\n" + "\n".join(wrong[:20])


def cases() -> Iterator[tuple[str, Any, str]]:
    for file in FILES:
        for case in json.loads(file.read_text())["tests"]:
            for state in case.get("initialStates", ["Data state"]):
                yield file.stem, case, state


def run(case: dict[str, Any], state: str, size: int) -> tuple[list[Any], list[Any]]:
    """The tokens that the case wants, and ours."""
    unescape = _unescape if case.get("doubleEscaped") else str
    page = unescape(case["input"]).replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "surrogatepass")
    start = dict(STATES[state])
    if "raw" in start and "lastStartTag" in case:
        start["raw"] = case["lastStartTag"].encode()
    return expected(case["output"], unescape), tokens(page, start, state, size)


def _unescape(text: str) -> str:
    return re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), text)


def expected(output: list[Any], unescape: Any) -> list[Any]:
    def deep(value: Any) -> Any:
        if isinstance(value, str):
            return unescape(value)
        if isinstance(value, dict):
            return {unescape(key): deep(item) for key, item in value.items()}
        return [deep(item) for item in value] if isinstance(value, list) else value

    return [token for token in map(deep, output) if token != "ParseError"]


def tokens(page: bytes, start: dict[str, Any], state: str, size: int) -> list[Any]:
    scanner = Scanner(grammar.SKIP_NOTHING, texts=True)
    scanner.begin(**start)
    found: list[Any] = []
    pieces = [page[at : at + size] for at in range(0, len(page), size)]
    for number, piece in enumerate([*pieces, b""]):
        scanner.feed(piece)
        for token in scanner.tokens(last=number == len(pieces)):
            kind, at, end, name = token
            whole = page[scanner.base + at : scanner.base + end]
            found += told(kind, whole, has_references(state, page, scanner.base + at, kind, name))
    return merged(found)


def has_references(state: str, page: bytes, offset: int, kind: Kind, name: bytes) -> str | None:
    """Whether `&amp;` is a reference in this text (and of which kind), "" if not; None in CDATA (NUL stays)."""
    if state == "CDATA section state" and b"]]>" not in page[:offset]:
        return None
    if kind is Kind.RAW:
        return "RCDATA" if state == "RCDATA state" or name in (b"title", b"textarea") else ""
    return "" if state == "PLAINTEXT state" else "data"


def merged(found: list[Any]) -> list[Any]:
    """Adjacent text as one token, its references resolved."""
    joined: list[Any] = []
    for token in found:
        if token[0] == "Character" and joined and joined[-1][0] == "Character" and joined[-1][2] == token[2]:
            joined[-1] = ["Character", joined[-1][1] + token[1], token[2]]
        else:
            joined.append(token)
    together: list[Any] = []
    for token in joined:
        if token[0] == "Character":
            text = text_of(token[1])
            text = resolved(text, token[2]) if token[2] else text.replace("\0", "\0" if token[2] is None else "\ufffd")
            if together and together[-1][0] == "Character":
                together[-1][1] += text
                continue
            token = ["Character", text]
        together.append(token)
    return together


def resolved(text: str, kind: str) -> str:
    """Character references of text; html.unescape knows all but a few numbers."""
    parts = re.split(r"&#(?:[xX]([0-9a-fA-F]+)|([0-9]+));?", text)
    for at in range(0, len(parts), 3):
        parts[at] = html.unescape(parts[at].replace("\0", "\ufffd" if kind == "RCDATA" else "\0"))
        if at + 2 < len(parts):
            number = int(parts[at + 1] or parts[at + 2], 16 if parts[at + 1] else 10)
            parts[at + 1], parts[at + 2] = character(number), ""
    return "".join(parts)


def text_of(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogatepass")


def told(kind: Kind, whole: bytes, references: str | None) -> list[Any]:
    if kind in (Kind.TEXT, Kind.RAW):
        return [["Character", whole, references]]
    if kind is Kind.END:
        return [["EndTag", name_of(whole)]]
    if kind is Kind.START:
        attributes = {text_of(one.name).replace("\0", "\ufffd"): value_of(one.raw) for one in parse(whole) if one.first}
        return [["StartTag", name_of(whole), attributes, *([True] if closes_itself(whole) else [])]]
    return comment(text_of(whole))


def value_of(raw: bytes) -> str:
    text = decode(raw.replace(b"\0", b"\xef\xbf\xbd"))
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogatepass")


def name_of(tag: bytes) -> str:
    found = grammar.TAG.match(tag)
    assert found is not None
    return text_of(found[1].lower()).replace("\0", "\ufffd")


def comment(whole: str) -> list[Any]:
    if whole[:9].lower() == "<!doctype":
        return [doctype(whole)]
    if whole.startswith("<!--"):
        empty = whole in ("<!-->", "<!--->")
        body = "" if empty else re.sub(r"--!?>\Z|(?:--!?|-)\Z", "", whole[4:], count=1)
        return [["Comment", body.replace("\0", "\ufffd")]]
    if whole == "</>":
        return []
    body = whole[1:] if whole.startswith("<?") else whole[2:]
    return [["Comment", body.removesuffix(">").replace("\0", "\ufffd")]]


def doctype(whole: str) -> list[Any]:
    found = DOCTYPE.match(whole)
    assert found is not None
    name = found["name"].replace("\0", "\ufffd")
    name = "".join(c.lower() if c.isascii() else c for c in name) or None
    rest, right = found["rest"].replace("\0", "\ufffd"), bool(found["closed"]) and name is not None
    ids: list[str | None] = [None, None]
    if rest:
        keyword = rest[:6].upper()
        quoted = r"""[\t\n\f ]*(?:"([^">]*)("?)|'([^'>]*)('?))"""
        if keyword in ("PUBLIC", "SYSTEM"):
            rest, slot = rest[6:], 0 if keyword == "PUBLIC" else 1
            while slot < 2:
                part = re.match(quoted, rest)
                if part is None:
                    right = right and slot == 1 and ids[0] is not None and not rest.strip("\t\n\f ")
                    break
                ids[slot] = part[1] if part[1] is not None else part[3]
                right = right and bool(part[2] or part[4])
                rest, slot = rest[part.end() :], slot + 1
            if slot == 2 and ids[1] is not None and (part := rest.strip("\t\n\f ")):
                right = name is not None  # what follows the system identifier is passed over
        else:
            right = False
    return ["DOCTYPE", name, *ids, right]
