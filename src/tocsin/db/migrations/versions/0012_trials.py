"""Pages that test a contact method, when each message was meant to leave, and which expired requests were told of."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("message", sa.Column("meant_at", sa.BigInteger, nullable=True))
    op.add_column("oncall_swap", sa.Column("expiry_told_at", sa.BigInteger, nullable=True))
    op.create_index("receipt_at", "receipt", ["at"])
    op.create_table(
        "trial",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("handle", sa.Text, nullable=False),
        sa.Column("contact_id", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("asked_by", sa.Text, nullable=False),
        sa.Column("opened_at", sa.BigInteger, nullable=False),
        sa.Column("due_at", sa.BigInteger, nullable=False),
        sa.Column("answer_by", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("settled_at", sa.BigInteger, nullable=True),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("told_at", sa.BigInteger, nullable=True),
    )
    op.create_index("trial_of_contact", "trial", ["handle", "contact_id", "opened_at"])
    # However many nodes look at once: of one round, each way is tried once.
    op.create_index(
        "trial_of_round",
        "trial",
        ["handle", "contact_id", "due_at"],
        unique=True,
        sqlite_where=sa.text("asked_by = ''"),
        postgresql_where=sa.text("asked_by = ''"),
    )
    waiting = sa.text("state = 'waiting'")
    op.create_index("trial_waiting", "trial", ["answer_by"], sqlite_where=waiting, postgresql_where=waiting)
