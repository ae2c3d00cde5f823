"""What people arrange about being on call: overrides and swaps."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=null)


def _at(name: str, *, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=null)


def upgrade() -> None:
    op.create_table(
        "oncall_override",
        sa.Column("id", sa.Text, primary_key=True),
        _text("rotation"),
        _text("person"),
        _text("instead_of", null=True),
        _at("starts_at"),
        _at("ends_at"),
        _text("reason"),
        _text("made_by"),
        _at("made_at"),
        _at("cancelled_at", null=True),
        _text("cancelled_by", null=True),
        _text("cancelled_because"),
        _text("swap_id", null=True),
    )
    op.create_index("oncall_override_ends", "oncall_override", ["ends_at"])
    op.create_table(
        "oncall_swap",
        sa.Column("id", sa.Text, primary_key=True),
        _text("asker"),
        _text("other"),
        _text("gives_rotation"),
        _at("gives_starts_at"),
        _at("gives_ends_at"),
        _text("takes_rotation", null=True),
        _at("takes_starts_at", null=True),
        _at("takes_ends_at", null=True),
        _text("reason"),
        _at("asked_at"),
        _at("expires_at"),
        _text("answered"),
        _at("answered_at", null=True),
        _text("answered_by", null=True),
        _text("answer"),
    )
    op.create_index("oncall_swap_asked", "oncall_swap", ["asked_at"])
