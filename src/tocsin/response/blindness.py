"""When our own network is in trouble: nothing is declared, and the people who can mend it are told, once."""

from tocsin.db.engine import Tx
from tocsin.delivery import outbox
from tocsin.people import store as people
from tocsin.people.model import Channel
from tocsin.plan import store as plans
from tocsin.response import covering, followups
from tocsin.watch import store as watch


def tell(tx: Tx, name: str, before: int, after: int, needed: int) -> None:
    """Tell of it when enough looks of a probe agree, and when it is over; of several probes, the first and the last."""
    begins, ends = before < needed <= after, after < needed <= before
    if (begins or ends) and not _others_are_blind(tx, name):
        _mail(tx, name, is_over=ends)


def _others_are_blind(tx: Tx, name: str) -> bool:
    plan = plans.current(tx)
    watched = {key: one.probes for key, one in plan.services.items()} | {k: v.probes for k, v in plan.vendors.items()}
    needed = {
        f"{key}/{probe}": one.failures
        for key, probes in watched.items()
        for probe, one in probes.items()
        if one.control
    }
    found = watch.standings(tx).items()
    return any(key != name and key in needed and one.run and one.run.blind >= needed[key] for key, one in found)


def _mail(tx: Tx, name: str, *, is_over: bool) -> None:
    if is_over:
        subject = "[probes] Our own network works again"
        said = "The probes hear something again. What they see counts from now on."
    else:
        subject = "[probes] Our own network is in trouble"
        said = (
            f"Nothing is heard of {name}, and nothing of the control that the plan names for it either. It is likely "
            "that the network of Tocsin itself is in trouble, and not what it looks at. No incident is declared for "
            "it. Until it is mended, these probes tell nobody of what breaks: look yourselves, and declare by hand."
        )
    for handle, address in people.addresses(tx, covering.menders(tx)).items():
        outbox.queue(
            tx,
            dedup_key=f"own-network-{name}-{tx.now:%Y%m%dT%H%M%S}-{handle}",
            channel=Channel.EMAIL,
            address=address,
            subject=subject,
            body=f"{said}\n\n{followups.link(tx, '/')}\n",
            person=handle,
            audience="on_call",
            thread="own network",
        )
