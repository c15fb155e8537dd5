"""`consentry demo`: the sample shop, its vendors' stand-ins and the proxy before it."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from proxy.cli.options import ListenOption
from proxy.logs import configure_logs


def demo(
    listen: ListenOption = "127.0.0.1:8000",  # type: ignore[assignment]  # typer parses defaults, too
    open_browser: Annotated[bool, typer.Option("--open", help="Open the live page in a browser.")] = False,
    from_server: Annotated[
        bool,
        typer.Option("--from-server", help="Six vendors have no tag at all: the proxy tells them of events itself."),
    ] = False,
) -> None:
    """Try it: a sample shop behind the proxy, with local stand-ins for its vendors; shows live what each receives.

    Needs no network. Ctrl-C ends everything.
    """
    from proxy.demo.run import run_demo

    configure_logs()
    asyncio.run(run_demo((listen.host, listen.port), open_browser=open_browser, from_server=from_server))
