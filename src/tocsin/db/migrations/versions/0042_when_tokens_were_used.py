"""When each token was last used."""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"


def upgrade() -> None:
    op.add_column("token", sa.Column("used_at", sa.BigInteger))
