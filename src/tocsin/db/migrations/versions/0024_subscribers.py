"""Who subscribed to the status page, what they are told, and each message to one of them."""

import sqlalchemy as sa
from alembic import op

from tocsin.db.columns import AutoKey, Json

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    op.create_table(
        "subscriber",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("place", sa.Text, nullable=False, unique=True),
        sa.Column("way", sa.Text, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("secret", sa.Text),
        sa.Column("parts", Json, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("made_at", sa.BigInteger, nullable=False),
        sa.Column("made_by", sa.Text, nullable=False),
        sa.Column("consent", sa.Text, nullable=False),
        sa.Column("confirmed_at", sa.BigInteger),
        sa.Column("asked_at", sa.BigInteger),
        sa.Column("asked", sa.Integer, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("failed_at", sa.BigInteger),
        sa.Column("last_error", sa.Text, nullable=False),
        sa.Column("off_at", sa.BigInteger),
    )
    op.create_index("subscriber_by_state", "subscriber", ["state", "id"])
    op.create_table(
        "announcement",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("about", sa.Text, nullable=False, index=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("stage", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("parts", Json, nullable=False),
        sa.Column("affects", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("reached", sa.Text, nullable=False),
        sa.Column("told", sa.Integer, nullable=False),
        sa.Column("done_at", sa.BigInteger),
    )
    undone = sa.text("done_at is null")
    op.create_index("announcement_undone", "announcement", ["at"], sqlite_where=undone, postgresql_where=undone)
    op.create_table(
        "subscriber_message",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("subscriber_id", sa.Text, nullable=False, index=True),
        sa.Column("announcement_id", sa.Text),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("lane", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("send_at", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("last_error", sa.Text, nullable=False),
        sa.Column("sent_at", sa.BigInteger),
        sa.Column("leased_by", sa.Text),
    )
    queued = sa.text("state = 'queued'")
    op.create_index(
        "subscriber_message_queued",
        "subscriber_message",
        ["lane", "send_at"],
        sqlite_where=queued,
        postgresql_where=queued,
    )
    op.create_index("subscriber_message_old", "subscriber_message", ["created_at"])
    op.create_table(
        "subscriber_act",
        sa.Column("id", AutoKey, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("subscriber_id", sa.Text, nullable=False, index=True),
        sa.Column("detail", sa.Text, nullable=False),
    )
