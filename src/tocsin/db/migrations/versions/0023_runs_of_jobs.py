"""A job's last runs are kept with its heartbeat."""

import sqlalchemy as sa
from alembic import op

from tocsin.db.columns import Json

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.add_column("probe", sa.Column("runs", Json, nullable=True))
