"""A message may take the place of one that was sent before: in a chat, what has been answered loses its buttons."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.add_column("message", sa.Column("replaces", sa.Text, nullable=True))
