"""Which line of the settings decides what becomes of a URL, and which line would undo a wrong cut. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from proxy.catalogue.known import Known
from proxy.catalogue.schema import Vendor
from proxy.catalogue.url import Split
from proxy.cli.options import Loaded
from proxy.toml_places import KeyPath

Facts = Iterator[tuple[str, str]]


def deciding(loaded: Loaded, contacts: Split, vendor: Vendor | Known | None) -> Facts:
    """A line a fact: what the settings say of this URL, and where. `vendor`: whose it is by the catalogue."""
    allowed = loaded.use.allowed_as(contacts.host)
    if allowed is not None:
        index = loaded.settings.vendors.allow.index(allowed)
        yield "allowed by", f'vendors.allow names "{allowed}"{_place(loaded, ("vendors", "allow", index))}'
        return
    if vendor is None:
        yield from _unknown(loaded, contacts)
        return
    if isinstance(vendor, Vendor):
        yield from _settled(loaded, vendor)
    if not vendor.essential and vendor.key not in loaded.use.vendors:
        yield "if that is wrong", _undo(contacts.host)


def _unknown(loaded: Loaded, contacts: Split) -> Facts:
    shape = loaded.use.shapes.find(*contacts)
    if shape is not None:
        yield "looks like", shape.reason
        yield "categories", ", ".join(shape.categories)
        yield "if that is wrong", _undo(contacts.host)
        return
    said = loaded.settings.vendors.unknown
    where = _place(loaded, ("vendors", "unknown")) if said else ", which nobody has set"
    yield "unknown", f'vendors.unknown = "{loaded.use.unknown}"{where}'
    if loaded.use.unknown == "block":
        yield "if that is wrong", _undo(contacts.host)


def _settled(loaded: Loaded, vendor: Vendor) -> Facts:
    own = loaded.settings.vendor.get(vendor.key)
    for field in sorted(own.model_fields_set) if own is not None else ():
        yield "settled by", f"[vendor.{vendor.key}] {field}{_place(loaded, ('vendor', vendor.key, field))}"
    if vendor.key not in loaded.use.vendors:
        where = _place(loaded, ("vendors", "use"))
        yield "not in use", f"vendors.use does not name it{where}"


def _undo(host: str) -> str:
    return f'[vendors] allow = ["{host}"]'


def _place(loaded: Loaded, key: KeyPath) -> str:
    """Where it stands; nothing where the settings came from no file."""
    line = loaded.places.line(key)
    return "" if line is None else f", {loaded.file}:{line}"
