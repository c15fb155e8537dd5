"""`consentry demo`: the shop, its vendors' stand-ins, the proxy before the shop and the live page, in one process.

Rules: nothing that it sends leaves this machine. All that is bound for vendors goes to the stand-ins
(`vendors.gateway`); the shop's settings are `consentry.toml` beside this file. A port that is taken is replaced by a
free one, and said so. A first Ctrl-C ends everything at once, open event streams and idle connections too.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import webbrowser
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from importlib.resources import as_file, files
from pathlib import Path
from tempfile import TemporaryDirectory

import uvicorn
from rich.console import Console
from starlette.types import ASGIApp, Receive, Scope, Send

from proxy.address import is_public, parse
from proxy.app import Apps, build
from proxy.catalogue.load import load
from proxy.catalogue.use import in_use
from proxy.demo.live import Watch, in_the_terminal, live_app
from proxy.demo.seen import SAMPLE_ADDRESS
from proxy.demo.shop import shop
from proxy.demo.standins import StandIns
from proxy.errors import Refused
from proxy.listen import ListenAddress, address_of, bind
from proxy.model import Reach
from proxy.serve import serve
from proxy.settings import Settings, load_settings
from proxy.settings.schema import VendorSettings


async def run_demo(
    listen: tuple[str, int] = ("127.0.0.1", 8000),
    console: Console | None = None,
    *,
    open_browser: bool = False,
    hostile: frozenset[str] = frozenset(),
    from_server: bool = False,
) -> None:
    """Run until SIGINT or SIGTERM; then return.

    The live page takes the port two above that of `listen`; with 0 all take free ones. `hostile` are vendor hosts
    whose scripts try to consent in the visitor's name; with any, the shop has a page /hostile too. `from_server`: some
    vendors have no tag at all, and the proxy tells them itself. Raises `Refused` where `listen` names no host of this
    machine.
    """
    console = console or Console()
    catalogue = load()
    public, admin, live, store = _doors(*listen, console)
    ended = asyncio.Event()
    standins = StandIns(hostile=hostile)
    async with standins.listening(), _serving(shop(hostile=bool(hostile)), store):
        settings = demo_settings(storefront=address_of(store).url, gateway=standins.url)
        settings = with_events(settings) if from_server else settings
        watch = Watch(standins, in_use(catalogue, settings), settings.vendors.use or (), address_of(public).url, ended)
        async with _serving(live_app(watch), live, before_end=ended.set):
            _say_where(console, watch, address_of(live).url, standins.url)
            if open_browser:
                webbrowser.open(address_of(live).url)
            with in_the_terminal(console, watch), TemporaryDirectory(prefix="consentry-demo-") as state:
                await serve(lambda: _from_outside(build(settings, catalogue, Path(state))), public, admin)
    console.print("Ended.")


def demo_settings(*, storefront: str, gateway: str) -> Settings:
    """The demo's settings: `consentry.toml` with the addresses of this run. Nothing is read from the environment."""
    with as_file(files("proxy.demo").joinpath("consentry.toml")) as file:
        settings = load_settings(file, dev=True, environ={}, storefront=storefront)
    return settings.model_copy(update={"vendors": settings.vendors.model_copy(update={"gateway": gateway})})


#: Vendors that the demo tells of events itself, their invented accounts and their secrets.
_TOLD: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "google-analytics": ({"measurement_id": "G-M0RGEN1EHM"}, {"API_SECRET": "demo-secret"}),
    "meta-pixel": ({"pixel_id": "724401883901562"}, {"ACCESS_TOKEN": "demo-token"}),
    "x": (
        {
            "pixel_id": "o9m7k",
            "event_page_view": "tw-o9m7k-visit",
            "event_view_item": "tw-o9m7k-view",
            "event_add_to_cart": "tw-o9m7k-cart",
            "event_purchase": "tw-o9m7k-buy",
        },
        dict.fromkeys(("CONSUMER_KEY", "CONSUMER_SECRET", "TOKEN", "TOKEN_SECRET"), "demo-secret"),
    ),
    "vk": ({"pixel_id": "VK-RTRG-482913-1xKpQ"}, {}),
    "matomo": ({"site_id": "7", "server": "morgenlehm.matomo.cloud"}, {"TOKEN_AUTH": "demo-token"}),
    "plausible": ({"domain": "morgenlehm.example"}, {}),
}


def with_events(settings: Settings) -> Settings:
    """The demo's settings where the proxy tells these vendors of events itself."""
    own = {
        key: VendorSettings.model_validate({"reach": Reach.SERVER, **accounts}) for key, (accounts, _) in _TOLD.items()
    }
    secrets = {
        f"CONSENTRY_{key.replace('-', '_').upper()}_{name}": text
        for key, (_, some) in _TOLD.items()
        for name, text in some.items()
    }
    use = tuple(dict.fromkeys([*(settings.vendors.use or ()), *_TOLD]))
    vendors = settings.vendors.model_copy(update={"use": use})
    return settings.model_copy(update={"vendor": settings.vendor | own, "vendors": vendors, "secrets": secrets})


def _doors(host: str, port: int, console: Console) -> tuple[socket.socket, socket.socket, socket.socket, socket.socket]:
    """Sockets for the proxy, its admin listener, the live page and the shop; the shop's and the admin's are local."""

    def door(what: str, door_host: str, number: int) -> socket.socket:
        try:
            return bind(ListenAddress(door_host, number), "--listen")
        except Refused:
            free = bind(ListenAddress(door_host, 0), "--listen")
            console.print(f"Port {number} is taken; {what} is at {address_of(free)} instead.", highlight=False)
            return free

    def beside(step: int) -> int:
        return port + step if port and port + step <= 65535 else 0

    with contextlib.ExitStack() as taken:
        sockets = [
            taken.enter_context(door(*one))
            for one in (
                ("the shop with Consentry before it", host, port),
                ("the admin listener", "127.0.0.1", beside(1)),
                ("the live page", host, beside(2)),
                ("the shop itself", "127.0.0.1", beside(3)),
            )
        ]
        taken.pop_all()
    return sockets[0], sockets[1], sockets[2], sockets[3]


class _Server(uvicorn.Server):
    """A server beside the proxy's: signals are not its business."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def _serving(
    app: ASGIApp, door: socket.socket, before_end: Callable[[], None] = lambda: None
) -> AsyncIterator[None]:
    """Serve `app` while the block lasts; what is still open after a second is closed."""
    server = _Server(
        uvicorn.Config(app, ws="none", lifespan="off", access_log=False, log_config=None, timeout_graceful_shutdown=1)
    )
    task = asyncio.create_task(server.serve([door]))
    try:
        yield
    finally:
        before_end()
        server.should_exit = True
        await task


def _from_outside(apps: Apps) -> Apps:
    """The same, where visitors of this machine or its own networks arrive as if from `SAMPLE_ADDRESS`."""

    async def public(scope: Scope, receive: Receive, send: Send) -> None:
        peer = parse(scope["client"][0]) if scope.get("client") else None
        if peer is None or not is_public(peer):
            scope = {**scope, "client": (SAMPLE_ADDRESS, 50_077)}
        await apps.public(scope, receive, send)

    return replace(apps, public=public)


def _say_where(console: Console, watch: Watch, live_url: str, standins_url: str) -> None:
    lines = (
        f"[bold]The shop, with Consentry before it:[/]  {watch.shop_url}",
        f"[bold]What its vendors receive, live:[/]      {live_url}",
        "",
        "Try: browse the shop before you choose; accept; watch the vendors; withdraw; go back. In German: /de/. With",
        f"JavaScript off. With Sec-GPC: curl -H 'Sec-GPC: 1' {watch.shop_url}/",
        f"Vendors are stand-ins on this machine ({standins_url}); you arrive as {SAMPLE_ADDRESS}. Ctrl-C ends all.",
        "",
    )
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True)
