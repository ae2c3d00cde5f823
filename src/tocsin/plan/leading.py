"""Whose rotas whoever leads a team arranges. What a plan says of a team gives a right, and to nothing else."""

from tocsin.plan.model import Plan


def rotas_of(plan: Plan, team: str) -> frozenset[str]:
    """The rotations of a team: the one that it names, and those that services of this team name and no others do."""
    named = {one.rotation for one in plan.services.values() if one.rotation and one.team == team}
    shared = {one.rotation for one in plan.services.values() if one.team != team}
    shared |= {one.rotation for key, one in plan.teams.items() if key != team}
    own = {plan.teams[team].rotation} | (named - shared)
    return frozenset(one for one in plan.rotations if one in own)


def rotas_led_by(plan: Plan, person: str) -> frozenset[str]:
    """The rotations of every team that this person leads."""
    led = [key for key, team in plan.teams.items() if person in team.leads]
    return frozenset(one for key in led for one in rotas_of(plan, key))
