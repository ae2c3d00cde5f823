"""A plan that would fail on the night is refused in the afternoon."""

from collections.abc import Callable
from copy import deepcopy
from importlib import resources
from typing import Any

import pytest
import yaml

from tocsin.comms import updates
from tocsin.obligations.model import Kind
from tocsin.plan import check, lint
from tocsin.plan.model import Plan
from tocsin.review import postmortem

ROSE = resources.files("tocsin").joinpath("plans", "rose.yaml").read_text(encoding="utf-8")

CONTENT: dict[str, Any] = yaml.load(ROSE, Loader=yaml.CBaseLoader)


def content() -> dict[str, Any]:
    """Rose's plan as plain lists and mappings, every scalar as text."""
    return {**deepcopy(CONTENT), "tocsin": 1}


def put(place: str, value: object) -> dict[str, Any]:
    """Rose's plan with another value at a path. A key that is not there yet comes to stand at the end."""
    plan: Any = content()
    *parents, last = place.split(".")
    inside = plan
    for part in parents:
        inside = inside[int(part) - 1 if isinstance(inside, list) else part]
    inside[int(last) - 1 if isinstance(inside, list) else last] = value
    assert isinstance(plan, dict)
    return plan


def said(plan: dict[str, Any]) -> dict[str, str]:
    found = check.load(yaml.dump(plan, Dumper=yaml.CSafeDumper, sort_keys=False))
    return {} if isinstance(found, Plan) else {one.path: one.message for one in found}


def test_a_sound_plan_has_no_findings() -> None:
    assert said(content()) == {}


WRONG_REFERENCES = [
    ("escalation.engineering.steps.1.page", ["on-call"], "1", 'rotation, team or person called "on-call"', "on_call"),
    ("escalation.engineering.steps.2.page", ["commander", "bne"], "2", 'rotation, team or person called "bne"', "ben"),
    ("severities.P1.escalation", "enginering", "", 'escalation policy called "enginering"', "engineering"),
    ("severities.P1.roles_within", {"scrieb": "5 min"}, "scrieb", 'role called "scrieb"', "scribe"),
    ("teams.engineering.members", ["ana", "thomas"], "2", 'person called "thomas"', "tomas"),
    ("roles.scribe.eligible", ["engineers"], "1", 'person or team called "engineers"', "engineering"),
    ("rotations.on_call.people", ["anna"], "1", 'person called "anna"', "ana"),
    ("rotations.on_call.layers", [{"name": "n", "people": ["bne"]}], "1.people.1", 'person called "bne"', "ben"),
    ("teams.engineering.leads", ["bne"], "1", 'person called "bne"', "ben"),
    ("services.rose.readers", ["secruity"], "1", 'person or team called "secruity"', "security"),
    ("teams.engineering.rotation", "on-call", "", 'rotation called "on-call"', "on_call"),
    ("services.rose.rotation", "comander", "", 'rotation called "comander"', "commander"),
    ("services.rose.team", "enginering", "", 'team called "enginering"', "engineering"),
    ("communication.audiences.public.owner", "comms_lead", "", 'role called "comms_lead"', "communications_lead"),
    ("communication.audiences.internal.to", ["exec"], "1", 'person or team called "exec"', None),
    ("communication.audiences.internal.template", "internal", "", 'template called "internal"', "internal_update"),
    (
        "communication.audiences.internal.cadence.P7",
        {"first_within": "1 h", "every": "1 h"},
        "",
        'severity called "P7"',
        None,
    ),
    (
        "communication.stages.monitoring",
        "status_watching",
        "",
        'template called "status_watching"',
        "status_monitoring",
    ),
    ("rules.1.type", "outage", "", 'type called "outage"', "service_outage"),
    ("rules.1.severity", "P9", "", 'severity called "P9"', None),
    ("rules.1.service", "rosa", "", 'service called "rosa"', "rose"),
    ("rules.1.components", ["vioce"], "1", 'component called "vioce"', "voice"),
    ("recovery.owner", "tech_lead", "", 'role called "tech_lead"', "technical_lead"),
    ("review.owner", "commander", "", 'role called "commander"', "incident_commander"),
    ("review.attendees", ["responder"], "1", 'role, team or person called "responder"', "responders"),
    ("review.sections.impact.facts", "impacts", "", 'facts called "impacts"', "impact"),
    ("clauses.solve", "SEV-03", "", 'kind of obligation called "solve"', "resolve"),
    ("templates.status_initial", "{titel}", "", 'field called "titel"', "title"),
    ("templates.status_initial", "{title.x}", "", 'field called "title.x"', "title"),
]


@pytest.mark.parametrize(("place", "value", "item", "sentence", "meant"), WRONG_REFERENCES)
def test_a_name_that_leads_nowhere_is_found_with_the_nearest_one(
    place: str, value: object, item: str, sentence: str, meant: str | None
) -> None:
    hint = f"; did you mean {meant}?" if meant else ""
    assert said(put(place, value)) == {f"{place}.{item}" if item else place: f"no {sentence}{hint}"}


HOLES = [
    ("escalation.all_hands.steps", [], "", "a policy without steps pages nobody"),
    ("escalation.all_hands.steps.1.page", [], "", "this step pages nobody"),
    ("escalation.all_hands.rounds", 0, "", "at least 1 round; without this key, until somebody acknowledges"),
    ("rotations.on_call.people", [], "", "nobody takes turns here"),
    ("rotations.on_call.days", 0, "", "a turn takes from 1 to 366 days, not 0"),
    ("rotations.on_call.days", 99999, "", "a turn takes from 1 to 366 days, not 99999"),
    ("rotations.on_call.starts_on", "0001-01-01", "", "0001-01-01 is not a day on which anybody is on call"),
    ("rotations.on_call.hours", 0, "", "a turn takes from 1 to 8784 hours, not 0"),
    ("paging.canary.every", "36 h", "", "1 d 12 h is not whole days; write it like 1 d or 1 w"),
    ("paging.canary.starts_on", "0001-01-01", "", "0001-01-01 is not a day on which anybody is paged"),
    (
        "paging.canary.answer_within",
        "1 w",
        "",
        "an answer is waited for until the next comes, after 1 w, and not longer",
    ),
    ("rotations.on_call.together", 0, "", "at least 1 person in a turn"),
    (
        "rotations.commander.together",
        2,
        "",
        "2 in each turn would put ben beside themselves; name more people, or in another order",
    ),
    (
        "rotations.on_call",
        {"people": ["ana"], "starts_on": "2026-01-05", "handoff": "09:00", "days": 10, "handoff_on": "mon"},
        "handoff_on",
        "turns stay on one weekday only if they take whole weeks: days: 7, 14, …",
    ),
    ("rotations.on_call.holidays", [{"days": []}], "1.days", "a holiday is on at least one day"),
    (
        "rotations.on_call.layers",
        [{"name": "night", "people": ["ana"]}, {"name": "night", "people": ["ben"]}],
        "2.name",
        'layer 1 is called "night" too',
    ),
    (
        "rotations.on_call.layers",
        [{"name": "summer", "people": ["ana"], "from_on": "2026-08-01", "until_on": "2026-07-01"}],
        "1.until_on",
        "it ends on 2026-07-01, and begins only on 2026-08-01",
    ),
    (
        "rotations.on_call.holidays",
        [{"days": ["2026-12-25"], "rotation": "on_call"}],
        "1.rotation",
        "on_call comes back to on_call on its own holidays; who would be on call?",
    ),
    ("teams.product.members", [], "", "nobody is in this team"),
    ("roles.scribe.eligible", [], "", "nobody may hold this role"),
    ("severities.P3.acknowledge_within", "2 w", "", "to be acknowledged within 2 w, but resolved within 1 w"),
    (
        "services.rose.probes.health.url",
        "rose.example.org",
        "",
        "'rose.example.org' is not an address that begins with http://, https://, tcp://, dns:// or tls://",
    ),
    (
        "services.rose.probes.health.url",
        "file:///etc/passwd",
        "",
        "'file:///etc/passwd' is not an address that begins with http://, https://, tcp://, dns:// or tls://",
    ),
    ("services.rose.probes.health.url", "http://[", "", "'http://[' is not an address"),
    ("services.rose.probes.health.url", "http://rose:99999", "", "'http://rose:99999' is not an address"),
    (
        "services.rose.probes.health.url",
        "https://a:b@rose.example.org",
        "",
        "a plan is read by everybody and holds no passwords",
    ),
    ("services.rose.probes.health.certificate_days", 14, "", "there is no certificate at an address with http://"),
    ("services.rose.probes.health.out_of", 2, "", "from 3 (the failures) to 60 looks"),
    ("services.rose.probes.health.out_of", 61, "", "from 3 (the failures) to 60 looks"),
    (
        "services.rose.probes.health.control",
        "example.org",
        "",
        "'example.org' is not an address that begins with http:// or https://",
    ),
    ("vendors.groq.look_every", "30 s", "", "at least 1 min: the page belongs to somebody else"),
    (
        "vendors.groq",
        {"name": "Groq", "look_every": "2 min"},
        "look_every",
        "nobody can look at a status page that is not named; add status_page",
    ),
    (
        "services.rose.probes.health.token",
        "gsk_0F1e",
        "",
        "the name of a token of the setting TOCSIN_PROBE_TOKENS, never a token itself",
    ),
    ("services.rose.probes.health.token_header", "x-key", "", "there is no token to stand there; add token"),
    (
        "vendors.groq",
        {"name": "Groq", "probes": {"status_page": {"url": "https://groq.example.org"}}},
        "probes.status_page",
        "the status page is looked at by look_every; call this probe something else",
    ),
    ("services.rose.probes.health.paths", [], "", 'at least one path; write "" for the address itself'),
    ("services.rose.probes.health.paths", ["", "health"], "2", "a path begins with a slash: /health"),
    ("services.rose.probes.health.failures", 0, "", "at least 1 look"),
    ("services.rose.probes.health.recoveries", 0, "", "at least 1 look"),
    (
        "services.rose.probes.health.slow_after",
        "12 s",
        "",
        "an answer that takes 12 s is never seen: the timeout is 12 s",
    ),
    (
        "rules.1.when",
        {"title": "/(/"},
        "title",
        "/(/ is not a regular expression: missing ), unterminated subpattern at position 0",
    ),
    ("rules.1.when", {"title": []}, "title", "no word can match an empty list"),
    ("rules.1.when", {"title": [""]}, "title", "nothing matches an empty word; write * for any"),
    ("rules.2.name", "monitoring is blind", "", 'rule 1 is called "monitoring is blind" too'),
    (
        "rules.2.when",
        {"alertname": ["DatasourceNoData", "DatasourceError"], "source": "x"},
        "",
        "no signal comes this far: rule 1 takes them all",
    ),
    (
        "communication.audiences.internal.to",
        [],
        "-",
        "nobody would hear: name people or teams in `to`, or make it public",
    ),
    (
        "communication.stages",
        {"investigating": "status_initial"},
        "",
        "the public is told in stages; no template for identified, monitoring and resolved",
    ),
    ("templates.status_initial", "a } b", "", "a } stands alone; write }} for a plain brace"),
    ("review.attendees", [], "", "nobody would come"),
    ("review.sections", {}, "", "a post-mortem without sections says nothing"),
    ("review.minutes", 55, "agenda", "the topics take 60 min, and the meeting 55"),
    ("review.agenda.1.minutes", 0, "", "at least 1 minute"),
    ("version", "2.0", "", "the history knows no version 2.0; it has 1.0 and 1.1"),
    (
        "types.a b",
        {"name": "x", "symptoms": "x", "actions": []},
        "",
        '"a b" is not a name; use letters, digits, - and _',
    ),
    (
        "people.Ana",
        {"name": "x"},
        "",
        '"Ana" is not a handle; use a letter, then up to 39 of a-z 0-9 . _ -',
    ),
    ("reports", {"enough": 0}, "enough", "0 is not a number of people from 1 to 100"),
    ("flapping", {"changes": 2}, "changes", "2 is not a number of changes from 3 to 50"),
    ("flapping", {"within": "2 d"}, "within", "2 d is not a time of up to 1 d"),
    ("flapping", {"calm_for": "25 h"}, "calm_for", "1 d 1 h is not a time of up to 1 d"),
    ("reports", {"within": "2 d"}, "within", "2 d is not a time of up to 1 d"),
    ("people.everyone", {"name": "x"}, "", '"everyone" is also a word of the format; a page must know whom it is for'),
    ("people.tocsin", {"name": "x"}, "", '"tocsin" is also the program; a page must know whom it is for'),
    (
        "teams.ana",
        {"name": "x", "members": ["ana"]},
        "",
        '"ana" is also one of the people; a page must know whom it is for',
    ),
    (
        "roles.product",
        {"name": "x", "purpose": "x", "duties": [], "eligible": ["ana"]},
        "",
        '"product" is also one of the teams; an invitation must know whom it is for',
    ),
    (
        "roles.on_call",
        {"name": "x", "purpose": "x", "duties": [], "eligible": ["ana"]},
        "",
        '"on_call" is also a word of the format; an invitation must know whom it is for',
    ),
]


@pytest.mark.parametrize(("place", "value", "item", "sentence"), HOLES)
def test_a_hole_is_found_before_anybody_falls_in(place: str, value: object, item: str, sentence: str) -> None:
    parent = place.rpartition(".")[0]
    path = {"": place, "-": parent, "agenda": f"{parent}.agenda"}.get(item, f"{place}.{item}")
    assert said(put(place, value)) == {path: sentence}


@pytest.mark.parametrize(
    ("section", "sentence"),
    [
        ("people", "a plan without people reaches nobody"),
        ("severities", "no incident can be declared without a severity"),
        ("types", "no incident can be declared without a type"),
    ],
)
def test_what_no_plan_can_do_without(section: str, sentence: str) -> None:
    assert said(put(section, {}))[section] == sentence


def test_a_rule_that_matches_everything_hides_those_after_it() -> None:
    last = len(content()["rules"])
    found = said(put(f"rules.{last - 2}.when", {}))
    assert found == {
        f"rules.{last - 1}.when": f"no signal comes this far: rule {last - 2} takes them all",
        f"rules.{last}.when": f"no signal comes this far: rule {last - 2} takes them all",
    }


AT_RAILWAY = {"environment": "8f1d2c3b-0a4e-4c5d-9e6f-7a8b9c0d1e2f", "token": "rose"}
ON_RAILWAY: dict[str, Any] = {"railway": AT_RAILWAY, "patterns": {"a": {"match": "a"}}}
MEASURES = [
    ("services.rose.measures.voice_errors.url", "tcp://a:1", "", "'tcp://a:1' is not an address that begins with"),
    ("services.rose.measures.voice_errors.total", [], "", "errors are a part of a total; name the counters of both"),
    (
        "services.rose.measures.voice_errors.number",
        "a",
        "",
        "a measure has one of these: errors and total, error_rate,",
    ),
    ("services.rose.measures.voice_errors.errors", ["a."], "1", "'a.' is no way into JSON"),
    (
        "services.rose.measures.voice_errors.reads",
        "prometheus",
        "errors.1",
        "'counters.voice_processing_failure' is no",
    ),
    ("services.rose.measures.voice_errors.above", 5, "", "an error rate is held against the bands of the severities"),
    ("services.rose.measures.voice_errors.workers", 65, "", "from 1 to 64"),
    ("services.rose.measures.voice_errors.window", "20 s", "", "from 30 s to 1 h, where it is read every 15 s"),
    ("services.rose.measures.voice_errors.least", 0, "", "at least 1"),
    ("services.rose.measures.voice_latency.sum", "a", "", "a mean follows from count, and either sum or average"),
    ("services.rose.measures.voice_latency.usual.over", "5 w", "", "at most 4 w: older measures are not kept"),
    ("services.rose.measures.voice_latency.usual.within", "1 w", "", "shorter than 1 w, from which it is learned"),
    ("services.rose.measures.voice_latency.usual.within", "30 s", "", "at least 1 min"),
    ("services.rose.probes.health.usual.least", 0, "", "at least 1 reading"),
    ("services.rose.probes.health.usual.ignore", -1, "", "nothing is smaller than no difference"),
    ("services.rose.logs.app.url", "https://rose.example.org/log", "", "a log is read at a url or at railway, or sent"),
    (
        "services.rose.logs.app.url",
        "tcp://a:1",
        "",
        "'tcp://a:1' is not an address that begins with http:// or https://",
    ),
    ("services.rose.logs.app.url", "file:///", "", "'file:///' is not an address"),
    ("services.rose.logs.app.railway", AT_RAILWAY, "", "a log is read at a url or at railway, or sent to us"),
    ("services.rose.logs.app", {**ON_RAILWAY, "every": "5 s"}, "every", "at least 10 s at Railway"),
    (
        "services.rose.logs.app",
        ON_RAILWAY | {"railway": {**AT_RAILWAY, "environment": "production"}},
        "railway.environment",
        "the id of",
    ),
    (
        "services.rose.logs.app",
        ON_RAILWAY | {"railway": {**AT_RAILWAY, "token": "A B"}},
        "railway.token",
        "the name of a token",
    ),
    ("services.rose.logs.app.patterns", {}, "", "at least one pattern"),
    ("services.rose.logs.app.patterns.breaker_opened.match", "(", "", "'(' is not a regular expression"),
    ("services.rose.logs.app.patterns.breaker_opened.until", "x*", "", "'x*' fits every line"),
    ("services.rose.logs.app.patterns.breaker_opened.least", 0, "", "from 1 to 1000"),
    ("services.rose.logs.health", {"sender": "x", "patterns": {"a": {"match": "a"}}}, "", "a probe, a heartbeat or a"),
    ("services.rose.journeys.voice.url", "dns://a", "", "'dns://a' is not an address that begins with http://"),
    ("services.rose.journeys.voice.every", "1 min", "", "every 1 min is 1440 times a day; per_day allows 120"),
    ("services.rose.journeys.voice.legs", [], "", "at least one step"),
    ("services.rose.journeys.voice.slow_after", "1 h", "", "longer than all of it may take"),
    ("services.rose.journeys.voice.legs.1.path", "x", "", "a path begins with a slash: /x"),
    ("services.rose.journeys.voice.legs.2.method", "GET", "", "a form is sent with POST"),
    ("services.rose.journeys.voice.legs.2.form", {"s": "{sesion_id}"}, "s", 'no step before captures "sesion_id"; did'),
    ("services.rose.journeys.voice.legs.2.says", "(", "", "'(' is not a regular expression"),
    ("services.rose.journeys.voice.legs.2.expect", [], "", "at least one status that is good"),
    ("services.rose.journeys.voice.legs.2.files.audio.base64", "%", "", "this is not base64"),
    ("services.rose.journeys.voice.legs.2.files.audio.base64", "", "", "a file of 1 to 262144 bytes, not 0"),
    ("services.rose.journeys.voice.legs.2.files.audio.name", 'a"b', "", "no quotes and no breaks"),
    ("services.rose.journeys.voice.legs.1.captures", {"A": "x"}, "A", "a name is small letters, digits and _"),
    ("services.rose.journeys.voice.legs.1.captures", {"a": "x..y"}, "a", "'x..y' is no way into JSON"),
    ("rules.13.slowdown_of", "slowdown", "", "a rule has either a severity, or the label whose number decides it"),
]


@pytest.mark.parametrize(("path", "value", "below", "begins"), MEASURES)
def test_what_is_measured_must_hold_together(path: str, value: object, below: str, begins: str) -> None:
    found = said(put(path, value))
    places = (path, f"{path}.{below}", path.rpartition(".")[0], f"{path.rpartition('.')[0]}.{below}")
    assert any(where in places and one.startswith(begins) for where, one in found.items()), found


def test_a_component_without_a_named_service_may_be_of_any() -> None:
    plan = content()
    del plan["rules"][1]["service"]
    assert said(plan) == {}
    plan["rules"][1]["components"] = ["moon"]
    assert said(plan) == {"rules.2.components.1": 'no component called "moon"'}


def test_doubled_braces_and_the_plans_own_roles_may_stand_in_a_template() -> None:
    assert said(put("templates.status_initial", "{{ {title} }} by {incident_commander}")) == {}


def test_findings_come_with_their_lines_and_in_their_order() -> None:
    text = ROSE.replace("members: [erin]", "members: [erni]").replace("owner: technical_lead", "owner: technician")
    found = check.load(text, "ours.yaml")
    assert isinstance(found, list)
    lines = [number for number, line in enumerate(text.splitlines(), 1) if "erni" in line or "technician" in line]
    assert [str(one).partition("   ")[0] for one in found] == [
        f"ours.yaml:{lines[0]}  teams.executives.members.1",
        f"ours.yaml:{lines[1]}  recovery.owner",
    ]


def test_what_the_check_knows_by_heart_is_what_the_rest_of_the_program_does() -> None:
    assert set(check.CLAUSE_KINDS) == set(Kind) - {
        Kind.CANARY,
        Kind.COVER,
        Kind.QUIET,
        Kind.TURN,
    }  # no plan asks for them, so no clause does
    assert set(check.FACTS) == set(postmortem.FACT_NAMES)
    assert set(updates.TYPED) < set(check.KNOWN_FIELDS)


def test_rotations_that_stand_in_for_each_other_without_end_are_found() -> None:
    plan = content()
    for name, other in (("on_call", "commander"), ("commander", "on_call")):
        plan["rotations"][name]["holidays"] = [{"days": ["2026-12-25"], "rotation": other}]
    assert set(said(plan)) == {"rotations.on_call.holidays.1.rotation", "rotations.commander.holidays.1.rotation"}


@pytest.mark.parametrize(
    ("probe", "key", "sentence"),
    [
        ({"url": "tcp://db.example.org"}, "url", "a port is missing; write it like tcp://db.example.org:5432"),
        (
            {"url": "dns://rose.example.org:53"},
            "url",
            "a name is looked up without a port; write it like dns://www.example.org",
        ),
        ({"url": "tcp://db.example.org:1/x"}, "url", "nothing follows the name and the port after tcp://"),
        ({"url": "tls://rose.example.org"}, "url", "say in certificate_days how long a certificate must still last"),
        ({"url": "http://api.example.org", "token": "a"}, "token", "a token goes to an address with https:// only"),
        ({"url": "tcp://127.0.0.1:1", "token": "a"}, "token", "a token goes to an address with https:// only"),
        (
            {"url": "https://api.example.org", "token": "a", "token_header": "Host"},
            "token_header",
            "Host is for the connection itself",
        ),
        (
            {"url": "dns://rose.example.org", "good_values": ["up"]},
            "good_values",
            "no health report is read at an address with dns://",
        ),
    ],
)
def test_a_probe_asks_only_for_what_its_address_can_say(probe: dict[str, object], key: str, sentence: str) -> None:
    assert said(put("services.rose.probes", {"one": probe})) == {f"services.rose.probes.one.{key}": sentence}


@pytest.mark.parametrize("asked", [check.load, lint.examine])
def test_of_a_text_in_which_hardly_a_word_is_known_little_is_guessed(asked: Callable[[str], Any]) -> None:
    """Each pair of words takes its time: of three hundred that are unknown beside three hundred that are not, a minute
    of the whole server."""
    known, meant = ([f"{stem}{one:03}" for one in range(300)] for stem in ("person", "persom"))
    text = ROSE.replace("\npeople:\n", "\npeople:\n" + "".join(f"  {one}: {{ name: P }}\n" for one in known), 1)
    text = text.replace("\nteams:\n", f"\nteams:\n  t: {{ name: T, members: [{', '.join(meant)}] }}\n", 1)
    found = asked(text)
    said = [str(one) for one in (found if isinstance(found, list) else found.open)]
    unknown = [one for one in said if 'called "persom' in one]
    guessed = [one for one in unknown if "did you mean person" in one]
    assert len(unknown) == 300 and 0 < len(guessed) <= check.MOST_GUESSED / 300
