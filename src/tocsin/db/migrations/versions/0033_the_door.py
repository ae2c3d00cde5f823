"""How people come in: second factors, passkeys, sessions that say where they are, and a log that is only added to."""

import sqlalchemy as sa
from alembic import op

from tocsin.db.columns import AutoKey, Json

revision = "0033"
down_revision = "0032"

_SAID = "the audit log is only ever added to"


def upgrade() -> None:
    op.add_column("person", sa.Column("signed_in_at", sa.BigInteger))
    for name in ("way", "browser", "source"):
        op.add_column("session", sa.Column(name, sa.Text))
    op.add_column("session", sa.Column("used_at", sa.BigInteger))
    op.create_index("session_by_handle", "session", ["handle"])
    op.execute(
        "update person set signed_in_at = (select max(created_at) from session where session.handle = person.handle)"
    )
    _factors()
    _tries()
    _audit()


def _factors() -> None:
    op.create_table(
        "second_factor",
        sa.Column("handle", sa.Text, primary_key=True),
        sa.Column("secret", sa.Text, nullable=False),
        sa.Column("made_at", sa.BigInteger, nullable=False),
        sa.Column("confirmed_at", sa.BigInteger),
        sa.Column("used_step", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "recovery_code",
        sa.Column("hash", sa.Text, primary_key=True),
        sa.Column("handle", sa.Text, nullable=False, index=True),
        sa.Column("made_at", sa.BigInteger, nullable=False),
        sa.Column("used_at", sa.BigInteger),
    )
    op.create_table(
        "passkey",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("handle", sa.Text, nullable=False, index=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("credential", sa.Text, nullable=False, unique=True),
        sa.Column("public_key", sa.Text, nullable=False),
        sa.Column("uses", sa.BigInteger, nullable=False),
        sa.Column("transports", Json, nullable=False),
        sa.Column("made_at", sa.BigInteger, nullable=False),
        sa.Column("used_at", sa.BigInteger),
    )


def _tries() -> None:
    op.create_table(
        "signin_step",
        sa.Column("hash", sa.Text, primary_key=True),
        sa.Column("handle", sa.Text, nullable=False),
        sa.Column("way", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "used_challenge",
        sa.Column("hash", sa.Text, primary_key=True),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "try",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("failed_at", sa.BigInteger, nullable=False, index=True),
        sa.Column("again_at", sa.BigInteger, nullable=False),
    )


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("number", AutoKey, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("deed", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("about", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
    )
    op.create_index("audit_by_deed", "audit", ["deed", "number"])
    op.create_index("audit_by_actor", "audit", ["actor", "number"])
    op.create_index("audit_by_about", "audit", ["about", "number"])
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("update", "delete"):
            op.execute(
                f"create trigger audit_no_{verb} before {verb} on audit begin select raise(abort, '{_SAID}'); end"
            )
        return
    op.execute(
        "create function audit_is_kept() returns trigger language plpgsql as "
        f"$$ begin raise exception '{_SAID}'; end $$"
    )
    op.execute(
        "create trigger audit_kept before update or delete or truncate on audit "
        "for each statement execute function audit_is_kept()"
    )
