"""How one is paged, spoken to the API: contact methods, and the rules in which order they are used."""

from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from tocsin.cli import client, show
from tocsin.cli.options import AROUND, AsJson
from tocsin.cli.watching import watched
from tocsin.kit.errors import Invalid

Person = Annotated[str, Parameter(help="Whose; without it, whoever the token acts as.")]
Contact = Annotated[str, Parameter(help="The contact method's id, as `contacts list` shows it.")]

contacts = App(name="contacts", group=AROUND, help="How you are paged: your contact methods and their order.")


@contacts.command(name="list")
@watched
def list_contacts(*, person: Person = "me", json: AsJson = False) -> None:
    """Show the contact methods and the rules in which order they are used."""
    found = client.get("people", person, "contacts")
    if json:
        show.as_json(found)
        return
    show.facts([("Zone", found["zone"])])
    rows = [(one["id"], one["channel"], one["address"], _state(one)) for one in found["contacts"]]
    show.table(("Id", "Channel", "Address", ""), rows, empty="There are none; the account's address is used.")
    named = {one["id"]: f"{one['channel']} {one['address']}" for one in found["contacts"]}
    rules = [(one["id"], one["urgency"], _hours(one), _steps(one, named)) for one in found["rules"]]
    show.table(("Id", "Urgency", "Hours", "Uses"), rules, empty="There are no rules; all are used at once.")


@contacts.command
def add(
    channel: Annotated[str, Parameter(help="How, such as email; a wrong one is answered with all there are.")],
    address: Annotated[str, Parameter(help="Where.")],
    /,
    *,
    person: Person = "me",
    json: AsJson = False,
) -> None:
    """Add a contact method. A code is sent to it, and it counts once that is typed in."""
    made = client.post("people", person, "contacts", body={"channel": channel, "address": address})
    if json:
        show.as_json(made)
    elif made["verified"]:
        show.line(f"{made['id']} is added and verified.")
    else:
        show.line(
            f"{made['id']} is added. A code is on its way; give it with: tocsin contacts verify {made['id']} CODE"
        )


@contacts.command
def verify(
    contact: Contact,
    code: Annotated[str, Parameter(help="The code that was sent there.")],
    /,
    *,
    person: Person = "me",
    json: AsJson = False,
) -> None:
    """Give the code that was sent to a contact method."""
    _said(client.post("people", person, "contacts", contact, "verify", body={"code": code}), "Verified.", json=json)


@contacts.command
def code(contact: Contact, /, *, person: Person = "me", json: AsJson = False) -> None:
    """Have another code sent to a contact method."""
    _said(client.post("people", person, "contacts", contact, "code"), "Another code is on its way.", json=json)


@contacts.command(name="test")
def try_contact(contact: Contact, /, *, person: Person = "me", json: AsJson = False) -> None:
    """Send a test page to a contact method now; `account` is the account's address, where there is no other way."""
    made = client.post("people", person, "contacts", contact, "test")
    _said(made, f"A test page is on its way; confirm it by {show.minute(made['answer_by'])}.", json=json)


@contacts.command
def remove(contact: Contact, /, *, person: Person = "me", json: AsJson = False) -> None:
    """Remove a contact method."""
    client.delete("people", person, "contacts", contact)
    _said({"id": contact, "removed": True}, "Removed.", json=json)


@contacts.command
def zone(
    name: Annotated[str, Parameter(help="A time zone, such as Europe/Berlin.")],
    /,
    *,
    person: Person = "me",
    json: AsJson = False,
) -> None:
    """Say in which zone the hours of the rules are."""
    _said(client.put("people", person, "zone", body={"zone": name}), f"The hours are those of {name}.", json=json)


@contacts.command
def rule(
    urgency: Annotated[Literal["high", "low"], Parameter(help="For which pages.")],
    steps: Annotated[
        list[str] | None, Parameter(help="Contact methods, each with its minutes after the page: con_7KQ2=3.")
    ] = None,
    /,
    *,
    begins: Annotated[
        str | None, Parameter(name="--from", help="The time of day from which it holds, in the person's zone.")
    ] = None,
    ends: Annotated[
        str | None, Parameter(name="--to", help="The time of day until which it holds, in the person's zone.")
    ] = None,
    person: Person = "me",
    json: AsJson = False,
) -> None:
    """Add a rule. Without contact methods: quiet hours, in which what is not urgent waits."""
    body = {"urgency": urgency, "steps": [_step(one) for one in steps or ()], "begins": begins, "ends": ends}
    made = client.post("people", person, "rules", body=body)
    _said(made, f"Rule {made['id']} is added.", json=json)


@contacts.command
def unrule(
    rule_id: Annotated[str, Parameter(help="The rule's id, as `contacts list` shows it.")],
    /,
    *,
    person: Person = "me",
    json: AsJson = False,
) -> None:
    """Remove a rule."""
    client.delete("people", person, "rules", rule_id)
    _said({"id": rule_id, "removed": True}, "Removed.", json=json)


def _step(text: str) -> dict[str, object]:
    contact, _, minutes = text.partition("=")
    if not (minutes or "0").isdecimal():
        raise Invalid(f"'{text}' is not a contact method and its minutes; write it like con_7KQ2=3")
    return {"contact": contact, "after_minutes": int(minutes or 0)}


def _state(one: dict[str, Any]) -> str:
    if one["ended"]:
        return f"ended: {one['ended']}"
    if not one["verified"]:
        return "not verified"
    last = one["test"]
    if last is None:
        return "not tested"
    if last["state"] == "waiting":
        return f"a test waits until {show.minute(last['answer_by'])}"
    at = show.minute(last["settled_at"])
    return f"tested {at}" if last["state"] == "answered" else f"doubtful since {at}: {last['why']}"


def _hours(one: dict[str, Any]) -> str:
    return f"{one['begins']} to {one['ends']}" if one["begins"] else "any other"


def _steps(one: dict[str, Any], named: dict[str, str]) -> str:
    used = [f"{named.get(step['contact'], 'gone')} after {step['after_minutes']} min" for step in one["steps"]]
    return ", ".join(used) or "nothing: quiet"


def _said(found: Any, line: str, /, *, json: bool) -> None:
    if json:
        show.as_json(found)
    else:
        show.line(line)
