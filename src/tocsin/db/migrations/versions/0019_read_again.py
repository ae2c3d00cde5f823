"""What could not be read may be read again: how its request was addressed, and how the second reading went."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    asked = sa.JSON().with_variant(sa.dialects.postgresql.JSONB(), "postgresql")
    op.add_column("quarantine", sa.Column("asked", asked, nullable=True))
    op.add_column("quarantine", sa.Column("read_at", sa.BigInteger, nullable=True))
    op.add_column("quarantine", sa.Column("read_by", sa.Text, nullable=True))
    op.add_column("quarantine", sa.Column("result", sa.Text, nullable=True))
