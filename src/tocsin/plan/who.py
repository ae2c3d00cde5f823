"""Whom a plan means by a key: people, teams, roles, rotations and words of the format, as the printed plan says."""

from collections.abc import Iterable, Mapping

from tocsin.kit.text import listed
from tocsin.plan.markdown import code, plain
from tocsin.plan.model import EVERYONE, ON_CALL, RESPONDERS, Plan

WORDS: Mapping[str, str] = {
    ON_CALL: "whoever is on call",
    EVERYONE: "everybody named in this plan",
    RESPONDERS: "everybody who worked on the incident",
    "tocsin": "Tocsin itself",
}


def key_and_name(key: str, name: str) -> str:
    return f"{plain(name)} ({code(key)})"


def whom(plan: Plan, key: str) -> str:
    """A rotation, team, person, role or word of the format. The check sees to it that no two share a name."""
    if key in plan.rotations:
        return f"whoever is on call in {key_and_name(key, plan.rotations[key].name or key)}"
    named = plan.teams.get(key) or plan.people.get(key) or plan.roles.get(key)
    return key_and_name(key, named.name) if named else f"{WORDS.get(key, key)} ({code(key)})"


def all_whom(plan: Plan, keys: Iterable[str]) -> str:
    return listed(whom(plan, key) for key in keys)


def owner(plan: Plan, key: str | None) -> str:
    """Who owns a duty. `on_call` is whoever is paged, even where a rotation has that name too."""
    key = key or ON_CALL
    return key_and_name(key, plan.roles[key].name) if key in plan.roles else f"{WORDS[ON_CALL]} ({code(ON_CALL)})"


def at(severities: Iterable[str]) -> str:
    """In front of what holds at some severities alone."""
    levels = [code(one) for one in severities]
    return f"At {listed(levels)}: " if levels else ""
