"""A signal says when the rules last decided about it, and of which revision of the plan they were."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.add_column("signal", sa.Column("decided_at", sa.BigInteger, nullable=True))
    op.add_column("signal", sa.Column("plan_revision", sa.Text, nullable=True))
