"""Whose word an update waits for, which drafts wait, and how an update is corrected or withdrawn. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tocsin.incidents import confidential, lifecycle
from tocsin.incidents.model import AnyEntry, Incident, MadeConfidential, Numbered, Updated
from tocsin.incidents.telling import Drafted, DraftReturned, UpdateCorrected, UpdateWithdrawn
from tocsin.kit.errors import NotFound, Refused
from tocsin.kit.text import listed
from tocsin.plan.model import Audience, Plan


class NoSuchDraft(NotFound):
    """No such draft waits for a word."""


class NoSuchUpdate(NotFound):
    """The record has no such update."""


class WaitsForAnother(Refused):
    """The plan has somebody else approve what this audience is told."""


class Withdrawn(Refused):
    """This update was withdrawn."""


# ---- Whose word ----


def waits(incident: Incident, audience: Audience, person: str) -> bool:
    """Whether what this person writes to an audience waits for a word. Whoever holds the role gives it by writing."""
    return audience.approved_by is not None and incident.roles.get(audience.approved_by) != person


def approvers(plan: Plan, incident: Incident, audience: Audience, author: str = "") -> tuple[str, ...]:
    """Who may approve: whoever holds the role; while nobody does, those who could, but for the author."""
    role = audience.approved_by
    if role is None:
        return ()
    if role in incident.roles:
        return (incident.roles[role],)
    able = tuple(one for one in plan.members(plan.roles[role].eligible) if one != author)
    if not confidential.is_confidential(plan, incident):
        return able
    return tuple(one for one in able if one in confidential.readers(incident))


def require_approver(plan: Plan, incident: Incident, audience: Audience, person: str, author: str = "") -> None:
    """Raises WaitsForAnother, and names who can approve."""
    if audience.approved_by is None:
        return
    able = approvers(plan, incident, audience, author)
    if person not in able:
        role = plan.roles[audience.approved_by].name.lower()
        named = listed((plan.people[one].name for one in able if one in plan.people), "or") or "nobody who is named yet"
        raise WaitsForAnother(f"What {audience.name} is told is approved by the {role}: {named}.")


# ---- Drafts ----


def draft(updated: Updated, asked: tuple[str, ...]) -> Drafted:
    """The update as a draft."""
    return Drafted(
        at=updated.at,
        by=updated.by,
        audience=updated.audience,
        text=updated.text,
        stage=updated.stage,
        fields=updated.fields,
        notice=updated.notice,
        asked=asked,
    )


def waiting(entries: Iterable[Numbered]) -> dict[int, Drafted]:
    """The drafts that wait, by the numbers of their entries: of each audience the last one, until it is told."""
    found: dict[str, tuple[int, Drafted]] = {}
    for one in entries:
        match one.entry:
            case Drafted() as drafted:
                found[drafted.audience] = one.number, drafted
            case DraftReturned(draft=number, audience=audience):
                if found.get(audience, (0,))[0] == number:
                    del found[audience]
            case Updated(audience=audience):
                found.pop(audience, None)
            case MadeConfidential():
                found.clear()
            case _:
                pass  # nothing else touches a draft
    return dict(sorted(found.values()))


def came_back(entries: Iterable[Numbered]) -> dict[str, tuple[Drafted, DraftReturned]]:
    """The drafts that were sent back and not written anew, by their audience, each with the word that came with it."""
    drafts: dict[int, Drafted] = {}
    found: dict[str, tuple[Drafted, DraftReturned]] = {}
    for one in entries:
        match one.entry:
            case Drafted() as drafted:
                drafts[one.number] = drafted
                found.pop(drafted.audience, None)
            case DraftReturned(draft=number, audience=audience) as returned if number in drafts:
                found[audience] = drafts[number], returned
            case Updated(audience=audience):
                found.pop(audience, None)
            case MadeConfidential():
                found.clear()
            case _:
                pass  # nothing else touches a draft
    return found


class Fate(StrEnum):
    """What became of a draft that does not wait any more."""

    TOLD = "told"
    WITHDRAWN = "withdrawn"  # it was told, and then taken back
    RETURNED = "returned"
    REWRITTEN = "rewritten"
    DROPPED = "dropped"  # with all that waited, when the incident became confidential


def became(entries: Iterable[Numbered], number: int) -> Fate | None:
    """What became of the draft of this entry; nothing while it waits, or where there never was one."""
    fates: dict[int, Fate] = {}
    told_as: dict[int, int] = {}  # entry of the update → of its draft
    open_: dict[str, int] = {}  # audience → draft that waits
    for one in entries:
        match one.entry:
            case Drafted(audience=audience):
                if audience in open_:
                    fates[open_[audience]] = Fate.REWRITTEN
                open_[audience] = one.number
            case DraftReturned(draft=draft, audience=audience) if open_.get(audience) == draft:
                fates[open_.pop(audience)] = Fate.RETURNED
            case Updated(audience=audience) if audience in open_:
                told_as[one.number] = open_.pop(audience)
                fates[told_as[one.number]] = Fate.TOLD
            case UpdateWithdrawn(update=update) if update in told_as:
                fates[told_as[update]] = Fate.WITHDRAWN
            case MadeConfidential():
                fates.update(dict.fromkeys(open_.values(), Fate.DROPPED))
                open_.clear()
            case _:
                pass  # nothing else touches a draft
    return fates.get(number)


def waiting_one(entries: Iterable[Numbered], number: int) -> Drafted:
    """The draft of this entry, if it still waits. Raises NoSuchDraft."""
    found = waiting(entries).get(number)
    if found is None:
        raise NoSuchDraft(f"No draft of entry {number} waits for a word: it was told, sent back or written anew.")
    return found


def send_back(number: int, drafted: Drafted, because: str, *, by: str, now: datetime) -> list[AnyEntry]:
    reason = lifecycle.said(because, "because")
    return [DraftReturned(at=now, by=by, draft=number, audience=drafted.audience, because=reason)]


# ---- Corrections ----


@dataclass(frozen=True, kw_only=True)
class Standing:
    """An update as it holds now. `told` is what was told at first; `text` is empty if it was withdrawn."""

    number: int
    told: Updated
    text: str
    changed_at: datetime | None = None
    because: str = ""

    @property
    def is_withdrawn(self) -> bool:
        return not self.text


def standing(entries: Iterable[Numbered]) -> Mapping[int, Standing]:
    """Every update by the number of its entry, with what was put right since."""
    found: dict[int, Standing] = {}
    for one in entries:
        match one.entry:
            case Updated() as told:
                found[one.number] = Standing(number=one.number, told=told, text=told.text)
            case UpdateCorrected() as by:
                found[by.update] = _put_right(found[by.update], by.text, by)
            case UpdateWithdrawn() as by:
                found[by.update] = _put_right(found[by.update], "", by)
            case _:
                pass  # nothing else changes what was told
    return found


def _put_right(before: Standing, text: str, by: UpdateCorrected | UpdateWithdrawn) -> Standing:
    return Standing(number=before.number, told=before.told, text=text, changed_at=by.at, because=by.because)


def standing_one(entries: Iterable[Numbered], number: int) -> Standing:
    """The update of this entry. Raises NoSuchUpdate, and Withdrawn where there is nothing left to put right."""
    found = standing(entries).get(number)
    if found is None:
        raise NoSuchUpdate(f"Entry {number} is no update.")
    if found.is_withdrawn:
        raise Withdrawn
    return found


def correct(incident: Incident, update: Standing, text: str, because: str, *, by: str, now: datetime) -> list[AnyEntry]:
    """Say what an update should have said. What it said stays on the record."""
    lifecycle.require_here(incident)
    words, reason = lifecycle.said(text, "text"), lifecycle.said(because, "because")
    if words == update.text:
        return []
    corrected = UpdateCorrected(
        at=now,
        by=by,
        update=update.number,
        audience=update.told.audience,
        text=words,
        before=update.text,
        because=reason,
        recipients=update.told.recipients,
    )
    return [corrected]


def withdraw(incident: Incident, update: Standing, because: str, *, by: str, now: datetime) -> list[AnyEntry]:
    """Say that what an update told does not hold."""
    lifecycle.require_here(incident)
    reason, told = lifecycle.said(because, "because"), update.told
    withdrawn = UpdateWithdrawn(
        at=now, by=by, update=update.number, audience=told.audience, because=reason, recipients=told.recipients
    )
    return [withdrawn]
