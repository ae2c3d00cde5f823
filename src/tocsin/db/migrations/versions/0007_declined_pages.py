"""Whoever was paged can say that they cannot."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("page", sa.Column("declined_at", sa.BigInteger, nullable=True))
