"""The rules of an incident: what each verb refuses, and that no order of verbs makes a contradictory record."""

from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields, replace
from datetime import datetime, timedelta
from functools import partial
from importlib import resources

import msgspec
import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.support.records import NIGHT, declared, incident, later, timeline
from tocsin.incidents import folding, lifecycle, phases, relating, working
from tocsin.incidents.model import (
    Acknowledged,
    AnyEntry,
    Closed,
    Decided,
    Declared,
    FellDue,
    Incident,
    Mitigated,
    Noted,
    Numbered,
    ObligationWaived,
    Recovered,
    Reopened,
    Resolved,
    ReviewHeld,
    ReviewScheduled,
    RoleAssigned,
    SeverityChanged,
    Status,
    TypeChanged,
    Updated,
)
from tocsin.incidents.owed import owed
from tocsin.incidents.relation import Merged
from tocsin.incidents.work import Found, RecoveryConfirmed, Result, Thanked, Tick, Verdict
from tocsin.incidents.working import Estimate
from tocsin.kit.errors import Invalid, TocsinError
from tocsin.obligations.model import Kind
from tocsin.plan import check
from tocsin.plan.model import Need, Plan, Stage

NOW = later(60)


def _rose() -> Plan:
    found = check.load((resources.files("tocsin") / "plans" / "rose.yaml").read_text(encoding="utf-8"), "rose.yaml")
    assert isinstance(found, Plan)
    return found


ROSE = _rose()
FIXED = Resolved(at=later(10), by="ana", how="Restarted it")
WELL = Recovered(at=later(40), by="tocsin", watched_minutes=30)
STATES: dict[Status, tuple[AnyEntry, ...]] = {
    Status.INVESTIGATING: (),
    Status.MITIGATING: (Mitigated(at=later(5), by="ana", how="Serve without memory"),),
    Status.WATCHING: (FIXED,),
    Status.RESOLVED: (FIXED, WELL),
    Status.CLOSED: (FIXED, WELL, Closed(at=later(50), by="ana")),
    Status.MERGED: (Merged(at=later(5), by="ana", into="inc_OTHER", number=3, because="The same trouble"),),
}


def at(status: Status, *more: AnyEntry) -> Incident:
    found = incident(declared(type="external_api_failure"), *STATES[status], *more)
    assert found.status is status
    return found


def told(one: Incident, stage: Stage | None) -> list[AnyEntry]:
    return lifecycle.tell(
        one, audience="public", text="News", stage=stage, fields={}, recipients=(), by="lucia", now=NOW
    )


# ---- What each verb refuses, in each state ---------------------------------------------------------------------------

VERBS: dict[str, Callable[[Incident], list[AnyEntry]]] = {
    "acknowledge": lambda one: lifecycle.acknowledge(one, by="ana", now=NOW),
    "assign": lambda one: lifecycle.assign(ROSE, one, "scribe", "ben", by="ana", now=NOW),
    "change_severity": lambda one: lifecycle.change_severity(ROSE, one, "P0", "worse", by="ana", now=NOW),
    "change_type": lambda one: lifecycle.change_type(ROSE, one, "data_loss", "rows are gone", by="ana", now=NOW),
    "rename": lambda one: lifecycle.rename(one, "Voice hangs", by="ana", now=NOW),
    "note": lambda one: lifecycle.note(one, "Seen", by="ana", now=NOW),
    "decide": lambda one: lifecycle.decide(one, "Wait", "nothing else helps", by="ana", now=NOW),
    "tell investigating": lambda one: told(one, Stage.INVESTIGATING),
    "tell monitoring": lambda one: told(one, Stage.MONITORING),
    "tell resolved": lambda one: told(one, Stage.RESOLVED),
    "mitigate": lambda one: lifecycle.mitigate(one, "Serve without it", by="ana", now=NOW),
    "resolve": lambda one: lifecycle.resolve(one, "Restarted it", by="ana", now=NOW),
    "reopen": lambda one: lifecycle.reopen(one, "It came back", by="ana", now=NOW),
    "schedule_review": lambda one: lifecycle.schedule_review(ROSE, one, NOW + timedelta(days=1), by="ana", now=NOW),
    "hold_review": lambda one: lifecycle.hold_review(one, by="ana", now=NOW),
}
UNRESOLVED = (Status.INVESTIGATING, Status.MITIGATING)
FIXED_AND_OPEN = (Status.WATCHING, Status.RESOLVED)
REFUSALS: dict[tuple[str, Status], type[TocsinError]] = {
    **{
        (verb, one): lifecycle.AlreadyResolved
        for verb in ("acknowledge", "mitigate", "resolve")
        for one in FIXED_AND_OPEN
    },
    **{
        (verb, Status.CLOSED): lifecycle.AlreadyClosed
        for verb in VERBS
        if verb not in ("note", "decide", "rename", "reopen", "schedule_review", "hold_review")
    },
    **{
        (verb, one): lifecycle.NotResolved
        for verb in ("schedule_review", "hold_review", "tell monitoring", "tell resolved")
        for one in UNRESOLVED
    },
    **{("reopen", one): lifecycle.NotOpenAgain for one in UNRESOLVED},
    **{(verb, Status.MERGED): lifecycle.MergedAway for verb in VERBS},
}


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_is_refused_in_exactly_these_states(verb: str, status: Status) -> None:
    refusal = REFUSALS.get((verb, status))
    if refusal is None:
        entries = VERBS[verb](at(status))
        assert entries
        assert all((entry.at, entry.by) in ((NOW, "ana"), (NOW, "lucia")) for entry in entries)
    else:
        with pytest.raises(refusal) as refused:
            VERBS[verb](at(status))
        assert refused.value.message


def test_acknowledging_twice_adds_nothing() -> None:
    answered = at(Status.INVESTIGATING, Acknowledged(at=later(1), by="ben"))
    assert lifecycle.acknowledge(answered, by="ana", now=NOW) == []


def test_whoever_works_on_it_has_answered() -> None:
    for verb in (lifecycle.mitigate, lifecycle.resolve):
        first, second = verb(at(Status.INVESTIGATING), "Did it", by="ana", now=NOW)
        assert isinstance(first, Acknowledged)
        assert isinstance(second, (Mitigated, Resolved))
    answered = at(Status.INVESTIGATING, Acknowledged(at=later(1), by="ben"))
    assert len(lifecycle.resolve(answered, "Did it", by="ana", now=NOW)) == 1


def test_changing_nothing_adds_nothing() -> None:
    held = incident(*[one.entry for one in timeline(declared(type="data_loss"))])
    assert lifecycle.change_severity(ROSE, held, "P1", "", by="ana", now=NOW) == []
    assert lifecycle.change_type(ROSE, held, "data_loss", "", by="ana", now=NOW) == []
    (given,) = lifecycle.assign(ROSE, held, "scribe", "ben", by="ana", now=NOW)
    assert lifecycle.assign(ROSE, incident(declared(), given), "scribe", "ben", by="ana", now=NOW) == []


def test_handing_over_a_role_names_who_held_it_before() -> None:
    held = incident(declared(), *lifecycle.assign(ROSE, incident(), "scribe", "ben", by="ana", now=NOW))
    (handed,) = lifecycle.assign(ROSE, held, "scribe", "tomas", by="ana", now=NOW)
    assert isinstance(handed, RoleAssigned)
    assert (handed.role, handed.person, handed.before) == ("scribe", "tomas", "ben")


@pytest.mark.parametrize(("seen", "is_taken"), [(None, True), ("ben", True), ("", False), ("ana", False)])
def test_a_role_is_taken_over_only_from_whom_one_saw(seen: str | None, is_taken: bool) -> None:
    held = incident(declared(), *lifecycle.assign(ROSE, incident(), "scribe", "ben", by="ana", now=NOW))
    assert lifecycle.assign(ROSE, held, "scribe", "ben", by="ben", now=NOW, seen=seen) == []
    if is_taken:
        assert lifecycle.assign(ROSE, held, "scribe", "tomas", by="tomas", now=NOW, seen=seen)
        return
    with pytest.raises(lifecycle.HeldByAnother, match="Ben"):
        lifecycle.assign(ROSE, held, "scribe", "tomas", by="tomas", now=NOW, seen=seen)


def test_a_role_that_nobody_holds_any_more_is_not_taken_over() -> None:
    with pytest.raises(lifecycle.HeldByAnother, match="Nobody holds it any more"):
        lifecycle.assign(ROSE, incident(), "scribe", "tomas", by="tomas", now=NOW, seen="ben")


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda one: lifecycle.assign(ROSE, one, "captain", "ben", by="ana", now=NOW), "incident_commander"),
        (lambda one: lifecycle.assign(ROSE, one, "scribe", "nobody", by="ana", now=NOW), "tomas"),
        (lambda one: lifecycle.change_severity(ROSE, one, "P9", "why", by="ana", now=NOW), "P0, P1, P2 and P3"),
        (lambda one: lifecycle.change_type(ROSE, one, "meteor", "why", by="ana", now=NOW), "service_outage"),
    ],
)
def test_a_word_that_the_plan_lacks_is_refused_with_the_words_it_has(
    act: Callable[[Incident], list[AnyEntry]], words: str
) -> None:
    with pytest.raises(lifecycle.UnknownWord, match=words):
        act(at(Status.INVESTIGATING))


@pytest.mark.parametrize(
    "act",
    [
        lambda one: lifecycle.note(one, "  \n", by="ana", now=NOW),
        lambda one: lifecycle.rename(one, " ", by="ana", now=NOW),
        lambda one: lifecycle.decide(one, "", "because", by="ana", now=NOW),
        lambda one: lifecycle.decide(one, "Wait", " ", by="ana", now=NOW),
        lambda one: lifecycle.change_severity(ROSE, one, "P0", "", by="ana", now=NOW),
        lambda one: lifecycle.change_type(ROSE, one, "data_loss", "", by="ana", now=NOW),
        lambda one: lifecycle.mitigate(one, "", by="ana", now=NOW),
        lambda one: lifecycle.resolve(one, "\t", by="ana", now=NOW),
    ],
)
def test_the_record_wants_words(act: Callable[[Incident], list[AnyEntry]]) -> None:
    with pytest.raises(lifecycle.Empty):
        act(at(Status.INVESTIGATING))


def test_reopening_wants_a_reason() -> None:
    with pytest.raises(lifecycle.Empty):
        lifecycle.reopen(at(Status.CLOSED), " ", by="ana", now=NOW)


def test_a_meeting_is_not_scheduled_in_the_past() -> None:
    with pytest.raises(Invalid, match="past"):
        lifecycle.schedule_review(ROSE, at(Status.RESOLVED), NOW - timedelta(seconds=1), by="ana", now=NOW)


def test_what_began_in_the_future_is_refused() -> None:
    assert lifecycle.not_after(None, NOW) is None
    assert lifecycle.not_after(NOW, NOW) == NOW
    with pytest.raises(Invalid, match="future"):
        lifecycle.not_after(NOW + timedelta(seconds=1), NOW)


def test_only_a_watched_incident_recovers() -> None:
    assert lifecycle.recover(at(Status.WATCHING), by="tocsin", now=later(41)) == [
        Recovered(at=later(41), by="tocsin", watched_minutes=31)
    ]
    for status in set(Status) - {Status.WATCHING}:
        assert lifecycle.recover(at(status), by="tocsin", now=NOW) == []


def test_a_meeting_that_was_held_need_not_be_scheduled_any_more() -> None:
    held = at(Status.RESOLVED, ReviewHeld(at=later(55), by="ben"))
    assert not [one for one in lifecycle.missing_before_close(ROSE, held, []) if "post-mortem" in one]


def test_closing_twice_adds_nothing_and_closing_early_names_everything() -> None:
    assert lifecycle.close(ROSE, at(Status.CLOSED), [], by="ana", now=NOW) == []
    with pytest.raises(lifecycle.StillOwed) as refused:
        lifecycle.close(ROSE, at(Status.WATCHING), ["Name the scribe"], by="ana", now=NOW)
    for missing in ("watch", "final public update", "post-mortem", "Name the scribe"):
        assert missing in refused.value.message


# ---- How a record is read --------------------------------------------------------------------------------------------


def test_a_damaged_record_is_not_read() -> None:
    note = Noted(at=NOW, by="ana", text="Seen")
    for damaged in (
        [],
        [Numbered(number=1, entry=note)],
        [Numbered(number=2, entry=declared())],
        [Numbered(number=1, entry=declared()), Numbered(number=3, entry=note)],
        [Numbered(number=1, entry=declared()), Numbered(number=2, entry=declared())],
    ):
        with pytest.raises(ValueError, match="inc_X"):
            folding.fold("inc_X", damaged)


def test_a_raise_starts_the_clocks_and_a_lowering_gives_them_back() -> None:
    def level(severity: str, raised: bool, after: float) -> SeverityChanged:
        return SeverityChanged(
            at=later(after), by="ana", severity=severity, before="P1", raised=raised, because="numbers"
        )

    assert incident(declared(), level("P0", True, 7)).level_at == later(7)
    assert incident(declared(), level("P0", True, 7), level("P2", False, 9)).level_at == NIGHT
    again = Reopened(at=later(60), by="ana", because="It came back")
    assert incident(declared(), FIXED, again, level("P2", False, 70)).level_at == later(60)


def test_reopening_forgets_the_end_but_not_who_answered_first() -> None:
    answered = Acknowledged(at=later(2), by="ben")
    public = Updated(at=later(3), by="lucia", audience="public", text="We look", stage=Stage.RESOLVED)
    waived = ObligationWaived(at=later(45), by="ana", key="review", what="Hold it", because="An exercise")
    ended = (answered, FIXED, WELL, public, waived, Closed(at=NOW, by="ana"))
    one = incident(declared(type="data_loss"), *ended, Reopened(at=NOW, by="ana", because="Again"))
    assert (one.status, one.stage, one.acknowledged_at) == (Status.INVESTIGATING, Stage.INVESTIGATING, None)
    assert (one.resolved_at, one.recovered_at, one.closed_at, one.review_at) == (None, None, None, None)
    assert one.first_acknowledged_at == later(2)
    assert one.told_at == {}
    assert set(one.last_update_at) == {"public"}
    assert (one.waived, one.spent) == ((), ())
    assert "the post-mortem is not scheduled" in lifecycle.missing_before_close(ROSE, one, [])


# ---- Whatever the order of verbs -------------------------------------------------------------------------------------

ELSEWHERE = (Kind.WATCH, Kind.REVIEW)  # closing asks for these by conditions of their own
AUDIENCES = st.sampled_from(["internal", "public", "executives"])


def _confirmed(key: str, one: Incident, now: datetime) -> list[AnyEntry]:
    return working.confirm(ROSE, one, key, Result.PASSED, "", by="ana", now=now)


class AnyOrder(RuleBasedStateMachine):
    """Random people do random things; the record must never contradict the state that was followed beside it."""

    @initialize(severity=st.sampled_from(list(ROSE.severities)), kind=st.sampled_from(["service_outage", "security"]))
    def declare(self, severity: str, kind: str) -> None:
        self.now = NIGHT
        entry = declared(severity=severity, type=kind)
        self.entries: list[Numbered] = [Numbered(number=1, entry=entry)]
        self.state = folding.begun("inc_NIGHT", self.entries[0])

    def _do(self, verb: Callable[[Incident, datetime], list[AnyEntry]]) -> None:
        try:
            entries = verb(self.state, self.now)
        except TocsinError:
            return
        for entry in entries:
            numbered = Numbered(number=self.state.entries + 1, entry=entry)
            self.entries.append(numbered)
            self.state = folding.follow(self.state, [numbered])

    @rule(minutes=st.integers(0, 300))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule()
    def acknowledge(self) -> None:
        self._do(lambda one, now: lifecycle.acknowledge(one, by="ana", now=now))

    @rule(role=st.sampled_from(list(ROSE.roles)), person=st.sampled_from(list(ROSE.people)))
    def assign(self, role: str, person: str) -> None:
        self._do(lambda one, now: lifecycle.assign(ROSE, one, role, person, by="ana", now=now))

    @rule(severity=st.sampled_from(list(ROSE.severities)))
    def change_severity(self, severity: str) -> None:
        self._do(lambda one, now: lifecycle.change_severity(ROSE, one, severity, "numbers", by="ana", now=now))

    @rule(kind=st.sampled_from(["service_outage", "security", "data_loss"]))
    def change_type(self, kind: str) -> None:
        self._do(lambda one, now: lifecycle.change_type(ROSE, one, kind, "we know more", by="ana", now=now))

    @rule(verdict=st.sampled_from(Verdict), revises=st.integers(1, 40) | st.none())
    def find(self, verdict: Verdict, revises: int | None) -> None:
        standing = working.standing_findings(self.entries)
        self._do(
            lambda one, now: working.find(
                one, "Something", verdict, revises=revises, standing=standing, by="ana", now=now
            )
        )

    @rule(strategy=st.sampled_from(list(ROSE.resolution.strategies)))
    def choose(self, strategy: str) -> None:
        self._do(lambda one, now: working.choose(ROSE, one, strategy, "It is quick", by="ana", now=now))

    @rule(tested=st.booleans())
    def deploy(self, tested: bool) -> None:
        self._do(lambda one, now: working.deploy(one, "It", "there", tested=tested, staging="x", by="ana", now=now))

    @rule(check=st.sampled_from(list(ROSE.resolution.verification)), result=st.sampled_from(Result))
    def verify(self, check: str, result: Result) -> None:
        self._do(lambda one, now: working.verify(ROSE, one, check, result, "seen", by="ana", now=now))

    @rule(data=st.data(), tick=st.sampled_from([*Tick, None]))
    def tick(self, data: st.DataObject, tick: Tick | None) -> None:
        item = data.draw(st.sampled_from(sorted(phases.items(ROSE, self.state))))
        if tick is None:
            self._do(lambda one, now: phases.untick(ROSE, one, item, "", by="ana", now=now))
        else:
            self._do(lambda one, now: phases.tick(ROSE, one, item, tick, "", by="ana", now=now))

    @rule()
    def complete(self) -> None:
        """Everything that people say before they close."""
        for key in ROSE.recovery.confirm:
            self._do(partial(_confirmed, key))
        self._do(lambda one, now: working.find(one, "The disk", Verdict.ROOT_CAUSE, by="ana", now=now))
        self._do(lambda one, now: working.assess(one, Estimate(functions="Voice"), by="ana", now=now))
        self._do(lambda one, now: working.thank(one, "Thank you", (), by="ana", now=now))

    @rule()
    def merge_away(self) -> None:
        other = replace(incident(declared(number=99), incident_id="inc_OTHER"), confidential_at=NIGHT)
        if self.now - NIGHT > timedelta(hours=8):  # a merge ends the story; let most go on for a while
            self._do(lambda one, now: relating.merge(ROSE, one, other, "The same", signals=0, by="ana", now=now)[0])

    @rule()
    def mitigate(self) -> None:
        self._do(lambda one, now: lifecycle.mitigate(one, "Serve without it", by="ana", now=now))

    @rule(because=st.sampled_from(["", "No runner"]))
    def resolve(self, because: str = "No runner") -> None:
        self._do(
            lambda one, now: working.resolve(ROSE, one, "Restarted it", because, may_pass_over=True, by="ana", now=now)
        )

    @rule()
    def recover(self) -> None:
        self._do(lambda one, now: lifecycle.recover(one, by="tocsin", now=now))

    @rule()
    def reopen(self) -> None:
        self._do(lambda one, now: lifecycle.reopen(one, "It came back", by="ana", now=now))

    @rule(audience=AUDIENCES, stage=st.sampled_from(Stage))
    def tell(self, audience: str, stage: Stage) -> None:
        said = stage if audience == "public" else None
        if audience == "public" and ROSE.types[self.state.type].private:
            return  # composing refuses before the record is asked
        self._do(
            lambda one, now: lifecycle.tell(
                one, audience=audience, text="News", stage=said, fields={}, recipients=(), by="lucia", now=now
            )
        )

    @rule()
    def schedule_review(self) -> None:
        self._do(lambda one, now: lifecycle.schedule_review(ROSE, one, now + timedelta(days=1), by="ana", now=now))

    @rule()
    def hold_review(self) -> None:
        self._do(lambda one, now: lifecycle.hold_review(one, by="ana", now=now))

    @rule(data=st.data(), waived=st.booleans())
    def end_a_duty(self, data: st.DataObject, waived: bool) -> None:
        duties = {key: duty for key, duty in owed(ROSE, self.state).items() if duty.kind is not Kind.WATCH}
        if not duties:
            return
        duty = duties[data.draw(st.sampled_from(sorted(duties)))]
        self.now = self.now if waived else max(self.now, duty.due_at)
        entry: AnyEntry = FellDue(at=self.now, by="tocsin", key=duty.key, what=duty.what, due_at=duty.due_at)
        if waived:
            entry = ObligationWaived(at=self.now, by="ana", key=duty.key, what=duty.what, because="Not today")
        self._do(lambda one, now: [entry])

    @rule(
        watched=st.booleans() | st.just(True),
        audiences=st.sets(AUDIENCES) | st.just({"internal", "public", "executives"}),
        last=st.sampled_from([Stage.RESOLVED, Stage.MONITORING]),
        review=st.sampled_from(["scheduled", "held", "waived", "forgotten"]),
        completed=st.booleans() | st.just(True),
    )
    def bring_to_an_end(self, watched: bool, audiences: set[str], last: Stage, review: str, completed: bool) -> None:
        """Do most of what closing wants: chance alone would hardly ever get there."""
        self.reopen()
        self.resolve(because="No runner")
        self.wait(31)
        if watched:
            self.recover()
        for audience in ("internal", "executives", "public"):
            if audience in audiences:
                self.tell(audience, last)
            else:
                self._waive(f"update:{audience}")
        match review:
            case "scheduled":
                self.schedule_review()
            case "held":
                self.hold_review()
            case "waived":
                self._waive("review")
            case _:
                pass  # forgotten
        if completed:
            self.complete()
        if self.state.status is not Status.CLOSED:
            self.close()

    def _waive(self, key: str) -> None:
        if key in owed(ROSE, self.state):
            entry = ObligationWaived(at=self.now, by="ana", key=key, what="It", because="Not today")
            self._do(lambda one, now: [entry])

    @precondition(lambda self: self.state.status is not Status.CLOSED)
    @rule()
    def close(self) -> None:
        if self.state.merged_into:
            return
        duties = [duty.what for duty in owed(ROSE, self.state).values() if duty.kind not in ELSEWHERE]
        self._do(lambda one, now: lifecycle.close(ROSE, one, duties, by="ana", now=now))
        if self.state.status is Status.CLOSED:
            assert list(_lacks([one.entry for one in self.entries])) == []

    @invariant()
    def the_record_says_the_same(self) -> None:
        assert folding.fold("inc_NIGHT", self.entries) == self.state
        assert [one.number for one in self.entries] == list(range(1, self.state.entries + 1))

    @invariant()
    def what_the_work_says_follows_from_the_entries(self) -> None:
        standing = working.standing_findings(self.entries).values()
        assert self.state.work.causes == sum(one.verdict is Verdict.ROOT_CAUSE for one in standing)
        assert set(phases.last_ticks(self.entries)) == set(self.state.work.ticks)

    @invariant()
    def nothing_is_resolved_unproven_without_a_reason(self) -> None:
        for one in self.entries:
            if isinstance(one.entry, Resolved):
                assert bool(one.entry.unverified) == bool(one.entry.because)

    @invariant()
    def a_merged_incident_stays_as_it_is(self) -> None:
        if self.state.merged_into:
            assert self.state.status is Status.MERGED and owed(ROSE, self.state) == {}
            assert isinstance(self.entries[-1].entry, Merged)

    @invariant()
    def nothing_is_owed_twice_or_for_ever(self) -> None:
        duties = owed(ROSE, self.state)
        assert all(key == duty.key for key, duty in duties.items())
        assert self.state.status is not Status.CLOSED or set(duties) <= {"review"}


def _lacks(entries: list[AnyEntry]) -> Iterator[str]:
    """What a closed record lacks of what the plan wants, read from the entries and from nothing else."""
    began = max(place for place, entry in enumerate(entries) if isinstance(entry, (Declared, Reopened)))
    since = entries[began:]
    severity = next(one.severity for one in reversed(entries) if isinstance(one, (Declared, SeverityChanged)))
    kind = next(one.type for one in reversed(entries) if isinstance(one, (Declared, TypeChanged)))
    fixed_at = max(one.at for one in since if isinstance(one, Resolved))
    after = [one for one in since if one.at >= fixed_at]
    if not any(isinstance(one, Recovered) for one in after):
        yield "a watch that passed after the fix"
    private = ROSE.types[kind].private
    stages = [
        (place >= began, one.stage) for place, one in enumerate(entries) if isinstance(one, Updated) and one.stage
    ]
    wanted = not private and (stages or severity in ROSE.communication.audiences["public"].cadence)
    if wanted and (not stages or stages[-1] != (True, Stage.RESOLVED)):
        yield "a last public word that it is resolved"
    waived = any(isinstance(one, ObligationWaived) and one.key == "review" for one in since)
    met = any(isinstance(one, (ReviewScheduled, ReviewHeld)) for one in since)
    if ROSE.severities[severity].post_mortem is Need.REQUIRED and not (waived or met):
        yield "a post-mortem that is scheduled"
    confirmed = {one.confirmation for one in after if isinstance(one, RecoveryConfirmed)}
    if confirmed != set(ROSE.recovery.confirm):
        yield "every confirmation of the recovery"
    if not any(isinstance(one, Thanked) for one in after):
        yield "thanks to the team"
    if not any(isinstance(one, Found) and one.verdict is Verdict.ROOT_CAUSE for one in entries):
        yield "a root cause"
    for name, audience in ROSE.communication.audiences.items():
        told = severity in audience.cadence and (audience.confidential or not private)
        if told and not any(_ends_the_wait(one, name) for one in after):
            yield f"a last word to {name}"


def _ends_the_wait(entry: AnyEntry, audience: str) -> bool:
    match entry:
        case Updated():
            return entry.audience == audience
        case ObligationWaived():
            return entry.key == f"update:{audience}"
        case _:
            return False


# Shrinking such a story takes minutes. Take the phases out to have it done.
AnyOrder.TestCase.settings = settings(
    max_examples=100, stateful_step_count=40, deadline=None, derandomize=True, phases=[Phase.generate]
)
TestAnyOrder = AnyOrder.TestCase


def test_a_decision_is_kept_with_its_reason() -> None:
    (entry,) = lifecycle.decide(at(Status.INVESTIGATING), " Roll back ", " it began with it ", by="ben", now=NOW)
    assert entry == Decided(at=NOW, by="ben", decision="Roll back", because="it began with it")


def test_an_incident_that_an_older_release_saved_can_change_in_all_that_is_known_by_now() -> None:
    whole = incident(declared(severity="P1"))
    kept = msgspec.to_builtins(whole)
    lacking = {one.name for one in fields(Incident) if one.default is not MISSING}
    older = msgspec.convert({name: value for name, value in kept.items() if name not in lacking}, Incident)
    raised = SeverityChanged(at=later(2), by="ana", severity="P0", before="P1", because="All of them", raised=True)
    entry = Numbered(number=whole.entries + 1, entry=raised, hash="")
    after = folding.follow(older, [entry])
    assert (after.severity, after.level_because) == ("P0", "All of them")
    assert after == folding.follow(whole, [entry])
