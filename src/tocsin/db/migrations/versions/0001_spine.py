"""The tables of the whole way through, from a signal to a post-mortem."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None

Instant = sa.BigInteger
Key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Json = sa.JSON().with_variant(JSONB(), "postgresql")


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=null)


def _at(name: str, *, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, Instant, nullable=null)


def upgrade() -> None:
    _people()
    _plan_and_signals()
    _incidents()
    _obligations_and_messages()


def _people() -> None:
    op.create_table("setting", sa.Column("key", sa.Text, primary_key=True), _text("value"))
    op.create_table(
        "person",
        sa.Column("handle", sa.Text, primary_key=True),
        _text("name"),
        _text("email", null=True),
        _text("role"),
        _text("password_hash", null=True),
        _at("created_at"),
        _at("disabled_at", null=True),
    )
    op.create_table(
        "contact_method",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("handle", sa.Text, sa.ForeignKey("person.handle", ondelete="cascade"), nullable=False),
        _text("channel"),
        _text("address"),
        _text("secret", null=True),
        _at("created_at"),
    )
    op.create_index("contact_method_of", "contact_method", ["handle"])
    for name in ("session", "signin_link"):
        op.create_table(
            name,
            sa.Column("hash", sa.Text, primary_key=True),
            sa.Column("handle", sa.Text, sa.ForeignKey("person.handle", ondelete="cascade"), nullable=False),
            _at("created_at"),
            _at("expires_at"),
        )
    op.create_table(
        "token",
        sa.Column("id", sa.Text, primary_key=True),
        _text("name"),
        sa.Column("hash", sa.Text, nullable=False, unique=True),
        sa.Column("rights", Json, nullable=False),
        _text("created_by"),
        _at("created_at"),
        _at("expires_at", null=True),
        _at("revoked_at", null=True),
        sa.Column("person", sa.Text, sa.ForeignKey("person.handle", ondelete="cascade"), nullable=True),
    )


def _plan_and_signals() -> None:
    op.create_table(
        "plan_revision",
        sa.Column("id", sa.Text, primary_key=True),
        _text("name"),
        _text("version"),
        _text("text"),
        _text("reason"),
        _text("applied_by"),
        _at("applied_at"),
    )
    op.create_table(
        "inbox",
        sa.Column("id", Key, primary_key=True, autoincrement=True),
        _at("at"),
        _text("form"),
        sa.Column("signals", sa.Integer, nullable=False),
        _text("body"),
    )
    op.create_table(
        "signal",
        sa.Column("id", sa.Text, primary_key=True),
        _text("source"),
        _text("key"),
        _text("state"),
        _text("title"),
        _text("trigger"),
        _text("severity", null=True),
        sa.Column("labels", Json, nullable=False),
        sa.Column("details", Json, nullable=False),
        sa.Column("warnings", Json, nullable=False),
        _text("link", null=True),
        _at("started_at", null=True),
        _at("first_at"),
        _at("last_at"),
        sa.Column("count", sa.Integer, nullable=False),
        _text("disposition"),
        _text("why"),
        _text("incident_id", null=True),
        sa.UniqueConstraint("source", "key"),
    )
    op.create_index("signal_recent", "signal", ["last_at"])
    op.create_index("signal_of_incident", "signal", ["incident_id"])
    op.create_table(
        "quarantine",
        sa.Column("id", Key, primary_key=True, autoincrement=True),
        _at("at"),
        _text("source"),
        _text("sender"),
        _text("reason"),
        sa.Column("size", sa.Integer, nullable=False),
        _text("body"),
    )
    op.create_table(
        "probe",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("run", Json, nullable=True),
        sa.Column("confirmed", Json, nullable=True),
        sa.Column("outcome", Json, nullable=True),
        _at("looked_at", null=True),
    )


def _incidents() -> None:
    op.create_table(
        "incident",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, nullable=False, unique=True),
        _text("title"),
        _text("severity"),
        _text("status"),
        _text("type"),
        _text("service", null=True),
        _at("declared_at"),
        _at("updated_at"),
        _at("resolved_at", null=True),
        _at("closed_at", null=True),
        sa.Column("fold", Json, nullable=False),
    )
    op.create_index("incident_by_status", "incident", ["status", "declared_at"])
    op.create_index("incident_by_time", "incident", ["declared_at"])
    op.create_table(
        "entry",
        sa.Column("incident_id", sa.Text, sa.ForeignKey("incident.id"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        _text("kind"),
        _at("at"),
        _text("by"),
        _text("body"),
        _text("hash"),
        sqlite_with_rowid=False,  # one tree, in the order of the record
    )
    _only_added_to("entry", "entries of the record are only ever added, never changed or taken away")
    op.create_table(
        "confidential",
        sa.Column("incident_id", sa.Text, sa.ForeignKey("incident.id"), primary_key=True),
    )
    op.create_table(
        "reader",
        sa.Column("incident_id", sa.Text, sa.ForeignKey("incident.id"), primary_key=True),
        sa.Column("handle", sa.Text, primary_key=True),
        _at("until", null=True),
    )
    op.create_table(
        "post_mortem",
        sa.Column("incident_id", sa.Text, sa.ForeignKey("incident.id"), primary_key=True),
        _text("status"),
        sa.Column("written", Json, nullable=False),
        sa.Column("authors", Json, nullable=False),
        _at("updated_at"),
        _at("final_at", null=True),
    )


def _only_added_to(table: str, why: str) -> None:
    """Let the database itself refuse to change or delete rows, whoever asks."""
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


def _obligations_and_messages() -> None:
    op.create_table(
        "obligation",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("incident_id", sa.Text, sa.ForeignKey("incident.id"), nullable=True),
        _text("key"),
        _text("kind"),
        _text("what"),
        _text("clause"),
        _text("audience"),
        _text("owner"),
        sa.Column("cause", sa.Integer, nullable=True),
        _at("opened_at"),
        _at("warned_at", null=True),
        _at("due_at"),
        _at("overdue_at", null=True),
        _at("given_up_at", null=True),
        _at("act_at", null=True),
        _text("state"),
        _at("settled_at", null=True),
        _text("settled_by"),
        _text("evidence"),
        sa.Column("proof", sa.Integer, nullable=True),
    )
    still_open = sa.text("state = 'open'")
    op.create_index("obligation_act", "obligation", ["act_at"], postgresql_where=still_open, sqlite_where=still_open)
    op.create_index(
        "obligation_open_once",
        "obligation",
        [sa.text("coalesce(incident_id, '')"), "key"],
        unique=True,
        postgresql_where=still_open,
        sqlite_where=still_open,
    )
    op.create_index("obligation_of_incident", "obligation", ["incident_id"])
    op.create_table(
        "page",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("incident_id", sa.Text, sa.ForeignKey("incident.id"), nullable=False),
        sa.Column("step", sa.Integer, nullable=False),
        _text("handle"),
        _at("paged_at"),
    )
    op.create_index("page_of_incident", "page", ["incident_id"])
    op.create_table(
        "message",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("dedup_key", sa.Text, nullable=False, unique=True),
        _text("channel"),
        _text("address"),
        _text("person", null=True),
        _text("audience"),
        _text("subject"),
        _text("body"),
        _text("thread", null=True),
        _text("secret", null=True),
        _text("incident_id", null=True),
        _text("page_id", null=True),
        _at("created_at"),
        _at("send_at"),
        _text("state"),
        sa.Column("attempts", sa.Integer, nullable=False),
        _text("last_error"),
        _at("sent_at", null=True),
    )
    queued = sa.text("state = 'queued'")
    op.create_index("message_queued", "message", ["send_at"], postgresql_where=queued, sqlite_where=queued)
    op.create_index("message_of_incident", "message", ["incident_id"])
