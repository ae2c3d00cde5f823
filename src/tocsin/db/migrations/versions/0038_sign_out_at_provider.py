"""What a session is called at the provider of single sign-on, and the proof by which it is signed out there too."""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"


def upgrade() -> None:
    op.add_column("session", sa.Column("provider_session", sa.Text))
    op.add_column("session", sa.Column("id_token", sa.Text))
    op.create_index("session_by_provider", "session", ["provider_session"])
