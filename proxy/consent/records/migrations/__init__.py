"""The tables of the store, release by release."""
