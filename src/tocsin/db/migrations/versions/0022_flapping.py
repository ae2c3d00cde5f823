"""A signal remembers its last changes, and since when it flaps."""

import sqlalchemy as sa
from alembic import op

from tocsin.db.columns import Json

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.add_column("signal", sa.Column("turns", Json, nullable=True))
    op.add_column("signal", sa.Column("flapping_since", sa.BigInteger, nullable=True))
    op.add_column("signal", sa.Column("calm_at", sa.BigInteger, nullable=True))
    flapping = sa.text("calm_at is not null")
    op.create_index("signal_calm", "signal", ["calm_at"], sqlite_where=flapping, postgresql_where=flapping)
