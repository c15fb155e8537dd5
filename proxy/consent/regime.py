"""Which law holds for a visit: `regimes.toml`, and what the shop's settings add to it.

Rules of this file: a part of a country comes before the country; the shop's own tables come before the shipped ones;
where no table names a region, or nobody knows it, the strictest law holds. Pure but for reading the shipped file once.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files

from proxy.errors import Problem, Refused
from proxy.model import ASKED, STRICTEST, Law, Regime
from proxy.settings.schema import RegimeSettings, Settings
from proxy.toml_places import Places

#: The table for all that no other one names, and for visitors of whom nobody knows where they are.
ELSEWHERE = "elsewhere"


class Regimes:
    """The laws of one shop, by region (ISO 3166-1 country or ISO 3166-2 subdivision)."""

    def __init__(self, laws: Mapping[str, Law], elsewhere: Law = STRICTEST) -> None:
        self._laws = laws
        self._elsewhere = elsewhere

    def named(self, key: str) -> Law:
        """The law by its key; the strictest where there is none of that name (any more)."""
        return next((law for law in (*self._laws.values(), self._elsewhere) if law.key == key), STRICTEST)

    def of(self, region: str | None) -> Law:
        """The law where a visitor is; None: nobody knows."""
        if region is None:
            return self._elsewhere
        return self._laws.get(region) or self._laws.get(region.partition("-")[0]) or self._elsewhere


def regimes_of(settings: Settings, *, file: str = "consentry.toml", places: Places | None = None) -> Regimes:
    """The shipped laws with the shop's. Raises `Refused` where a new table does not say where or what it is, or two of
    the shop's tables name the same region; `file` and `places` say where the settings stand."""
    at = places or Places()
    problems = [
        Problem(file, at.line(("regimes", key, field)), f"regimes.{key}.{field}", message, mend)
        for key, field, message, mend in _faults(settings.regimes)
    ]
    if problems:
        raise Refused(problems)
    tables = {key: _amended(table, settings.regimes.get(key)) for key, table in shipped().items()}
    tables |= {key: own for key, own in settings.regimes.items() if key not in tables}
    laws = {key: _law(key, table) for key, table in tables.items()}
    by_region = {region: laws[key] for key, table in tables.items() for region in table.regions or ()}
    return Regimes(by_region, laws[ELSEWHERE])


@cache
def shipped() -> Mapping[str, RegimeSettings]:
    """The tables of `regimes.toml`."""
    text = files("proxy.consent").joinpath("regimes.toml").read_text(encoding="utf-8")
    return {key: RegimeSettings.model_validate(table) for key, table in tomllib.loads(text).items()}


def _amended(table: RegimeSettings, own: RegimeSettings | None) -> RegimeSettings:
    if own is None:
        return table
    said = {name: getattr(own, name) for name in own.model_fields_set}
    return table.model_copy(update=said)


def _law(key: str, table: RegimeSettings) -> Law:
    regime = table.regime or Regime.OPT_IN
    opt_in = regime is Regime.OPT_IN
    allowed = table.allowed if table.allowed is not None else () if opt_in else ASKED
    return Law(
        key=key,
        regime=regime,
        allowed=frozenset(allowed),
        statistics=table.statistics,
        signal=frozenset(table.gpc),
        banner=(table.asks or ("banner" if opt_in else "link")) == "banner",
        lapses=table.lapses,
        steps=table.steps,
        sale=table.sale,
        remember_days=table.remember_days,
        policy=table.privacy_policy,
        rights=table.rights if table.rights is not None else shipped()[ELSEWHERE].rights or (),
    )


def _faults(own: Mapping[str, RegimeSettings]) -> Iterator[tuple[str, str, str, str]]:
    """Table, field, what is wrong, and the mend."""
    taken: dict[str, str] = {}
    for key, table in own.items():
        if key == ELSEWHERE and table.regime not in (None, Regime.OPT_IN):
            mend = "Take the line out, and name the regions in a table of their own."
            yield key, "regime", "is opt-in: nobody knows which law holds there.", mend
        if key not in shipped():
            for missing in ("regions", "regime"):
                if getattr(table, missing) is None:
                    mend = 'Add: regions = ["US-NY"]' if missing == "regions" else 'Add: regime = "opt-in"'
                    yield key, missing, "is not set.", mend
        for region in table.regions or ():
            if taken.setdefault(region, key) != key:
                yield key, "regions", f"{region} is in regimes.{taken[region]}, too.", "Leave it in one of them."
