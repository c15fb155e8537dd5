"""Alembic's environment: run by Alembic, on the connection that `run.py` gives it."""

from alembic import context

from proxy.consent.records.migrate import VERSION_TABLE

context.configure(connection=context.config.attributes["connection"], version_table=VERSION_TABLE)
context.run_migrations()
