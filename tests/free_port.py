"""A port of this machine for a program that must be told one."""

from __future__ import annotations

import secrets
import socket

#: Below the ports that Linux gives to whoever does not care (ip_local_port_range): those are taken at any moment.
_FIRST, _LAST = 15_000, 32_000


def free_port() -> int:
    """One that was free a moment ago, and that nobody else is given."""
    while True:
        port = _FIRST + secrets.randbelow(_LAST - _FIRST)
        with socket.socket() as one:
            try:
                one.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
