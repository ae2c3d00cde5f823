"""What else stands in an installation after a year: changes, subscribers, accounts, and whatever was set up."""

from collections.abc import Callable
from datetime import timedelta

from tests.support import everypage
from tocsin.changes import commands as changing
from tocsin.changes.model import Report
from tocsin.comms.subscribers import commands as subscribing
from tocsin.db.engine import Database, Tx
from tocsin.events import commands as hooks
from tocsin.kit.actor import SYSTEM
from tocsin.oncall import commands as arranging
from tocsin.people import commands as people_commands
from tocsin.people import store as people
from tocsin.people.model import AccountRole
from tocsin.plan import store as plans
from tocsin.signals import quarantine, silences
from tocsin.signals import store as signals

AT_ONCE = 100
HELD = 500  # signals
SILENCE = "sil_0"


def store(database: Database) -> None:
    kinds: dict[Callable[[Tx, int], object], int] = {
        _change: 2000,
        _subscriber: 1000,
        _account: 200,
        _token: 50,
        _webhook: 10,
        _override: 40,
        _unreadable: 100,
        _silence: 40,
    }
    for make, count in kinds.items():
        for begin in range(0, count, AT_ONCE):
            with database.work(SYSTEM) as tx:
                for number in range(begin, min(begin + AT_ONCE, count)):
                    make(tx, number)


def _change(tx: Tx, number: int) -> None:
    at = tx.now - timedelta(hours=3) * number
    changing.tell(tx, Report(what=f"Release {number}", source="api", service="rose", at=at))


def _subscriber(tx: Tx, number: int) -> None:
    subscribing.enter(tx, [f"reader-{number}@users.example"], "they asked for it")


def _account(tx: Tx, number: int) -> None:
    people.add_person(tx, f"guest-{number}", name=f"Guest {number}", email=None, role=AccountRole.VIEWER)


def _token(tx: Tx, number: int) -> None:
    people_commands.make_token(tx, f"token {number}", frozenset({"incidents:read"}), None)


def _webhook(tx: Tx, number: int) -> None:
    hooks.make(tx, f"https://hooks.example/{number}", "", (), confidential=False)


def _override(tx: Tx, number: int) -> None:
    rotation, starts_at = next(iter(plans.current(tx).rotations)), tx.now + timedelta(hours=8 * (number + 1))
    ends_at = starts_at + timedelta(hours=4)
    arranging.override(tx, rotation, "ben", starts_at=starts_at, ends_at=ends_at, reason="a swap")


def _silence(tx: Tx, number: int) -> None:
    everypage.add_silence(tx, f"sil_{number}")


def hold(database: Database) -> None:
    """One of the silences has held back the latest signals."""
    with database.work(SYSTEM) as tx:
        silences.note_silenced(tx, {(SILENCE, one.id): tx.now for one in signals.recent(tx, HELD)})


def _unreadable(tx: Tx, number: int) -> None:
    quarantine.keep(tx, source="alertmanager", sender="198.51.100.7", reason="no JSON", body=b"{" * number)
