"""The browser's own backstop: the storefront's policies edited, ours composed, and what browsers report of it."""

from proxy.csp.edit import admit

__all__ = ["admit"]
