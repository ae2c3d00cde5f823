"""The format of plan files as JSON Schema, by which an editor completes and checks a plan while it is written.

The schema is made from the classes that `parse` fills, so it allows what they allow. Whether each name leads somewhere
it cannot tell; `check` can.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from tocsin.kit.text import span
from tocsin.plan.bodies import DIALECT
from tocsin.plan.check import CLAUSE_KINDS, FACTS, REMINDED_KINDS
from tocsin.plan.check_measures import MOST_TIMES, MOST_WORKERS
from tocsin.plan.check_paging import CHANGES_LEAST, CHANGES_MOST
from tocsin.plan.model import Plan
from tocsin.plan.schema_public import PUBLIC
from tocsin.plan.schema_signals import SIGNALS, SUBSCRIBING
from tocsin.plan.schema_telling import TELLING
from tocsin.plan.schema_watching import WATCHING

ID = "urn:tocsin:plan:1"
"""The number is that of the format, which a plan file gives under `tocsin`."""


def json_schema() -> dict[str, Any]:
    """A schema of plan files in JSON Schema 2020-12, every key with what it means. It holds for no other format."""
    found = TypeAdapter(Plan).json_schema(schema_generator=_Generator)
    _spell(found)
    for name, definition in _classes(found):
        _describe(name, definition)
    return {"$schema": DIALECT, "$id": ID, **found}


class _Generator(GenerateJsonSchema):
    """Writes defaults as a plan file would, and leaves out titles that only repeat the key."""

    def encode_default(self, dft: Any) -> Any:
        return span(dft) if isinstance(dft, timedelta) else super().encode_default(dft)

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def dataclass_schema(self, schema: Any) -> JsonSchemaValue:
        return {key: value for key, value in super().dataclass_schema(schema).items() if key != "description"}


def _spell(part: object) -> None:
    """Give every span of time in a part of the schema the form in which spans are written."""
    if isinstance(part, dict) and part.get("description") == "a span of time":
        part["pattern"] = r"^\s*(\d+\s*[A-Za-z]+\s*)+$"
    for one in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        _spell(one)


def _classes(schema: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [("Plan", schema), *((name, one) for name, one in schema["$defs"].items() if "properties" in one)]


def _describe(name: str, definition: dict[str, Any]) -> None:
    definition["description"] = MEANINGS[name]
    for key, shape in definition["properties"].items():
        shape.update(NARROWER.get(f"{name}.{key}", {}), description=MEANINGS[f"{name}.{key}"])


_SOME: dict[str, Any] = {"minItems": 1}
_COUNT: dict[str, Any] = {"minimum": 1}

NARROWER: Mapping[str, dict[str, Any]] = {
    "Plan.clauses": {"propertyNames": {"enum": list(CLAUSE_KINDS)}},
    "Plan.people": {"propertyNames": {"pattern": "^[a-z][a-z0-9._-]{0,39}$"}, "minProperties": 1},
    "Plan.severities": {"minProperties": 1},
    "Plan.types": {"minProperties": 1},
    "Team.members": _SOME,
    "Role.eligible": _SOME,
    "Rotation.people": _SOME,
    "Rotation.days": {"minimum": 1, "maximum": 366},
    "Rotation.hours": {"minimum": 1, "maximum": 8784},
    "Rotation.together": _COUNT,
    "Layer.people": _SOME,
    "Layer.days": {"minimum": 1, "maximum": 366},
    "Layer.hours": {"minimum": 1, "maximum": 8784},
    "Layer.together": _COUNT,
    "Holiday.days": _SOME,
    "Step.page": _SOME,
    "EscalationPolicy.steps": _SOME,
    "Paging.singly": {"minimum": 1, "maximum": 1000},
    "Flapping.changes": {"minimum": CHANGES_LEAST, "maximum": CHANGES_MOST},
    "Probe.paths": _SOME,
    "Probe.failures": _COUNT,
    "Probe.recoveries": _COUNT,
    "Probe.out_of": {"minimum": 1, "maximum": 60},
    "Probe.certificate_days": {"minimum": 1, "maximum": 366},
    "Measure.workers": {"minimum": 1, "maximum": MOST_WORKERS},
    "Measure.least": _COUNT,
    "Measure.failures": _COUNT,
    "Measure.recoveries": _COUNT,
    "Usual.least": _COUNT,
    "Log.patterns": {"minProperties": 1},
    "Journey.legs": _SOME,
    "Journey.per_day": _COUNT,
    "Journey.failures": _COUNT,
    "Journey.recoveries": _COUNT,
    "Leg.expect": _SOME,
    "Expects.status": _SOME,
    "Pattern.least": {"minimum": 1, "maximum": MOST_TIMES},
    "Topic.minutes": _COUNT,
    "Section.facts": {"enum": [*FACTS, None]},
    "Reminders.before": {"propertyNames": {"enum": list(REMINDED_KINDS)}},
    "Service.users": _COUNT,
    "Review.minutes": {"minimum": 1, "maximum": 1440},
    "Review.attendees": _SOME,
    "Review.sections": {"minProperties": 1},
}
"""What `check` demands of a value by itself, so that an editor can say it too."""

MEANINGS: Mapping[str, str] = {
    "Person": "Somebody the plan names, under `people`.",
    "Person.name": "The full name.",
    "Person.title": "What the person does.",
    "Team": "Under `teams`.",
    "Team.name": "What the team is called.",
    "Team.members": "Handles of people; at least one.",
    "Team.leads": (
        "Handles of people who arrange the team's rotas as a manager does: its own rotation, and those that only its "
        "services name. They need be no members."
    ),
    "Team.rotation": "Who is on call for the services of this team: whom `on_call` means there.",
    "Severity": "Under `severities`.",
    "Severity.name": "A word for it, such as Critical.",
    "Severity.definition": "When an incident has this severity.",
    "Severity.response": "What is expected of people, in a sentence.",
    "Severity.requires": "What it demands of people, one demand an item.",
    "Severity.examples": "Trouble of this severity, shown where somebody chooses one.",
    "Severity.error_rate": "The error rates that mean this severity.",
    "Severity.slowdown": "How much slower than usual means this severity, in per cent more.",
    "Severity.acknowledge_within": "How soon somebody has to answer for the incident.",
    "Severity.resolve_within": "The target time to resolve it.",
    "Severity.escalation": "The policy by which people are paged. Without one nobody is.",
    "Severity.urgency": (
        "Whether a page may wait for the end of somebody's quiet hours. Unless it is said, the worst severity is high, "
        "and whatever has to be answered within 15 min."
    ),
    "Severity.silent_after": (
        "How long somebody who acknowledged may be silent. After so long without an entry by a person they are paged "
        "again, and then the ladder. Without it, an acknowledgement holds."
    ),
    "Severity.snooze_most": "For how long at the most a responder may snooze it. Without it, nobody may.",
    "Severity.resolves_itself_after": (
        "An incident that signals declared resolves itself once all of them have cleared for so long, unless a person "
        "holds a role, has set its severity or has mitigated it. Without it, the end is a person's word."
    ),
    "Severity.roles_within": "Roles that must be filled, and how soon.",
    "Severity.post_mortem": "Whether a post-mortem is held.",
    "Severity.public_impact": "What the status page calls it.",
    "Role": "Under `roles`.",
    "Role.name": "What the role is called.",
    "Role.purpose": "What it is for, in a sentence.",
    "Role.duties": "What its holder does.",
    "Role.eligible": "People and teams who may hold it; at least one.",
    "Role.rotation": "The rotation whose turn it is takes the role.",
    "Role.fallback": "Rotations, teams and people who take it if nobody of those can be reached.",
    "Rotation": (
        "People who take turns, under `rotations`. A turn begins on the wall clock of its zone, so a change of "
        "the clocks moves nothing. The rotation is the lowest layer; where no layer holds, nobody is on call."
    ),
    "Rotation.name": "What the rotation is called.",
    "Rotation.people": "Handles in order of their turns. One may stand there more than once.",
    "Rotation.together": "How many of them are on call in each turn, side by side: the next so many in the order.",
    "Rotation.starts_on": "The day of the first handoff, from which turns are counted in both directions.",
    "Rotation.handoff_on": "The weekday of handoffs, for turns of whole weeks: the first is on the next such day.",
    "Rotation.handoff": 'When a turn begins, such as `"09:00"`.',
    "Rotation.zone": "The zone of that clock, such as Europe/Berlin.",
    "Rotation.days": "How many days a turn takes, from 1 to 366.",
    "Rotation.hours": "How many hours a turn takes, instead of days, from 1 to 8784; counted on the wall clock.",
    "Rotation.during": "When the lowest layer holds. Without it, day and night.",
    "Rotation.holidays": "Days on which the lowest layer does not hold, or another rotation stands in for it.",
    "Rotation.layers": "More layers. Each covers those before it wherever it holds.",
    "Rotation.duties": "What whoever is on call does.",
    "Rotation.handed_over": "What is handed over at the end of a turn.",
    "Rotation.handing_over": (
        "When it is handed over. With it, every change of who is on call is written by whoever goes and accepted by "
        "whoever comes, each in its time."
    ),
    "HandingOver": "The times of a handoff, in a rotation.",
    "HandingOver.opened_before": "How long before the turn ends Tocsin makes the handoff ready and tells both.",
    "HandingOver.written_before": "How long before the turn ends it is to be written; shorter than `opened_before`.",
    "HandingOver.accepted_within": "How soon after the next turn begins it is to be accepted.",
    "Layer": (
        "Other people who take turns within a rotation, over the layers before. What it does not say of its clock, the "
        "rotation does."
    ),
    "Layer.name": "What the layer is called; no two of a rotation share a name.",
    "Layer.people": "Handles in order of their turns.",
    "Layer.together": "How many of them are on call in each turn.",
    "Layer.starts_on": "The day of its first handoff; without it, `from_on` or else the rotation's.",
    "Layer.handoff_on": "The weekday of its handoffs, for turns of whole weeks.",
    "Layer.handoff": "When its turns begin.",
    "Layer.zone": "The zone of its clock.",
    "Layer.days": "How many days a turn takes, from 1 to 366.",
    "Layer.hours": "How many hours a turn takes, instead of days.",
    "Layer.during": "When it holds. Without it, day and night.",
    "Layer.from_on": "Makes it temporary: it holds from the time of its handoff on this day.",
    "Layer.until_on": "And until the time of its handoff on this day.",
    "Layer.holidays": "Days on which it does not hold, or another rotation stands in for it.",
    "Window": "A stretch of some days, on the wall clock.",
    "Window.weekdays": "The days on which it begins. Without them, every day.",
    "Window.begins": "When it begins.",
    "Window.ends": "When it ends: on the next day, if that is not later than it begins.",
    "Holiday": "Whole days, from midnight to midnight.",
    "Holiday.name": "What is celebrated.",
    "Holiday.days": "The dates; at least one.",
    "Holiday.rotation": "Who stands in. Without it, the layer below holds, or nobody.",
    "Step": "One step of a policy.",
    "Step.page": "Rotations, teams and people, or `everyone`; at least one.",
    "Step.wait": "How long they have before the next step is taken.",
    "EscalationPolicy": "Under `escalation`.",
    "EscalationPolicy.steps": "In order; at least one.",
    "EscalationPolicy.rounds": "How many times the steps are gone through. Without it, until somebody acknowledges.",
    "Phase": "Under `phases`.",
    "Phase.name": "What the phase is called.",
    "Phase.begins_when": "The moment of an incident at which it begins.",
    "Phase.within": "When it should have ended, counted from the declaration.",
    "Phase.triggers": "By what trouble is noticed in it.",
    "Phase.actions": "What is done in it, in order; a text by itself is an activity's title.",
    "Phase.tools": "What is opened while it lasts; a text by itself is a tool's name.",
    "Phase.tells": "Who is told what, and by whom.",
    "Phase.ends_when": "What must be true on the record before it is over.",
    "Phase.confirm": "What a person has to tick before it is over.",
    "IncidentType": "Under `types`.",
    "IncidentType.name": "What the type is called.",
    "IncidentType.symptoms": "How it shows; a text by itself is the only symptom.",
    "IncidentType.actions": "What is done first, in order; a text by itself is an action's words.",
    "IncidentType.runbook": "Where the procedure stands.",
    "IncidentType.private": (
        "Confidential from the declaration: only its readers see it, and it is never shown in public."
    ),
    "IncidentType.readers": (
        "People and teams who read a confidential incident besides whoever responds to it, and are paged where a step "
        "of the escalation names nobody who reads it."
    ),
    "Cadence": "How often an audience is told.",
    "Cadence.first_within": "When the first update is due.",
    "Cadence.every": "When each further one is due, counted from the last, until the incident is resolved.",
    "Audience": "People who need only know, under `communication.audiences`.",
    "Audience.name": "What they are called.",
    "Audience.owner": "The role that writes to them, or `on_call`.",
    "Audience.clause": "The clause that updates keep.",
    "Audience.public": "They read the status page. Texts are then taken from `communication.stages`.",
    "Audience.confidential": (
        "Updates are owed to it for confidential incidents too; those of its people receive them who may read them."
    ),
    "Audience.to": "People and teams who receive the updates. An audience that is not public needs some.",
    "Audience.template": "The template of their updates. Without one an update is free text.",
    "Audience.guidance": "What to keep in mind when writing to them.",
    "Audience.chats": (
        "Chats of the setting `TOCSIN_CHATS` in which the updates are posted too, by their names there. What is "
        "confidential never is."
    ),
    "Audience.cadence": "By severity, how often they hear. A severity that is not listed owes them nothing.",
    "Communication": "Under `communication`.",
    "Communication.channels": "Where people talk.",
    "Communication.audiences": "Who is told.",
    "Communication.stages": (
        "The template for each stage of a public update. With a public audience, every stage needs one."
    ),
    "Probe": "An address that Tocsin looks at, under `services.….probes` or `vendors.….probes`.",
    "Probe.url": (
        "How it begins says what is looked at: a health report, or what `expects` says, at http:// or https://; a port "
        "at tcp://, a name at dns://, a certificate at tls://. It holds no password."
    ),
    "Probe.paths": 'Tried in order; `""` is the address itself.',
    "Probe.every": "How often to look.",
    "Probe.timeout": "How long to wait for an answer.",
    "Probe.slow_after": "An answer that takes longer is slow. Shorter than the timeout.",
    "Probe.failures": "How many looks in a row make it trouble.",
    "Probe.out_of": "The failures need not be in a row, but among so many last looks; at most 60.",
    "Probe.recoveries": "How many good looks in a row end it.",
    "Probe.certificate_days": "A certificate that ends in less than so many days is trouble. At https:// and tls://.",
    "Probe.control": (
        "Somebody else's address, http:// or https://. While nothing is heard of either, our own network is in "
        "trouble: nothing is declared, and the administrators are told."
    ),
    "Probe.expects": "What is good where the answer is no health report. Without it, it must be one.",
    "Probe.schema": (
        "What the answer's JSON must fit besides, in JSON Schema (draft 2020-12), health report or not. The schema "
        "stands whole in the plan; no part of it leads back to itself."
    ),
    "Probe.token": (
        "Which token of the setting `TOCSIN_PROBE_TOKENS` it asks with, by its name there. It goes to the host alone "
        "that the setting names with it, at https://. Where it is refused, the outcome is `denied`."
    ),
    "Probe.token_header": "The header in which the token stands, such as `xi-api-key`. Else it is a bearer token.",
    "Probe.status_field": "The key of the answer that holds the overall state.",
    "Probe.healthy_values": "The values of it that are healthy.",
    "Probe.components_field": "The key of the answer that holds the components' states.",
    "Probe.good_values": "The values of those that are good.",
    "Probe.usual": (
        "How long an answer usually takes is learned, and an answer that takes longer by a severity's `slowdown` is "
        "told apart."
    ),
    **WATCHING,
    "Component": "A part of a service that the status page names, under `services.….components`.",
    "Component.name": "What it is called in public.",
    "Component.description": "What it does.",
    "Component.depends_on": "Services, vendors and other components of the service without which it does not work.",
    "Service": "Under `services`.",
    "Service.name": "What it is called.",
    "Service.description": "What it does.",
    "Service.team": "The team that looks after it.",
    "Service.rotation": "Who is on call for it: whom `on_call` means in its incidents. Without it, the team's.",
    "Service.readers": (
        "People and teams who read a confidential incident of this service besides whoever responds to it and whom its "
        "type names."
    ),
    "Service.users": "How many people use it on a usual day; the first estimate of whom trouble touches.",
    "Service.depends_on": "Services and vendors without which it does not work.",
    "Service.components": "Its parts.",
    "Service.probes": "The addresses at which it is looked at.",
    "Service.measures": "The numbers that are read of it.",
    "Service.logs": "What it writes, as far as somebody looks for trouble there.",
    "Service.journeys": "The ways of a user that are walked.",
    "Service.heartbeats": "The signs of life that its jobs send.",
    "Rule": "One entry of `rules`: what a signal means.",
    "Rule.name": "Named on the incident that it declares; each name once.",
    "Rule.precedence": (
        "The rule with the lowest is asked first; each number stands once. Rules without one follow as they stand."
    ),
    "Rule.when": (
        "For a field of the signal (`source`, `trigger`, `severity`, `title`) or a label, the words of which one "
        "must match in any case; `*` is any value, and `/…/` a regular expression found anywhere. Every condition"
        " must hold."
    ),
    "Rule.type": "The type of the incident.",
    "Rule.severity": "The severity of the incident. Without it, `band_of` or `slowdown_of` decides.",
    "Rule.band_of": (
        "The label that holds a measured error rate in per cent; the severity is the worst whose band holds it. "
        "If none does, the rule does not fit."
    ),
    "Rule.slowdown_of": (
        "The same for a label that holds by how many per cent something is slower than usual, and the bands under "
        "`slowdown`."
    ),
    "Rule.service": "The service that is touched.",
    "Rule.components": "Its components that are touched.",
    "Rule.title": "The incident's title. Without it, the signal's.",
    "Topic": "One entry of the review's agenda.",
    "Topic.topic": "What is talked about.",
    "Topic.minutes": "For how long.",
    "Section": "A heading of the post-mortem, under `review.sections`.",
    "Section.title": "The heading.",
    "Section.part": "The larger heading above it.",
    "Section.prompt": "What its writer is asked. Without a prompt nobody is, and the record alone fills it.",
    "Section.required": "Whether the document can be final without it.",
    "Section.facts": "What the record fills in: one of the facts.",
    "Horizon": "A time by which action items are done, under `review.horizons`.",
    "Horizon.name": "What it is called.",
    "Horizon.within": "How much time there is.",
    "Horizon.examples": "What belongs there.",
    "Review": "Under `review`.",
    "Review.owner": "The role that leads it.",
    "Review.meeting_within": "When the meeting is held, counted from the resolution.",
    "Review.minutes": "How long the meeting takes.",
    "Review.attendees": "Roles, teams and people, or `responders`: everybody who worked on the incident.",
    "Review.agenda": "Topics, which together fit into the meeting.",
    "Review.sections": "The headings of the document, in order.",
    "Review.horizons": "Times by which action items are done.",
    "Recovery": "Under `recovery`.",
    "Recovery.owner": "The role that resolves.",
    "Recovery.watch_for": "How long the service is watched after the fix.",
    "Recovery.confirm": "By a name, what people confirm once the watch has passed.",
    "Recovery.close_requires": "What must be true before an incident is closed.",
    "Recovery.notice": (
        "The template of the notice to users once it is resolved. It asks for `{explanation}` and `{prevention}`."
    ),
    "Reminders": (
        "Under `reminders`. Whoever owes something is told before it is due, and somebody else once it is overdue."
    ),
    "Reminders.before": (
        "For a kind of obligation (`acknowledge`, `role`, `update`, `resolve`, `review`), how long before its due "
        "time its owner is reminded. A kind that is not named is not reminded of."
    ),
    "Reminders.overdue_to": (
        "The role that leads: its holder is told what is overdue, or the next who could hold it, and may waive it."
    ),
    "Paging": "Under `paging`. How pages are sent.",
    "Paging.singly": (
        "Of how many incidents a minute pages come to somebody by one contact method by themselves. What comes beyond "
        "waits until a minute has passed since the first of them and leaves as one page that says how many there are; "
        "of the worst severity it waits for 3 seconds at the most. Not asked where there is `gather_within`."
    ),
    "Paging.gather_within": (
        "For so long after a page to somebody by one contact method, further pages there are gathered into one that "
        "says how many there are. The first is never held; one of the worst severity for 3 seconds at the most."
    ),
    "Paging.canary": (
        "Pages that test themselves: to everybody of the plan, by each of their contact methods, again and again."
    ),
    "Paging.reached_within": (
        "The objective of delivery: in 95 of 100 pages and tests, somebody is reached within this time."
    ),
    "Canary": (
        "Under `paging.canary`. A page that tests whether a contact method works. It is no incident, wakes nobody in "
        "their quiet hours, and waits while whoever it is for is paged for something real."
    ),
    "Canary.starts_on": "The day of the first, from which the others are counted.",
    "Canary.every": "How long after one the next comes: whole days.",
    "Canary.at": "At which time of day, on the clock of whoever it is for.",
    "Canary.answer_within": (
        "How long an answer is waited for. Then the way is doubtful, and its owner and the administrators are told."
    ),
    "Change": "One entry of `history`.",
    "Change.on": "The day.",
    "Change.version": "The version that it brought.",
    "Change.changes": "What was changed.",
    "Action": (
        "Something to do, under `types.….actions` and in an activity. A text by itself stands for one of which no"
        " more is said."
    ),
    "Action.do": "What to do.",
    "Action.effect": (
        "`reads` if it only looks, and may be run at once; `changes` if it changes something, and waits for a "
        "person's word."
    ),
    "Action.severities": "Where it is done only at some severities, these.",
    "Activity": "A step of a phase, under `phases.….actions`. A text by itself is its title.",
    "Activity.title": "What the step is for.",
    "Activity.items": "Its single actions, in order.",
    "Activity.severities": "Where it is done only at some severities, these.",
    "Tool": "Something that is opened while a phase lasts, under `phases.….tools`. A text by itself is its name.",
    "Tool.name": "What it is called.",
    "Tool.link": "Where it is.",
    "Telling": "What an audience is told while a phase lasts, under `phases.….tells`.",
    "Telling.audience": "The audience.",
    "Telling.what": "What it is told.",
    "Telling.by": "The role that tells it. Without one, the audience's owner.",
    "Telling.severities": "Where it is told only at some severities, these.",
    "Strategy": "A way to end the trouble, under `resolution.strategies`; people choose one.",
    "Strategy.name": "What it is called.",
    "Strategy.description": "When to choose it.",
    "Resolution": "Under `resolution`.",
    "Resolution.strategies": "The ways out, in the order in which they are offered.",
    "Resolution.verification": "By a name, what people check before they call it resolved.",
    "Band": (
        "A range of error rates in per cent of requests, under `severities.….error_rate`, or of slowdowns in per cent"
        " more than usual, under `severities.….slowdown`. A border belongs to the band or it does not; nothing is"
        " rounded."
    ),
    "Band.above": "It begins above this rate.",
    "Band.at_least": "It begins at this rate.",
    "Band.below": "It ends below this rate.",
    "Band.at_most": "It ends at this rate.",
    "Metric": "A figure, under `metrics`: the mean time between two moments, or a number of incidents.",
    "Metric.name": "What it is called.",
    "Metric.short": "The abbreviation it goes by.",
    "Metric.meaning": "What it says, in a sentence.",
    "Metric.since": "The moment from which time is counted.",
    "Metric.until": "The moment until which it is counted.",
    "Metric.count_by": "For a number of incidents, by what they are counted.",
    "Metric.targets": "By severity, the longest it should be.",
    "Chat": "The channel in which people work on an incident, under `communication.channels`.",
    "Chat.name": "Its name, with channel fields between braces.",
    "Chat.severities": "Where only some severities have one, these.",
    "Chat.audiences": "The audiences whose updates are posted in it and pinned.",
    "Chat.habits": "How people use it.",
    "Call": "The call in which they talk, under `communication.channels`.",
    "Call.link": "Its address, with call fields between braces; with `{token}` among them nobody can guess it.",
    "Call.severities": "Where only some severities have one, these.",
    "Channels": "Under `communication.channels`.",
    "Channels.chat": "The chat channel.",
    "Channels.call": "The call.",
    "Channels.status_page": "The address of the public status page. Without one it is Tocsin's own.",
    "Vendor": "A company outside on which services depend, under `vendors`.",
    "Vendor.name": "What it is called.",
    "Vendor.description": "What it is needed for.",
    "Vendor.status_page": "Where it says how it is doing.",
    "Vendor.look_every": "How often its status page is read, at least 1 min. Without it nobody reads it.",
    "Vendor.probes": "Its addresses at which we look ourselves: whether it answers, and takes our credentials.",
    "Vendor.support": "How to reach its support.",
    "Sender": (
        "How the JSON is read of a sender that speaks no language which is known, under `senders`. What stands in "
        "braces is looked up in its body: `{job.host}`, or `{alerts.0.name}`, where places in a list count from 0."
    ),
    "Sender.each": (
        "Where a list stands of which each entry is a signal, such as `alerts`. Fields are then looked up in the entry "
        "first, and in the whole body where it has none."
    ),
    "Sender.key": "The sender's own name for the trouble, the same each time, such as `backup/{job.id}`.",
    "Sender.title": "What is wrong, in a line.",
    "Sender.state": "Where the state stands, such as `{job.status}`. Without it everything fires.",
    "Sender.resolved": (
        "Words of the state that mean that it is over, in any case. Every other word means that it fires."
    ),
    "Sender.acknowledged": "Words of the state that mean that somebody works on it.",
    "Sender.ignored": "Words of the state that say nothing about trouble: no signal comes of them.",
    "Sender.severity": "How bad it is, in the sender's word.",
    "Sender.link": "Where to read more.",
    "Sender.labels": "What rules can match. One whose fields the body has not is left out.",
    "Plan": "The whole file.",
    "Plan.tocsin": "The version of this format.",
    "Plan.name": "What the plan protects, as pages show it.",
    "Plan.version": "The plan's own version. Put it in quotes: YAML reads `1.0` as a number.",
    "Plan.purpose": "What the plan is for.",
    "Plan.scope": "What counts as within it.",
    "Plan.declare_when": "Questions that help to decide whether to declare an incident.",
    "Plan.include": "Files that belong to the plan, relative to the folder it stands in.",
    "Plan.clauses": (
        "For a kind of obligation (`acknowledge`, `answer`, `role`, `update`, `resolve`, `watch`, `review`, "
        "`look`), the number of the clause that it keeps."
    ),
    "Plan.people": "Everybody the plan names, by handle. Their addresses stand in the database.",
    "Plan.teams": "People under one name.",
    "Plan.roles": "What people can be during an incident.",
    "Plan.services": "What can break.",
    "Plan.vendors": "Outside companies on which services depend.",
    "Plan.senders": "How the JSON of senders is read that speak no language which is known.",
    "Plan.severities": "How bad it is. Their order is their rank, the worst first.",
    "Plan.rotations": "Who takes turns.",
    "Plan.escalation": "Policies: whom to page, and whom next.",
    "Plan.phases": "How the work proceeds.",
    "Plan.types": "What kind of trouble it is.",
    "Plan.rules": "What signals mean. The first that fits, in order of precedence, decides.",
    "Plan.communication": "Who is told.",
    "Plan.templates": "Texts, with fields between braces. The one called `incident_ticket` is the ticket.",
    "Plan.resolution": "How trouble can be ended, and what is checked before it is called ended.",
    "Plan.recovery": "When it is over.",
    "Plan.review": "The post-mortem.",
    "Plan.metrics": "The figures by which the response is judged.",
    "Plan.paging": "How pages are sent when many incidents come at once, how they are tested, and how fast they are.",
    **SIGNALS,
    **PUBLIC,
    **SUBSCRIBING,
    **TELLING,
    "Plan.reminders": "Who is told before something is due, and who when it is overdue.",
    "Plan.links": "Names and addresses of related documents.",
    "Plan.history": "The revisions of the plan. If there are any, the plan's version is among them.",
}
"""What each class and each key means, word for word as the reference of the format says it."""
