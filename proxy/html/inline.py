"""What becomes of URL literals in scripts and style sheets that run, in text that arrives in pieces.

Rules of this file: a script stays whole; only a literal that names a denied or a relayed vendor changes. Pages that
visitors open themselves (the catalogue's `links`, `<a href=` in a string) are left alone.

- A whole URL (with `//`): the stub's URL and `?` up to the literal's end if denied, the relay's if granted; without
  their scheme where the script puts one before it (`location.protocol + '//…'`).
- A part of one (`'.google-analytics.com/ga.js'`, `'www.googletagmanager.com'`): its host's last label becomes
  `invalid` (RFC 2606) if denied, so that it reaches no one; the host becomes ours and the relay's path if granted. All
  of a script's address but the scheme (`'edge.fullstory.com/s/fs.js'`) becomes the stub's.
- In style sheets a denied URL becomes `about:invalid`, also where it is written with escapes (`escaped.py`).

Hosts are found by how they end (`hosts.py`). Only the literal at hand is held back: from where a URL could have begun
to where it ends. Whatever the pieces, the result is the same, and each byte is searched once, or as often as it takes
to hold `literal.REACH` bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from proxy.catalogue.known import Known
from proxy.catalogue.match import Destination, embeds, matches, pattern_parts, relays
from proxy.catalogue.schema import Vendor
from proxy.catalogue.shapes import Shape
from proxy.catalogue.url import Split, split_url
from proxy.html import escaped, grammar
from proxy.html.literal import CONTEXT, REACH, Literal, end_of, goes_on, literal_at, unescaped
from proxy.html.page import Page
from proxy.html.rules import Rules, Weighed, rules_of
from proxy.html.verdict import Other, relays_anything, verdict
from proxy.model import Action, Decision, Reach, Reason

#: Told of every literal that could contact somebody: its offset in the text, and the weighed URL.
Told = Callable[[int, Weighed], None]
#: Where hosts stand in a text, in order; in a style sheet an empty one is an escape, or an opening of `url(…)`.
Hosts = list[tuple[int, int]]

_UNDELIMITED = re.compile(rb"[^\s\"'`<>(){},;]*+")
_UNENDED = re.compile(rb"[^\s\"'`<>)]*+")
_UNQUOTED = re.compile(rb"[^\"')]*+")
#: Hosts of URLs that are names (XML namespaces, vocabularies): nobody is contacted by them.
_NAMES = frozenset(
    {"www.w3.org", "schema.org", "www.schema.org", "json-schema.org", "purl.org", "ns.adobe.com", "ogp.me"}
)
#: The path of a script, to its end.
_SCRIPT_FILE = re.compile(rb"/[\w./-]*\.js", re.A)
_PORT = re.compile(rb":[0-9]{1,5}")
#: Bytes without a delimiter after which text leaves although a URL could go on in it, and how many of them stay.
_LONGEST_RUN, _STAYING = 2048, 1024


class _Seen(NamedTuple):
    """A literal or token at hand: where it starts, where looking goes on, where it ends (None: that is not known yet,
    and only a byte that is not in `waiting` could tell), and what changes it."""

    start: int
    passed: int
    stop: int | None
    waiting: re.Pattern[bytes]
    change: Callable[[bytes, int, int], tuple[int, int, bytes] | None]


class Literals:
    """Rewrites the text of one script (or, with `style`, one style sheet)."""

    def __init__(self, rules: Rules, told: Told | None = None, *, style: bool = False) -> None:
        self._rules = rules
        self._told = told
        self._style = style
        self._held = bytearray()
        #: The bytes before the held ones, and where the held ones begin in the text.
        self._context = b""
        self._offset = 0
        #: What no byte of a piece may be but those of this run, and how much may be held, if held bytes are to wait on.
        self._waiting = _UNDELIMITED
        self._wake = 0

    def feed(self, piece: bytes, *, last: bool = False, found: Hosts | None = None) -> bytes:
        """The text that can leave now: the very same object where nothing changes and nothing is held.

        `found`: the hosts in the first piece, where they are known already.
        """
        if not self._held:
            return self._rewrite(piece, last, found)
        self._held += piece
        if not last and len(self._held) < self._wake and grammar.end(self._waiting.match(piece)) == len(piece):
            return b""
        return self._rewrite(bytes(self._held), last)

    def _rewrite(self, text: bytes, last: bool, found: Hosts | None = None) -> bytes:
        """Changes what is settled of the text and holds the rest."""
        size, before = len(text), len(self._context)
        whole = self._context + text if before else text
        settled = ready = size
        if not last:
            settled = ready = _last_delimiter(text)
            if size - settled > _LONGEST_RUN:
                settled, ready = size - _STAYING, size - _STAYING // 2
        self._waiting, self._wake = _UNDELIMITED, _LONGEST_RUN + 1
        out: list[bytes] = []
        copied = passed = 0
        for start, end in self._hosts(text) if found is None else found:
            if start < passed or end > ready:
                continue
            seen = (self._token if start == end else self._literal)(whole, before + start, before + end, last)
            if seen is None or seen.start - before < copied:
                continue
            passed = seen.passed - before
            if seen.stop is None:
                settled = min(settled, seen.start - before)
                self._waiting, self._wake = seen.waiting, end - settled + REACH + 32
                break
            change = seen.change(whole, seen.stop, self._offset - before)
            settled = max(settled, passed if start == end else end)  # judged once, whatever comes
            if change is not None:
                at, to, replacement = change
                out += (text[copied : at - before], replacement)
                copied = to - before
                settled = max(settled, copied)
        return self._release(text, whole, settled, copied, out)

    def _literal(self, whole: bytes, start: int, end: int, last: bool) -> _Seen | None:
        literal = literal_at(whole, start, end, style=self._style)
        if literal is None:
            return None
        stop = end_of(whole, literal, last=last)
        passed = stop if self._style and stop is not None else literal.host_end
        return _Seen(literal.start, passed, stop, _UNENDED, partial(self._change, literal))

    def _token(self, whole: bytes, at: int, _: int, last: bool) -> _Seen | None:
        token = escaped.token_at(whole, at, last=last)
        if token is None:
            return None
        return _Seen(token.start, token.end or at, token.end, _UNQUOTED, partial(self._respelled, token))

    def _hosts(self, text: bytes) -> Hosts:
        return self._rules.hosts_in(text, style=self._style, before=self._context)

    def _release(self, text: bytes, whole: bytes, settled: int, copied: int, out: list[bytes]) -> bytes:
        """Lets the settled text go, keeps the rest and what stood before it."""
        keep = len(whole) - len(text) + settled
        self._context = whole[max(0, keep - CONTEXT) : keep]
        self._offset += settled
        self._held = bytearray(text[settled:])
        if not out:
            return text if settled == len(text) else text[:settled]
        out.append(text[copied:settled])
        return b"".join(out)

    def _weigh(self, text: bytes, literal: Literal, stop: int) -> Weighed | None:
        """Judged once for all literals of the same bytes that stand alike."""
        open_ended = literal.joined or goes_on(text, stop) or stop - literal.host_end >= REACH
        url = text[literal.start : stop]
        key = url + bytes(
            (self._style, open_ended, literal.whole, literal.linked, literal.host_end - literal.start & 255)
        )
        known = self._rules.literals.get(key)
        if known is None:
            known = (weigh(self._rules, literal, url, style=self._style, open_ended=open_ended),)
            self._rules.literals.put(key, known)
        return known[0]

    def _change(self, literal: Literal, text: bytes, stop: int, offset: int) -> tuple[int, int, bytes] | None:
        """What to put in place of which part of a literal; None to leave it."""
        weighed = self._weigh(text, literal, stop)
        if weighed is None:
            return None
        rules, start, end = self._rules, literal.start, literal.host_end
        if weighed.action is Action.RELAY and not literal.whole and literal.host.startswith("."):
            weighed = weighed._replace(action=Action.CUT, reason=Reason.NOT_RELAYED)
        if self._told is not None:
            self._told(start + offset, weighed)
        if weighed.action is Action.KEEP:
            return None
        if weighed.action is Action.RELAY:
            port = _PORT.match(text, end, stop)
            there = _without_scheme(literal, rules.relay(weighed.key, literal.host, ""))
            return start if literal.whole else literal.host_start, port.end() if port else end, there.encode()
        if literal.whole and self._style:
            return start, stop, b"about:invalid"
        if literal.whole and weighed.vendor is not None:
            return start, stop, _without_scheme(literal, rules.stub(weighed.key)).encode() + b"?"
        alone = not (literal.joined or literal.host.startswith(".") or goes_on(text, stop))
        if weighed.vendor is not None and alone and _SCRIPT_FILE.fullmatch(text, end, stop):
            return literal.host_start, stop, _without_scheme(literal, rules.stub(weighed.key)).encode() + b"?"
        return text.rfind(b".", literal.host_start, end) + 1, end, b"invalid"

    def _respelled(self, token: escaped.Token, _: bytes, stop: int, offset: int) -> tuple[int, int, bytes] | None:
        """The same for a style sheet's URL that is not written as it is read."""
        split = self._rules.split(token.url)
        if split is None or split.host in _NAMES:
            return None
        vendor, decision = self._rules.use.judge(*split, self._rules.decisions)
        if (vendor is None or isinstance(vendor, Shape)) and decision.allowed:
            return None
        action, reason = _literal_verdict(vendor, decision, split, style=True)
        weighed = Weighed(action, reason, vendor, *split, f"https://{split.host}{split.target}")
        if self._told is not None:
            self._told(token.start + offset, weighed)
        if action is Action.KEEP:
            return None
        there = self._rules.relay(weighed.key, *split) if action is Action.RELAY else "about:invalid"
        return token.start, stop, re.sub(r"[\"'()\s]", _encoded, there).encode()


def _encoded(found: re.Match[str]) -> str:
    return f"%{ord(found[0]):02X}"


def _without_scheme(literal: Literal, url: str) -> str:
    """As much of a URL of ours as the literal may hold: the script may put its scheme, or all up to its host, there."""
    return url[url.index("//") + (0 if literal.whole else 2) :] if literal.relative or not literal.whole else url


def weigh(rules: Rules, literal: Literal, url: bytes, *, style: bool, open_ended: bool) -> Weighed | None:
    """What becomes of a literal whose bytes are `url`; None where it is the shop's own, or nobody's that is known.

    `open_ended`: something is put before or behind it when the script runs.
    """
    host = literal.host.strip(".")
    if host in _NAMES:
        return None
    rest = unescaped(url[literal.host_end - literal.start :])
    split = split_url(f"https://{host}{rest}", rules.base)
    if split is None or rules.is_own(split):
        return None
    shown = url.decode("utf-8", "replace")
    match = rules.use.matcher.find(*split)
    if match is not None and (match.link or literal.linked):
        return Weighed(Action.KEEP, Reason.LINK, match.vendor, *split, shown)
    if open_ended:
        return _of_several(rules, split, style, shown)
    vendor, decision = rules.use.judge(*split, rules.decisions)
    if (vendor is None or isinstance(vendor, Shape)) and (decision.allowed or literal.linked):
        return None
    return Weighed(*_literal_verdict(vendor, decision, split, style=style), vendor, *split, shown)


def _of_several(rules: Rules, split: Split, style: bool, shown: str) -> Weighed | None:
    """A literal that could become several vendors' URLs: an allowed one's, if there is one, so that it works.

    They come with the most specific pattern first: behind one that is sure to fit, none has a part in it.
    """
    verdicts: list[Weighed] = []
    for match in rules.use.matcher.under(split.host):
        if not match.link and _could_fit(match.pattern, split.target):
            decision = rules.decision(match.vendor, split)
            action, reason = _literal_verdict(match.vendor, decision, split, style=style)
            verdicts.append(Weighed(action, reason, match.vendor, *split, shown))
        if _will_fit(match.pattern, split):
            break
    kept = [weighed for weighed in verdicts if weighed.action is not Action.CUT]
    return next(iter(kept or verdicts), None)


def _could_fit(pattern: str, target: str) -> bool:
    """Whether a URL that begins with this target could fit the pattern."""
    _, path, tests = pattern_parts(pattern)
    begun, mark, query = target.partition("?")
    fixed = path.partition("*")[0].removesuffix("$") or "/"
    if not (begun.startswith(fixed) or (fixed.startswith(begun) and not mark)):
        return False
    given = dict(part.partition("=")[::2] for part in query.split("&")) if query else {}
    for test in tests:
        name, _, value = test.partition("=")
        wanted = value.partition("*")[0]
        if name in given and not (wanted.startswith(given[name]) or given[name].startswith(wanted)):
            return False
    return True


def _will_fit(pattern: str, split: Split) -> bool:
    """Whether every URL that begins so fits the pattern: its path is settled, or nothing behind it can undo it."""
    _, path, tests = pattern_parts(pattern)
    if tests or path.endswith("$"):
        return False
    further = split.target if "?" in split.target else split.target + "~"
    return all(matches((pattern,), split.host, target) for target in (split.target, further))


def _literal_verdict(
    vendor: Vendor | Known | None, decision: Decision, split: Split, *, style: bool
) -> tuple[Action, Reason]:
    """By whatever use the script may make of the URL: the relay holds to the vendor's list in any case."""
    relayed = vendor is not None and vendor.reach is Reach.RELAY and decision.reason is not Reason.OPERATOR
    if vendor is not None and relayed and decision.allowed:
        uses = _STYLE_USES if style else tuple(Destination)
        listed = any(relays(vendor, use, *split) for use in uses)
        if listed or (not vendor.essential and relays_anything(vendor) and not embeds(vendor, *split)):
            return Action.RELAY, decision.reason
    action, reason = verdict(vendor, decision, Other.FRAME, *split)
    return (Action.CUT if action is Action.PLACEHOLDER else action), reason


_STYLE_USES = (Destination.STYLE, Destination.FONT, Destination.IMAGE)


def rewrite_script(source: bytes, page: Page) -> bytes:
    """A whole script, as a page's own inline scripts are rewritten."""
    return Literals(rules_of(page)).feed(source, last=True)


def _last_delimiter(text: bytes) -> int:
    """Where the run of bytes begins that a URL at the end of the text could stand in."""
    size = len(text)
    window = 64
    while True:
        back = text[max(0, size - window) :][::-1]
        run = grammar.end(_UNDELIMITED.match(back))
        if run < len(back) or window >= size or window > _LONGEST_RUN:
            return size - run
        window *= 4
