"""Entries of the work on an incident, each with its label and the sentence that stands for it on a timeline."""

from datetime import timedelta

from tests.support.records import NIGHT
from tocsin.incidents.correction import Moment, TimeCorrected
from tocsin.incidents.model import AnyEntry, Decided, Resolved
from tocsin.incidents.relation import Absorbed, Linked, Merged, Relation, SplitFrom, SplitOff, Unlinked
from tocsin.incidents.telling import Drafted, DraftReturned, PostedElsewhere, UpdateCorrected, UpdateWithdrawn
from tocsin.incidents.work import (
    Deployed,
    DutiesChanged,
    Found,
    ImpactAssessed,
    ItemTicked,
    ItemUnticked,
    RecoveryConfirmed,
    Result,
    StrategyChosen,
    SupportContacted,
    Thanked,
    Tick,
    Verdict,
    Verified,
)
from tocsin.plan.model import Stage
from tocsin.plan.networks import Network

WHO = {"at": NIGHT, "by": "ana"}
BEN = {"at": NIGHT, "by": "ben"}
OTHER = {"incident_id": "inc_OTHER", "number": 9, "title": "No recall"}

OF_THE_WORK: list[tuple[AnyEntry, str, str]] = [
    (
        Decided(**BEN, decision="Wait", because="it is theirs", decider="ana", options=("Roll back",), basis="Graph 3"),
        "decision",
        (
            "Ana Okafor decided, written down by Ben Halvorsen: Wait. Because: it is theirs. Considered: Roll back. "
            "Evidence: Graph 3."
        ),
    ),
    (
        Found(**WHO, finding="The disk is full", verdict=Verdict.ROOT_CAUSE, evidence="df says 100 %"),
        "finding",
        "Ana Okafor found the root cause: The disk is full. Evidence: df says 100 %.",
    ),
    (
        Found(**WHO, finding="The network", verdict=Verdict.RULED_OUT, revises=4),
        "finding",
        "Ana Okafor ruled out: The network. This replaces entry 4.",
    ),
    (Found(**WHO, finding="Slow", verdict=Verdict.OBSERVATION), "finding", "Ana Okafor found: Slow."),
    (
        Found(**WHO, finding="No alert", verdict=Verdict.CONTRIBUTING_FACTOR),
        "finding",
        "Ana Okafor found a contributing factor: No alert.",
    ),
    (
        ImpactAssessed(**WHO, users=1200, percent=40.5, source="Grafana", functions="Recall", revenue="none"),
        "impact",
        "Ana Okafor assessed the impact: 1,200 users and 40.5 % of users (Grafana); Recall; revenue: none.",
    ),
    (
        Drafted(**BEN, audience="public", text="We look into it", stage=Stage.INVESTIGATING),
        "draft",
        "Ben Halvorsen drafted an update for Status page (investigating): We look into it.",
    ),
    (
        DraftReturned(**WHO, draft=7, audience="public", because="Say when it is over"),
        "draft sent back",
        "Ana Okafor sent the draft for Status page of entry 7 back: Say when it is over.",
    ),
    (
        UpdateCorrected(**WHO, update=7, audience="public", text="Some", before="All", because="it was a third"),
        "correction",
        "Ana Okafor corrected the update to Status page of entry 7, because it was a third: Some.",
    ),
    (
        UpdateWithdrawn(**WHO, update=7, audience="public", because="It was another incident"),
        "withdrawn",
        "Ana Okafor withdrew the update to Status page of entry 7: It was another incident.",
    ),
    (
        PostedElsewhere(**WHO, network=Network.MASTODON, text="We are on it", link="https://m.example.org/1"),
        "posted by hand",
        "Ana Okafor posted on Mastodon, at https://m.example.org/1: We are on it.",
    ),
    (
        StrategyChosen(**BEN, strategy="rollback", because="it is the quickest"),
        "strategy",
        "Ben Halvorsen chose the way out: rollback, because it is the quickest.",
    ),
    (
        Deployed(**WHO, what="Version 41", where="production", tested=False, staging="there was no time"),
        "fix deployed",
        "Ana Okafor deployed to production: Version 41. It was not tested in staging: there was no time.",
    ),
    (
        Verified(**WHO, check="smoke_tests", result=Result.PASSED, evidence="run 12"),
        "verification",
        "Smoke tests: passed, says Ana Okafor. Evidence: run 12.",
    ),
    (
        RecoveryConfirmed(**WHO, confirmation="metrics", result=Result.FAILED),
        "recovery",
        "Metrics: not yet, says Ana Okafor.",
    ),
    (
        ItemTicked(**WHO, item="type.outage.1", what="Look", tick=Tick.DONE, note="All green"),
        "checklist",
        "Ana Okafor ticked off “Look”. All green.",
    ),
    (
        ItemTicked(**WHO, item="type.outage.2", what="Restart", tick=Tick.NOT_APPLICABLE),
        "checklist",
        "Ana Okafor set aside as not applicable “Restart”.",
    ),
    (
        ItemUnticked(**WHO, item="type.outage.1", what="Look", note="Red again"),
        "checklist",
        "Ana Okafor took back the tick on “Look”. Red again.",
    ),
    (
        DutiesChanged(
            at=NIGHT,
            by="tocsin",
            because="P2 became P1",
            begun=("Name the scribe, due 02:54 UTC",),
            ended=("Review",),
            moved=("Acknowledge, due 02:54 UTC instead of 03:39 UTC",),
        ),
        "duties",
        (
            "P2 became P1. Now owed: Name the scribe, due 02:54 UTC. No longer owed: Review. "
            "Due at another time: Acknowledge, due 02:54 UTC instead of 03:39 UTC."
        ),
    ),
    (
        Thanked(**BEN, text="You were quick.", people=("ana", "lucia")),
        "thanks",
        "Ben Halvorsen thanked Ana Okafor and Lucía Ferrer: You were quick.",
    ),
    (
        SupportContacted(**BEN, vendor="groq", what="They see it too", reference="GR-12"),
        "support",
        "Ben Halvorsen was in touch with the support of groq (case GR-12): They see it too.",
    ),
    (
        Resolved(**WHO, how="New disk", unverified=("Smoke tests",), because="the runner is down as well"),
        "resolved",
        "Ana Okafor resolved it: New disk. Not verified: Smoke tests; the runner is down as well.",
    ),
    (
        Absorbed(**BEN, **OTHER, because="The same trouble", signals=3),
        "merged",
        "Ben Halvorsen merged #9 (No recall) into this incident: The same trouble. 3 of its signals came along.",
    ),
    (
        Linked(**BEN, **OTHER, relation=Relation.CAUSED_BY, because="One disk"),
        "linked",
        "Ben Halvorsen linked #9 (No recall): this is caused by it. One disk.",
    ),
    (
        Linked(**BEN, incident_id="inc_SECRET", number=8, title="", relation=Relation.CAUSED),
        "linked",
        "Ben Halvorsen linked #8: this is the cause of it.",
    ),
    (
        Unlinked(**BEN, incident_id="inc_OTHER", number=9, because="A mistake"),
        "link removed",
        "Ben Halvorsen removed the link to #9: A mistake.",
    ),
    (
        SplitOff(**BEN, **OTHER, because="Another fault", signals=1),
        "split off",
        "Ben Halvorsen split off #9 (No recall): Another fault. 1 of the signals went with it.",
    ),
    (
        SplitFrom(**BEN, **OTHER, because="Another fault"),
        "split off",
        "Ben Halvorsen split this off from #9 (No recall): Another fault.",
    ),
    (
        Merged(**BEN, into="inc_OTHER", number=9, because="The same trouble"),
        "merged",
        "Ben Halvorsen merged this incident into #9: The same trouble. The work goes on there.",
    ),
    (
        TimeCorrected(
            **BEN, moment=Moment.RESOLVED, instant=NIGHT, before=NIGHT + timedelta(minutes=5), because="The logs say so"
        ),
        "time corrected",
        (
            "Ben Halvorsen corrected when it was resolved: 2026-11-24 02:39:31 UTC instead of 2026-11-24 02:44:31 UTC. "
            "The logs say so."
        ),
    ),
]
