"""Messages wait in lanes, so that a slow provider delays its own only; and what becomes of each is kept."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

Key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    # The defaults let the release before this one go on writing messages.
    op.add_column("message", sa.Column("lane", sa.Text, nullable=False, server_default="email"))
    op.add_column("message", sa.Column("withdrawn_at", sa.BigInteger, nullable=True))
    op.add_column("message", sa.Column("provider_id", sa.Text, nullable=False, server_default=""))
    op.execute("update message set lane = channel")
    queued = sa.text("state = 'queued'")
    columns = ["lane", "send_at"]
    op.create_index("message_in_lane", "message", columns, postgresql_where=queued, sqlite_where=queued)
    op.create_index("message_of_page", "message", ["page_id"])
    op.create_table(
        "receipt",
        sa.Column("id", Key, primary_key=True, autoincrement=True),
        sa.Column("message_id", sa.Text, sa.ForeignKey("message.id"), nullable=False),
        sa.Column("page_id", sa.Text, nullable=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("kind", "provider", "provider_id", "detail")),
        sa.Column("took", sa.Integer, nullable=True),
    )
    op.create_index("receipt_of_message", "receipt", ["message_id"])
    _only_added_to("receipt", "receipts are only ever added, never changed or taken away")


def _only_added_to(table: str, why: str) -> None:
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("update", "delete"):
            op.execute(
                f"create trigger {table}_no_{verb} before {verb} on {table} begin select raise(abort, '{why}'); end"
            )
        return
    op.execute(
        f"create function {table}_only_added_to() returns trigger language plpgsql as "
        f"$$ begin raise exception '{why}' using errcode = 'restrict_violation'; end $$"
    )
    op.execute(
        f"create trigger {table}_only_added_to before update or delete or truncate on {table} "
        f"for each statement execute function {table}_only_added_to()"
    )
