"""A subscriber's language, and which announcement another corrects."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0026"


def upgrade() -> None:
    op.add_column("subscriber", sa.Column("language", sa.Text, nullable=False, server_default=""))
    op.add_column("announcement", sa.Column("corrects", sa.Text, nullable=False, server_default=""))
    op.create_index("subscriber_message_announcement", "subscriber_message", ["announcement_id", "subscriber_id"])
