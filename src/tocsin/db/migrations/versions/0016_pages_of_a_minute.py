"""The latest pages of somebody are found at once, however many there were before."""

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_index("message_to_person_at", "message", ["person", "meant_at"])
