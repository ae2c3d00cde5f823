"""Pages that come together to one place leave as one message."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("message", sa.Column("planned_at", sa.BigInteger, nullable=True))
    op.add_column("message", sa.Column("gathered_into", sa.Text, nullable=True))
    op.create_index("message_gathered", "message", ["gathered_into"])
    op.create_index("message_to_person", "message", ["person", "planned_at"])
