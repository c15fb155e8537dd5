"""Where a visitor is: by a trusted front server's header, else by the operator's database, else nobody knows.

Rules of this file: headers count from trusted peers alone. What is no ISO 3166 code (Cloudflare's XX and T1, an empty
header, a doubled one) is not known, and then the database is asked. A fault of the database is told once and makes
nobody fail.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import maxminddb
import structlog

from proxy.consent.regime import Regimes
from proxy.errors import Problem, Refused
from proxy.http.visit import Headers, values
from proxy.model import Law
from proxy.settings.schema import RegionSettings
from proxy.toml_places import Places

_log = structlog.get_logger("proxy.http")

_CODE = re.compile(rb"([A-Z]{2})(?:-([A-Z0-9]{1,3}))?\Z", re.I)
_PART = re.compile(rb"(?:[A-Z]{2}-)?([A-Z0-9]{1,3})\Z", re.I)
#: Country codes that say that there is none: unknown, and Tor (Cloudflare); anonymous proxy, satellite (MaxMind, old).
_NOWHERE = frozenset({"XX", "T1", "A1", "A2", "ZZ"})


class Regions:
    """Where visitors of one shop are, and which law holds there. Raises `Refused` where the database cannot be read;
    `file` and `places` say where the settings stand."""

    def __init__(
        self,
        settings: RegionSettings,
        regimes: Regimes,
        *,
        file: str = "consentry.toml",
        places: Places | None = None,
    ) -> None:
        self._headers = tuple(name.lower().encode("ascii") for name in settings.headers)
        self._regimes = regimes
        self._look_up: Callable[[str], str | None] | None = None
        if settings.database is not None:
            try:
                self._look_up = _database(settings.database)
            except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
                line = (places or Places()).line(("region", "database"))
                mend = "Name a file in MaxMind's format (.mmdb), like GeoLite2-Country.mmdb, or take the line out."
                raise Refused([Problem(file, line, "region.database", f"cannot be read: {error}.", mend)]) from None

    def of(self, headers: Headers, address: str | None, *, trusted: bool) -> tuple[str | None, Law]:
        """The region (ISO 3166; None: nobody knows) and the law there. `trusted`: the sender of the headers is."""
        region = _told(headers, self._headers) if trusted and self._headers else None
        if region is None and self._look_up is not None and address is not None:
            region = self._look_up(address)
        return region, self._regimes.of(region)


def _told(headers: Headers, names: tuple[bytes, ...]) -> str | None:
    said = [values(headers, name) for name in names]
    code = _CODE.match(said[0][0].strip(b" \t")) if len(said[0]) == 1 else None
    if code is None or (country := code[1].decode("ascii").upper()) in _NOWHERE:
        return None
    part = code[2]
    if part is None and len(said) > 1 and len(said[1]) == 1:
        found = _PART.match(said[1][0].strip(b" \t"))
        part = found[1] if found else None
    return f"{country}-{part.decode('ascii').upper()}" if part else country


def _database(file: Path) -> Callable[[str], str | None]:
    """A region by address, from a file in MaxMind's format (GeoIP2 or GeoLite2, Country or City)."""
    reader, told = maxminddb.open_database(file), False

    def look_up(address: str) -> str | None:
        nonlocal told
        try:
            return _region(reader.get(address))
        except (ValueError, maxminddb.InvalidDatabaseError) as error:  # ValueError: an IPv6 address in an IPv4 file
            if not told:
                told = True
                _log.warning("the region database does not answer", file=str(file), error=type(error).__name__)
            return None

    return look_up


def _region(found: Any) -> str | None:
    """GeoIP2's fields: `country` is where the address is used, and `registered_country` says less."""
    if not isinstance(found, dict):
        return None
    country = (found.get("country") or {}).get("iso_code")
    if not isinstance(country, str) or country in _NOWHERE:
        return None
    parts = found.get("subdivisions") or []
    part = parts[0].get("iso_code") if parts else None
    return f"{country}-{part}" if part else country
