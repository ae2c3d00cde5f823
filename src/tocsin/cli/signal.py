"""One signal: sent as a program would, explained, and decided on. Spoken to the API from any machine."""

from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from tocsin.cli import client, show
from tocsin.cli.incidents import tell
from tocsin.cli.options import AROUND, AsJson, Flag, IfAnything
from tocsin.cli.planfile import plan_text, text_of
from tocsin.kit.errors import Invalid
from tocsin.kit.text import listed

Trigger = Literal["monitoring_alert", "health_check", "user_report", "external_notice", "observation"]

SignalId = Annotated[str, Parameter(name="SIGNAL", help="The signal's id, as `tocsin signals` shows it.")]


class NotALabel(Invalid):
    """A label is written name=value."""


signal = App(
    name="signal",
    group=AROUND,
    help="One signal: sent as a program of yours would, explained, and what waits for a person's word decided.",
)


@signal.command
def send(
    title: Annotated[str, Parameter(help="What is wrong, in a line.")],
    /,
    *,
    key: Annotated[
        str | None, Parameter(help="The sender's own name for it; the same key is the same signal, seen again.")
    ] = None,
    severity: Annotated[str | None, Parameter(help="The sender's word for how bad it is.")] = None,
    label: Annotated[
        list[str] | None, Parameter(negative=(), show_default=False, help="name=value, for the rules; may be repeated.")
    ] = None,
    link: Annotated[str | None, Parameter(help="Where to read more.")] = None,
    trigger: Annotated[Trigger, Parameter(help="How it came to be known.")] = "monitoring_alert",
    resolved: Annotated[Flag, Parameter(help="The trouble of this key is over.")] = False,
    json: AsJson = False,
) -> None:
    """Send a generic signal; the plan's rules decide what follows."""
    body = {
        "title": title,
        "key": key,
        "state": "resolved" if resolved else "firing",
        "severity": severity,
        "labels": dict(_label(one) for one in label or []),
        "link": link,
        "trigger": trigger,
    }
    answer = client.post("signals", body=body)
    if json:
        show.as_json(answer)
    else:
        show.line(f"The signal was taken, as {listed(answer['keys'])}.")
        for warning in answer["warnings"]:
            show.aside(f"{warning['key']}: {warning['detail']}")


def _label(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise NotALabel(f"'{text}' is no label; write it like service=rose")
    return name, value


@signal.command
def declare(
    signal_id: SignalId,
    /,
    *,
    severity: Annotated[str, Parameter(help="How bad: a severity of the plan, such as P1.")],
    kind: Annotated[str, Parameter(name="--type", help="What kind: a type of the plan, such as service_outage.")],
    title: Annotated[
        str | None, Parameter(help="What is wrong, in a line; the signal's own title unless given.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Declare what a waiting signal shows. Whoever is on call is paged at once."""
    tell(
        client.post("signals", signal_id, "declare", body={"severity": severity, "type": kind, "title": title}),
        json=json,
    )


@signal.command
def dismiss(
    signal_id: SignalId,
    /,
    *,
    because: IfAnything = "",
    json: AsJson = False,
) -> None:
    """Say that a waiting signal calls for nothing."""
    client.post("signals", signal_id, "dismiss", body={"because": because})
    if json:
        show.as_json({"dismissed": signal_id})
    else:
        show.line("Dismissed.")


@signal.command(name="try")
def try_signal(
    sender: Annotated[str, Parameter(help="The name of the sender in the plan.")],
    body: Annotated[
        str, Parameter(allow_leading_hyphen=True, help="The file with a body of it; - for the standard input.")
    ],
    /,
    *,
    mapping: Annotated[
        str | None, Parameter(help="A file with what a plan says of it; without it the plan in force.")
    ] = None,
    json: AsJson = False,
) -> int:
    """Print what signals would come of a body, read as the plan reads a sender of its own. Nothing is kept."""
    written = {"mapping": text_of(mapping)} if mapping else {}
    found = client.post("signals", "try", body={"sender": sender, "body": text_of(body), **written})
    if json:
        show.as_json(found)
    else:
        for one in found["mistakes"]:
            show.line(f"{one['where']}, {one['place']}: {one['message']}")
        if not found["mistakes"]:
            rows = [(one["state"], one["key"], one["title"], one["why"]) for one in found["signals"]]
            show.table(("State", "Key", "Title", "Why"), rows, empty="No signal would come of it.")
    return 2 if found["mistakes"] else 0


@signal.command
def explain(
    signal_id: SignalId,
    /,
    *,
    plan: Annotated[
        str | None,
        Parameter(allow_leading_hyphen=True, help="Instead, what the rules of this plan file would make of it."),
    ] = None,
    every: Annotated[Flag, Parameter(name="--all", help="Show also the rules after the one that decides.")] = False,
    json: AsJson = False,
) -> None:
    """Say why a signal was paged, or not: rule by rule, and then what followed."""
    if plan is None:
        found = client.get("signals", signal_id, "explanation")
    else:
        found = client.post("signals", signal_id, "explanation", body={"plan": plan_text(plan)})
    show.as_json(found) if json else _show_explained(found, is_tried=plan is not None, every=every)


@signal.command
def reread(
    number: Annotated[
        int | None, Parameter(help="The body's number, as `tocsin signals --quarantined` shows it; all unless given.")
    ] = None,
    /,
    *,
    json: AsJson = False,
) -> None:
    """Read again what could not be read, after its reader or the plan was mended."""
    if number is None:
        found = client.post("signals", "quarantine", "read")
    else:
        found = {"bodies": [client.post("signals", "quarantine", str(number), "read")]}
    if json:
        show.as_json(found)
        return
    rows = [(one["id"], one["said"]) for one in found["bodies"]]
    show.table(("No.", ""), rows, empty="Everything could be read.")


def _show_explained(found: dict[str, Any], *, is_tried: bool, every: bool) -> None:
    show.line(f"{found['signal_id']}  {found['title']}", style="bold")
    show.line(found["why"] if is_tried else found["verdict"])
    if found["flapping"] and not is_tried:
        show.line(found["flapping"])
    if found["differs"]:
        show.line(found["differs"])
    revision = f", revision {found['revision']}" if found["revision"] else ""
    show.heading(f"Rules of {found['plan']}{revision}")
    decided = next((one["place"] for one in found["rulings"] if one["decides"]), len(found["rulings"]))
    asked = found["rulings"] if every else found["rulings"][:decided]
    rows = [(one["place"], one["rule"], "yes" if one["fits"] else "no", one["why"]) for one in asked]
    show.table(("", "Rule", "Fits", ""), rows, empty="The plan has no rules.")
    if after := len(found["rulings"]) - len(asked):
        show.line(f"{after} rules after it were not needed; --all shows them.")
    if not is_tried and found["history"]:
        show.heading("What it said, and what became of it")
        said = [
            (show.second(one["at"]), one["state"], one["severity"] or "", one["disposition"], one["times"], one["why"])
            for one in found["history"]
        ]
        show.table(("At (UTC)", "", "Severity", "", "Times by then", ""), said)
    if not is_tried and found["incident_id"]:
        show.heading("What followed")
        show.line(f"{found['joined']} ({found['incident_id']})")
        show.table(
            ("", "At (UTC)", ""), [(one["entry"], show.second(one["at"]), one["sentence"]) for one in found["followed"]]
        )
        if found["more"]:
            show.line(f"And {found['more']} entries more on its timeline.")
