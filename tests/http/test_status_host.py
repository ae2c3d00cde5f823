"""The public page on a host of its own, and in the language that its reader asks for."""

import json
import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import httpx2
import pytest

from tests.support.served import EVERY_RIGHT, Served, served
from tocsin.comms.language import LANGUAGES
from tocsin.plan.publicpage import Language
from tocsin.settings import BadSetting, read
from tocsin.status.words import CATALOGUES

OWN = {"Host": "status.example.org"}
CONSOLE = (
    "/",
    "/incidents",
    "/signin",
    "/api/v1/incidents",
    "/plan",
    "/livez",
    "/static/tocsin.css",
    "/oncall/now",
    "/a/x",
)


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Served]:
    with served(sqlite_url, status_url="https://status.example.org") as one:
        yield one


def text(answer: httpx2.Response) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


def told(here: Served) -> dict[str, Any]:
    headers = here.bearer(*EVERY_RIGHT, name="robot")
    about = {"title": "x", "severity": "P1", "type": "service_outage", "service": "rose"}
    incident = here.post("/api/v1/incidents", json=about, headers=headers).json()["id"]
    fields = {"issue": "replies hang", "impact": "Rose is slow."}
    body = {"audience": "public", "stage": "investigating", "fields": fields}
    assert here.post(f"/api/v1/incidents/{incident}/updates", json=body, headers=headers).is_success
    found: dict[str, Any] = here.get("/api/v2/incidents.json", headers=OWN).json()["incidents"][0]
    return found


# ---- A host of its own ----


def test_on_its_own_host_the_page_stands_at_the_root(here: Served) -> None:
    incident = told(here)
    page = here.get("/", headers=OWN)
    assert page.status_code == 200 and "Replies hang" in text(page)
    assert incident["shortlink"] == f"https://status.example.org/i/{incident['id']}"
    assert f'href="/i/{incident["id"]}"' in page.text and 'href="/status/i/' not in page.text
    assert "Replies hang" in text(here.get(f"/i/{incident['id']}", headers=OWN))
    for name in (
        "history.atom",
        "history.rss",
        "badge.svg",
        "notice.js",
        "notice.json",
        "logo.svg",
        "history",
        "de/history",
    ):
        assert here.get(f"/{name}", headers=OWN).status_code == 200, name
    css = re.search(r'href="(/status\.css[^"]*)"', page.text)
    assert css is not None and here.get(css[1], headers=OWN).headers["content-type"].startswith("text/css")


@pytest.mark.parametrize("path", CONSOLE)
def test_on_its_own_host_nothing_else_is_there(here: Served, path: str) -> None:
    there, beside = here.get(path, headers=OWN), here.get(path)
    if path == "/":
        assert "Everything works." in text(there)
    else:
        assert there.status_code == 404 and "There is no such page." in text(there)
    assert beside.status_code != 404 or path == "/a/x"


def test_signals_are_not_taken_there(here: Served) -> None:
    headers = here.bearer(*EVERY_RIGHT)
    answer = here.post("/api/v1/signals", json={"key": "a", "title": "b"}, headers={**headers, **OWN})
    assert answer.status_code == 405


def test_forms_of_the_public_are_there(here: Served) -> None:
    form = here.get("/status/report", headers=OWN)
    assert form.status_code == 200 and "What does not work?" in text(form)
    assert 'href="/status.css' in form.text
    assert 'href="/status/status.css' in here.get("/status/report").text


def test_feeds_name_the_host_of_the_page(here: Served) -> None:
    told(here)
    for answer in (here.get("/history.atom", headers=OWN), here.get("/status/history.atom")):
        assert "https://status.example.org/history.atom" in answer.text and "tocsin.example.org" not in answer.text
    notice = here.get("/status/notice.json").json()
    assert notice["page"]["url"] == "https://status.example.org"


def test_another_host_or_port_is_not_the_public_one(here: Served) -> None:
    for host in ("status.example.org.evil.test", "tocsin.example.org", "status.example.org:8443"):
        assert "Everything works." not in text(here.get("/", headers={"Host": host}))
    assert "Everything works." in text(here.get("/", headers={"Host": "STATUS.example.org:443"}))


def test_where_it_has_no_host_of_its_own_nothing_changes(sqlite_url: str) -> None:
    with served(sqlite_url) as here:
        assert here.get("/", headers=OWN).status_code == 303
        assert here.get("/status", headers=OWN).status_code == 200


def test_its_address_must_be_one() -> None:
    with pytest.raises(BadSetting, match="TOCSIN_STATUS_URL must begin with"):
        read({"TOCSIN_STATUS_URL": "status.example.org"})


# ---- In the reader's language ----


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_language_is_asked_for_by_browser_address_or_query(here: Served, code: Language) -> None:
    works = CATALOGUES[code].says("works")
    for answer in (
        here.get("/status", headers={"Accept-Language": f"{code},en;q=0.5"}),
        here.get(f"/status/{code}"),
        here.get(f"/status?lang={code}", headers={"Accept-Language": "en"}),
        here.get("/", headers={**OWN, "Accept-Language": code}),
    ):
        assert answer.status_code == 200 and works in text(answer)
        assert answer.headers["content-language"] == code
        assert "accept-language" in answer.headers["vary"]


def test_whoever_chose_a_language_by_its_address_keeps_it(here: Served) -> None:
    incident = told(here)
    for address in ("/status/de", "/status?lang=de"):
        assert f'href="/status/de/i/{incident["id"]}"' in here.get(address).text
    negotiated = here.get("/status", headers={"Accept-Language": "de"}).text
    assert f'href="/status/i/{incident["id"]}"' in negotiated and 'href="/status/fr"' in negotiated
    assert "Betrifft" in text(here.get(f"/status/de/i/{incident['id']}"))


def test_each_language_has_a_tag_of_its_own(here: Served) -> None:
    german = here.get("/status", headers={"Accept-Language": "de"})
    tag = german.headers["etag"]
    assert here.get("/status", headers={"Accept-Language": "de", "If-None-Match": tag}).status_code == 304
    assert here.get("/status", headers={"Accept-Language": "fr", "If-None-Match": tag}).status_code == 200


def test_a_language_that_is_not_spoken_is_not_taken(here: Served) -> None:
    assert here.get("/status?lang=../../etc").headers["content-language"] == "en"
    assert here.get("/status/xx").status_code == 404


# ---- For other people's pages ----


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("badge.svg", "image/svg+xml"),
        ("notice.json", "application/json"),
        ("notice.js", "text/javascript"),
        ("history.rss", "application/rss+xml"),
        ("history.atom", "application/atom+xml"),
    ],
)
def test_what_others_show_may_be_read_from_any_site(here: Served, name: str, kind: str) -> None:
    answer = here.get(f"/status/{name}")
    assert answer.headers["content-type"].startswith(kind)
    assert answer.headers["access-control-allow-origin"] == "*" and answer.headers["etag"]


def test_a_logo_that_somebody_opens_runs_nothing(here: Served) -> None:
    assert "sandbox" in here.get("/status/logo.svg").headers["content-security-policy"]


def test_the_notice_tells_of_what_goes_on(here: Served) -> None:
    incident = told(here)
    notice = json.loads(here.get("/status/de/notice.json").text)
    assert (notice["lang"], notice["quiet"]) == ("de", False)
    assert [one["url"] for one in notice["incidents"]] == [incident["shortlink"]]
