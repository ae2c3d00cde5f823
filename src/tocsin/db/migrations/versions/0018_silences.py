"""Silences and maintenance windows, and the signals that they hold back."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.create_table(
        "silence",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("matchers", sa.JSON().with_variant(sa.dialects.postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("service", sa.Text, nullable=True),
        sa.Column("components", sa.JSON().with_variant(sa.dialects.postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("starts_at", sa.BigInteger, nullable=False),
        sa.Column("ends_at", sa.BigInteger, nullable=False),
        sa.Column("because", sa.Text, nullable=False),
        sa.Column("made_by", sa.Text, nullable=False),
        sa.Column("made_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger, nullable=True),
        sa.Column("ended_by", sa.Text, nullable=True),
    )
    op.create_index("silence_ends", "silence", ["ends_at"])
    op.add_column("signal", sa.Column("silence_id", sa.Text, nullable=True))
    op.add_column("signal", sa.Column("held_until", sa.BigInteger, nullable=True))
    held = sa.text("held_until is not null")
    op.create_index("signal_held", "signal", ["held_until"], sqlite_where=held, postgresql_where=held)
    op.create_index("signal_of_silence", "signal", ["silence_id"])
