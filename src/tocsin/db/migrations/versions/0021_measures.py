"""What is measured is kept for a while, and what is remembered between two readings."""

import sqlalchemy as sa
from alembic import op

from tocsin.db.columns import Json

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.add_column("probe", sa.Column("meter", Json, nullable=True))
    op.add_column("probe", sa.Column("tail", Json, nullable=True))
    op.create_table(
        "sample",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("span_s", sa.Integer, primary_key=True),
        sa.Column("at", sa.BigInteger, primary_key=True),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("total", sa.Float, nullable=False),
        sa.Column("most", sa.Float, nullable=False),
        sa.Column("failed", sa.Float, nullable=False),
        sa.Column("counted", sa.Float, nullable=False),
        sa.Column("usual", sa.Integer, nullable=False),
    )
    op.create_index("sample_at", "sample", ["span_s", "at"])
