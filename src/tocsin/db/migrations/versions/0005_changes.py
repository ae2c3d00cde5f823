"""The register of changes."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "change",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("service", sa.Text, nullable=True),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("link", sa.Text, nullable=True),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=True),
        sa.Column("told_at", sa.BigInteger, nullable=False),
        sa.Column("told_by", sa.Text, nullable=False),
        sa.UniqueConstraint("source", "key"),
    )
    op.create_index("change_by_time", "change", ["at"])
    firing = sa.text("state = 'firing'")  # few of many, and asked for whenever somebody is paged
    op.create_index("signal_firing", "signal", ["last_at"], postgresql_where=firing, sqlite_where=firing)
