"""Every change is written down: each address that changes something says where."""

from pathlib import Path

from tests.http.test_permissions import LEAST
from tocsin.audit.model import Deed

TABLE = Path(__file__).with_name("audited.txt")
ELSEWHERE = {"record", "rota", "receipt", "register", "signal", "subscriber", "-"}
BY_THE_WAY = {  # what happens beside such a change, at the door of the provider, on the server's machine or by itself
    *("account.changed", "account.role_changed", "account.linked", "account.link_revoked"),
    *("account.link_mailed", "contact.ended"),
    *("contact.chat_linked", "contact.chat_unlinked", "factor.recovery_code_used", "session.proven"),
}


def test_each_address_that_changes_something_says_where_that_is_written_down() -> None:
    lines = (line.split(maxsplit=1) for line in TABLE.read_text("utf-8").splitlines() if line[:1] not in ("", "#"))
    where = {address: word for word, address in lines}
    assert set(where) == {address for address in LEAST if not address.startswith("GET ")}
    deeds = {str(one) for one in Deed if not one.is_refusal}
    assert set(where.values()) - ELSEWHERE == deeds - BY_THE_WAY
