"""The work on an incident, spoken to the API: findings, impact, fixes; merging, linking and splitting off."""

from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from tocsin.cli import client, show
from tocsin.cli.incidents import id_of, send
from tocsin.cli.options import INCIDENTS, AsJson, Because, Flag, Incident
from tocsin.cli.watching import watched

Relation = Literal["related_to", "caused", "caused_by", "same_cause_as"]
Other = Annotated[str, Parameter(help="The other incident's id, or its number.")]

Outcome = Annotated[Literal["passed", "failed", "not_applicable"], Parameter(help="How it came out.")]
Evidence = Annotated[str, Parameter(help="What shows it; why, where it does not apply.")]
Item = Annotated[str, Parameter(help="The item's key, as `checklist` prints it.")]
Note = Annotated[str, Parameter(help="Anything to say about it.")]

work = App()


@work.command(name="work", group=INCIDENTS)
@watched
def show_work(incident: Incident, /, *, json: AsJson = False) -> None:
    """Show what was found, whom it touches, what was decided, and how far the fix and its proof have come."""
    found = client.get("incidents", id_of(incident), "work")
    if json:
        show.as_json(found)
        return
    show.heading("Findings")
    rows = [(one["entry"], _spaced(one["verdict"]), one["finding"], one["evidence"]) for one in found["findings"]]
    show.table(("Entry", "", "", "Evidence"), rows, empty="Nothing is found yet.")
    show.heading("Impact")
    show.facts(_impact(found["impact"] or {}))
    show.heading("Decisions")
    decided = [(one["decider"] or one["by"], one["decision"], one["because"]) for one in found["decisions"]]
    show.table(("By", "", "Because"), decided, empty="Nothing is decided yet.")
    show.facts([("Way out", found["strategies"].get(found["strategy"]))])
    show.heading("Fixes")
    fixes = [(show.second(one["at"]), one["where"], one["what"], _staging(one)) for one in found["fixes"]]
    show.table(("At (UTC)", "Where", "What", "In staging"), fixes, empty="No fix is deployed yet.")
    for heading, checks in (("Checks", found["verification"]), ("Recovery", found["confirmations"])):
        show.heading(heading)
        show.table(("", "", "Key"), [(_spaced(one["result"] or "open"), one["what"], one["key"]) for one in checks])


def _impact(one: dict[str, Any]) -> list[tuple[str, show.Cell]]:
    share = f"{one['percent']:g} %" if one.get("percent") is not None else None
    words = [(name.capitalize(), one.get(name)) for name in ("source", "functions", "revenue", "reputation")]
    return [("Users", one.get("users")), ("Of all users", share), *words]


def _staging(one: dict[str, Any]) -> str:
    return f"{'tested' if one['tested'] else 'not tested'}{': ' if one['staging'] else ''}{one['staging']}"


def _spaced(word: str) -> str:
    return word.replace("_", " ")


@work.command(group=INCIDENTS)
def finding(
    incident: Incident,
    text: Annotated[str, Parameter(help="What was found.")],
    /,
    *,
    verdict: Annotated[
        Literal["observation", "root_cause", "contributing_factor", "ruled_out"],
        Parameter(name="--as", help="What it means for the question of why it happened."),
    ] = "observation",
    evidence: Annotated[str, Parameter(help="What shows it: a text or a link.")] = "",
    revises: Annotated[int | None, Parameter(help="The entry of the finding that this one replaces.")] = None,
    json: AsJson = False,
) -> None:
    """Put on the record what was found."""
    body = {"finding": text, "verdict": verdict, "evidence": evidence, "revises": revises}
    send(incident, "findings", json=json, body=body)


@work.command(group=INCIDENTS)
def impact(
    incident: Incident,
    /,
    *,
    users: Annotated[int | None, Parameter(help="How many users it touches.")] = None,
    percent: Annotated[float | None, Parameter(help="Which share of all users, in per cent.")] = None,
    source: Annotated[str, Parameter(help="How these numbers are known, if only as an estimate.")] = "",
    functions: Annotated[str, Parameter(help="What does not work for them.")] = "",
    revenue: Annotated[str, Parameter(help="What it costs.")] = "",
    reputation: Annotated[str, Parameter(help="What it does to trust.")] = "",
    json: AsJson = False,
) -> None:
    """Say whom it touches and how. The latest assessment counts, as a whole."""
    words = {"source": source, "functions": functions, "revenue": revenue, "reputation": reputation}
    send(incident, "impact", json=json, body={"users": users, "percent": percent, **words})


@work.command(group=INCIDENTS)
def fix(
    incident: Incident,
    what: Annotated[str, Parameter(help="What was changed.")],
    /,
    *,
    where: Annotated[str, Parameter(help="Where it went, such as production.")],
    tested: Annotated[Flag, Parameter(help="It was tested in staging before.")] = False,
    staging: Annotated[str, Parameter(help="How it was tested there, or why it was not.")] = "",
    json: AsJson = False,
) -> None:
    """Say that a fix was deployed. What was verified before it has to be verified again."""
    body = {"what": what, "where": where, "tested": tested, "staging": staging}
    send(incident, "fixes", json=json, body=body)


@work.command(group=INCIDENTS)
def strategy(
    incident: Incident,
    which: Annotated[str, Parameter(help="A strategy of the plan, such as rollback.")],
    /,
    *,
    because: Because,
    json: AsJson = False,
) -> None:
    """Choose the way out of the trouble."""
    send(incident, "strategy", json=json, body={"strategy": which, "because": because})


@work.command(name="check", group=INCIDENTS)
def verify(
    incident: Incident,
    check: Annotated[str, Parameter(help="A check of the plan's verification, such as smoke_tests.")],
    /,
    *,
    result: Outcome = "passed",
    evidence: Evidence = "",
    json: AsJson = False,
) -> None:
    """Record how a check after the fix came out."""
    send(incident, "checks", json=json, body={"check": check, "result": result, "evidence": evidence})


@work.command(group=INCIDENTS)
def confirm(
    incident: Incident,
    confirmation: Annotated[str, Parameter(help="One of the plan's confirmations, such as metrics.")],
    /,
    *,
    result: Outcome = "passed",
    evidence: Evidence = "",
    json: AsJson = False,
) -> None:
    """Confirm a part of the full recovery."""
    body = {"confirmation": confirmation, "result": result, "evidence": evidence}
    send(incident, "confirmations", json=json, body=body)


@work.command(group=INCIDENTS)
def thank(
    incident: Incident, text: Annotated[str, Parameter(help="The words, as they are sent.")], /, *, json: AsJson = False
) -> None:
    """Thank those who helped, by mail and on the record."""
    send(incident, "thanks", json=json, body={"text": text})


@work.command(group=INCIDENTS)
def ticket(incident: Incident, /, *, json: AsJson = False) -> None:
    """Print the incident's ticket as the record stands, as Markdown, in the words of the plan's template."""
    found = client.text("incidents", id_of(incident), "ticket")
    if json:
        show.as_json({"ticket": found})
    else:
        show.written(found)


@work.command(group=INCIDENTS)
def template(
    incident: Incident,
    name: Annotated[str | None, Parameter(help="A template of the plan; without it, which there are.")] = None,
    /,
    *,
    json: AsJson = False,
) -> None:
    """Print a template of the plan as the record fills it now, or list the templates.

    What a person has still to say stands between brackets.
    """
    incident_id = id_of(incident)
    if name is None:
        found = client.get("incidents", incident_id, "templates")
        rows = [(one["name"], one["purpose"], ", ".join(one["asks"])) for one in found["templates"]]
        return show.as_json(found) if json else show.table(("Name", "For", "A person writes"), rows)
    found = client.get("incidents", incident_id, "templates", name)
    return show.as_json(found) if json else show.written(found["text"])


@work.command(group=INCIDENTS)
def assessment(incident: Incident, /, *, json: AsJson = False) -> None:
    """Print what is known without anybody asking: the service, recent changes, vendors, users, the like before."""
    found = client.get("incidents", id_of(incident), "assessment")
    if json:
        show.as_json(found)
    else:
        show.line("\n".join(found["text"]))


@work.command(group=INCIDENTS)
def support(
    incident: Incident,
    vendor: Annotated[str, Parameter(help="A vendor of the plan.")],
    what: Annotated[str, Parameter(help="What was asked of its support, or heard from it.")],
    /,
    *,
    reference: Annotated[str, Parameter(help="What they call the case.")] = "",
    json: AsJson = False,
) -> None:
    """Put on the record that somebody was in touch with a vendor's support."""
    body = {"vendor": vendor, "what": what, "reference": reference}
    send(incident, "support", json=json, body=body)


# ---- Checklists and roles --------------------------------------------------------------------------------------------


@work.command(group=INCIDENTS)
@watched
def checklist(incident: Incident, /, *, json: AsJson = False) -> None:
    """Show what is to be done for this type and in each phase, and when each phase is over."""
    found = client.get("incidents", id_of(incident), "checklists")
    if json:
        show.as_json(found)
        return
    columns = ("", "", "By", "Key")
    show.heading("For this type")
    show.table(columns, [_item(one) for one in found["type"]], empty="The plan names nothing to do.")
    for phase in found["phases"]:
        show.heading(f"{phase['name']}{' (now)' if phase['is_present'] else ''}")
        over = [
            (_MET if one["is_met"] else "", f"{_spaced(one['condition'])}", _by_entry(one), "over when")
            for one in phase["ends_when"]
        ]
        show.table(columns, [*(_item(one) for one in phase["items"]), *over])


_MET = "x"


def _item(one: dict[str, Any]) -> tuple[show.Cell, ...]:
    mark = {"done": _MET, "not_applicable": "n/a"}.get(one["tick"] or "", "")
    return mark, f"{one['what']}{': ' if one['note'] else ''}{one['note']}", one["by"], one["key"]


def _by_entry(one: dict[str, Any]) -> str:
    return f"entry {one['entry']}" if one["entry"] else ""


@work.command(group=INCIDENTS)
def tick(
    incident: Incident,
    item: Item,
    /,
    *,
    not_applicable: Annotated[Flag, Parameter(help="It need not be done here.")] = False,
    note: Note = "",
    json: AsJson = False,
) -> None:
    """Tick an item of a checklist off, or say that it does not apply."""
    mark = "not_applicable" if not_applicable else "done"
    send(incident, "ticks", json=json, body={"item": item, "tick": mark, "note": note})


@work.command(group=INCIDENTS)
def untick(incident: Incident, item: Item, /, *, note: Note = "", json: AsJson = False) -> None:
    """Take the tick on an item back."""
    send(incident, "ticks", "remove", json=json, body={"item": item, "note": note})


@work.command(group=INCIDENTS)
@watched
def roles(incident: Incident, /, *, json: AsJson = False) -> None:
    """Show who held which role, and when."""
    found = client.get("incidents", id_of(incident), "roles")
    if json:
        show.as_json(found)
        return
    rows = [
        (_spaced(one["role"]), one["person"], show.second(one["since"]), show.second(one["until"]), one["named_by"])
        for one in found["roles"]
    ]
    show.table(("Role", "Held by", "From (UTC)", "Until", "Named by"), rows, empty="No role was given.")


# ---- Other incidents -------------------------------------------------------------------------------------------------


@work.command(group=INCIDENTS)
def merge(incident: Incident, /, *, into: Other, because: Because, json: AsJson = False) -> None:
    """Merge a duplicate into another incident: its signals go there, and its people are told."""
    send(incident, "merge", json=json, body={"into": into, "because": because})


@work.command(group=INCIDENTS)
def link(
    incident: Incident,
    other: Other,
    /,
    *,
    relation: Annotated[Relation, Parameter(name="--as", help="How the first stands to the other.")] = "related_to",
    because: Annotated[str, Parameter(help="Why; it stands on both records.")] = "",
    json: AsJson = False,
) -> None:
    """Say on both records how one incident stands to another."""
    send(incident, "links", json=json, body={"incident": other, "relation": relation, "because": because})


@work.command(group=INCIDENTS)
def unlink(incident: Incident, other: Other, /, *, because: Because, json: AsJson = False) -> None:
    """Take a link between two incidents back; both records say so."""
    send(incident, "links", "remove", json=json, body={"incident": other, "because": because})


@work.command(group=INCIDENTS)
def split(
    incident: Incident,
    title: Annotated[str, Parameter(help="What the new incident is about, in a line.")],
    /,
    *,
    severity: Annotated[str, Parameter(help="A severity of the plan, such as P2.")],
    type: Annotated[str, Parameter(help="A type of the plan, such as data_loss.")],  # noqa: A002 - the plan's word
    because: Because,
    service: Annotated[str | None, Parameter(help="The plan's service that is touched.")] = None,
    signal: Annotated[
        list[str] | None,
        Parameter(negative=(), show_default=False, help="A signal that goes with it, by its id; may be repeated."),
    ] = None,
    json: AsJson = False,
) -> None:
    """Open an incident of its own for a part of this one; prints the new one."""
    body = {"title": title, "severity": severity, "type": type, "because": because, "service": service}
    send(incident, "split", json=json, body={**body, "signals": signal or []})
