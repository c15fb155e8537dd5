"""Pages for tests of the rewriting: the shipped catalogue, a shop at shop.example, and what its visitor chose."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, Literal

from proxy.catalogue.load import load
from proxy.catalogue.schema import Vendor
from proxy.catalogue.use import InUse, in_use
from proxy.html import Page, Rewriter
from proxy.html.page import TagReport
from proxy.model import Decision, Reason
from proxy.settings.load import load_settings

ORIGIN = "https://shop.example"
GRANTED = Decision(True, Reason.GRANTED)
DENIED = Decision(False, Reason.UNDECIDED)
ESSENTIAL = Decision(True, Reason.ESSENTIAL)


@lru_cache(maxsize=1)
def everything() -> InUse:
    """Every shipped vendor, in use."""
    settings = load_settings(None, dev=True, environ={}, storefront="http://127.0.0.1:9")
    return in_use(load(), settings)


@lru_cache(maxsize=8)
def _everything(unknown: Literal["allow", "block"], allow: frozenset[str]) -> InUse:
    """One of each, as in a running proxy: what is compiled from it is compiled once."""
    return replace(everything(), unknown=unknown, allow=allow)


def decisions(use: InUse, grant: Callable[[Vendor], bool]) -> Mapping[str, Decision]:
    """What a visitor who granted the vendors for which `grant` says so has decided."""
    return {
        key: ESSENTIAL if vendor.essential else GRANTED if grant(vendor) else DENIED
        for key, vendor in use.vendors.items()
    }


def page_of(
    *grants: str,
    all_granted: bool = False,
    unknown: Literal["allow", "block"] = "allow",
    allow: frozenset[str] = frozenset(),
    use: InUse | None = None,
    **more: Any,
) -> Page:
    """A page on which these vendors (by key) are granted."""
    use = replace(use, unknown=unknown, allow=allow) if use else _everything(unknown, allow)
    made = decisions(use, lambda vendor: all_granted or vendor.key in grants)
    return Page(ORIGIN, f"{ORIGIN}/catalogue/shoes?size=42", use, made, **more)


def rewrite(html: str | bytes, page: Page | None = None, size: int = 1 << 30) -> bytes:
    """A whole page, fed in pieces of `size` bytes."""
    body = html.encode() if isinstance(html, str) else html
    rewriter = Rewriter(page or page_of())
    pieces = [rewriter.feed(body[at : at + size]) for at in range(0, len(body), size)]
    return b"".join([*pieces, rewriter.close()])


#: What is put before an element that a vendor's script would make an embed of.
_PLACEHOLDER = re.compile(
    rb'<iframe src="https://shop\.example/_consent/embed/[^"]*" name="consentry-\d+" title="[^"]*" width="100%"'
    rb' height="220" frameborder="0"(?: id="[^"]*")?></iframe>'
)


def without_placeholders(body: bytes) -> bytes:
    """A rewritten page without the frames that were put into it, not in the place of others."""
    return _PLACEHOLDER.sub(b"", body)


def without_names(body: bytes) -> bytes:
    """A rewritten page whose granted frames have no name again."""
    return re.sub(rb' name="consentry-granted-\d+"', b"", body)


def reports(html: str | bytes, **page: Any) -> list[TagReport]:
    """What is told of a page."""
    told: list[TagReport] = []
    rewrite(html, page_of(report=told.append, **page))
    return told
