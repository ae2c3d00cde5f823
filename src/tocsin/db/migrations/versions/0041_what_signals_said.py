"""What a signal said and what became of it, change by change; all that each silence held back; and a longer silence."""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"


def upgrade() -> None:
    op.add_column("signal", sa.Column("history", sa.JSON().with_variant(sa.dialects.postgresql.JSONB(), "postgresql")))
    op.add_column("silence", sa.Column("extended_at", sa.BigInteger, nullable=True))
    op.add_column("silence", sa.Column("extended_by", sa.Text, nullable=True))
    op.create_table(
        "silenced",
        sa.Column("silence_id", sa.Text, primary_key=True),
        sa.Column("signal_id", sa.Text, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    # Until now only the last silence of a signal was known.
    op.execute(
        "insert into silenced (silence_id, signal_id, at) "
        "select silence_id, id, coalesce(decided_at, last_at) from signal where silence_id is not null"
    )
