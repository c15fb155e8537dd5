"""Records in chains, checkpoints, and what visitors were shown."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "consentry_records",
        sa.Column("site", sa.Text, nullable=False),
        sa.Column("chain", sa.BigInteger, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("commitment", sa.LargeBinary, nullable=False),
        sa.Column("link", sa.LargeBinary, nullable=False),
        sa.Column("id", sa.Text, nullable=True, unique=True),
        sa.Column("salt", sa.LargeBinary, nullable=True),
        sa.Column("payload", sa.Text, nullable=True),
        sa.Column("event", sa.Text, nullable=True),
        sa.Column("visitor", sa.Text, nullable=True),
        sa.PrimaryKeyConstraint("site", "chain", "seq"),
    )
    op.create_index(
        "consentry_records_visitor",
        "consentry_records",
        ["visitor"],
        sqlite_where=sa.text("visitor IS NOT NULL"),
        postgresql_where=sa.text("visitor IS NOT NULL"),
    )
    op.create_index("consentry_records_at", "consentry_records", ["site", "at"])
    op.create_table(
        "consentry_chains",
        sa.Column("site", sa.Text, nullable=False),
        sa.Column("chain", sa.BigInteger, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("link", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("site", "chain"),
    )
    op.create_table(
        "consentry_checkpoints",
        sa.Column("site", sa.Text, nullable=False),
        sa.Column("chain", sa.BigInteger, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("link", sa.LargeBinary, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("seal", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("site", "chain"),
    )
    op.create_table(
        "consentry_notices",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("site", sa.Text, nullable=False),
        sa.Column("policy", sa.BigInteger, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
