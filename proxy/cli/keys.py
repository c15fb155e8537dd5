"""`consentry keys`: secret keys for the consent cookie."""

from __future__ import annotations

import secrets
from typing import Annotated

import typer

from proxy.settings import KEYS_VARIABLE, SHORTEST_KEY

app = typer.Typer(no_args_is_help=True, help="Make secret keys for the consent cookie.", rich_markup_mode="rich")


@app.command(
    epilog=f"""Example: export {KEYS_VARIABLE}=$(consentry keys new)

To change keys without asking every visitor again, put the new one first and keep the old one behind it for six months:
{KEYS_VARIABLE}=NEW,OLD"""
)
def new(
    size: Annotated[
        int, typer.Option("--bytes", min=SHORTEST_KEY, max=1024, help="Random bytes in the key.")
    ] = SHORTEST_KEY,
) -> None:
    """Print one new key. It is shown once and kept nowhere."""
    print(secrets.token_urlsafe(size))
