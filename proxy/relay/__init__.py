"""The relay: what a granted vendor gets of a visit, and what it may give back. `relay_app(settings, use, hop)`."""
