"""Handing shifts on: each handoff, and what was done to it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0011"
down_revision = "0010"

Json = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "oncall_handoff",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("rotation", sa.Text, nullable=False),
        sa.Column("outgoing", Json, nullable=False),
        sa.Column("incoming", Json, nullable=False),
        sa.Column("leaves_at", sa.BigInteger, nullable=False),
        sa.Column("begins_at", sa.BigInteger, nullable=False),
        sa.Column("ends_at", sa.BigInteger, nullable=False),
        sa.Column("lines", Json, nullable=False),
        sa.Column("opened_at", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("settled_at", sa.BigInteger, nullable=True),
    )
    op.create_index("oncall_handoff_begins_at", "oncall_handoff", ["begins_at"])
    op.create_table(
        "oncall_handoff_deed",
        sa.Column("handoff_id", sa.Text, sa.ForeignKey("oncall_handoff.id"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("done_at", sa.BigInteger, nullable=False),
        sa.Column("done_by", sa.Text, nullable=False),
        sa.Column("did", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("notes", Json, nullable=False),
        sa.Column("packet", Json, nullable=True),
    )
