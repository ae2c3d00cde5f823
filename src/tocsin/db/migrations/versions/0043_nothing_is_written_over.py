"""SQLite: what is only ever added to can't be written over either.

`replace into` takes the row away that stands in its place, and SQLite does not ask the triggers of a deletion then.
PostgreSQL has no such statement: there it is an update, and refused as one. What is said begins as SQLite says it of a
key that is taken: whoever comes second with an entry's number has been overtaken, and tries again.
"""

from alembic import op

revision = "0043"
down_revision = "0042"

_GUARDS = (
    (
        "create trigger entry_no_replace before insert on entry when exists "
        "(select 1 from entry where incident_id = new.incident_id and number = new.number) "
        "begin select raise(abort, 'UNIQUE constraint: entries of the record are only ever added, "
        "never changed or taken away'); end"
    ),
    (
        "create trigger receipt_no_replace before insert on receipt when exists "
        "(select 1 from receipt where id = new.id) "
        "begin select raise(abort, 'UNIQUE constraint: receipts are only ever added, never changed or taken away'); end"
    ),
    (
        "create trigger audit_no_replace before insert on audit when exists "
        "(select 1 from audit where number = new.number) "
        "begin select raise(abort, 'UNIQUE constraint: the audit log is only ever added to'); end"
    ),
)


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for guard in _GUARDS:
            op.execute(guard)
