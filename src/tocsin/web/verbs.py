"""What the forms of an incident's room do: each a command, by the last part of its address."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from tocsin.incidents import store as incidents
from tocsin.incidents.correction import Moment
from tocsin.incidents.model import Incident
from tocsin.incidents.relation import LINKABLE, Relation
from tocsin.incidents.work import Result, Tick, Verdict
from tocsin.incidents.working import Estimate
from tocsin.kit.errors import Invalid
from tocsin.kit.text import listed
from tocsin.response import answers, commands, relating, secrecy, telling, working
from tocsin.web.forms import Form
from tocsin.web.frame import Tx

Word = TypeVar("Word", bound=StrEnum)


@dataclass(frozen=True)
class Verb:
    """What a form of the room does, what is said when it is done, and which element holds which field. `same` is said
    where nothing had to be done."""

    do: Callable[[Tx, str, Form], Incident]
    done: str
    ids: Mapping[str, str] = field(default_factory=dict)
    anchor: str = ""
    same: str = ""


# ---- Reading what was typed ----


def _word(form: Form, name: str, words: type[Word], field_name: str) -> Word:
    typed = form.text(name)
    if typed not in list(words):
        raise Invalid(f"This is one of {listed(words, 'or')}.", field=field_name)
    return words(typed)


def _number(form: Form, name: str, field_name: str) -> float | None:
    typed = form.text(name).removesuffix("%").replace(",", ".").strip()
    try:
        return float(typed) if typed else None
    except ValueError:
        raise Invalid(f"'{form.text(name)}' is not a number.", field=field_name) from None


def _whole(form: Form, name: str, field_name: str) -> int | None:
    typed = form.text(name)
    if not typed:
        return None
    if not (typed.isascii() and typed.isdecimal() and len(typed) < 12):
        raise Invalid(f"'{typed}' is not a number of users, such as 120.", field=field_name)
    return int(typed)


# ---- The work ----


def _find(tx: Tx, incident_id: str, form: Form) -> Incident:
    verdict = _word(form, "finding.verdict", Verdict, "verdict")
    replaced = form.text("finding.revises")
    revises = int(replaced) if replaced.isascii() and replaced.isdecimal() else None
    return working.find(tx, incident_id, form.text("finding.text"), verdict, form.text("finding.evidence"), revises)


def _assess(tx: Tx, incident_id: str, form: Form) -> Incident:
    estimate = Estimate(
        users=_whole(form, "impact.users", "users"),
        percent=_number(form, "impact.percent", "percent"),
        source=form.text("impact.source"),
        functions=form.text("impact.functions"),
        revenue=form.text("impact.revenue"),
        reputation=form.text("impact.reputation"),
    )
    return working.assess(tx, incident_id, estimate)


def _choose(tx: Tx, incident_id: str, form: Form) -> Incident:
    return working.choose(tx, incident_id, form.text("strategy"), form.text("strategy.because"))


def _deploy(tx: Tx, incident_id: str, form: Form) -> Incident:
    tested = form.has("fix.tested")
    return working.deploy(
        tx, incident_id, form.text("fix.what"), form.text("fix.where"), tested, form.text("fix.staging")
    )


def _check(tx: Tx, incident_id: str, form: Form) -> Incident:
    result = _word(form, "check.result", Result, "result")
    return working.verify(tx, incident_id, form.text("check"), result, form.text("check.evidence"))


def _confirm(tx: Tx, incident_id: str, form: Form) -> Incident:
    result = _word(form, "confirm.result", Result, "result")
    return working.confirm(tx, incident_id, form.text("confirmation"), result, form.text("confirm.evidence"))


def _contact(tx: Tx, incident_id: str, form: Form) -> Incident:
    about = (form.text("support.vendor"), form.text("support.what"), form.text("support.reference"))
    return working.contact(tx, incident_id, *about)


TAKE_BACK = "open"  # what the form of a checklist sends to take a tick back


def _tick(tx: Tx, incident_id: str, form: Form) -> Incident:
    item, note = form.text("item"), form.text("tick.note")
    if form.text("tick") == TAKE_BACK:
        return working.untick(tx, incident_id, item, note)
    return working.tick(tx, incident_id, item, _word(form, "tick", Tick, "tick"), note)


WORK: Mapping[str, Verb] = {
    "finding": Verb(_find, "found", {"finding": "finding-text", "verdict": "finding-verdict"}, "work"),
    "impact": Verb(
        _assess,
        "assessed",
        {name: f"impact-{name}" for name in ("users", "percent", "source", "functions")},
        "work",
    ),
    "strategy": Verb(_choose, "chosen", {"strategy": "strategy-which", "because": "strategy-because"}, "fix"),
    "deploy": Verb(_deploy, "deployed", {name: f"fix-{name}" for name in ("what", "where", "staging")}, "fix"),
    "check": Verb(_check, "checked", {"check": "check-which", "evidence": "check-evidence"}, "fix"),
    "confirm": Verb(_confirm, "confirmed", {"confirmation": "confirm-which", "evidence": "confirm-evidence"}, "fix"),
    "thank": Verb(
        lambda tx, one, form: working.thank(tx, one, form.text("thank.text")), "thanked", {"text": "thank-text"}, "fix"
    ),
    "support": Verb(_contact, "contacted", {"vendor": "support-vendor", "what": "support-what"}, "work"),
    "call": Verb(
        lambda tx, one, form: telling.replace_call(tx, one, form.text("call.link")),
        "call",
        {"link": "call-link"},
        "change",
    ),
    "tick": Verb(_tick, "ticked", {"item": "tick-item", "tick": "tick-mark"}, "checklist"),
}


# ---- Other incidents ----


def _named(form: Form, name: str, field_name: str, command: Callable[[str], Incident]) -> Incident:
    """Carry out a command on the incident that was chosen or typed, by its id or number."""
    typed = form.text(name)
    try:
        return command(typed)
    except incidents.NoSuchIncident:
        raise Invalid(f"There is no incident '{typed}'; write its number, such as #12.", field=field_name) from None


def _merge(tx: Tx, incident_id: str, form: Form) -> Incident:
    because = form.text("merge.because")
    return _named(form, "merge.into", "into", lambda other: relating.merge(tx, incident_id, other, because))


def _link(tx: Tx, incident_id: str, form: Form) -> Incident:
    relation = _word(form, "link.relation", Relation, "relation")
    if relation not in LINKABLE:
        raise Invalid(f"Incidents are linked as {listed(LINKABLE, 'or')}.", field="relation")
    because = form.text("link.because")
    return _named(form, "link.other", "other", lambda other: relating.link(tx, incident_id, other, relation, because))


def _split(tx: Tx, incident_id: str, form: Form) -> Incident:
    return relating.split(
        tx,
        incident_id,
        title=form.text("split.title"),
        severity=form.text("split.severity"),
        type=form.text("split.type"),
        because=form.text("split.because"),
        signal_ids=form.all("split.signal"),
    )


RELATING: Mapping[str, Verb] = {
    "merge": Verb(
        _merge,
        "merged",
        {"into": "merge-into", "because": "merge-because"},
    ),
    "link": Verb(_link, "linked", {"other": "link-other", "relation": "link-relation"}, "related"),
    "unlink": Verb(
        lambda tx, one, form: relating.unlink(tx, one, form.text("unlink.other"), form.text("unlink.because")),
        "unlinked",
        {"because": "unlink-because"},
        "related",
    ),
    "split": Verb(
        _split,
        "split",
        {"title": "split-title", "severity": "split-severity", "type": "split-type", "because": "split-because"},
    ),
}


# ---- Who may see it ----


SECRECY: Mapping[str, Verb] = {
    "confidential": Verb(
        lambda tx, one, form: secrecy.make_confidential(tx, one, form.text("confidential.because")),
        "confidential",
        {"because": "confidential-because"},
        "readers",
    ),
    "disclose": Verb(
        lambda tx, one, form: secrecy.disclose(tx, one, form.text("disclose.because")),
        "disclosed",
        {"because": "disclose-because"},
        "readers",
    ),
    "add-responder": Verb(
        lambda tx, one, form: secrecy.add_responder(tx, one, form.text("add.person"), form.text("add.because")),
        "added",
        {"person": "add-person", "because": "add-because"},
        "readers",
    ),
    "add-team": Verb(
        lambda tx, one, form: secrecy.add_team(tx, one, form.text("team.team"), form.text("team.because")),
        "team_added",
        {"team": "team-team", "because": "team-because"},
        "readers",
    ),
    "remove-responder": Verb(
        lambda tx, one, form: secrecy.remove_responder(
            tx, one, form.text("remove.person"), form.text("remove.because")
        ),
        "taken_off",
        {"person": "remove-person", "because": "remove-because"},
        "readers",
    ),
}


# ---- The verbs that were there first ----


def _assign(tx: Tx, incident_id: str, form: Form) -> Incident:
    """The form knows who held the role, so that nobody takes it over from somebody whom they did not see."""
    seen = form.text("held") if form.has("held") else None
    return commands.assign(tx, incident_id, form.text("role"), form.text("person") or tx.actor.handle, seen=seen)


def _escalate(tx: Tx, incident_id: str, form: Form) -> Incident:
    """The form knows the last step, so that pressing it twice climbs once."""
    typed = form.text("step")
    step = int(typed) if typed.isascii() and typed.isdecimal() and len(typed) < 6 else None
    return answers.escalate(tx, incident_id, form.text("escalate.because"), step=step)


def _schedule(tx: Tx, incident_id: str, form: Form) -> Incident:
    meeting_at = form.instant("meeting_at")
    if meeting_at is None:
        raise Invalid("Say when the post-mortem is held.", field="meeting_at")
    return commands.schedule_review(tx, incident_id, meeting_at)


def _correct(tx: Tx, incident_id: str, form: Form) -> Incident:
    instant = form.instant("correct.instant")
    happened = _word(form, "correct.moment", Moment, "moment")
    if instant is None:
        raise Invalid("Say when it really was.", field="instant")
    return commands.correct_time(tx, incident_id, happened, instant, form.text("correct.because"))


def _snooze(tx: Tx, incident_id: str, form: Form) -> Incident:
    until = form.instant("snooze.until")
    if until is None:
        raise Invalid("Say until when.", field="until")
    return commands.snooze(tx, incident_id, until, form.text("snooze.because"))


VERBS: Mapping[str, Verb] = {
    **WORK,
    **RELATING,
    **SECRECY,
    "escalate": Verb(_escalate, "escalated", {"because": "escalate-because"}),
    "decline": Verb(lambda tx, one, form: answers.decline(tx, one, form.text("decline.because")), "declined"),
    "acknowledge": Verb(lambda tx, one, form: commands.acknowledge(tx, one), "acknowledged"),
    "snooze": Verb(_snooze, "snoozed", {"until": "snooze-until", "because": "snooze-because"}),
    "wake": Verb(lambda tx, one, form: commands.wake(tx, one, form.text("wake.because")), "woken"),
    "assign": Verb(_assign, "assigned", {"person": "roles", "role": "roles"}, "roles"),
    "severity": Verb(
        lambda tx, one, form: commands.change_severity(tx, one, form.text("severity"), form.text("severity.because")),
        "severity",
        {"severity": "severity-level", "because": "severity-because"},
        same="same-severity",
    ),
    "title": Verb(
        lambda tx, one, form: commands.rename(tx, one, form.text("rename.title")),
        "renamed",
        {"title": "rename-title"},
        same="same-title",
    ),
    "type": Verb(
        lambda tx, one, form: commands.change_type(tx, one, form.text("type"), form.text("type.because")),
        "type",
        {"type": "type-kind", "because": "type-because"},
        same="same-type",
    ),
    "correct": Verb(
        _correct,
        "corrected",
        {"moment": "correct-moment", "instant": "correct-instant", "because": "correct-because"},
        "timeline",
    ),
    "mitigate": Verb(
        lambda tx, one, form: commands.mitigate(tx, one, form.text("mitigate.how")),
        "mitigated",
        {"how": "mitigate-how"},
    ),
    "resolve": Verb(
        lambda tx, one, form: commands.resolve(tx, one, form.text("resolve.how"), form.text("resolve.unverified")),
        "resolved",
        {"how": "resolve-how"},
    ),
    "reopen": Verb(
        lambda tx, one, form: commands.reopen(tx, one, form.text("reopen.because")),
        "reopened",
        {"because": "reopen-because"},
    ),
    "close": Verb(lambda tx, one, form: commands.close(tx, one), "closed"),
    "waive": Verb(
        lambda tx, one, form: commands.waive(tx, one, form.text("key"), form.text("waive.because")),
        "waived",
        {"because": "waive-because"},
        "owed",
    ),
    "schedule": Verb(_schedule, "scheduled", {"meeting_at": "meeting-at"}),
    "held": Verb(lambda tx, one, form: commands.hold_review(tx, one), "held"),
}
