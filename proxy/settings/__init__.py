"""Typed settings: what they are (`schema`), how they are read and refused (`load`), where secrets come from."""

from proxy.settings.environment import variables
from proxy.settings.load import load_settings, read_settings
from proxy.settings.schema import Limits, Settings, VendorSettings
from proxy.settings.secret_keys import KEYS_VARIABLE, SHORTEST_KEY

__all__ = [
    "KEYS_VARIABLE",
    "SHORTEST_KEY",
    "Limits",
    "Settings",
    "VendorSettings",
    "load_settings",
    "read_settings",
    "variables",
]
