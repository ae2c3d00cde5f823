"""Who is reached, and who is not: people, teams, roles, rotations and escalation."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from tocsin.kit.text import listed, span
from tocsin.plan.linting.afterwards import POST_MORTEM, TICKET
from tocsin.plan.linting.findings import Around, Check, Level, Remark, check, check_around
from tocsin.plan.model import EVERYONE, EscalationPolicy, Plan, Severity
from tocsin.plan.rotas import Holiday, Layer, Rotation, Window


@check(
    "nobody-paged",
    Level.WARNING,
    "A severity is to be acknowledged in time, and pages nobody.",
    mend="Give the severity an escalation policy, or accept that it waits until somebody looks.",
)
def nobody_paged(plan: Plan) -> Iterator[Remark]:
    for key, severity in plan.severities.items():
        if severity.escalation is None:
            within = span(severity.acknowledge_within)
            yield Remark(f"severities.{key}", f"{key} must be acknowledged within {within}, and nobody is paged for it")


@check(
    "escalation-ends",
    Level.WARNING,
    "An escalation ends in nobody.",
    mend="Take `rounds` out, so that paging goes on until somebody answers, or end with a step that reaches everyone.",
)
def escalation_ends(plan: Plan) -> Iterator[Remark]:
    for key, policy in plan.escalation.items():
        if policy.rounds is not None and policy.rounds > 0:
            lasts = sum((step.wait for step in policy.steps), timedelta()) * policy.rounds
            rounds = "one round" if policy.rounds == 1 else f"{policy.rounds} rounds"
            early = [
                f"{level} ({span(one.acknowledge_within)})"
                for level, one in plan.severities.items()
                if one.escalation == key and lasts < one.acknowledge_within
            ]
            more = f", before {listed(early)} must be acknowledged" if early else ""
            yield Remark(
                f"escalation.{key}.rounds", f"after {rounds}, {span(lasts)} in, nobody is paged any more{more}"
            )


@check(
    "step-reaches-nobody",
    Level.ERROR,
    "A step of an escalation pages nobody.",
    mend="Name people, a team with members, or a rotation in the step.",
)
def step_reaches_nobody(plan: Plan) -> Iterator[Remark]:
    for key, policy in plan.escalation.items():
        for number, step in enumerate(policy.steps, start=1):
            if step.page and not _may_be(plan, step.page):
                yield Remark(f"escalation.{key}.steps.{number}.page", f"nobody stands behind {listed(step.page)}")


@check(
    "step-reaches-nobody-new",
    Level.WARNING,
    "A step of an escalation reaches nobody whom the steps before it have not reached.",
    mend="Page somebody else in the step, or take it out.",
)
def step_reaches_nobody_new(plan: Plan) -> Iterator[Remark]:
    for key, policy in plan.escalation.items():
        for number, step in enumerate(policy.steps, start=1):
            before = _must_be(plan, policy, number - 1)
            reached = _may_be(plan, step.page)
            again = {name for one in policy.steps[: number - 1] for name in one.page}
            if reached and (reached <= before or set(step.page) <= again):
                yield Remark(f"escalation.{key}.steps.{number}.page", f"{listed(step.page)} have been paged already")


@check(
    "last-resort-empty",
    Level.WARNING,
    "The last step of an escalation reaches nobody at some hours.",
    mend="Let the last step name people, a team with members, everyone, or a rotation without gaps beside the others.",
)
def last_resort_empty(plan: Plan) -> Iterator[Remark]:
    for key, policy in plan.escalation.items():
        last = policy.steps[-1].page if policy.steps else ()
        if _may_be(plan, last) and not any(_is_always_somebody(plan, name) for name in last):
            path = f"escalation.{key}.steps.{len(policy.steps)}.page"
            yield Remark(path, f"at some hours nobody is on call in {listed(last)}, and no step comes after it")


def _is_always_somebody(plan: Plan, target: str) -> bool:
    """Whether somebody stands behind a target at every hour: of a rotation, whether one of its layers has no gap."""
    if target not in plan.rotations:
        return bool(plan.members((target,)))
    rotation = plan.rotations[target]
    whole = [one for one in rotation.layers if one.from_on is None and one.until_on is None]
    return any(not during and not holidays for during, holidays in _limits(rotation, whole))


def _limits(rotation: Rotation, layers: Sequence[Layer]) -> Iterator[tuple[Sequence[Window], Sequence[Holiday]]]:
    """When a rotation and its layers hold only, and when they do not."""
    yield rotation.during, rotation.holidays
    for one in layers:
        yield one.during, one.holidays


def _may_be(plan: Plan, targets: tuple[str, ...]) -> set[str]:
    """Everybody whom the targets can mean at some time."""
    turns = {person for name in targets if name in plan.rotations for person in plan.rotations[name].everyone}
    return turns | set(plan.members(targets))


def _must_be(plan: Plan, policy: EscalationPolicy, steps: int) -> set[str]:
    """Everybody whom the first steps page at any time."""
    found: set[str] = set()
    for step in policy.steps[:steps]:
        alone = [set(plan.rotations[name].everyone) for name in step.page if name in plan.rotations]
        found |= set(plan.members(step.page)).union(*(one for one in alone if len(one) == 1))
    return found


@check(
    "rotation-of-one",
    Level.WARNING,
    "A rotation of one person, who is always on call.",
    mend="Let somebody else take turns too, or name the person instead of the rotation.",
)
def rotation_of_one(plan: Plan) -> Iterator[Remark]:
    for key, rotation in plan.rotations.items():
        if len(rotation.everyone) == 1:
            yield Remark(
                f"rotations.{key}.people", f"{rotation.people[0]} is on call day and night, and nobody relieves them"
            )


@check(
    "role-without-rota",
    Level.WARNING,
    "A role must be filled in time, and no rotation fills it at any hour.",
    mend="Give the role a rotation of people who may hold it, or a fallback: who is asked when nobody is on call.",
)
def role_without_rota(plan: Plan) -> Iterator[Remark]:
    open_at: dict[str, list[str]] = {}
    for level, severity in plan.severities.items():
        for role in _unfilled(plan, severity):
            open_at.setdefault(role, []).append(f"{level} ({span(severity.roles_within[role])})")
    for role, levels in open_at.items():
        reason = f"needed at {listed(levels)}, and no rotation is left whose every person may hold it"
        yield Remark(f"roles.{role}.eligible", reason)


@check(
    "rota-beside-role",
    Level.WARNING,
    "The rotation of a role has a turn for somebody who may not hold the role.",
    mend="Take the person out of the rotation, or let them hold the role.",
)
def rota_beside_role(plan: Plan) -> Iterator[Remark]:
    for key, role in plan.roles.items():
        rotation = plan.rotations.get(role.rotation or "")
        may = set(plan.members(role.eligible))
        others = [one for one in rotation.everyone if one not in may] if rotation else []
        if others:
            yield Remark(
                f"roles.{key}.rotation", f"{listed(others)} may not hold the role, and {role.rotation} turns to them"
            )


def _unfilled(plan: Plan, severity: Severity) -> list[str]:
    """The roles that are left when every rotation fills one role for which all of its people are eligible.

    A role that names its own rotation, or who takes it if nobody else does, is filled.
    """
    wanted = [
        role
        for role in severity.roles_within
        if role in plan.roles and not _asked(plan, (plan.roles[role].rotation or "", *plan.roles[role].fallback))
    ]
    fits = {role: _fitting(plan, role) for role in wanted}
    taken: dict[str, str] = {}
    return [role for role in wanted if not _seat(role, fits, taken, set())]


def _asked(plan: Plan, names: tuple[str, ...]) -> bool:
    return bool(_may_be(plan, names))


def _fitting(plan: Plan, role: str) -> list[str]:
    may = set(plan.members(plan.roles[role].eligible))
    return [key for key, one in plan.rotations.items() if one.people and set(one.everyone) <= may]


def _seat(role: str, fits: dict[str, list[str]], taken: dict[str, str], seen: set[str]) -> bool:
    """Find a rotation for the role, moving roles that have one to another if need be."""
    for rotation in fits[role]:
        if rotation not in seen:
            seen.add(rotation)
            if rotation not in taken or _seat(taken[rotation], fits, taken, seen):
                taken[rotation] = role
                return True
    return False


@check(
    "title-for-a-name",
    Level.WARNING,
    "A person of the plan is only a title.",
    mend="Name the person. A title cannot be paged.",
)
def title_for_a_name(plan: Plan) -> Iterator[Remark]:
    titles = {role.name.lower() for role in plan.roles.values()} | {team.name.lower() for team in plan.teams.values()}
    for key, person in plan.people.items():
        if person.name.lower() in titles | {person.title.lower()}:
            yield Remark(f"people.{key}.name", f'"{person.name}" is what somebody does, not who it is')


@check_around(
    "unreachable",
    Level.ERROR,
    "A person whom the plan pages or tells has no way to be reached.",
    mend="Give the person a contact method or an e-mail address in the installation, and let them try it.",
    needs="reachable",
)
def unreachable(plan: Plan, around: Around) -> Iterator[Remark]:
    reachable = around.reachable or frozenset()
    places = _counted_on(plan)
    for handle in plan.people:
        if handle in places and handle not in reachable:
            yield Remark(f"people.{handle}", f"{handle} is {places[handle]}, and this installation cannot reach them")


def _counted_on(plan: Plan) -> dict[str, str]:
    """What each person is counted on for, the most urgent first."""
    found: dict[str, str] = {}
    for key, rotation in plan.rotations.items():
        found |= {person: f"on call ({key})" for person in rotation.everyone if person not in found}
    for key, policy in plan.escalation.items():
        paged = {person for step in policy.steps for person in plan.members(step.page)}
        found |= {person: f"paged ({key})" for person in paged if person not in found}
    for key, kind in plan.types.items():
        readers = plan.members(kind.readers) if kind.private else ()
        found |= {person: f"paged ({key})" for person in readers if person not in found}
    for key, service in plan.services.items():
        readers = plan.members(service.readers) if any(kind.private for kind in plan.types.values()) else ()
        found |= {person: f"paged ({key})" for person in readers if person not in found}
    for key, audience in plan.communication.audiences.items():
        found |= {person: f"told ({key})" for person in plan.members(audience.to) if person not in found}
    return found


@check(
    "unused",
    Level.NOTE,
    "Something that nothing in the plan refers to.",
    mend="Use it, or take it out.",
)
def unused(plan: Plan) -> Iterator[Remark]:
    named = _named_anywhere(plan)
    for path, what, keys in (
        ("teams", "team", plan.teams),
        ("rotations", "rotation", plan.rotations),
        ("escalation", "escalation policy", plan.escalation),
        ("templates", "template", plan.templates),
    ):
        for key in keys:
            if key not in named[path]:
                yield Remark(f"{path}.{key}", f"no part of the plan refers to this {what}")
    for key in plan.people if EVERYONE not in named["teams"] else ():
        if key not in named["people"]:
            yield Remark(f"people.{key}", "no team, role, rotation, step or audience has this person")


def _named_anywhere(plan: Plan) -> dict[str, set[str]]:
    groups = {name for role in plan.roles.values() for name in (*role.eligible, role.rotation or "", *role.fallback)}
    groups |= {name for policy in plan.escalation.values() for step in policy.steps for name in step.page}
    groups |= {name for audience in plan.communication.audiences.values() for name in audience.to}
    groups |= {name for kind in plan.types.values() for name in kind.readers}
    groups |= {name for service in plan.services.values() for name in service.readers}
    groups |= set(plan.review.attendees)
    groups |= {name for service in plan.services.values() for name in (service.team or "", service.rotation or "")}
    groups |= {team.rotation or "" for team in plan.teams.values()}
    groups |= {name for rotation in plan.rotations.values() for name in rotation.stand_ins}
    people = {one for team in plan.teams.values() for one in (*team.members, *team.leads)}
    people |= {one for rotation in plan.rotations.values() for one in rotation.everyone}
    texts = {audience.template or "" for audience in plan.communication.audiences.values()}
    return {
        "teams": groups,
        "rotations": groups,
        "people": groups | people,
        "escalation": {severity.escalation or "" for severity in plan.severities.values()},
        "templates": {
            *texts,
            *plan.communication.stages.values(),
            *(TICKET, POST_MORTEM, plan.recovery.notice or ""),
        },
    }


CHECKS: tuple[Check, ...] = (
    nobody_paged,
    escalation_ends,
    step_reaches_nobody,
    step_reaches_nobody_new,
    last_resort_empty,
    rotation_of_one,
    role_without_rota,
    rota_beside_role,
    title_for_a_name,
    unreachable,
    unused,
)
