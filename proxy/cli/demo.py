"""`consentry demo`: the sample shop, its vendors' stand-ins and the proxy before it."""

from __future__ import annotations


def demo() -> None:
    """Run a sample shop behind the proxy, with local stand-ins for its vendors, and show live what each receives."""
    raise NotImplementedError
