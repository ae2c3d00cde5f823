"""What is stored can be found by its words, and is read in later, a piece at a time; lists and reports are found by an
index."""

import sqlalchemy as sa
from alembic import op

from tocsin.db.columns import Json

revision = "0036"
down_revision = "0035"


def upgrade() -> None:
    op.create_table(
        "passage",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("incident_id", sa.Text, nullable=True),
        sa.Column("severity", sa.Text, nullable=True),
    )
    op.create_index("passage_of", "passage", ["kind", "subject", "number"], unique=True)
    queue = op.create_table(
        "to_index",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("subjects", Json, nullable=False),
    )
    op.create_index("incident_by_status_and_number", "incident", ["status", "number"])
    op.create_index("incident_changed", "incident", ["updated_at"])
    _words()
    everything = [
        {"id": f"every {kind}", "kind": f"every {kind}", "subjects": [[""]]} for kind in ("incident", "signal")
    ]
    op.bulk_insert(queue, everything)


def _words() -> None:
    """The index itself: a virtual table of SQLite's FTS5, a column with a GIN index on PostgreSQL."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "create virtual table passage_words using fts5(tags, title, body, "
            "tokenize = \"ascii tokenchars '='\", prefix = '2 3')"
        )
        return
    op.execute("create table passage_words (rowid bigint primary key, words tsvector not null)")
    op.execute("create index passage_words_found on passage_words using gin (words) with (fastupdate = off)")
