"""One start tag -> the tag as it leaves: URL attributes kept, cut, relayed or replaced by a placeholder.

Rules of this file: an attribute that is not changed keeps its bytes; an element stays in its place. A repeated
attribute means nothing, so it goes if it names a denied vendor; where the first is taken out, the others of its name go
with it. Values are decoded to be judged and escaped where they are written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from proxy.catalogue.match import Destination, embeds
from proxy.csp import admit
from proxy.html.attributes import Attribute, decode, encode
from proxy.html.datas import rewrite_data
from proxy.html.edits import Edits
from proxy.html.elements import (
    AS_USES,
    CARRIERS,
    EVERYWHERE,
    LINK_USES,
    LOADS,
    PARAMETERS,
    PRESENTATION,
    Carrier,
    Form,
    lazy,
    runs,
)
from proxy.html.embeds import Spot
from proxy.html.inline import Literals
from proxy.html.rules import OFFSET, Ruled, Rules, Told, Weighed
from proxy.html.srcset import rewrite_srcset
from proxy.html.unseen import unseen
from proxy.html.verdict import Other, Use
from proxy.model import Action, Reason

#: The attributes that pin a file's bytes or its origin: the stub's and the relay's are others.
_PINS = (b"integrity", b"crossorigin")
_SPACES = re.compile(r"[\t\n\f\r ]+")
_WHOLE_URL = re.compile(r"[\x00-\x20]*(?:https?:|wss?:)?[/\\]", re.I)
_IGNORED = str.maketrans("", "", "\t\n\r")  # in a URL
_BRACKETED = re.compile("<([^<>]*)>")
_CODE_URL = re.compile(r"[\x00-\x20]*(javascript:|data:)", re.I)
_BLANK = "about:blank"
_PLACEHOLDER = b'<iframe src="%s" name="consentry-%d" title="%s" width="100%%" height="220" frameborder="0"%s></iframe>'


def rule_tag(
    name: bytes,
    tag: bytes,
    rules: Rules,
    spot: Callable[[str | None], Spot],
    offset: int,
    document: Callable[[bytes], bytes],
    *,
    widget: bool,
) -> Ruled:
    """What becomes of a start tag. `spot` counts an embed, given its own id; `offset` says where the tag stands;
    `document` rewrites a document that stands in a value; `widget`: a script may make an embed of it."""
    ruling = _Ruling(name, tag, rules, spot, offset, document)
    if widget:
        ruling.judge_widget()
    ruling.judge()
    return ruling.ruled()


class _Ruling:
    """One tag being judged: its attributes, and the edits so far."""

    def __init__(
        self,
        name: bytes,
        tag: bytes,
        rules: Rules,
        spot: Callable[[str | None], Spot],
        offset: int,
        document: Callable[[bytes], bytes],
    ) -> None:
        self.name = name
        self.rules = rules
        self.next_spot = spot
        self.offset = offset
        self.document = document
        self.edits = Edits(tag)
        self.first = self.edits.first
        self.told: list[Told] = []
        self.lasting = True
        self.renamed = False
        self.spot: Spot | None = None
        #: Whether a placeholder of its own stands before it.
        self.replaced = False

    def judge(self) -> None:
        carriers = CARRIERS.get(self.name)
        for name, attribute in self.first.items():
            if not attribute.raw:
                continue
            carrier = carriers.get(name) if carriers else None
            if name.startswith(b"on"):
                self._code(attribute, style=False)
                continue
            carrier = carrier or EVERYWHERE.get(name) or PRESENTATION.get(name) or lazy(self.name, name)
            if carrier is not None:
                self._carrier(attribute, carrier)
        if len(self.first) < len(self.edits.all):
            self._repeated(carriers or {})
        if self.name == b"link":
            self._link()
        elif self.name == b"meta":
            self._meta()
        elif self.name == b"param":
            self._param()

    def ruled(self) -> Ruled:
        return Ruled(self.edits.written(), tuple(self.told), self._runs(), self.lasting, self.renamed)

    # ── values ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _carrier(self, attribute: Attribute, carrier: Carrier) -> None:
        match carrier.form:
            case Form.URL:
                self._url(attribute, carrier.use)
            case Form.SOURCE_SET:
                self._source_set(attribute, carrier.use)
            case Form.LIST:
                self._list(attribute, carrier.use)
            case Form.STYLE:
                self._code(attribute, style=True)
            case Form.DOCUMENT:
                self._replace_text(attribute, self._inside)
            case Form.LAZY:
                self._lazy(attribute, carrier.use)

    def _url(self, attribute: Attribute, use: Use) -> None:
        url = decode(attribute.raw)
        if _CODE_URL.match(url):
            self._code_url(attribute, url, use)
            return
        weighed = self._weigh(attribute, url, use)
        if weighed is None or weighed.action is Action.KEEP:
            self._kept(attribute, weighed)
            return
        if weighed.action is Action.RELAY and use is Other.CONNECTION:
            self.edits.remove(attribute.name)
        elif weighed.action is Action.RELAY:
            self.edits.replace(attribute, self.rules.relay(weighed.key, weighed.host, weighed.target))
        elif self.name == b"script" and use is Destination.SCRIPT:
            self.edits.replace(attribute, self.rules.stub(weighed.key))
        elif weighed.action is Action.PLACEHOLDER:
            spot = self._embed()
            self._reframe(attribute, self.rules.embed(weighed.key, spot.query), spot.mark)
            self.edits.remove(b"sandbox", b"srcdoc")
        elif use is Other.FRAME and self.name in (b"iframe", b"frame"):
            self._reframe(attribute, _BLANK)
        else:
            self.edits.remove(attribute.name)
        if self.name == b"link" or (self.name == b"script" and use is Destination.SCRIPT):
            self.edits.remove(*_PINS)

    def _weigh(self, attribute: Attribute, url: str, use: Use) -> Weighed | None:
        """What becomes of this URL; it is told of. Only an `<iframe>` can hold a placeholder."""
        weighed = self.rules.weigh(url, use)
        if weighed is None:
            return None
        if self.name == b"img" and weighed.vendor is None and unseen(self.first, weighed.target):
            weighed = self.rules.beacon(weighed)
        if weighed.action is Action.PLACEHOLDER and self.name != b"iframe":
            weighed = weighed._replace(action=Action.CUT)
        self._tell(attribute, weighed)
        return weighed

    def _tell(self, attribute: Attribute, weighed: Weighed) -> None:
        self.told.append(Told(f"{self.name.decode('latin-1')} {attribute.name.decode('latin-1')}", weighed))

    def _source_set(self, attribute: Attribute, use: Use) -> None:
        changed = rewrite_srcset(decode(attribute.raw), lambda url: self._candidate(attribute, url, use))
        if changed is None:
            self.edits.remove(attribute.name)
        elif changed != decode(attribute.raw):
            self.edits.replace(attribute, changed)

    def _candidate(self, attribute: Attribute, url: str, use: Use) -> str | None:
        weighed = self._weigh(attribute, url, use)
        if weighed is None or weighed.action is Action.KEEP:
            return url
        return self.rules.relay(weighed.key, weighed.host, weighed.target) if weighed.action is Action.RELAY else None

    def _lazy(self, attribute: Attribute, use: Use) -> None:
        """What becomes a frame, an image or a style once a script of the shop's takes it up."""
        value = decode(attribute.raw)
        if _WHOLE_URL.match(value.translate(_IGNORED)) is None:
            if "(" in value:
                self._code(attribute, style=True)
        elif use is not Other.FRAME or self.name in LOADS:
            self._url(attribute, use)
        elif (weighed := self.rules.weigh(value, use)) is not None and weighed.action is Action.PLACEHOLDER:
            self._tell(attribute, weighed)
            if self.replaced:
                self.edits.remove(attribute.name)
            else:
                self.edits.replace(attribute, self.rules.embed(weighed.key, self._embed().query))
            self.lasting = False
        elif weighed is not None and weighed.action is not Action.KEEP:
            self._url(attribute, Destination.IMAGE)

    def _list(self, attribute: Attribute, use: Use) -> None:
        separator = r"(;)" if attribute.name == b"values" else r"([\t\n\f\r ;]+)"
        parts = re.split(separator, decode(attribute.raw))
        for at in range(0, len(parts), 2):
            parts[at] = self._candidate(attribute, parts[at], use) or "" if parts[at] else ""
        changed = "".join(parts)
        if not changed.strip("\t\n\f\r ;"):
            self.edits.remove(attribute.name)
        elif changed != decode(attribute.raw):
            self.edits.replace(attribute, changed)

    def _code(self, attribute: Attribute, *, style: bool) -> None:
        self._replace_text(attribute, lambda text: self._rewritten(attribute, text, style=style))

    def _rewritten(self, attribute: Attribute, text: bytes, *, style: bool) -> bytes:
        told = Literals(self.rules, lambda _, weighed: self._tell(attribute, weighed), style=style)
        return told.feed(text, last=True)

    def _replace_text(self, attribute: Attribute, change: Callable[[bytes], bytes]) -> None:
        text = decode(attribute.raw).encode("utf-8", "surrogateescape")
        changed = change(text)
        if changed != text:
            self.edits.replace(attribute, changed.decode("utf-8", "surrogateescape"))

    def _inside(self, document: bytes) -> bytes:
        self.lasting = False
        return self.document(document)

    def _code_url(self, attribute: Attribute, url: str, use: Use) -> None:
        """`javascript:` and `data:`: what they hold is rewritten as if it stood in the page. Images load nothing."""
        inside: Callable[[bytes], bytes]
        if use is Other.FRAME:
            inside = self._inside
        elif use is Destination.SCRIPT or use is Destination.STYLE:

            def inside(text: bytes) -> bytes:
                return self._rewritten(attribute, text, style=use is Destination.STYLE)
        else:
            return
        if url.lstrip().lower().startswith("javascript:"):
            self._code(attribute, style=False)
        elif (changed := rewrite_data(url, inside)) is not None:
            self.edits.replace(attribute, changed)

    def _repeated(self, carriers: Mapping[bytes, Carrier]) -> None:
        """A repeated attribute that names a denied vendor goes: it means nothing to the page, but a browser that looks
        ahead in the markup may ask for what it finds."""
        for attribute in self.edits.all:
            carrier = carriers.get(attribute.name)
            known = carrier is not None or (self.name == b"link" and attribute.name == b"href")
            if not attribute.first and known:
                for url in _SPACES.split(decode(attribute.raw)):
                    weighed = self.rules.weigh(url, carrier.use if carrier is not None else Other.REST)
                    if weighed is not None and weighed.action is not Action.KEEP:
                        self.edits.drop(attribute)

    # ── elements with rules of their own ─────────────────────────────────────────────────────────────────────────

    def _link(self) -> None:
        href = self.first.get(b"href")
        words = decode(self.first[b"rel"].raw).lower().split() if b"rel" in self.first else []
        loading = [word for word in LINK_USES if word in words]
        if href is None or not href.raw or not loading:
            return
        use = LINK_USES[loading[0]]
        if use is None:
            use = AS_USES.get(decode(self.first[b"as"].raw).lower() if b"as" in self.first else "", Other.REST)
        self._url(href, use)

    def _meta(self) -> None:
        content, kind = self.first.get(b"content"), self.first.get(b"http-equiv")
        if content is None or kind is None:
            return
        name = decode(kind.raw).strip().lower()
        if name == "content-security-policy":
            self._replace_text(content, lambda policy: admit(policy, self.rules.origin))
        elif name == "link":  # Firefox has read it as the header
            for url in _BRACKETED.findall(decode(content.raw)):
                weighed = self._weigh(content, url, Other.CONNECTION)
                if weighed is not None and weighed.action is not Action.KEEP:
                    self.edits.remove(b"content")

    def _param(self) -> None:
        name, value = self.first.get(b"name"), self.first.get(b"value")
        if name is not None and value is not None and decode(name.raw).strip().lower() in PARAMETERS:
            self._url(value, Other.FRAME)

    def judge_widget(self) -> None:
        """A script would make an embed of it: a placeholder before it, while its vendor is denied."""
        found = self.rules.widgets.find(self.name, self.first)
        if found is None:
            return
        weighed, spot = self.rules.weigh_widget(found), self._embed()
        if weighed.action is Action.KEEP:
            self.edits.lead(spot.kept_mark)
            return
        self.told.append(Told(f"{self.name.decode('latin-1')} widget", weighed))
        source, title = encode(self.rules.embed(weighed.key, spot.query), b'"'), encode(found.name, b'"')
        self.replaced = True
        self.edits.precede(_PLACEHOLDER % (source, self.offset, title, spot.mark))

    def _runs(self) -> bytes:
        if self.name == b"style":
            return b"style"
        if self.name != b"script" or b"src" in self.first:
            return b""
        kind = self.first.get(b"type")
        language = self.first.get(b"language")
        if kind is None and language is not None and language.raw:
            return b"script" if runs(f"text/{decode(language.raw)}") else b""
        if kind is None or runs(decode(kind.raw)):
            return b"script"
        return b"rules" if decode(kind.raw).strip("\t\n\f\r ").lower() == "speculationrules" else b""

    def _embed(self) -> Spot:
        """Where this embed stands; the id is put on it once, whatever of its attributes name it."""
        if self.spot is None:
            own = self.first.get(b"id")
            spot = self.next_spot(None if own is None else decode(own.raw))
            self.spot, self.lasting = spot._replace(mark=b"", kept_mark=b""), False
            return spot
        return self.spot

    def _kept(self, attribute: Attribute, weighed: Weighed | None) -> None:
        """What is not changed is an embed all the same, if it is one, and a frame that may be cut the next time."""
        if weighed is None or weighed.vendor is None or LOADS.get(self.name) is not Other.FRAME:
            return
        marks = b""
        if self.name == b"iframe" and embeds(weighed.vendor, weighed.host, weighed.target):
            marks = self._embed().kept_mark
        if weighed.reason is Reason.GRANTED and not (b"name" in self.first and self.first[b"name"].raw):
            marks = self._own_name(b"granted-") + marks
        if marks:
            self.edits.follow(attribute, marks)

    def _reframe(self, attribute: Attribute, url: str, mark: bytes = b"") -> None:
        """Another address for a frame, under a name of its own."""
        self.edits.replace(attribute, url, self._own_name() + mark)

    def _own_name(self, state: bytes = b"") -> bytes:
        """A name for a frame that no other has, nor the same frame while its vendor is decided otherwise: on Back,
        browsers restore what a frame of the same name last showed, or of the same place among those without a name,
        whatever its `src` says now. What a vendor's frame last showed would be the vendor."""
        if self.renamed:
            return b""
        self.renamed = True
        self.edits.remove(b"name")
        return b' name="consentry-%s%s"' % (state, OFFSET)
