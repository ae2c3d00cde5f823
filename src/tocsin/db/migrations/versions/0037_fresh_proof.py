"""When whoever has a session last proved who they are."""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"


def upgrade() -> None:
    op.add_column("session", sa.Column("proven_at", sa.BigInteger))
