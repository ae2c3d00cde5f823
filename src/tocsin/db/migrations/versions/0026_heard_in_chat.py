"""What a chat brought is done once, and a channel is found by what the chat calls it."""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0024"


def upgrade() -> None:
    op.create_table(
        "heard",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("heard_at", sa.BigInteger, nullable=False),
    )
    op.create_index("heard_at", "heard", ["heard_at"])
    op.add_column("room", sa.Column("channel", sa.Text, nullable=True))
    op.create_index("room_channel", "room", ["provider", "channel"])
    _name_channels(op.get_bind())


def _name_channels(connection: sa.Connection) -> None:
    """Those that were opened before; the others are written down when they are."""
    for room_id, done in connection.execute(sa.text("select id, done from room")).all():
        known: dict[str, Any] = json.loads(done) if isinstance(done, str | bytes) else done
        change = sa.text("update room set channel = :channel where id = :id")
        connection.execute(change, {"channel": known.get("channel", ""), "id": room_id})
