"""What is said when a value of a plan changes: the form of such a sentence."""

from dataclasses import dataclass

from tocsin.plan.consequences import Kind


@dataclass(frozen=True)
class Wording:
    """What is said when a value changes, comes or goes.

    `{1}` is the second name of the path, `{name}` what the plan calls it (`{small}` in small letters), `{after}` and
    `{before}` are the values. Of a list, `changed` is what its gains and losses follow.
    """

    kind: Kind
    changed: str = ""
    new: str = ""
    gone: str = ""
    is_gone_large: bool = False


def named(called: str) -> Wording:
    return Wording(Kind.WORDS, f"{called} is called {{after}} instead of {{before}}.")


def told(reader: str) -> Wording:
    return Wording(Kind.WORDS, f"{reader} {{after}}, instead of {{before}}.")


def items(kind: Kind, subject: str) -> Wording:
    return Wording(kind, subject)
