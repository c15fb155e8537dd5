"""What each vendor received, shown live: as a page on a port of its own, and in the terminal.

Rules: both are drawn from the stand-ins' records by `seen.py`; neither adds anything. The page works without scripts
(it reloads itself) and keeps up by server-sent events with them. In a terminal there is one table that changes; where
the output is no terminal, one line a request.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime

from jinja2 import Environment, PackageLoader, StrictUndefined
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from proxy.catalogue.use import InUse
from proxy.demo.seen import SAMPLE_ADDRESS, Seen, seen
from proxy.demo.standins import Received, StandIns
from proxy.model import Reach

#: Seconds between two looks at what came in.
_PAUSE = 0.25

#: Columns from which the terminal's table shows everything.
_WIDE = 110

_PAGES = Environment(
    loader=PackageLoader("proxy.demo", "pages"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)


@dataclass
class Watch:
    """What is watched, for whom. `shop_url` is where visitors go in; `ended` is set when the demo ends."""

    standins: StandIns
    use: InUse
    shown: tuple[str, ...]
    shop_url: str
    ended: asyncio.Event

    def rows(self) -> list[Seen]:
        return seen(self.standins.received, self.use, self.shown)

    async def changes(self) -> AsyncIterator[None]:
        """Yields at once, then whenever something came in or was forgotten, until the demo ends."""
        drawn = None
        while not self.ended.is_set():
            if drawn != (drawn := self.standins.so_far):
                yield
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.ended.wait(), _PAUSE)


def live_app(watch: Watch) -> Starlette:
    """The page: GET /, its events, and a button that forgets what was received."""

    def words() -> dict[str, object]:
        rows = watch.rows()
        return {
            "rows": rows,
            "total": sum(row.count for row in rows),
            "sample": SAMPLE_ADDRESS,
            "shop_url": watch.shop_url,
            "here": watch.standins.url.removeprefix("http://"),
            "direct": Reach.DIRECT,
            "clock": lambda at: f"{datetime.fromtimestamp(at):%H:%M:%S}",
            "text": _readable,
        }

    async def page(_request: Request) -> Response:
        return HTMLResponse(_PAGES.get_template("live.html").render(words()), headers={"Cache-Control": "no-store"})

    async def events(_request: Request) -> Response:
        async def stream() -> AsyncIterator[str]:
            async for _ in watch.changes():
                html = _PAGES.get_template("live_rows.html").render(words())
                yield f"data: {json.dumps(html)}\n\n"

        return StreamingResponse(stream(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    async def forget(_request: Request) -> Response:
        watch.standins.forget()
        return RedirectResponse("/", 303)

    static = Mount("/static", StaticFiles(packages=[("proxy.demo", "static")]))
    return Starlette(
        routes=[Route("/", page), Route("/events", events), Route("/forget", forget, methods=["POST"]), static]
    )


def _readable(one: Received) -> str:
    """The raw request as text, for reading; what is no text is shown as an escape."""
    if one.greeting:
        return f"A TLS greeting of {len(one.raw)} bytes that asked for {one.host}; the rest would have been encrypted."
    return one.raw.decode("utf-8", "backslashreplace").replace("\r\n", "\n")


@contextlib.contextmanager
def in_the_terminal(console: Console, watch: Watch) -> Iterator[None]:
    """While the block lasts, the terminal shows what comes in."""
    if not console.is_terminal:
        with watch.standins.watched(
            lambda one: console.print(line_of(one, watch.use), markup=False, highlight=False, soft_wrap=True)
        ):
            yield
        return
    with (
        Live(table_of(watch.rows(), console.width), console=console, auto_refresh=False) as live,
        _redrawing(watch, live, console),
    ):
        yield


@contextlib.contextmanager
def _redrawing(watch: Watch, live: Live, console: Console) -> Iterator[None]:
    async def redraw() -> None:
        async for _ in watch.changes():
            live.update(table_of(watch.rows(), console.width), refresh=True)

    task = asyncio.ensure_future(redraw())
    try:
        yield
    finally:
        task.cancel()


def line_of(one: Received, use: InUse) -> str:
    """One request in one line: when, who, what, and the address it could see."""
    row = seen([one], use, ())[0]
    words = _short(one).partition("?")[0]
    return f"{datetime.fromtimestamp(one.at):%H:%M:%S}  {row.name}  {words}  address seen: {row.address}"


def table_of(rows: list[Seen], width: int) -> Table:
    """The rows as a table for a terminal of `width` columns; a narrow one is not told what a vendor needs."""
    wide = width >= _WIDE
    table = Table(title="What each vendor received", title_justify="left", expand=True, box=None, padding=(0, 1))
    table.add_column("Vendor", no_wrap=True)
    if wide:
        table.add_column("Needs", no_wrap=True)
    table.add_column("Requests" if wide else "", justify="right")
    table.add_column("Last request", ratio=1, no_wrap=True, overflow="ellipsis")
    table.add_column("Address seen", no_wrap=True)
    for row in rows:
        needs = [Text(" + ".join(row.needs))] if wide else []
        table.add_row(Text(row.name), *needs, *_received(row), style="" if row.count else "dim")
    return table


def _received(row: Seen) -> tuple[Text, ...]:
    last = row.last
    if last is None:
        return Text("·"), Text("nothing"), Text("")
    style = "bold red" if "your full address" in row.held else ""
    return Text(str(row.count)), Text(_short(last)), Text(row.address, style=style)


def _short(one: Received) -> str:
    return f"TLS greeting for {one.host}" if one.greeting else f"{one.method} {one.host}{one.target}"
