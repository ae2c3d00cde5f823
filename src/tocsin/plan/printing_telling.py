"""How people outside are told, on paper: whose word it waits for, the plain words, and the networks."""

from tocsin.plan.markdown import Blocks, bullets, code, plain, statement
from tocsin.plan.model import Audience, Plan


def approval(plan: Plan, audience: Audience, path: str) -> list[str]:
    """The lines of an audience that say how its updates are looked at before they are read."""
    found = []
    if audience.plain:
        found.append(statement("Told in plain words.", f"{path}.plain"))
    if audience.approved_by:
        role = plan.roles[audience.approved_by].name
        found.append(statement(f"Told nothing before the {plain(role)} approves it.", f"{path}.approved_by"))
    return found


def outside(plan: Plan) -> Blocks:
    """What holds for everybody outside."""
    if plan.communication.plain_words:
        yield "**In plain words**"
        yield from bullets(
            statement(f"Instead of {code(word)}: {plain(plainly)}", f"communication.plain_words.{word}")
            for word, plainly in plan.communication.plain_words.items()
        )
    if plan.communication.networks:
        yield "**A short post is drafted for these networks, and posted by a person**"
        yield from bullets(
            statement(code(network), f"communication.networks.{place}")
            for place, network in enumerate(plan.communication.networks, start=1)
        )
