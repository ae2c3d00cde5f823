"""Where in the room of an incident one does what is owed: pages and messages lead there."""

from tocsin.obligations.model import Kind, Obligation


def done_at(room: str, duty: Obligation) -> str:
    """The address of the place, `room` being that of the whole."""
    match duty.kind:
        case Kind.UPDATE:
            return f"{room}?audience={duty.audience}#compose"
        case Kind.ROLE:
            return f"{room}#slot-{duty.key.removeprefix('role:')}"
        case Kind.RESOLVE | Kind.WATCH | Kind.REVIEW:
            return f"{room}#steps"
        case Kind.ACKNOWLEDGE:
            return f"{room}#head"
        case _:
            return f"{room}#owed"
