"""The verbs of an incident, spoken to the API from any machine."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter
from cyclopts.validators import Number

from tocsin.cli import client, show
from tocsin.cli.options import INCIDENTS, AsJson, Because, Flag, IfAnything, Incident, instant_of
from tocsin.cli.watching import watched
from tocsin.kit.clock import SystemClock
from tocsin.kit.errors import NotFound

How = Annotated[str, Parameter(help="What was done.")]

LAST_ENTRIES = 8
PAGE_MOST = 200

incidents = App()


# ---- Looking ---------------------------------------------------------------------------------------------------------


@incidents.command(name="incidents", group=INCIDENTS)
@watched
def list_incidents(
    *,
    every: Annotated[
        bool,
        Parameter(name="--all", negative="--open", show_default=False, help="Closed ones too, or only the open ones."),
    ] = False,
    severity: Annotated[str | None, Parameter(help="Only those of this severity, such as P1.")] = None,
    type: Annotated[str | None, Parameter(help="Only those of this type.")] = None,  # noqa: A002 - the plan's word
    service: Annotated[str | None, Parameter(help="Only those of this service.")] = None,
    limit: Annotated[int, Parameter(validator=Number(gte=1, lte=PAGE_MOST), help="How many, at the most.")] = 50,
    json: AsJson = False,
) -> None:
    """List the open incidents, the latest first."""
    only = {"severity": severity, "type": type, "service": service}
    found = client.get("incidents", open=None if every else "true", **only, limit=limit)
    if json:
        show.as_json(found)
        return
    columns = ("", "Id", "Severity", "Status", "Title", "Type", "Declared")
    kind = " of this kind" if any(only.values()) else ""
    empty = f"There are no incidents{kind}." if every else f"No incident{kind} is open."
    show.table(columns, [_row(one) for one in found["incidents"]], empty=empty)
    if found["next"]:
        show.aside(f"There are more than these {limit}; ask for more with --limit.")


@incidents.command(name="show", group=INCIDENTS)
@watched
def show_incident(incident: Incident, /, *, json: AsJson = False) -> None:
    """Show an incident: its facts, who holds which role, what is owed and how soon, the last entries."""
    incident_id = id_of(incident)
    found = client.get("incidents", incident_id)
    owed = client.whole("obligations", "incidents", incident_id, "obligations")
    entries = entries_of(incident_id)
    if json:
        show.as_json({**found, **owed, **entries})
        return
    show.line(_headline(found), style="bold")
    show.facts(_facts(found))
    _show_owed(owed["obligations"], found["roles"])
    if found["resolved_at"] and found["to_close"]:
        show.heading("Before it can be closed")
        show.line("\n".join(found["to_close"]))
    show.heading("Last entries")
    _show_entries(entries["entries"][-LAST_ENTRIES:])


@incidents.command(group=INCIDENTS)
@watched
def timeline(incident: Incident, /, *, json: AsJson = False) -> None:
    """Print the record of an incident: every entry, the first at the top."""
    found = entries_of(id_of(incident))
    if json:
        show.as_json(found)
    else:
        _show_entries(found["entries"])


def entries_of(incident_id: str) -> dict[str, Any]:
    """The whole record of an incident, however many pages it has."""
    found: dict[str, Any] = client.whole("entries", "incidents", incident_id, "timeline")
    return found


# ---- Acting ----------------------------------------------------------------------------------------------------------


@incidents.command(group=INCIDENTS)
def declare(
    title: Annotated[str, Parameter(help="What is wrong, in a line.")],
    /,
    *,
    severity: Annotated[str, Parameter(help="How bad: a severity of the plan, such as P1.")],
    type: Annotated[str, Parameter(help="What kind: a type of the plan, such as service_outage.")],  # noqa: A002 - the plan's word
    service: Annotated[str | None, Parameter(help="The plan's service that is touched.")] = None,
    impact: Annotated[str, Parameter(help="What people notice.")] = "",
    user_report: Annotated[Flag, Parameter(help="A user told us; otherwise somebody saw it.")] = False,
    json: AsJson = False,
) -> None:
    """Declare an incident. Whoever is on call is paged at once."""
    body = {"title": title, "severity": severity, "type": type, "service": service, "impact": impact}
    trigger = "user_report" if user_report else "observation"
    tell(client.post("incidents", body={**body, "trigger": trigger}), json=json)


@incidents.command(group=INCIDENTS)
def ack(incident: Incident, /, *, json: AsJson = False) -> None:
    """Acknowledge an incident: the pages stop, and you answer for it."""
    send(incident, "acknowledge", json=json)


@incidents.command(group=INCIDENTS)
def escalate(
    incident: Incident,
    /,
    *,
    because: IfAnything = "",
    json: AsJson = False,
) -> None:
    """Page the next step of the escalation policy now."""
    send(incident, "escalate", json=json, body={"because": because})


@incidents.command(group=INCIDENTS)
def decline(
    incident: Incident,
    /,
    *,
    because: IfAnything = "",
    json: AsJson = False,
) -> None:
    """Say that you can't take a page of yours: whoever is next is paged."""
    send(incident, "decline", json=json, body={"because": because})


@incidents.command(group=INCIDENTS)
def snooze(
    incident: Incident,
    /,
    *,
    until: Annotated[
        str,
        Parameter(
            help="Until when, such as 2026-11-26T14:00+01:00; as long as the plan allows. UTC without an offset."
        ),
    ],
    because: Because,
    json: AsJson = False,
) -> None:
    """Say that you will be silent for a while; at the end you are asked again."""
    body = {"until": instant_of(until).isoformat(), "because": because}
    send(incident, "snooze", json=json, body=body)


@incidents.command(group=INCIDENTS)
def wake(
    incident: Incident,
    /,
    *,
    because: IfAnything = "",
    json: AsJson = False,
) -> None:
    """End a snooze before its time: the silence counts again from now."""
    send(incident, "snooze", "end", json=json, body={"because": because})


@incidents.command(group=INCIDENTS)
def assign(
    incident: Incident,
    role: Annotated[str, Parameter(help="A role of the plan, such as incident_commander.")],
    person: Annotated[str, Parameter(help="The person's handle.")],
    /,
    *,
    held_by: Annotated[
        str | None, Parameter(help="Refuse it unless this person holds the role; empty: unless nobody does.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Give a role to a person; if somebody holds it, hand it over."""
    seen = {} if held_by is None else {"held_by": held_by}
    send(incident, "roles", json=json, body={"role": role, "person": person, **seen})


@incidents.command(group=INCIDENTS)
def severity(
    incident: Incident,
    to: Annotated[str, Parameter(help="A severity of the plan, such as P0.")],
    /,
    *,
    because: Because,
    json: AsJson = False,
) -> None:
    """Raise or lower the severity."""
    send(incident, "severity", json=json, body={"severity": to, "because": because})


@incidents.command(name="type", group=INCIDENTS)
def change_type(
    incident: Incident,
    to: Annotated[str, Parameter(help="A type of the plan, such as data_corruption.")],
    /,
    *,
    because: Because,
    json: AsJson = False,
) -> None:
    """Say that it is an incident of another type."""
    send(incident, "type", json=json, body={"type": to, "because": because})


@incidents.command(group=INCIDENTS)
def rename(
    incident: Incident,
    title: Annotated[str, Parameter(help="What it is called from now on.")],
    /,
    *,
    json: AsJson = False,
) -> None:
    """Give an incident another title. The record keeps both."""
    send(incident, "title", json=json, body={"title": title})


@incidents.command(group=INCIDENTS)
def note(
    incident: Incident, text: Annotated[str, Parameter(help="What to write down.")], /, *, json: AsJson = False
) -> None:
    """Write a note on the record."""
    send(incident, "notes", json=json, body={"text": text})


@incidents.command(group=INCIDENTS)
def decide(
    incident: Incident,
    decision: Annotated[str, Parameter(help="What was decided.")],
    /,
    *,
    because: Because,
    by: Annotated[str, Parameter(help="Who decided, by handle, if not you.")] = "",
    option: Annotated[
        list[str] | None,
        Parameter(negative=(), show_default=False, help="What else was considered; may be repeated."),
    ] = None,
    basis: Annotated[str, Parameter(help="The evidence it stands on: a text or a link.")] = "",
    json: AsJson = False,
) -> None:
    """Put a decision on the record: who made it, why, and on what evidence."""
    about = {"decider": by, "options": option or [], "basis": basis}
    send(incident, "decisions", json=json, body={"decision": decision, "because": because, **about})


@incidents.command(group=INCIDENTS)
def update(
    incident: Incident,
    /,
    *,
    audience: Annotated[str, Parameter(help="Whom to tell: an audience of the plan, such as public.")],
    stage: Annotated[
        Literal["investigating", "identified", "monitoring", "resolved"] | None,
        Parameter(help="How far the work has come; a public update needs it."),
    ] = None,
    impact: Annotated[str | None, Parameter(help="What people notice.")] = None,
    actions: Annotated[str | None, Parameter(help="What has been done.")] = None,
    next: Annotated[str | None, Parameter(help="What comes next.")] = None,  # noqa: A002 - the plan's word
    eta: Annotated[str | None, Parameter(help="When it should be over.")] = None,
    issue: Annotated[str | None, Parameter(help="What is being looked into.")] = None,
    cause: Annotated[str | None, Parameter(help="What was found.")] = None,
    message: Annotated[
        str | None, Parameter(help="Anything; the whole text, for an audience without a template.")
    ] = None,
    explanation: Annotated[str | None, Parameter(help="What happened, in plain words.")] = None,
    prevention: Annotated[str | None, Parameter(help="What keeps it from happening again.")] = None,
    notice: Annotated[Flag, Parameter(help="The notice to users of how it ended, in the plan's words for it.")] = False,
    preview: Annotated[Flag, Parameter(help="Print what would be read, and post nothing.")] = False,
    json: AsJson = False,
) -> None:
    """Tell an audience how things stand, in the words of the plan's template.

    The template says which of these it needs; what is missing is named, and nothing is sent.
    """
    typed = {"impact": impact, "actions": actions, "next": next, "eta": eta, "issue": issue, "cause": cause}
    typed |= {"message": message, "explanation": explanation, "prevention": prevention}
    fields = {name: text for name, text in typed.items() if text is not None}
    body = {"audience": audience, "stage": stage, "fields": fields, "notice": notice}
    if not preview:
        send(incident, "updates", json=json, body=body)
        return
    found = client.post("incidents", id_of(incident), "updates", "preview", body=body)
    if json:
        show.as_json(found)
        return
    show.written(found["text"])
    for hint in found["hints"]:
        show.aside(hint)
    if found["waits_for"]:
        show.aside(f"It would wait for the word of {' or '.join(found['waits_for'])}.")


@incidents.command(group=INCIDENTS)
def mitigate(incident: Incident, /, *, how: How, json: AsJson = False) -> None:
    """Say that the harm is stopped, though the cause may remain."""
    send(incident, "mitigate", json=json, body={"how": how})


@incidents.command(group=INCIDENTS)
def resolve(
    incident: Incident,
    /,
    *,
    how: How,
    unverified_because: Annotated[
        str, Parameter(help="Why it is resolved without all of the plan's checks; who may waive may say so.")
    ] = "",
    json: AsJson = False,
) -> None:
    """Say that the fix is in: the watch after it begins. A check of the plan that is missing is named."""
    send(incident, "resolve", json=json, body={"how": how, "unverified_because": unverified_because})


@incidents.command(group=INCIDENTS)
def reopen(incident: Incident, /, *, because: Because, json: AsJson = False) -> None:
    """Say that it is not over after all."""
    send(incident, "reopen", json=json, body={"because": because})


@incidents.command(group=INCIDENTS)
def close(incident: Incident, /, *, json: AsJson = False) -> None:
    """Close an incident, or learn what the plan still requires."""
    send(incident, "close", json=json)


@incidents.command(group=INCIDENTS)
def waive(
    incident: Incident,
    key: Annotated[str, Parameter(help="What is owed, by its key as `show` prints it, such as role:scribe.")],
    /,
    *,
    because: Because,
    json: AsJson = False,
) -> None:
    """Say that something owed need not be done this time."""
    send(incident, "waivers", json=json, body={"key": key, "because": because})


# ---- Which one -------------------------------------------------------------------------------------------------------


class NoSuchNumber(NotFound):
    """There is no incident of this number."""


def id_of(incident: str) -> str:
    """The id of an incident, of which a person may have only the number in mind: `12` or `#12`."""
    number = incident.removeprefix("#")
    if not number.isdecimal():
        return incident
    cursor = None
    while True:
        page = client.get("incidents", limit=PAGE_MOST, cursor=cursor)
        for one in page["incidents"]:
            if one["number"] == int(number):
                return str(one["id"])
        cursor = page["next"]
        if cursor is None:
            raise NoSuchNumber(f"There is no incident number {number}.")


# ---- What is printed -------------------------------------------------------------------------------------------------


def send(incident: str, *verb: str, json: bool, body: Mapping[str, object] | None = None) -> None:
    """Carry out a verb of the API, and print how the incident stands then."""
    tell(client.post("incidents", id_of(incident), *verb, body=body), json=json)


def tell(incident: dict[str, Any], *, json: bool) -> None:
    """How the incident stands after a command."""
    if json:
        show.as_json(incident)
    else:
        show.line(_headline(incident))


def _headline(one: dict[str, Any]) -> str:
    return f"#{one['number']} {one['id']}  {one['severity']} {one['status']}: {one['title']}"


def _row(one: dict[str, Any]) -> tuple[show.Cell, ...]:
    declared = show.minute(one["declared_at"])
    return f"#{one['number']}", one["id"], one["severity"], one["status"], one["title"], one["type"], declared


def _facts(one: dict[str, Any]) -> list[tuple[str, show.Cell]]:
    moments = ("started", "detected", "declared", "acknowledged", "mitigated", "resolved", "recovered", "closed")
    parts = f" ({', '.join(one['components'])})" if one["components"] else ""
    return [
        ("Type", one["type"]),
        ("Service", f"{one['service']}{parts}" if one["service"] else None),
        ("Impact", one["impact"]),
        ("Why", one["why"]),
        (f"Why {one['severity']}", one["level_because"]),
        ("Confidential", show.minute(one.get("confidential_at"))),
        *((moment.capitalize(), show.minute(one.get(f"{moment}_at"))) for moment in moments),
        ("Total", _lasting(one["times"]["total_seconds"], is_over=one["times"]["is_over"])),
        ("Users felt it", _lasting(one["times"]["user_impact_seconds"], is_over=one["times"]["is_recovered"])),
        *((role.replace("_", " ").capitalize(), person) for role, person in one["roles"].items()),
        ("Channel", f"#{channel['name']} {channel['link']}" if (channel := one["channel"]) else None),
        ("Call", one["call"] or None),
        ("Plan", f"revision {one['plan_revision']}"),
    ]


def _lasting(seconds: float, *, is_over: bool) -> str:
    return f"{show.seconds(seconds)}{'' if is_over else ' so far'}"


def _show_owed(obligations: list[dict[str, Any]], roles: dict[str, str]) -> None:
    now = SystemClock().now()
    rows = [
        (one["what"], roles.get(one["owner"], one["owner"]), show.left(one["due_at"], now), one["key"])
        for one in obligations
        if one["state"] == "open"
    ]
    show.heading("Owed")
    show.table(("", "By", "Time", "Key"), rows, empty="Nothing is owed now.")


def _show_entries(entries: list[dict[str, Any]]) -> None:
    rows = [(one["number"], show.second(one["at"]), one["text"]) for one in entries]
    show.table(("", "At (UTC)", ""), rows)
