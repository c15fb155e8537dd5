"""`consentry vendors test`: one event to a vendor's validation endpoint, and what the vendor says of it."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any

import typer

from proxy.cli.console import out, print_json, say
from proxy.cli.options import AsJson, ConfigFile, VendorDirs, load_all
from proxy.errors import Problem, Refused
from proxy.events.answers import access_token
from proxy.events.request import Moment, request, token_request
from proxy.events.wiring import Route, route_to
from proxy.minimise import Outgoing
from proxy.minimise.agents import user_agent_class
from proxy.minimise.events import Event, Item, Manner, Minimised, Visited, told
from proxy.minimise.ids import Ids
from proxy.model import ASKED
from proxy.relay import VendorHop
from proxy.relay.telling import NotAnswered, tell
from proxy.settings import Settings

#: Seconds that a vendor may take.
_PATIENCE = 15.0


def try_out(
    key: Annotated[str, typer.Argument(metavar="KEY", help="The vendor's key: its file's name without .toml.")],
    name: Annotated[str, typer.Option("--event", metavar="NAME", help="The event, like purchase.")] = "purchase",
    config: ConfigFile = None,
    vendors: VendorDirs = None,
    dry: Annotated[bool, typer.Option("--dry-run", help="Show the request, and send nothing.")] = False,
    really: Annotated[
        bool, typer.Option("--really", help="Send it even where the vendor has no way to test: it counts.")
    ] = False,
    as_json: AsJson = False,
    dev: Annotated[bool, typer.Option("--dev", help="By development's rules, which require less.")] = False,
) -> None:
    """Send one made-up event to a vendor's validation endpoint; show request and answer.

    Accounts come from [vendor.KEY], secrets from CONSENTRY_<KEY>_<SECRET>. Exit 0: the vendor took it.
    """
    loaded = load_all(config, vendors, dev=dev)
    settings = loaded.settings.sites[0]
    vendor = loaded.use.vendors.get(key) or loaded.catalogue.vendors.get(key)
    if vendor is None:
        mend = "`consentry vendors list` shows them all."
        raise Refused([Problem(key, None, "", "no vendor file describes it.", mend)])
    route, missing = route_to(vendor, settings)
    if route is None or missing:
        problems = [Problem(loaded.file, None, f"vendor.{key}", message, "") for message in missing]
        raise Refused(problems)
    if route.connector.test is None and not (dry or really):
        mend = "Pass --dry-run to see the request, or --really to send an event that counts."
        raise Refused([Problem(key, None, "", "has no way to test: whatever it is sent, it counts.", mend)])
    if route.name_of(name) is None:
        known = ", ".join(route.connector.names)
        mend = f"Its connector knows: {known}. Those counted under an account need that account in [vendor.{key}]."
        raise Refused([Problem(key, None, "", f"is not told of {name!r}.", mend)])
    asyncio.run(_run(route, settings, name, dry=dry, as_json=as_json))


async def _run(route: Route, settings: Settings, name: str, *, dry: bool, as_json: bool) -> None:
    hop = VendorHop(settings.vendors)
    send = partial(tell, hop, route.vendor.key, private=route.private, seconds=_PATIENCE)
    try:
        token = ""
        if route.connector.wants_token and not dry:
            token, _ = access_token(await send(*token_request(route)))
        moment = Moment(int(time.time()), secrets.token_hex(16), token)
        host, outgoing = request(route, [_sample(route, settings, name)], moment, test=True)
        shown = _request(host, outgoing, route)
        if dry:
            _print(shown, None, route, as_json=as_json)
            return
        answered = await send(host, outgoing)
        kind = answered.headers.get(b"content-type", b"").decode("latin-1")
        answer = {"status": answered.status, "body": answered.body.decode(errors="replace"), "type": kind}
        _print(shown, answer, route, as_json=as_json)
        if not 200 <= answered.status < 300:
            raise typer.Exit(1)
    except NotAnswered as error:
        say(f"{route.vendor.name} did not answer: {error}.")
        raise typer.Exit(1) from None
    finally:
        await hop.aclose()


def _sample(route: Route, settings: Settings, name: str) -> Mapping[str, Any]:
    origin = settings.origin or "https://shop.example"
    ids = Ids(b"test", settings.identity, settings.privacy.profile, partial(secrets.token_bytes, 32))
    manner = Manner(settings.privacy.profile, ids, settings.privacy.shortens, settings.privacy.query)
    now, random = time.time_ns() // 1_000_000, secrets.token_hex(8)
    event = Event(
        name,
        f"test-{random}",
        now,
        value=49.9,
        currency="EUR",
        order=f"TEST-{random}",
        search="lamp" if name == "search" else None,
        email="973dfe463ec85785f5f95af5ba3906eedb2d931c24e69824a89ea65dba4e813b",  # of test@example.com
        items=(Item("SKU-1", "A lamp", "Lamps", 49.9, 1),),
    )
    visited = Visited(
        origin,
        f"{origin}/test",
        user_agent=user_agent_class("Chrome/120"),
        language="en",
        address="203.0.113.7",
        proof=f"test-{random}",
        allowed=told(frozenset(ASKED), limited=False),
    )
    minimised = Minimised(event, visited, manner)
    return minimised.facts(route.vendor.key, route.connector.facts, route.name_of(name) or name)


def _request(host: str, outgoing: Outgoing, route: Route) -> dict[str, Any]:
    """The request to show: without the shop's secrets."""

    def masked(text: str) -> str:
        for fact, value in route.shop.items():
            if fact.startswith("secret.") and value:
                text = text.replace(value, f"<{fact.removeprefix('secret.')}>")
        return text

    headers = {
        name.decode(): "<signed>" if name == b"Authorization" else value.decode() for name, value in outgoing.headers
    }
    return {
        "method": outgoing.method,
        "url": masked(f"https://{host}{outgoing.target.decode()}"),
        "headers": {name: masked(value) for name, value in headers.items()},
        "body": masked(outgoing.body.decode()),
    }


def _print(shown: dict[str, Any], answer: dict[str, Any] | None, route: Route, *, as_json: bool) -> None:
    if as_json:
        print_json({"request": shown, "answer": answer})
        return
    out.print(f"{shown['method']} {shown['url']}", style="bold", highlight=False, soft_wrap=True, markup=False)
    for name, value in shown["headers"].items():
        out.print(f"{name}: {value}", highlight=False, soft_wrap=True, markup=False)
    _print_body(shown["body"])
    if answer is None:
        return
    out.print(f"\n{answer['status']} {answer['type']}".rstrip(), style="bold", highlight=False, markup=False)
    _print_body(answer["body"])
    if route.connector.test is not None and route.connector.test.tells:
        say(f"What to look for: {route.connector.test.tells}")


def _print_body(text: str) -> None:
    try:
        out.print_json(text)
    except ValueError:
        if text:
            out.print(text, highlight=False, soft_wrap=True, markup=False)
