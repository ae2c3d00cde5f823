"""Who acts: a name for the record, and what they may do."""

from dataclasses import dataclass, field
from enum import StrEnum

CONFIDENTIAL = "incidents:confidential"  # a right that must be given by name: `*` does not hold it


class ActorKind(StrEnum):
    PERSON = "person"
    TOKEN = "token"
    SYSTEM = "system"
    STRANGER = "stranger"


@dataclass(frozen=True)
class Actor:
    """Whoever carries out a unit of work. `rights` are names such as `incident.write`; `*` is nearly all. `source` is
    the address from which they do, for the audit log."""

    handle: str
    kind: ActorKind
    rights: frozenset[str]
    source: str = field(default="", compare=False)

    def may(self, right: str) -> bool:
        return right in self.rights or ("*" in self.rights and right != CONFIDENTIAL)


SYSTEM = Actor("tocsin", ActorKind.SYSTEM, frozenset({"*"}))
STRANGER = Actor("a stranger", ActorKind.STRANGER, frozenset())
