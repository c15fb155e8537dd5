"""What the paths of consent have in common: a whole answer, and what is read of a request.

Rules of this file: a failure gets a page that says so, in the visitor's language; everything that is read is bounded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qs

from starlette.types import Receive, Scope, Send

from proxy.consent.failure import Status, failure_headers, failure_page
from proxy.consent.form import LARGEST_FORM, Why
from proxy.consent.language import Words, choose_language
from proxy.consent.site import Site
from proxy.model import Visit


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole response."""

    status: int
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""


def failure(status: Status, site: Site, scope: Scope, why: Why | None = None) -> Answer:
    """A page for what went wrong; `why` says more where a choice was not taken over."""
    languages = scope["consentry.visit"].languages
    return Answer(status, failure_headers(languages), failure_page(status, languages, prefix=site.prefix, why=why))


def not_allowed(scope: Scope, allow: str) -> Answer:
    """405; `allow` names the methods that are."""
    languages = scope["consentry.visit"].languages
    headers = [*failure_headers(languages), (b"allow", allow.encode("ascii"))]
    return Answer(405, headers, failure_page(405, languages))


async def body_of(receive: Receive, most: int = LARGEST_FORM) -> bytes | None:
    """The request's body, at most one byte more than `most`; None where the visitor has left."""
    body = b""
    while len(body) <= most:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if not message.get("more_body", False):
            break
    return body[: most + 1]


def query_of(scope: Scope) -> dict[str, str]:
    """The first value of each field of the query; none of them where there are very many."""
    try:
        fields = parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=32, errors="replace")
    except ValueError:
        return {}
    return {name: values[0] for name, values in fields.items()}


def words_for(site: Site, scope: Scope, query: dict[str, str]) -> tuple[Words, bool]:
    """The words of this page, and whether the visitor asked for that language by name (`?lang=`)."""
    visit: Visit = scope["consentry.visit"]
    tag = choose_language(query.get("lang"), visit.languages)
    return site.look.words(tag), query.get("lang") == tag


def header(scope: Scope, name: bytes) -> bytes:
    """The value of a header, empty where it is missing; several are joined, so that a doubled one equals nothing."""
    return b", ".join(value.strip(b" \t") for found, value in scope["headers"] if found.lower() == name)


async def send_answer(answer: Answer, scope: Scope, send: Send) -> None:
    """Over ASGI; without the body where it was not asked for."""
    headers = list(answer.headers)
    if answer.status not in (204, 304):
        headers.append((b"content-length", str(len(answer.body)).encode("ascii")))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else answer.body})
