"""What may leave for a vendor: browsers' requests and events, built anew from named fields by profile."""

from proxy.minimise.requests import Asked, Outgoing, Why, Withheld, file_request, minimise

__all__ = ["Asked", "Outgoing", "Why", "Withheld", "file_request", "minimise"]
