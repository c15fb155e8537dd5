"""The second step back in, where the law asks for two: a page that asks once more before an objection ends.

It carries the very fields of the form that was sent, so that confirming it means that form and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

from proxy.consent.language import Words
from proxy.consent.site import Site


def confirm_page(site: Site, t: Words, fields: Sequence[tuple[str, str]], back: str) -> bytes:
    """The page as UTF-8. `fields` are the form's, and all of them our own (`read_form` has seen to it); `back` is where
    the visitor goes who does not confirm."""
    return site.look.render("confirm", t, site=site, base=site.preferences, fields=fields, back=back).encode()
