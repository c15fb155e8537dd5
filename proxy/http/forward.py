"""Straight down to the storefront and back: the way of every request that is not for a page of ours.

Rules: nothing of an answer is passed on before its head has its verdicts; what is no page streams untouched; a page is
rewritten or refused. Before the answer has begun, a failure becomes a page of ours; after that the connection is reset,
never ended: the app returns without a last message, which makes the server close the transport in the middle of its
framing. A visitor who leaves ends the storefront's request. In the modes `observe` and `pass`, and for visitors outside
the `rollout`, nothing is ruled on but what any proxy must.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from functools import partial
from typing import Protocol

from starlette.types import Message, Receive, Scope, Send

from proxy import metrics
from proxy.consent.cookie import Seal
from proxy.consent.pages import Look
from proxy.csp.seen import Seen
from proxy.http.asking import Asking, Question
from proxy.http.caching import cache_control
from proxy.http.failing import CIRCLES, CannotCut, Failure, failure_answer, failure_of
from proxy.http.headers import Circles, passed, to_browser
from proxy.http.observing import Observer, observe
from proxy.http.pages import Form, PageBody, form_of, is_event_stream, looks_like_page
from proxy.http.upload import Upload, VisitorLeft
from proxy.http.upstream import Answer, Kind, Lines, StorefrontDown, Upstream
from proxy.http.visit import Headers
from proxy.http.websocket import Sockets
from proxy.ruling import Ruling, Rulings
from proxy.settings import Settings

_OUTCOMES = {
    outcome: metrics.REQUESTS.labels(outcome)
    for outcome in ("forwarded", "rewritten", "observed", "passed", "failed", "reset", "left")
}

#: Bytes of the last of a body that leave together with the answer's end.
_SMALL = 64 * 1024


class Presence(Protocol):
    """What `proxy.http.cycle.Cycle` says of the visitor: `disconnected`, once they have left, by which the request is
    cancelled if `ends_with_visitor`. `on_leaving` is called when the process is about to end."""

    disconnected: bool
    ends_with_visitor: bool
    on_leaving: Callable[[], None] | None


class Notice(Protocol):
    """What `proxy.events.capture.Capture` does: takes note of what happened in an exchange, and never waits. `page`: a
    page comes back that a person opens as a document."""

    def __call__(
        self,
        scope: Scope,
        ruling: Ruling,
        origin: str,
        status: int,
        answered: Headers,
        *,
        page: bool,
    ) -> None: ...


class Forward:
    """The ASGI app that forwards. It finds the `Visit` in `scope["consentry.visit"]`."""

    def __init__(
        self,
        settings: Settings,
        rulings: Rulings,
        upstream: Upstream,
        seal: Seal,
        seen: Seen,
        look: Look,
        notice: Notice | None = None,
    ) -> None:
        """`notice` hears of every exchange that is ruled on."""
        self._settings = settings
        self._notice = notice
        self._upstream = upstream
        self._asking = Asking(settings, rulings, seal, seen, look)
        limits, prefix = settings.limits, settings.consent.prefix
        self._sockets = Sockets(self._asking, upstream, limits.websockets, prefix)
        self._observer = Observer() if settings.mode == "observe" else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._sockets(scope, receive, send)
            return
        presence: Presence | None = scope.get("consentry.cycle")
        upload, reply = Upload(scope["headers"], receive), _Reply(send, presence, head_only=scope["method"] == "HEAD")
        if presence is not None:
            presence.ends_with_visitor = True
        try:
            outcome = await self._answer(scope, upload, reply)
        except VisitorLeft:
            outcome = "left"
        except asyncio.CancelledError:
            if presence is not None and presence.disconnected:
                _OUTCOMES["left"].inc()
            raise
        _OUTCOMES[outcome].inc()

    async def _answer(self, scope: Scope, upload: Upload, reply: _Reply) -> str:
        """Forward one request; what became of it, as the metrics call it."""
        try:
            question = self._asking.question(scope)
        except Circles:
            await self._fail(reply, scope, CIRCLES)
            return "failed"
        try:
            return await self._exchange(scope, question, upload, reply)
        except (StorefrontDown, CannotCut) as error:
            failure = failure_of(error, scope, place=self._upstream.place, started=reply.started)
            if reply.started:
                return "reset"
            await self._fail(reply, scope, failure)
            return "failed"

    async def _fail(self, reply: _Reply, scope: Scope, failure: Failure) -> None:
        headers, body = failure_answer(failure, scope, self._settings.consent.prefix)
        reply.head(failure.status, headers)
        await reply.body(body)
        await reply.end()

    async def _exchange(self, scope: Scope, question: Question, upload: Upload, reply: _Reply) -> str:
        answer = await self._open(question, upload if upload.there else None)
        note: Callable[[], None] | None = None
        try:
            form = await self._form(question, answer)
            if question.terms.enforced and form is Form.PAGE and answer.status == 206:
                answer = await self._whole(question, upload, answer)
                form = await self._form(question, answer)
            if self._notice is not None and question.terms.enforced:
                page = form is Form.PAGE and question.terms.document
                terms = question.terms
                at = scope, terms.ruling, terms.origin, answer.status, answer.headers
                note = partial(self._notice, *at, page=page)
            reply.closes = not answer.uploaded
            if not question.terms.enforced:
                outcome = await self._pass(question, answer, form, reply)
            elif form is Form.PAGE:
                outcome = "rewritten"
                await self._send_page(question, answer, reply)
            else:
                outcome = "forwarded"
                await self._stream(question, answer, reply)
            answer.close()
            if reply.closes:
                await upload.linger()
            await reply.end()
        finally:
            answer.close()
            if note is not None:  # once the answer has left, or will not
                note()
        return outcome

    async def _open(self, question: Question, upload: Upload | None, *, whole: bool = False) -> Answer:
        lines = question.lines
        if whole:
            lines = Lines([header for header in lines.headers if header[0] not in (b"range", b"if-range")])
        return await self._upstream.open(question.terms.method, question.target, lines, upload)

    async def _form(self, question: Question, answer: Answer) -> Form:
        """What the visitor's browser would take the answer for."""
        if answer.status == 204 or not (question.terms.enforced or self._observer or self._asking.mixed):
            return Form.OTHER
        if not question.terms.enforced:
            return Form.PAGE if form_of(answer.headers) is Form.PAGE else Form.OTHER
        if answer.status == 304:
            if question.terms.unconditional:
                raise StorefrontDown(Kind.MALFORMED, "304 to a request without a condition")
            return Form.PAGE if question.terms.salted else Form.OTHER
        form = form_of(answer.headers)
        if form is not Form.UNSAID:
            return form
        if question.terms.method == b"HEAD":
            return Form.OTHER
        return Form.PAGE if await looks_like_page(answer) else Form.OTHER

    async def _whole(self, question: Question, upload: Upload, part: Answer) -> Answer:
        """The whole page instead of a part of one, in which a tag could begin or end outside."""
        part.close()
        if upload.there or question.terms.method not in (b"GET", b"HEAD"):
            raise CannotCut("range", f"a part of a page answers {question.terms.method.decode('latin-1')}")
        answer = await self._open(question, None, whole=True)
        if answer.status == 206:
            answer.close()
            raise CannotCut("range", "206 to a request without a Range")
        return answer

    async def _send_page(self, question: Question, answer: Answer, reply: _Reply) -> None:
        body = PageBody(answer)
        page = self._asking.page(question, plain=300 <= answer.status < 400)
        async with aclosing(body.rewritten(page)) as pieces:
            first = await anext(pieces, b"")
            kept_for = self._asking.kept_for(question, answer.status, answer.headers)
            given = self._asking.given(question, answer.status, coding=body.coding, kept_for=kept_for)
            reply.head(answer.status, to_browser(answer.headers, given))
            await reply.next(first, last=answer.ended)
            async for piece in pieces:
                await reply.next(piece, last=answer.ended)

    async def _stream(self, question: Question, answer: Answer, reply: _Reply) -> None:
        reply.head(answer.status, to_browser(answer.headers, self._asking.given(question, answer.status, coding=None)))
        await _relay(answer, reply)

    async def _pass(self, question: Question, answer: Answer, form: Form, reply: _Reply) -> str:
        """As it came. A page is looked at where that is the mode, and is nobody else's where others get another one."""
        head = passed(answer.headers, bodiless=answer.status in (204, 304))
        if form is Form.PAGE and self._asking.mixed:
            head = [header for header in head if header[0] != b"cache-control"]
            head.append((b"cache-control", cache_control(personal=False)))
        reply.head(answer.status, head)
        if self._observer is not None and form is Form.PAGE and answer.status not in (206, 304):
            page = self._asking.page(question, plain=True, report=self._observer.hear)
            await observe(answer, page, self._observer, reply.body)
            return "observed"
        await _relay(answer, reply)
        return "passed"


async def _relay(answer: Answer, reply: _Reply) -> None:
    """A body as it comes. What is known to be its last piece leaves with the answer's end; a head does not wait for a
    body that lets itself be waited for."""
    answer.widen()
    if answer.waiting:
        await reply.flush()
    if reply.presence is not None and is_event_stream(answer.headers):
        await _relay_events(answer, reply, reply.presence)
        return
    while piece := await answer.read():
        await reply.next(piece, last=answer.ended)


async def _relay_events(answer: Answer, reply: _Reply, presence: Presence) -> None:
    """An event stream (Server-sent events, WHATWG HTML 9.2): it never ends by itself, and browsers come back for more
    where it ends. So it is ended, not broken off, when the process is."""
    leaving = asyncio.Event()
    presence.on_leaving = leaving.set
    told = asyncio.create_task(leaving.wait())
    reading: asyncio.Task[bytes] | None = None
    try:
        while not told.done():
            reading = reading or asyncio.create_task(answer.read())
            await asyncio.wait({reading, told}, return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                piece, reading = reading.result(), None
                if not piece:
                    break
                await reply.next(piece, last=answer.ended)
    finally:
        presence.on_leaving = None
        for task in (told, reading):
            if task is not None:
                task.cancel()
        await asyncio.gather(told, *([reading] if reading else []), return_exceptions=True)


class _Reply:
    """The answer to the visitor, who is there by `presence`. `closes`: the connection ends with it, since the rest of a
    body is unread."""

    def __init__(self, send: Send, presence: Presence | None, *, head_only: bool) -> None:
        self.presence = presence
        self._send = send
        self._head_only = head_only
        self._held: Message | None = None
        self.started = False
        self.closes = False
        self._last = b""

    def head(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        """It leaves with the first of the body: until then it can be another."""
        if self.closes:
            headers = [*headers, (b"connection", b"close")]
        self._held = {"type": "http.response.start", "status": status, "headers": headers}

    async def body(self, piece: bytes) -> None:
        if piece and not self._head_only:
            await self._put({"type": "http.response.body", "body": piece, "more_body": True})

    async def next(self, piece: bytes, *, last: bool) -> None:
        """The same; what may be the last of the body waits, to leave with the answer's end, unless it is so large that
        a visitor should have taken it before the storefront's connection is given back."""
        if not piece:
            return
        last = last and len(piece) <= _SMALL
        waited, self._last = self._last, piece if last else b""
        if waited:
            await self.body(waited)
        if not last:
            await self.body(piece)

    async def flush(self) -> None:
        """Send what is held back."""
        await self._put({"type": "http.response.body", "body": b"", "more_body": True})

    async def end(self) -> None:
        last = b"" if self._head_only else self._last
        await self._put({"type": "http.response.body", "body": last, "more_body": False})

    async def _put(self, message: Message) -> None:
        held, self._held = self._held, None
        if held is not None:
            self.started = True
            await self._send(held)
        await self._send(message)
