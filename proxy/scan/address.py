"""Addresses of pages: which origin they are of, and which page of it a link leads to."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from proxy.catalogue.url import split_url

#: Files that are no pages, by their ending.
_FILES = frozenset(
    "7z apk atom avi avif bmp css csv dmg doc docx eot epub exe flac gif gz heic ico ics jpeg jpg js json map mjs mov "
    "mp3 mp4 mpeg ogg ogv otf pdf png ppt pptx rar rss svg tar tgz tif tiff ttf txt wav webm webmanifest webp woff "
    "woff2 xls xlsx xml zip".split()
)
#: Links that do something when they are followed: into the cart, out of the account.
_DOES = re.compile(
    r"add[-_]?to[-_]?(?:cart|basket|bag|wish-?list|compare)|/(?:cart|basket|wishlist|compare)/(?:add|remove|update)"
    r"|/(?:log|sign)[-_]?(?:out|off)\b|unsubscribe|[?&](?:action|do)=(?:add|buy|delete|logout|remove)",
    re.I,
)


def origin_of(address: str) -> str:
    """Scheme, host and port as browsers write them: lower case, ASCII, no user, no port that goes without saying
    (RFC 6454, section 6.2). Raises ValueError where the address is not an absolute http or https one.
    """
    split = split_url("/", address)
    parts = urlsplit(address)
    assert split is not None  # a path is on the host of its base
    port = "" if parts.port in (None, {"http": 80, "https": 443}[parts.scheme]) else f":{parts.port}"
    return f"{parts.scheme}://{split.host}{port}"


def page_address(address: str) -> str:
    """As a browser would ask for it: a path at least, and no fragment. Raises ValueError like `origin_of`."""
    split = split_url("", address)
    assert split is not None  # nothing relative to a page is the page itself
    return origin_of(address) + split.target


def page_at(link: str, origin: str) -> str | None:
    """The address of the page that an absolute link leads to, as a browser asks for it, without its fragment.

    None where it leads to another origin or to a file that is no page, or does something when it is followed. Plain
    http of a site on https is taken for the site itself: sitemaps and old links say so.
    """
    try:
        there = origin_of(link)
    except ValueError:
        return None
    split = split_url(link, origin)
    if origin not in (there, there.replace("http:", "https:", 1)) or split is None:
        return None
    name = split.target.partition("?")[0].rpartition("/")[2]
    if ("." in name and name.rpartition(".")[2].lower() in _FILES) or _DOES.search(split.target):
        return None
    return origin + split.target
