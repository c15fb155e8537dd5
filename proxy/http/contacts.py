"""Headers that make a browser contact somebody by itself: now (Link, Speculation-Rules), or to report to them later
(Report-To, Reporting-Endpoints, NEL, a policy's `report-uri` …).

Rules of this file: a member that may not be contacted goes, the others stay as they came. What browsers could read in
two ways goes. What they remember past this answer (Report-To, NEL) is not left out but taken back, so that a choice
that was changed holds. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from proxy.html.elements import LINK_USES
from proxy.html.srcset import rewrite_srcset

May = Callable[[bytes], bool]

#: Link relations that make a browser contact somebody, by itself.
_CONTACTS = frozenset(word.encode() for word in LINK_USES)
_MEMBER = re.compile(rb'(?:<[^<>]*+>|"(?:[^"\\]++|\\.?)*+(?:"|\Z)|[^,<"]|<)++', re.S)
_CLOSED = re.compile(rb'(?:[^"]++|"(?:[^"\\]++|\\.)*+")*+\Z', re.S)
_LINK = re.compile(rb"\s*<([^<>]*)>(.*)", re.S)
_REL = re.compile(rb';\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]+))', re.I)
_SET = re.compile(rb';\s*imagesrcset\s*=\s*(?:"([^"]*)"|([^\s;,"]+))', re.I)
_REPORT = re.compile(rb'\s*(?:report-uri|report)\s*=\s*"?([^"]*)"?\s*\Z', re.I)
_FORGET_REPORT_TO = b'{"max_age":0,"endpoints":[]}'
_FORGET_NEL = b'{"report_to":"default","max_age":0}'


def contacts(name: bytes, value: bytes, may_contact: May) -> bytes | None:
    """`value` without the members that would make a browser contact somebody that it may not contact."""
    match name:
        case b"report-to":
            return _report_to(value, may_contact)
        case b"content-security-policy" | b"content-security-policy-report-only":
            return b",".join(_policy(policy, may_contact) for policy in value.split(b","))
        case b"link":
            return _members(value, lambda member: _link_stays(member, may_contact))
        case b"speculation-rules":
            return _members(value, lambda member: may_contact(member.partition(b";")[0].strip(b' \t"')))
        case b"reporting-endpoints":
            return _members(value, lambda member: may_contact(_endpoint(member)))
    return _reporting(value, may_contact)


def nel(value: bytes, report_to: Iterable[bytes], may_contact: May) -> bytes:
    """Network error logging (W3C): its reports go to a group of this answer's Report-To headers, or nowhere."""
    named = [str(policy.get("report_to")) for policy in _json_members(value) or () if isinstance(policy, dict)]
    told = [group for header in report_to for group in _json_members(header) or ()]
    groups = {group.get("group", "default") for group in told if _group_stays(group, may_contact)}
    return value if named and groups.issuperset(named) else _FORGET_NEL


def _members(value: bytes, stays: Callable[[bytes], bool]) -> bytes | None:
    members = list(filter(None, map(bytes.strip, _MEMBER.findall(value))))
    kept = list(filter(stays, members))
    return value if len(kept) == len(members) else b", ".join(kept) or None


def _link_stays(member: bytes, may_contact: May) -> bool:
    """One link-value (RFC 8288). Without a URL it stays; with a quote that never ends it goes: browsers differ."""
    link = _LINK.match(member)
    if link is None or not _CLOSED.match(member):
        return link is None
    rels = {rel for found in _REL.findall(link[2]) for rel in (found[0] or found[1]).lower().split()}
    if rels.isdisjoint(_CONTACTS):
        return True
    urls = [link[1].strip()]
    for quoted, bare in _SET.findall(link[2]):
        rewrite_srcset((quoted or bare).decode("latin-1"), lambda url: urls.append(url.encode("latin-1")))
    return all(map(may_contact, filter(None, urls)))


def _endpoint(member: bytes) -> bytes:
    """The URL of one endpoint of Reporting-Endpoints: name="URL"."""
    return member.partition(b"=")[2].partition(b";")[0].strip().strip(b'"')


def _report_to(value: bytes, may_contact: May) -> bytes:
    """The groups (Reporting API of 2018) all of whose endpoints may be contacted."""
    groups = _json_members(value)
    if groups is None:
        return _FORGET_REPORT_TO
    kept = [group for group in groups if _group_stays(group, may_contact)]
    if len(kept) == len(groups):
        return value
    return b", ".join(json.dumps(group).encode() for group in kept) or _FORGET_REPORT_TO


def _group_stays(group: Any, may_contact: May) -> bool:
    endpoints = group.get("endpoints", []) if isinstance(group, dict) else None
    if not isinstance(endpoints, list) or not isinstance(group.get("group", ""), str):
        return False
    urls = [endpoint.get("url", "") if isinstance(endpoint, dict) else None for endpoint in endpoints]
    return all(isinstance(url, str) and may_contact(url.encode("utf-8", "replace")) for url in urls)


def _json_members(value: bytes) -> list[Any] | None:
    """The members of a header that is a list of JSON values without its brackets; None if it is none."""
    try:
        members: list[Any] = json.loads(b"[" + value + b"]")
    except (ValueError, RecursionError):
        return None
    return members


def _policy(policy: bytes, may_contact: May) -> bytes:
    """A policy whose `report-uri` (CSP 3, 6.5.1) names only whom the browser may contact."""
    directives = policy.split(b";")
    for at, directive in enumerate(directives):
        words = directive.split()
        if words and words[0].lower() == b"report-uri":
            kept = [url for url in words[1:] if may_contact(url)]
            if len(kept) < len(words) - 1:
                directives[at] = b" report-uri " + b" ".join(kept) if kept else b""
    return b";".join(directives)


def _reporting(value: bytes, may_contact: May) -> bytes | None:
    """`report-uri="URL"` or `report=URL` among a header's parts (Expect-CT, X-XSS-Protection and their like)."""
    for separator in b";", b",":
        parts = value.split(separator)
        found = [_REPORT.match(part) for part in parts]
        kept = [part for part, report in zip(parts, found, strict=True) if not report or may_contact(report[1].strip())]
        if len(kept) < len(parts):
            value = separator.join(kept)
    return value or None
