"""People order their contact methods by rules, and show that each is theirs before it counts."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0006"
down_revision = "0005"

Instant = sa.BigInteger
Json = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    op.add_column("person", sa.Column("zone", sa.Text, nullable=False, server_default="UTC"))
    op.add_column("contact_method", sa.Column("verified_at", Instant, nullable=True))
    op.execute("update contact_method set verified_at = created_at")  # people are paged there already
    op.create_table(
        "contact_code",
        sa.Column("contact_id", sa.Text, sa.ForeignKey("contact_method.id", ondelete="cascade"), primary_key=True),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("sent_at", Instant, nullable=False),
        sa.Column("expires_at", Instant, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
    )
    op.create_table(
        "contact_rule",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("handle", sa.Text, sa.ForeignKey("person.handle", ondelete="cascade"), nullable=False),
        sa.Column("urgency", sa.Text, nullable=False),
        sa.Column("begins", sa.Text, nullable=True),
        sa.Column("ends", sa.Text, nullable=True),
        sa.Column("steps", Json, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
    )
    op.create_index("contact_rule_of", "contact_rule", ["handle"])
    op.add_column("message", sa.Column("actions", Json, nullable=True))
