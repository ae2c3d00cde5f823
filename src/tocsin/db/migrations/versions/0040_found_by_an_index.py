"""What was given up, and what was to leave for somebody in a period, is found by an index."""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"


def upgrade() -> None:
    given_up = sa.text("state = 'dead' and withdrawn_at is null")
    op.create_index("message_given_up", "message", ["created_at"], postgresql_where=given_up, sqlite_where=given_up)
    of_page = sa.text("page_id is not null")
    meant = ["meant_at", "created_at"]  # what was meant for no instant left when it was made
    op.create_index("message_of_page_at", "message", meant, postgresql_where=of_page, sqlite_where=of_page)
    op.create_index("receipt_of_page_at", "receipt", ["at"], postgresql_where=of_page, sqlite_where=of_page)
