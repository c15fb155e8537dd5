"""Which fields carry an IP address, by their names. Pure."""

from __future__ import annotations

import itertools
import re

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_IP_WORDS = frozenset(
    "ip ipv ipaddr ipaddress uip cip xff remoteaddr clientip userip visitorip remoteip sourceip srcip realip".split()
)
_FLAGS = frozenset({"", "0", "1", "true", "false"})


def names_an_address(name: str) -> bool:
    """Whether a field's name says that its value is an IP address: `uip`, `ip_override`, `client_ip_address`, `cip`."""
    words = [word.lower() for word in _WORDS.findall(name)]
    joined = {first + second for first, second in itertools.pairwise(words)}
    return not _IP_WORDS.isdisjoint(words) or not _IP_WORDS.isdisjoint(joined)


def is_flag(value: str) -> bool:
    """Whether a value in such a field is a mere yes or no (`anonymize_ip=true`), and so holds no address."""
    return value.strip().lower() in _FLAGS
