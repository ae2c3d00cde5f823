"""Who has taken a message to send it, so that what a node that is gone had taken is free at once."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column("message", sa.Column("leased_by", sa.Text, nullable=True))
    leased = sa.text("state = 'queued' and leased_by is not null")
    op.create_index("message_leased", "message", ["leased_by"], postgresql_where=leased, sqlite_where=leased)
