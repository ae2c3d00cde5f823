"""A subscriber's language, and which announcement another corrects; what a chat asked for, until it is done; and the
incidents of an old month are found at once."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0026"


def upgrade() -> None:
    op.add_column("subscriber", sa.Column("language", sa.Text, nullable=False, server_default=""))
    op.add_column("announcement", sa.Column("corrects", sa.Text, nullable=False, server_default=""))
    op.create_index("subscriber_message_announcement", "subscriber_message", ["announcement_id", "subscriber_id"])
    op.create_table(
        "chat_request",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("received_at", sa.BigInteger, nullable=False),
    )
    op.create_index("chat_request_received_at", "chat_request", ["received_at"])
    op.create_index("incident_resolved_at", "incident", ["resolved_at"])
