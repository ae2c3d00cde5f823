"""What comes after the fix, in the printed plan: the watch, the closing, the post-mortem and the reminders."""

from collections.abc import Mapping

from tocsin.kit.text import span
from tocsin.plan.markdown import Blocks, bullets, code, heading, items, numbered, plain, statement, table
from tocsin.plan.model import Condition, Plan, Reminders
from tocsin.plan.reviewing import Section
from tocsin.plan.who import all_whom, owner

CONDITIONS: Mapping[Condition, str] = {
    Condition.RECOVERED: "the watch after the fix has passed",
    Condition.FINAL_PUBLIC_UPDATE: "the public was told that it is resolved, if it was owed a word at all",
    Condition.REVIEW_SCHEDULED: "the post-mortem has a time, if the severity requires one",
    Condition.DUTIES_SETTLED: "nothing else is owed any more",
    Condition.RECOVERY_CONFIRMED: "people have confirmed everything that the plan lists",
    Condition.TICKET_COMPLETE: "the ticket has its impact and its root cause, as far as its template shows them",
    Condition.TEAM_THANKED: "whoever helped was thanked",
    Condition.RESOLUTION_NOTICE: "users were told how it ended, if the public was owed a word and there is a notice",
}


def recovery(plan: Plan) -> Blocks:
    recovery = plan.recovery
    yield "## Recovery and closing"
    yield from bullets(
        [
            statement(f"To be resolved by {owner(plan, recovery.owner)}.", "recovery.owner"),
            statement(f"After the fix the service is watched for {span(recovery.watch_for)}.", "recovery.watch_for"),
            *(
                [statement(f"Users are told how it ended by {code(recovery.notice)}.", "recovery.notice")]
                if recovery.notice
                else []
            ),
        ]
    )
    if recovery.confirm:
        yield "**Then people confirm**"
        yield from bullets(statement(plain(text), f"recovery.confirm.{key}") for key, text in recovery.confirm.items())
    if not recovery.close_requires:
        yield "Nothing is required before an incident is closed."
        return
    yield "**Before an incident is closed**"
    yield from bullets(
        statement(f"{code(one)}: {CONDITIONS[one]}", f"recovery.close_requires.{number}")
        for number, one in enumerate(recovery.close_requires, start=1)
    )


def review(plan: Plan) -> Blocks:
    review = plan.review
    yield "## Post-mortem"
    yield from bullets(
        [
            statement(f"Led by {owner(plan, review.owner)}.", "review.owner"),
            statement(f"Held within {span(review.meeting_within)} of the resolution.", "review.meeting_within"),
            statement(f"The meeting takes {review.minutes} minutes.", "review.minutes"),
            statement(f"Invited: {all_whom(plan, review.attendees)}", "review.attendees"),
        ]
    )
    yield from _agenda(plan)
    yield "**The document**"
    rows = (_section(key, one) for key, one in review.sections.items())
    yield from table(("Part", "Section", "What is asked", "Filled in from the record", "Needed", "Id"), rows)
    yield from _horizons(plan)


def reminders(plan: Plan) -> Blocks:
    if plan.reminders == Reminders():
        return
    yield "## Reminders"
    ahead = [
        statement(f"{code(kind)}: its owner is reminded {span(before)} before it is due.", f"reminders.before.{kind}")
        for kind, before in plan.reminders.before.items()
    ]
    lead = plan.reminders.overdue_to
    told = f"What is overdue is told to {owner(plan, lead)}, or to whoever could hold that role."
    yield from bullets([*ahead, *([statement(told, "reminders.overdue_to")] if lead else [])])


def _agenda(plan: Plan) -> Blocks:
    if plan.review.agenda:
        yield "**Agenda**"
        topics = (f"{plain(one.topic)} ({one.minutes} min)" for one in plan.review.agenda)
        yield from numbered(topics, "review.agenda")


def _section(key: str, section: Section) -> tuple[str, ...]:
    return (
        plain(section.part),
        plain(section.title),
        plain(section.prompt) if section.prompt else "nothing",
        code(section.facts) if section.facts else "nothing",
        "required" if section.required else "may stay empty",
        code(f"review.sections.{key}"),
    )


def _horizons(plan: Plan) -> Blocks:
    if plan.review.horizons:
        yield "### When action items are done"
    for key, horizon in plan.review.horizons.items():
        path = f"review.horizons.{key}"
        yield heading(4, plain(horizon.name), path)
        yield from bullets([statement(f"Done within {span(horizon.within)}.", f"{path}.within")])
        yield from items("Such as", horizon.examples, f"{path}.examples")
