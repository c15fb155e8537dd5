"""The streaming page rewriting: bytes in, bytes out, whatever the pieces. (Signatures; the inside follows.)"""

from __future__ import annotations

from proxy.html.page import Page


class Rewriter:
    """Rewrites one page for one visitor. Feed it the decoded body as it arrives, then close it.

    Raises `CannotRewrite` from `feed` or `close`; the response must then be reset.
    """

    def __init__(self, page: Page) -> None:
        self._page = page

    def feed(self, piece: bytes) -> bytes:
        """The bytes that can leave now; may be empty."""
        return piece

    def close(self) -> bytes:
        """What was held back, and the banner and footer if they had no place before."""
        return b""
