"""Words are indexed for the kind of what has them: the index begins anew, and what is stored is read in beside the
work."""

from alembic import op

revision = "0039"
down_revision = "0038"


def upgrade() -> None:
    op.execute("delete from passage")
    if op.get_bind().dialect.name == "sqlite":
        op.execute("drop table passage_words")
        op.execute(
            "create virtual table passage_words using fts5(tags, title, body, "
            "tokenize = \"ascii tokenchars '='\", prefix = '4 5')"  # of a word after what stands before it: 2 and 3
        )
    else:
        op.execute("truncate passage_words")
    op.execute("delete from to_index where kind like 'every %'")
    for kind in ("incident", "signal"):
        op.execute(
            f"insert into to_index (id, kind, subjects) values ('every {kind}', 'every {kind}', '[[\"\"]]')"  # noqa: S608 - two words of ours
        )
