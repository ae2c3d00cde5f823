"""Who acts: a name for the record, and what they may do."""

from dataclasses import dataclass
from enum import StrEnum


class ActorKind(StrEnum):
    PERSON = "person"
    TOKEN = "token"
    SYSTEM = "system"


@dataclass(frozen=True)
class Actor:
    """Whoever carries out a unit of work. `rights` are names such as `incident.write`; `*` is all."""

    handle: str
    kind: ActorKind
    rights: frozenset[str]

    def may(self, right: str) -> bool:
        return "*" in self.rights or right in self.rights


SYSTEM = Actor("tocsin", ActorKind.SYSTEM, frozenset({"*"}))
