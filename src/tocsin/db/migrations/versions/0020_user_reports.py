"""Reports of users, as long as they count together."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.create_table(
        "user_report",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False, index=True),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("said", sa.Text, nullable=False),
        sa.Column("arrival", sa.Text, nullable=False),
        sa.Column("many", sa.Boolean, nullable=False),
    )
