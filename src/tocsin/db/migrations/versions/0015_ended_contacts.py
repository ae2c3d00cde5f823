"""A contact method may end by itself, as the subscription of a browser does; and a message says how urgent it is."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.add_column("contact_method", sa.Column("ended_at", sa.BigInteger, nullable=True))
    op.add_column("contact_method", sa.Column("ended_because", sa.Text, nullable=True))
    op.add_column("message", sa.Column("urgency", sa.Text, nullable=True))
