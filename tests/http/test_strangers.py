"""A stranger asks every address and every command: nothing that answers says a word of what is confidential.

The addresses are those of the application itself, so that a new one is asked too from its first day.
"""

import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
from litestar.routes import HTTPRoute

from tests.support.secrets import NO_NUMBER, NOBODY, READERS, WORD, Secrets, keep, responder
from tests.support.served import Served
from tests.support.visitor import Visitor, console
from tocsin.delivery import outbox
from tocsin.incidents import confidential
from tocsin.incidents import store as incidents
from tocsin.kit.actor import CONFIDENTIAL, SYSTEM
from tocsin.people import access
from tocsin.response import secrecy
from tocsin.web.verbs import VERBS

READ = (access.INCIDENT_READ, access.INCIDENT_WRITE, access.PLAN_READ, access.METRICS_READ, access.SIGNAL_WRITE)
QUERIES = {
    "/incidents": ("status=merged", "status=open", "severity=P0"),
    "/declare": ("signal={signal}", "what=x"),
    "/insights": ("days=365", "days=7"),
    "/plan/coverage": ("days=365", "only=never", "sort=used"),
    "/api/v1/incidents": ("status=merged", "open=true", "open=false", "limit=1"),
    "/api/v1/events": ("since=0&follow=false",),
    "/api/v1/metrics/proposals": ("at_least=1",),
    "/api/v1/plan/coverage": ("sort=used", "only=missed"),
    "/incidents/{incident_id:str}": ("entry=3", "kind=related", "at=2026-11-24T03:34:19Z", "audience=internal"),
    "/api/v1/incidents/{incident_id:str}": ("at=2026-11-24T03:34:19Z",),
    "/api/v1/incidents/{incident_id:str}/replay": ("at=2026-11-24T03:34:19Z",),
}
"""What else an address is asked."""
ENDLESS = {"/api/v1/events"}
# These name every account, whatever it reads: lists of them, and the form that brings somebody into another incident.
ACCOUNTS = {"/api/v1/people", "/people", "/tokens", "/incidents/{incident_id:str}"}
NOT_ASKED = {"/static/{file_path:path}", "/readyz", "/signin/{secret:str}", "/a/{token:str}", "/a/{token:str}/all"}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("strangers")
    with console(f"sqlite:///{folder / 'tocsin.db'}") as one:
        yield one


@pytest.fixture(scope="module")
def secrets(here: Served) -> Secrets:
    return keep(here.app.database)


@pytest.fixture(scope="module")
def strangers(here: Served, secrets: Secrets) -> dict[str, Any]:
    """By name, how each of them asks for an address."""
    here.get("/signin")  # the first page of all brings the cookie of its forms
    by_token = here.bearer(*READ, name="robot")
    as_lucia = here.bearer(*READ, access.WAIVE, CONFIDENTIAL, name="of lucia", person="lucia")

    def machine(headers: dict[str, str]) -> Any:
        return lambda path: here.get(path, headers=headers)

    def browser(handle: str) -> Any:
        visitor = Visitor(here, handle)
        visitor.open("/")
        return lambda path: visitor.open(path).answer

    return {
        "lucia": browser("lucia"),
        "ana, who administers": browser("ana"),
        "a token": machine(by_token),
        "a token of lucia": machine(as_lucia),
        "nobody": here.get,
    }


def paths(here: Served, method: str) -> list[str]:
    routes = here.rest.routes
    known = {one.path for one in routes if not isinstance(one, HTTPRoute) or method in one.methods}
    return sorted(known - NOT_ASKED)


def filled(path: str, incident: str, signal: str) -> str:
    path = re.sub(r"\{(incident_id|name):str\}", incident, path)
    return re.sub(r"\{[a-z_]+:\w+\}", signal, path)


def addresses(here: Served, incident: str, signal: str) -> Iterator[tuple[str, str]]:
    """Every address that can be read, about this incident and this signal, by its path in the route table."""
    for path in paths(here, "GET"):
        for query in (*(() if path in ENDLESS else ("",)), *QUERIES.get(path, ())):
            asked = f"?{query.format(signal=signal)}" if query else ""
            yield path, filled(path, incident, signal) + asked
    for below in (incident, f"{incident}.json"):
        yield "/status/i", f"/status/i/{below}"


def test_the_story_has_something_to_hide_and_its_readers_see_it(here: Served, secrets: Secrets) -> None:
    ben = Visitor(here, "ben")
    for incident in secrets.hidden:
        page = ben.open(f"/incidents/{incident.id}")
        assert page.status == 200 and WORD in page.html and "Confidential" in page.html
    assert WORD in ben.open("/signals").html and WORD in ben.open("/incidents").html
    assert WORD in ben.open(f"/post-mortems/{secrets.breach.id}").html
    with here.app.database.read(SYSTEM) as tx:
        known = incidents.load(tx, secrets.breach.id)
    assert set(known.responders) == {*READERS, "counsel-x"}
    assert "#1" in ben.open(f"/incidents/{secrets.breach.id}").html


def test_no_address_says_a_word_to_a_stranger(here: Served, secrets: Secrets, strangers: dict[str, Any]) -> None:
    asked = 0
    abouts = [name for one in (*secrets.hidden, secrets.outage) for name in (one.id, str(one.number))]
    known = {address: path for about in abouts for path, address in addresses(here, about, secrets.signal_id)}
    for address, path in known.items():
        for who, ask in strangers.items():
            answer = ask(address)
            # What was asked for stands in the answer's own links and in its refusal; that tells nothing.
            told = unescape(answer.text)
            for own in (address, *(one.id for one in secrets.hidden if one.id in address)):
                told = told.replace(own, "")
            told = told.replace(secrets.signal_id, "") if secrets.signal_id in address else told
            found = secrets.given_away(told)
            if path in ACCOUNTS:
                found = [word for word in found if word != "counsel-x"]
            assert not found, (who, address, found)
            assert answer.status_code < 500, (who, address)
            asked += 1
    assert asked > 1000


def test_a_secret_can_not_be_told_from_what_does_not_exist(
    here: Served, secrets: Secrets, strangers: dict[str, Any]
) -> None:
    for one in secrets.hidden:
        for about, nothing in ((one.id, NOBODY), (str(one.number), str(NO_NUMBER))):
            pairs = zip(
                addresses(here, about, secrets.signal_id), addresses(here, nothing, "sig_NOTHERE0"), strict=True
            )
            for (path, address), (_, other) in pairs:  # the same but for what is asked after
                if address == other:
                    continue
                for who, ask in strangers.items():
                    known, unknown = ask(address), ask(other)
                    assert known.status_code == unknown.status_code, (who, path)
                    assert plain(known.text, secrets, about, nothing) == plain(unknown.text, secrets, about, nothing), (
                        who,
                        address,
                    )
                    assert sorted(known.headers) == sorted(unknown.headers), (who, address)


def plain(answer: str, secrets: Secrets, *asked: str) -> str:
    """An answer without what was asked for, and without what differs from one answer to the next anyway."""
    for name in (*asked, secrets.signal_id, "sig_NOTHERE0"):
        answer = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", "IT", answer)
    return re.sub(r'name="_csrf_token" value="[^"]*"', "", answer)


# ---- What changes something ----


def test_no_verb_of_the_api_tells_a_secret_from_nothing(here: Served, secrets: Secrets) -> None:
    document = here.get("/api/v1/openapi.json").json()
    callers = [
        here.bearer(*READ, access.WAIVE, name="robot that works"),
        here.bearer(*READ, access.WAIVE, CONFIDENTIAL, name="works for lucia", person="lucia"),
    ]
    asked = 0
    for path, item in document["paths"].items():
        for method in {"post", "put", "delete"} & item.keys():
            if "{incident_id}" not in path and "{signal_id}" not in path:
                continue
            bodies = body_of(document, item[method])
            known = path.replace("{incident_id}", secrets.breach.id).replace("{signal_id}", secrets.signal_id)
            unknown = path.replace("{incident_id}", NOBODY).replace("{signal_id}", "sig_NOTHERE0")
            for headers in callers:
                answers = [here.request(method.upper(), at, headers=headers, **bodies) for at in (known, unknown)]
                texts = [plain(one.text, secrets, secrets.breach.id, NOBODY) for one in answers]
                assert texts[0] == texts[1], (method, path)
                assert answers[0].status_code == answers[1].status_code in (403, 404), (method, path, texts)
                asked += 1
    assert asked > 50
    with here.app.database.read(SYSTEM) as tx:
        assert incidents.load(tx, secrets.breach.id).entries == secrets.breach.entries


WORDS = {"severity": "P1", "type": "security"}  # the plan's own, which are looked up before anything else


def body_of(document: dict[str, Any], operation: dict[str, Any]) -> dict[str, Any]:
    """The least body that the description of an operation allows."""
    content = operation.get("requestBody", {}).get("content", {})
    if "application/json" not in content:
        return {}
    return {"json": example(document, content["application/json"]["schema"])}


def example(document: dict[str, Any], schema: dict[str, Any]) -> Any:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return example(document, document["components"]["schemas"][name])
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("format") == "date-time":
        return "2026-11-24T03:00:00Z"
    if schema.get("type") == "object":
        wanted = schema.get("required", ())
        return {name: WORDS.get(name) or example(document, schema["properties"][name]) for name in wanted}
    return {"array": [], "boolean": True, "integer": 1, "number": 1}.get(schema.get("type", ""), "words")


@pytest.mark.parametrize("named", ["links", "links/remove", "merge"])
def test_an_open_incident_can_not_be_used_to_ask_after_a_secret(here: Served, secrets: Secrets, named: str) -> None:
    headers = here.bearer(*READ, name=f"links {named}", person="lucia")
    field = "into" if named == "merge" else "incident"
    texts = []
    for other in (secrets.breach.id, NOBODY, f"#{secrets.breach.number}", f"#{NO_NUMBER}"):
        answer = here.post(
            f"/api/v1/incidents/{secrets.outage.id}/{named}", json={field: other, "because": "why"}, headers=headers
        )
        assert answer.status_code == 404, answer.text
        texts.append(answer.text.replace(other, "IT").replace(other.removeprefix("#"), "IT"))
    assert texts[0] == texts[1] and texts[2] == texts[3]


def test_no_form_of_the_room_tells_a_secret_from_nothing(here: Served, secrets: Secrets) -> None:
    for handle in ("lucia", "ana"):
        visitor = Visitor(here, handle)
        token = visitor.open("/incidents").form("/theme").fields["_csrf_token"]
        fields = {"_csrf_token": token, "person": "lucia", "text": "x", "audience": "note", "note.text": "x"}
        for verb in (*VERBS, "updates", "nonsense"):
            known, unknown = (visitor.send(f"/incidents/{one}/{verb}", fields) for one in (secrets.breach.id, NOBODY))
            texts = [plain(one.html, secrets, secrets.breach.id, NOBODY) for one in (known, unknown)]
            assert known.status == unknown.status, (handle, verb)
            assert texts[0] == texts[1] and known.status in (303, 400, 404), (handle, verb, known.status)
    with here.app.database.read(SYSTEM) as tx:
        assert incidents.load(tx, secrets.breach.id).entries == secrets.breach.entries


# ---- What leaves the house ----


def test_no_message_carries_a_word_and_only_readers_are_written_to(here: Served, secrets: Secrets) -> None:
    with here.app.database.read(SYSTEM) as tx:
        for one in secrets.hidden:
            found = outbox.for_incident(tx, one.id)
            assert {each.person for each in found} <= set(confidential.readers(incidents.load(tx, one.id)))
            for each in found:
                assert WORD not in each.subject + each.body, (each.person, each.subject)
        assert outbox.for_incident(tx, secrets.breach.id)
        for each in outbox.for_incident(tx, secrets.outage.id):
            assert not secrets.given_away(each.subject + each.body)


def test_the_record_of_an_open_incident_can_not_be_signed_for_a_stranger(here: Served, secrets: Secrets) -> None:
    """It names one that was open then, and what is sealed is handed over whole."""
    lucia, ben = Visitor(here, "lucia"), Visitor(here, "ben")
    at = f"/incidents/{secrets.outage.id}/evidence"
    assert (lucia.open(at).status, ben.open(at).status) == (409, 200)


def test_what_is_handed_on_of_an_open_incident_names_no_secret_whoever_asks(here: Served, secrets: Secrets) -> None:
    ben = here.bearer(*READ, name="of ben", person="ben")
    for path in ("postmortem", "postmortem.md"):
        answer = here.get(f"/api/v1/incidents/{secrets.outage.id}/{path}", headers=ben)
        assert answer.status_code == 200 and not secrets.given_away(answer.text)
    own = here.get(f"/api/v1/incidents/{secrets.breach.id}/postmortem.md", headers=ben).text
    assert WORD in own and f"#{secrets.outage.number}" in own


def test_numbers_are_the_same_as_if_there_were_no_secrets(here: Served, secrets: Secrets) -> None:
    robot = here.bearer(*READ, name="counts")
    found = here.get("/api/v1/metrics/incidents?to=2026-11-25T00:00:00Z", headers=robot).json()
    assert (found["times"]["incidents"], len(found["incidents"])) == (1, 1)


def test_the_quarantine_keeps_what_names_a_secret_for_its_readers(here: Served, secrets: Secrets) -> None:
    def bodies(handle: str) -> list[str]:
        headers = here.bearer(*READ, name=f"quarantine of {handle}", person=handle)
        return [one["body"] for one in here.get("/api/v1/signals/quarantine", headers=headers).json()["bodies"]]

    assert bodies("lucia") == ["harmless"]
    assert len(bodies("ben")) == 2


def test_a_reader_who_goes_becomes_a_stranger(here: Served, secrets: Secrets) -> None:
    here.app.database.run(
        responder("ben"), lambda tx: secrecy.remove_responder(tx, secrets.hushed.id, "tomas", "Conflict of interest")
    )
    tomas = Visitor(here, "tomas")
    assert tomas.open(f"/incidents/{secrets.hushed.id}").status == 404
    assert tomas.open(f"/incidents/{secrets.breach.id}").status == 200
