"""What is known of each incident's channels in a chat, and who people are there."""

import sqlalchemy as sa
from alembic import op

from tocsin.db.columns import Json

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "room",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("incident_id", sa.Text, sa.ForeignKey("incident.id"), nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("private", sa.Boolean, nullable=False),
        sa.Column("done", Json, nullable=False),
        sa.Column("held_until", sa.BigInteger, nullable=True),
        sa.UniqueConstraint("incident_id", "private"),
    )
    op.create_index("room_name", "room", ["provider", "name"], unique=True)
    op.create_table(
        "chat_account",
        sa.Column("provider", sa.Text, primary_key=True),
        sa.Column("handle", sa.Text, primary_key=True),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("entered", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
