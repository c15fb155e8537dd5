"""Page rewriting: sans-IO and streaming. `Rewriter(page).feed(...)`, `.close()`."""

from proxy.html.page import CannotRewrite, Page, TagReport
from proxy.html.rewrite import Rewriter

__all__ = ["CannotRewrite", "Page", "Rewriter", "TagReport"]
