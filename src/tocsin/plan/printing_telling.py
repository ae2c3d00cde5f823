"""What is told and to whom, in the printed plan: the audiences, the templates, the plain words and the networks."""

from tocsin.kit.text import span
from tocsin.plan import printing_work as work
from tocsin.plan.markdown import Blocks, block, bullets, code, heading, items, plain, statement
from tocsin.plan.model import Audience, Plan
from tocsin.plan.who import all_whom, owner


def communication(plan: Plan) -> Blocks:
    yield "## Communication"
    yield from work.channels(plan)
    for key, audience in plan.communication.audiences.items():
        yield from _audience(plan, key, audience)
    yield from _outside(plan)
    if plan.communication.stages:
        yield "**What the public is told, by stage**"
        yield from bullets(
            statement(f"At the stage {stage}: the template {code(template)}", f"communication.stages.{stage}")
            for stage, template in plan.communication.stages.items()
        )
    if plan.communication.subscribe_by:
        yield "**By which ways whoever subscribes to the status page is told**"
        yield from bullets(
            statement(code(way), f"communication.subscribe_by.{place}")
            for place, way in enumerate(plan.communication.subscribe_by, start=1)
        )


def _audience(plan: Plan, key: str, audience: Audience) -> Blocks:
    path = f"communication.audiences.{key}"
    yield heading(3, plain(audience.name), path)
    yield from bullets(
        [
            statement(f"Told by {owner(plan, audience.owner)}.", f"{path}.owner"),
            statement(_readers(audience), f"{path}.public"),
            statement(_of_what_is_confidential(audience), f"{path}.confidential"),
            *([statement(f"Sent to {all_whom(plan, audience.to)}.", f"{path}.to")] if audience.to else []),
            *(
                statement(f"Posted in the chat {code(name)}.", f"{path}.chats.{place}")
                for place, name in enumerate(audience.chats, start=1)
            ),
            *([] if audience.public and not audience.template else [statement(_wording(audience), f"{path}.template")]),
            *([statement(f"Keeps clause {plain(audience.clause)}.", f"{path}.clause")] if audience.clause else []),
            *_approval(plan, audience, path),
            *(
                statement(
                    f"At {plain(level)}: a first update within {span(pace.first_within)} of the declaration, then one "
                    f"at least every {span(pace.every)} until it is resolved, and a last one.",
                    f"{path}.cadence.{level}",
                )
                for level, pace in audience.cadence.items()
            ),
        ]
    )
    yield from items("To be kept in mind", audience.guidance, f"{path}.guidance")
    if not audience.cadence:
        yield "Nothing is owed to them by the clock."


def _of_what_is_confidential(audience: Audience) -> str:
    if audience.confidential:
        return "Also told of what is confidential, as far as its people may read it."
    return "Not told of what is confidential."


def _readers(audience: Audience) -> str:
    return "Reads the public status page." if audience.public else "Is not public: updates go to people by name."


def _wording(audience: Audience) -> str:
    return f"In the words of the template {code(audience.template)}." if audience.template else "In free words."


def templates(plan: Plan) -> Blocks:
    if plan.templates:
        yield "## Templates"
        yield "What stands between braces is filled in when the update is written."
    for key, template in plan.templates.items():
        yield heading(3, plain(key), f"templates.{key}")
        yield block(template)


def _approval(plan: Plan, audience: Audience, path: str) -> list[str]:
    """The lines of an audience that say how its updates are looked at before they are read."""
    found = []
    if audience.plain:
        found.append(statement("Told in plain words.", f"{path}.plain"))
    if audience.approved_by:
        role = plan.roles[audience.approved_by].name
        found.append(statement(f"Told nothing before the {plain(role)} approves it.", f"{path}.approved_by"))
    return found


def _outside(plan: Plan) -> Blocks:
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
