"""What happened, as other programs are told; the endpoints that are called, and each delivery to one of them."""

import sqlalchemy as sa
from alembic import op

from tocsin.db.columns import Json

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    op.create_table(
        "event",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("position", sa.BigInteger, unique=True),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("incident_id", sa.Text),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("data", Json, nullable=False),
    )
    new = sa.text("position is null")
    op.create_index("event_new", "event", ["id"], sqlite_where=new, postgresql_where=new)
    op.create_index("event_at", "event", ["at"])
    heads = op.create_table(
        "event_head",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("position", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(heads, [{"id": 1, "position": 0}])
    op.create_table(
        "webhook",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("types", Json, nullable=False),
        sa.Column("confidential", sa.Boolean, nullable=False),
        sa.Column("secret", sa.Text, nullable=False),
        sa.Column("old_secret", sa.Text),
        sa.Column("old_until", sa.BigInteger),
        sa.Column("made_at", sa.BigInteger, nullable=False),
        sa.Column("made_by", sa.Text, nullable=False),
        sa.Column("failing_since", sa.BigInteger),
        sa.Column("disabled_at", sa.BigInteger),
        sa.Column("disabled_because", sa.Text, nullable=False),
    )
    op.create_table(
        "webhook_delivery",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("webhook_id", sa.Text, nullable=False),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("event_type", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("send_at", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("answer", sa.Text, nullable=False),
        sa.Column("tried_at", sa.BigInteger),
        sa.Column("took_seconds", sa.Float),
    )
    op.create_index("webhook_delivery_latest", "webhook_delivery", ["webhook_id", "created_at"])
    op.create_index("webhook_delivery_old", "webhook_delivery", ["created_at"])
    queued = sa.text("state = 'queued'")
    op.create_index(
        "webhook_delivery_queued",
        "webhook_delivery",
        ["webhook_id", "send_at"],
        sqlite_where=queued,
        postgresql_where=queued,
    )
