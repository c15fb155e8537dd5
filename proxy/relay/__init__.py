"""The relay: what a granted vendor gets of a visit, and what it may give back. `relay_app(settings, use, hop)`."""

from proxy.relay.routes import relay_app
from proxy.relay.vendor_hop import VendorHop

__all__ = ["VendorHop", "relay_app"]
