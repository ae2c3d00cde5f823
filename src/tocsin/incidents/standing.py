"""How the vendors stand, by what we see ourselves, by our signals, and by their own word. Pure."""

import re
from collections.abc import Iterator
from functools import lru_cache

from tocsin.incidents import dependence, words
from tocsin.incidents.assessment import How, Material, VendorSeen, looked, squeezed
from tocsin.incidents.model import Incident
from tocsin.plan.model import Plan
from tocsin.plan.services import Vendor
from tocsin.watch.outcomes import Kind, Outcome


def now(plan: Plan, material: Material) -> tuple[VendorSeen, ...]:
    """Every vendor of the plan as it is known to be, whatever is broken."""
    return tuple(_seen(plan, None, key, one, material) for key, one in plan.vendors.items())


def seen(plan: Plan, incident: Incident, material: Material) -> tuple[VendorSeen, ...]:
    """The vendors that the incident depends on, as they are known to be."""
    needed = dependence.vendors(plan, incident)
    return tuple(_seen(plan, incident, key, one, material) for key, one in needed.items())


def _seen(plan: Plan, incident: Incident | None, key: str, vendor: Vendor, material: Material) -> VendorSeen:
    how, because = _standing(plan, incident, key, vendor, material)
    return VendorSeen(
        key=key,
        name=vendor.name,
        how=how,
        because=because,
        status_page=vendor.status_page,
        support=vendor.support,
    )


def _standing(plan: Plan, incident: Incident | None, key: str, vendor: Vendor, material: Material) -> tuple[How, str]:
    """How a vendor is, and how that is known: what we see ourselves, the strongest first, and then its own word."""
    seen = _evidence(plan, incident, key, vendor, material)
    page = material.seen.get(f"{key}/status_page") if vendor.look_every else None
    own = _own_word(page.outcome) if page and page.outcome else None
    told = [one for one in (*_looked_at(key, vendor, material), seen, own) if one]
    if not told:
        return How.NOT_LOOKED, "no signal, no open incident and no probe speaks of it"
    known = [how for how, _ in told if how is not How.NOT_LOOKED]
    how = How.TROUBLE if How.TROUBLE in known else known[0] if known else How.NOT_LOOKED
    return how, "; ".join(because for _, because in told)


def _evidence(
    plan: Plan, incident: Incident | None, key: str, vendor: Vendor, material: Material
) -> tuple[How, str] | None:
    called = _called(key, vendor.name)
    may_be_named = any(squeezed(one.casefold()) in material.all_said for one in (key, vendor.name))
    for signal in material.firing if may_be_named else ():
        if signal.source != "vendor" and called.search(signal.said):  # those are told by our look itself
            return How.TROUBLE, f"a signal of {words.spaced(signal.source)} that fires: {signal.title}"
    own = [] if incident is None or incident.is_resolved else [incident]
    for one in (*own, *material.open):
        if called.search(f"{one.title} {one.why}"):
            which = "this incident" if one in own else f"#{one.number}, which is open"
            return How.TROUBLE, f"{which}: {one.title}"
    return _reported(plan, key, material)


def _looked_at(key: str, vendor: Vendor, material: Material) -> Iterator[tuple[How, str]]:
    """What our own probes of it saw: whether it answers us, and takes our credentials."""
    for name in vendor.probes:
        found = looked(f"{key}/{name}", vendor.name, material.seen.get(f"{key}/{name}"))
        if found.looked_at is not None:
            yield found.how, f"our look {words.spaced(name)}: {found.said}"


def _own_word(outcome: Outcome) -> tuple[How, str]:
    """What the vendor says of itself, or why that could not be read."""
    match outcome.kind:
        case Kind.HEALTHY:
            return How.WELL, f"its status page says: {outcome.reason}"
        case Kind.DEGRADED:
            return How.TROUBLE, f"its status page says: {outcome.reason}"
        case _:
            return How.NOT_LOOKED, f"its status page could not be read: {outcome.reason}"


def _reported(plan: Plan, key: str, material: Material) -> tuple[How, str] | None:
    """How the health report of a service of ours calls it."""
    for name, seen in material.seen.items():
        outcome = seen.outcome
        if outcome and key in outcome.states:
            how = How.TROUBLE if key in outcome.components else How.WELL
            return how, f"the health report of {_of_probe(plan, name)} calls it {outcome.states[key]}"
    return None


def _of_probe(plan: Plan, name: str) -> str:
    return words.service_name(plan, name.partition("/")[0])


@lru_cache(maxsize=200)
def _called(key: str, name: str) -> re.Pattern[str]:
    """The vendor's key or name as a word of its own, however it is spaced: `ElevenLabs`, `eleven labs`."""
    spelled = (r"[\s_-]*".join(map(re.escape, squeezed(one))) for one in dict.fromkeys((key, name)))
    return re.compile(rf"(?<![a-z0-9])(?:{'|'.join(spelled)})(?![a-z0-9])", re.IGNORECASE)
