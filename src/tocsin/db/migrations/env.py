"""Alembic's entry: the connection, with its lock held, comes from `tocsin.db.migrate`."""

from alembic import context

from tocsin.db.columns import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
