"""What a granted vendor is told of the visitor's choice, in the vendor's own terms.

Google: the four signals of its consent mode before any tag of its runs, and `gcs` on its hits. Meta: Limited Data Use.
Pinterest: limited data processing. The last two are for visitors whom a law on the sale of personal information lets
vendors meet until they object, and who have not said yes themselves.

Rules of this file: what a page says of itself is replaced by what holds. A vendor is never told more than the choice.
Pure.

Sources: Google, "Set up consent mode" and "Consent mode reference"; Meta, "Data Processing Options for US Users";
Pinterest, "Use Limited Data Processing flag".
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qs, quote, unquote_plus

from proxy.model import Category

#: Whose terms: what a vendor's file says under [technical.relay] signals.
Terms = Literal["google", "meta", "pinterest"]


@dataclass(frozen=True, slots=True)
class Chosen:
    """What there is to tell: the categories that are allowed; `limited`: only for the shop's own ends, since the
    visitor has not said yes and a law on sale holds; `region`: ISO 3166-2, where it is known."""

    categories: frozenset[Category]
    limited: bool = False
    region: str | None = None


def fields(terms: Terms | None, chosen: Chosen) -> Mapping[str, str]:
    """Query fields that a hit bears, whatever the page put there."""
    match terms:
        case "google":
            ads, statistics = (one in chosen.categories for one in (Category.ADVERTISING, Category.ANALYTICS))
            return {"gcs": f"G1{ads:d}{statistics:d}"} | ({} if ads else {"npa": "1"})
        case "meta" if chosen.limited:  # no country and no state: Meta finds out whether one of its states it is
            return {"dpo": "LDU", "dpoco": "0", "dpost": "0"}
        case "pinterest" if chosen.limited:
            return {f"pd[{name}]": value for name, value in _pinterest(chosen).items()}
    return {}


def with_fields(target: bytes, given: Mapping[str, str]) -> bytes:
    """A target with these fields in its query, in place of any of the same name."""
    if not given:
        return target
    path, _, query = target.partition(b"?")
    kept = [piece for piece in query.split(b"&") if piece and _name(piece) not in given]
    added = [f"{quote(name, safe='')}={quote(value, safe='')}".encode() for name, value in given.items()]
    return path + b"?" + b"&".join([*kept, *added])


def prelude(terms: Terms | None, chosen: Chosen, address: str) -> bytes:
    """Script that goes before a vendor's own, from `address`: it says what holds before that one looks."""
    match terms:
        case "google":
            states = {
                name: "granted" if category in chosen.categories else "denied" for name, category in _GOOGLE.items()
            }
            return _GOOGLE_PRELUDE.format(layer=_layer(address), states=json.dumps(states)).encode()
        case "pinterest" if chosen.limited:
            return _PINTEREST_PRELUDE.format(data=json.dumps(_pinterest(chosen))).encode()
    return b""


_GOOGLE: Mapping[str, Category] = {
    "ad_storage": Category.ADVERTISING,
    "ad_user_data": Category.ADVERTISING,
    "ad_personalization": Category.ADVERTISING,
    "analytics_storage": Category.ANALYTICS,
}

#: First in the queue, since Google's tags read it from the start; once, since several of its scripts read the same one.
_GOOGLE_PRELUDE = (
    '(function(q){{if(q.told)return;q.told=1;(function(){{q.unshift(arguments)}})("consent","default",{states})}})'
    '(window["{layer}"]=window["{layer}"]||[]);\n'
)
_PINTEREST_PRELUDE = '(function(p){{p&&p.queue&&p.queue.unshift(["set",{data}])}})(window.pintrk);\n'

_NAME = re.compile(r"[A-Za-z_$][\w$]{0,60}", re.ASCII)


def _layer(address: str) -> str:
    """The name of the queue that a Google script reads: its own parameter `l`, or `dataLayer`."""
    named = parse_qs(address.partition("?")[2]).get("l", ["dataLayer"])[0]
    return named if _NAME.fullmatch(named) else "dataLayer"


def _pinterest(chosen: Chosen) -> dict[str, str]:
    """With country and state as Pinterest wants them: hashed."""
    country, _, state = (chosen.region or "").partition("-")
    told = {"opt_out_type": "LDP"}
    if country:
        told["country"] = hashlib.sha256(country.encode()).hexdigest()
    if state:
        told["st"] = hashlib.sha256(state.encode()).hexdigest()
    return told


def _name(piece: bytes) -> str:
    return unquote_plus(piece.partition(b"=")[0].decode("latin-1"))
