"""The page in an embed's place: who would be contacted, what they would learn, and one button to allow just them.

Rules of this file: the grant is a form with `target=_top`, so that it is a person's click on a document and the shop's
page comes back with the embed in it. No form is ever nested in the shop's own. An embed is fetched by the browser,
whatever else of its vendor passes through us: so it always says that the full address is seen.
"""

from __future__ import annotations

from urllib.parse import quote

from proxy.catalogue.schema import Vendor
from proxy.catalogue.use import told_ip
from proxy.consent.form import return_path
from proxy.consent.language import Words
from proxy.consent.site import Site
from proxy.model import Reach


def embed_page(site: Site, vendor: Vendor, words: Words, return_to: str) -> bytes:
    """The placeholder for one vendor's embed, as UTF-8. `return_to` as it came: it is checked here."""
    way_back = return_path(return_to, site.prefix)
    return site.look.render(
        "embed",
        words,
        site=site,
        base=site.preferences,
        vendor=vendor,
        received=told_ip(vendor.data, Reach.DIRECT),
        return_to=way_back,
        return_query=quote(way_back, safe="/"),
    ).encode()
