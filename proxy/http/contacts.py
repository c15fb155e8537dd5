"""Headers that make a browser contact somebody by itself: Link, Report-To, Reporting-Endpoints.

Rules of this file: a member that may not be contacted goes, the others stay as they came. What browsers could read in
two ways goes. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable

#: Link relations that make a browser contact somebody, by itself.
_CONTACTS = frozenset(
    b"preconnect dns-prefetch preload modulepreload prefetch prerender stylesheet icon apple-touch-icon mask-icon "
    b"manifest compression-dictionary".split()
)
_MEMBER = re.compile(rb'(?:<[^<>]*+>|"(?:[^"\\]++|\\.?)*+(?:"|\Z)|[^,<"]|<)++', re.S)
_CLOSED = re.compile(rb'(?:[^"]++|"(?:[^"\\]++|\\.)*+")*+\Z', re.S)
_LINK = re.compile(rb"\s*<([^<>]*)>(.*)", re.S)
_REL = re.compile(rb';\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]+))', re.I)
_URL = re.compile(rb"https?://[^\s\"',}\]\\]+", re.I)


def contacts(name: bytes, value: bytes, may_contact: Callable[[bytes], bool]) -> bytes | None:
    """`value` without the members that would make a browser contact somebody that it may not contact."""
    if name == b"report-to":  # JSON, whole or not at all
        return value if all(map(may_contact, _URL.findall(value.replace(rb"\/", b"/")))) else None
    members = [member.strip() for member in _MEMBER.findall(value)]
    stays = _link_stays if name == b"link" else _endpoint_stays
    kept = [member for member in members if member and stays(member, may_contact)]
    return value if len(kept) == len(members) else b", ".join(kept) or None


def _link_stays(member: bytes, may_contact: Callable[[bytes], bool]) -> bool:
    """One link-value (RFC 8288). Without a URL it stays; with a quote that never ends it goes: browsers differ."""
    link = _LINK.match(member)
    if link is None or not _CLOSED.match(member):
        return link is None
    rels = {rel for found in _REL.findall(link[2]) for rel in (found[0] or found[1]).lower().split()}
    return rels.isdisjoint(_CONTACTS) or may_contact(link[1].strip())


def _endpoint_stays(member: bytes, may_contact: Callable[[bytes], bool]) -> bool:
    """One endpoint of Reporting-Endpoints: name="URL"."""
    return may_contact(member.partition(b"=")[2].strip().strip(b'"'))
