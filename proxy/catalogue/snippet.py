"""The start of a vendor file, for `consentry vendors new`: from the vendor's own snippet, or as a template.

Rules of this file: what only people can know is left empty with a comment that says what to write, so that
`consentry check` names each field still to fill; what the snippet tells is filled in. Once the empty fields are filled,
the file loads.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from proxy.catalogue.json_schema import HINT
from proxy.catalogue.known import Known
from proxy.catalogue.load import Catalogue
from proxy.catalogue.match import Destination, Matcher, pattern_parts
from proxy.catalogue.schema import Pattern
from proxy.catalogue.snippet_scan import Contact, Traces, scan
from proxy.catalogue.suffixes import registrable
from proxy.catalogue.words import Datum, Purpose
from proxy.model import Category
from proxy.toml_problems import toml_value

_NO_TRACES = Traces((), {}, ())


def start_vendor(key: str, snippet: str | None, catalogue: Catalogue) -> str:
    """TOML text for a new vendor file. Without a snippet: the same file with the technical part to fill too."""
    traces = _NO_TRACES if snippet is None else scan(snippet)
    known = described_in(snippet, catalogue) if snippet is not None else ()
    new = [contact for contact in traces.contacts if _vendor_of(contact, catalogue) in (None, key)]
    company = catalogue.known.get(key)
    lines = [
        *_told_already(known, key),
        *_for_people(key, new, company),
        *_for_engineers(traces, new, catalogue, company),
    ]
    return "\n".join([HINT, *lines]) + "\n"


def described_in(snippet: str, catalogue: Catalogue) -> tuple[str, ...]:
    """The keys of vendors that the snippet contacts and that are described already, in its order."""
    keys = (_vendor_of(contact, catalogue) for contact in scan(snippet).contacts)
    return tuple(dict.fromkeys(key for key in keys if key is not None))


def _vendor_of(contact: Contact, catalogue: Catalogue) -> str | None:
    match = _matcher(catalogue).find(contact.host, contact.target)
    return None if match is None else match.vendor.key


def _matcher(catalogue: Catalogue) -> Matcher:
    return Matcher(catalogue.vendors.values())


def _told_already(known: Sequence[str], key: str) -> list[str]:
    return [
        line
        for other in known
        if other != key
        for line in (
            f"# DESCRIBED ALREADY: this snippet contacts {other!r}, which has a file ({other}.toml).",
            f'# Put "{other}" in vendors.use in consentry.toml; this file is needed only for what is new below.',
        )
    ]


def _for_people(key: str, contacts: Sequence[Contact], known: Known | None) -> list[str]:
    """The upper part. What is `known` of the company already is filled in."""
    name, company, categories = (known.name, known.company, known.categories) if known else ("", "", ())
    framed = bool(contacts) and all(contact.use == "frame" for contact in contacts)
    ip = '"full-ip", as browsers reach it directly' if framed else '"short-ip" if it gets a shortened IP address'
    return [
        f"# {key}: fill in what is empty; `consentry check --dev --vendors FOLDER` names what is left, with its line.",
        "",
        f'name = {toml_value(name)}  # what visitors know it by, like "Google Analytics"',
        f'company = {toml_value(company)}  # who runs it, as its privacy policy says, like "Google LLC"',
        "# What it is for. A visitor must agree to all that you list. One or more of:",
        *_list_of(Category),
        f"categories = {toml_value(categories)}",
        *([f'essential_because = "{known.essential_because}"'] if known and known.essential_because else []),
        "# What it uses what it learns for. One or more of:",
        *_list_of(Purpose),
        "purposes = []",
        f"# What it receives: {ip}. One or more of:",
        *_list_of(Datum),
        "data = []",
        "# processor: it works for the shop alone. joint: it and the shop decide together. independent: it decides.",
        'role = ""',
        "# Countries that the data goes to, by their two letters, and what allows that: adequacy (also for the EU),",
        '# scc (standard contractual clauses) or none. Like: { to = ["US"], basis = "adequacy" }',
        'transfer = { to = [], basis = "" }',
        'retention = ""  # how long it keeps the data, like "14 months"',
        'policy = ""  # the address of its privacy policy, https://…',
        '# opt_out = "https://…"  # its own opt-out page, if it has one',
        f'reach = "{"direct" if framed else "relay"}"  # '
        + ("the visitor's browser shows it, so it sees the full IP address" if framed else "through the shop"),
        "# Its cookies, one line each, like:",
        '#   { name = "_ga", keeps = "2 years", party = "first", use = "tells visitors apart" },',
        "# party: first = on the shop's domain, third = on the vendor's. Only names that no shop would use itself.",
        "cookies = [",
        "]",
        "since = 1  # one more than consent.policy if the shop asks for consent already: visitors are asked about it",
        'checked = ""  # the day on which you checked all this, without quotes, like 2026-11-22',
        "",
    ]


def _list_of(names: Iterable[str]) -> list[str]:
    lines, line = [], "#  "
    for name in names:
        if len(line) + len(name) > 110:
            lines.append(line)
            line = "#  "
        line += f" {name}"
    return [*lines, line]


def _for_engineers(traces: Traces, contacts: Sequence[Contact], catalogue: Catalogue, known: Known | None) -> list[str]:
    match = _distinct([*(known.domains if known else ()), *_match(contacts, catalogue)])
    embed = _patterns(contacts, "frame")
    lines = [
        "[technical]",
        '# Whatever contacts it: a host takes all below it in; then a path, a query test: "acme.example/tag?id=G-*"',
        f"match = {toml_value(match)}" + ("" if match else '  # like ["acme.example"]'),
    ]
    if embed:
        lines += ["# Frames that get a placeholder with a button when they are cut.", f"embed = {toml_value(embed)}"]
    if traces.globals or not contacts:
        lines += ["# What the shop's own code may call while the script is cut: function, array or object."]
        lines += [f"stub = {toml_value(traces.globals)}"]
    if traces.calls:
        lines += ["# What gives it away in an inline script, for reports.", f"snippet = {toml_value(traces.calls)}"]
    return lines if embed and len(embed) == len(contacts) else [*lines, "", *_relay(contacts)]


def _relay(contacts: Sequence[Contact]) -> list[str]:
    lines = [
        "# What may pass through the shop once it is granted. The snippet shows only what it loads first. The network",
        "# panel of a browser, on a page with the tag, shows the rest: list what it sends as image or as beacon.",
        "[technical.relay]",
    ]
    for use in Destination:
        patterns = _patterns(contacts, use)
        if patterns or use in (Destination.SCRIPT, Destination.IMAGE, Destination.BEACON):
            lines.append(f"{use} = {toml_value(patterns)}")
    return lines


def _match(contacts: Sequence[Contact], catalogue: Catalogue) -> list[Pattern]:
    """Registered domains, and host with path where the domain is another vendor's too."""
    shared = {registrable(host) for host in _matcher(catalogue).hosts}
    domains = [(contact, registrable(contact.host) or contact.host) for contact in contacts]
    return _distinct(f"{contact.host}{contact.path}" if domain in shared else domain for contact, domain in domains)


def _patterns(contacts: Sequence[Contact], use: str) -> list[Pattern]:
    return _distinct(f"{contact.host}{contact.path}" for contact in contacts if contact.use == use)


def _distinct(patterns: Iterable[Pattern]) -> list[Pattern]:
    return list({pattern_parts(pattern): pattern for pattern in patterns}.values())
