"""The public site as files: what there is, that every link leads to one of them, and what each language says."""

import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import PurePosixPath
from urllib.parse import urljoin, urlsplit
from xml.etree import ElementTree as ET

import pytest

from tests.support.records import NIGHT, PLAN, declared, incident, later, public, timeline
from tocsin.comms.language import LANGUAGES
from tocsin.comms.maintenance import Progress, PublicMaintenance
from tocsin.comms.statuspage import OldMonth, PublicIncident, PublicMonth, component_id, public_incident, public_page
from tocsin.incidents.model import AnyEntry
from tocsin.plan.contrast import contrast
from tocsin.plan.model import Stage
from tocsin.plan.publicpage import Colours, StatusPage
from tocsin.status.places import digests
from tocsin.status.site import FILLS, AnyFile, Place, Site, published
from tocsin.status.words import CATALOGUES

NOW = later(60)
LOGO = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><path d="M0 0h1v1z"/></svg>'
FIRST = public(Stage.INVESTIGATING, "We look into it.", 10)
LAST = public(Stage.RESOLVED, "It is over.", 50)


def posted(*entries: AnyEntry, name: str = "inc_NIGHT", **changes: object) -> PublicIncident:
    record = (declared(**changes), *entries)
    found = public_incident(PLAN, incident(*record, incident_id=name), timeline(*record))
    assert found is not None
    return found


def maintenance(progress: Progress, back: int) -> PublicMaintenance:
    at = NOW - timedelta(days=back)
    return PublicMaintenance(
        id=f"sil_{back}",
        name="A larger database",
        text="It is slow.",
        progress=progress,
        components=(component_id("rose", "memory"),),
        starts_at=at,
        ends_at=at + timedelta(hours=2),
        created_at=at - timedelta(days=1),
        updated_at=at,
        steps=((progress, at),),
    )


def site(*incidents: PublicIncident, planned: tuple[PublicMaintenance, ...] = (), **look: object) -> Site:
    page = public_page(PLAN, "Rose", "https://status.example.org", incidents, NIGHT - timedelta(days=200), planned)
    return Site(page, StatusPage(**look), NOW, asks=True)


def html(shown: Site, path: str = "", language: str = "en") -> str:
    return shown.html(path, Place(root="/status/", dynamic="/status"), language).body.decode()


def text(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


BUSY = site(posted(FIRST), posted(FIRST, LAST, name="inc_OVER"), planned=(maintenance(Progress.COMPLETED, 40),))
FILES: dict[str, AnyFile] = dict(published(BUSY, "https://tocsin.example.org/status"))


# ---- As files elsewhere ----


def test_every_page_json_feed_and_badge_is_published_in_every_language() -> None:
    pages = {name for name in FILES if name.endswith(".html")}
    assert {"index.html", "404.html", "history/index.html", "history/2026-10/index.html"} <= pages
    for code in (one for one in LANGUAGES if one != "en"):
        assert {f"{code}/index.html", f"{code}/history/index.html", f"{code}/notice.json"} <= FILES.keys()
    assert {
        "api/v2/summary.json",
        "history.atom",
        "history.rss",
        "badge.svg",
        "notice.js",
        "status.css",
    } <= FILES.keys()
    for one in BUSY.page.incidents:
        assert f"i/{one.id}/index.html" in pages and f"de/i/{one.id}/index.html" in pages


@pytest.mark.parametrize("name", sorted(name for name in FILES if name.endswith(".html") and name != "404.html"))
def test_every_link_of_a_published_page_leads_to_a_published_file(name: str) -> None:
    for link in re.findall(r'(?:href|src)="([^"#]+)"', FILES[name].body.decode()):
        if urlsplit(link).scheme:
            assert link.partition("?")[0] == "https://tocsin.example.org/status/report"
        else:
            target = urlsplit(urljoin(f"https://elsewhere.test/deep/{name}", link)).path.removeprefix("/deep/")
            assert target in FILES, f"{name} leads to {link}"
            assert not link.startswith("/")


def test_a_copy_leads_to_the_forms_where_the_server_can_be_reached_and_has_none_of_them_elsewhere() -> None:
    shown = replace(BUSY, tells=True)
    there = dict(published(shown, "https://tocsin.example.org/status"))["de/index.html"].body.decode()
    assert 'href="https://tocsin.example.org/status/subscribe?lang=de"' in there
    assert 'href="https://tocsin.example.org/status/report?lang=de"' in there
    alone = {name: file.body.decode() for name, file in published(shown, "") if name.endswith(".html")}
    assert [name for name, page in alone.items() if "/subscribe" in page or "/report" in page] == []


def test_every_link_of_a_feed_leads_to_a_file_of_the_copy() -> None:
    for name in ("history.atom", "history.rss"):
        feed = FILES[name].body.decode()
        links = re.findall(r'href="([^"]+)"|<link>([^<]+)</link>', feed)
        assert len(links) >= 3
        for link in (one or other for one, other in links):
            path = link.removeprefix("https://status.example.org").strip("/")
            assert path in FILES or f"{path}/index.html".lstrip("/") in FILES, f"{name} leads to {link}"
    for name in ("index.html", "de/index.html", f"i/{BUSY.page.incidents[0].id}/index.html"):
        page = FILES[name].body.decode()
        root = "../" * name.count("/") or "./"
        assert page.count(f'href="{root}history.atom"') == page.count(f'href="{root}history.rss"') == 2


OLD = (OldMonth(path="2026-08", mark="b"), OldMonth(path="2026-07", mark="a"))


def old_site(read: list[str]) -> Site:
    def load(month: str) -> PublicMonth:
        read.append(month)
        return PublicMonth(incidents=(posted(FIRST, LAST, name=f"inc_{month}"),))

    return replace(BUSY, old=OLD, load=load)


def test_an_old_month_stands_there_as_a_whole_and_leads_on_in_every_language_and_as_json() -> None:
    shown = old_site([])
    assert shown.recent == ["2026-11", "2026-10", "2026-09"]
    august = html(shown, "history/2026-08")
    assert "We look into it." in august and "It is over." in august and "/status/i/" not in august
    assert "Newer: September 2026" in text(august) and "Older: July 2026" in text(august)
    assert "Older:" not in text(html(shown, "history/2026-07"))
    files = dict(published(shown, ""))
    assert {
        "history/2026-07/index.html",
        "de/history/2026-08/index.html",
        "api/v2/history/2026-07.json",
    } <= files.keys()
    listed = json.loads(files["api/v2/history.json"].body)["months"]
    assert [one["month"] for one in listed] == [*shown.recent, "2026-08", "2026-07"]
    assert listed[-1]["url"] == "https://status.example.org/api/v2/history/2026-07.json"
    (found,) = json.loads(files["api/v2/history/2026-07.json"].body)["incidents"]
    assert found["incident_updates"][0]["body"] == "It is over."


def test_an_old_month_is_read_only_when_its_mark_says_that_it_is_new() -> None:
    read: list[str] = []
    before = digests(dict(published(old_site(read), "")))
    later = replace(old_site(read), now=NOW + timedelta(minutes=5))
    news = {name for name, mark in digests(dict(published(later, ""))).items() if before[name] != mark}
    assert read == []
    assert news == {"404.html", "index.html", *(f"{code}/index.html" for code in LANGUAGES if code != "en")}
    changed = replace(later, old=(replace(OLD[0], mark="c"), OLD[1]))
    assert {name for name, mark in digests(dict(published(changed, ""))).items() if before[name] != mark} - news == {
        *("history/2026-08/index.html", "api/v2/history/2026-08.json"),
        *(f"{code}/history/2026-08/index.html" for code in LANGUAGES if code != "en"),
    }


def test_no_published_page_says_how_long_ago_something_was() -> None:
    assert "min ago" in html(BUSY)
    assert not any(b"min ago" in file.body or b"just now" in file.body for file in FILES.values())
    assert "A copy, as of 24 Nov 03:39 UTC." in text(FILES["index.html"].body.decode())


def test_the_same_site_is_published_as_the_same_bytes() -> None:
    assert dict(published(BUSY, "https://tocsin.example.org/status")) == FILES


def test_no_page_needs_a_script_or_loads_anything_from_elsewhere() -> None:
    for name, file in FILES.items():
        if PurePosixPath(name).suffix == ".html" and name != "404.html":  # which may stand in any folder
            page = file.body.decode()
            assert "<script" not in page and " style=" not in page and " onclick" not in page
            assert all(urlsplit(one).scheme == "" for one in re.findall(r'src="([^"]+)"', page))


# ---- What pages say ----


def test_the_first_thing_on_the_page_is_how_everything_is() -> None:
    said = text(html(BUSY))
    assert "Memory is partly down. Everything else works." in said
    assert said.index("Memory is partly down.") < said.index("We look into it.") < said.index("Components")


def test_each_language_says_it_in_its_own_words_and_leaves_what_people_wrote() -> None:
    for code, sentence in {
        "de": "Memory ist teilweise ausgefallen. Alles andere funktioniert.",
        "fr": "Memory est partiellement en panne. Tout le reste fonctionne.",
        "es": "Memory no funciona del todo. Todo lo demás funciona.",
        "pt-BR": "Memory está parcialmente fora do ar. Todo o resto funciona.",
    }.items():
        page = html(BUSY, language=code)
        assert f'<html lang="{code}">' in page
        assert sentence in text(page) and "We look into it." in text(page)


def test_components_show_ninety_days_and_their_days_of_trouble_in_words() -> None:
    said = text(html(BUSY))
    assert "trouble on one day 24 Nov Partial outage, 1 h 2 min" in said
    assert 'aria-label="Memory, last 90 days: trouble on one day"' in html(BUSY)
    assert "90 days ago 100 % up" in said  # of what had no trouble


def test_services_with_components_are_headings_where_there_are_several() -> None:
    said = text(html(site()))
    assert said.index("Rose Voice conversation") < said.index("Memory") < said.index("Web site")


def test_the_plan_may_say_what_stands_under_which_heading() -> None:
    page = public_page(
        replace(PLAN, status_page=StatusPage(groups={"Pages": ("site",), "Talk": ("rose.voice",)})),
        "Rose",
        "https://status.example.org",
        [],
        NIGHT,
    )
    assert [(one.name, len(one.components)) for one in page.groups] == [("Pages", 1), ("Talk", 1)]
    said = text(html(Site(page, StatusPage(), NOW)))
    assert said.index("Talk Voice conversation") < said.index("Memory") < said.index("Pages Web site")


def test_what_is_over_stands_in_the_month_in_which_it_ended() -> None:
    november, october = text(html(BUSY, "history/2026-11")), text(html(BUSY, "history/2026-10"))
    assert "Memory system down" in november and "A larger database" not in november
    assert "A larger database" in october and "Memory system down" not in october
    assert "Older: October 2026" in november and "Newer: November 2026" in october
    assert text(html(BUSY, "history")) == november
    for wrong in ("history/2026-09", "history/2026-13", "history/x", "history/2026-10/more"):
        assert not BUSY.html(wrong, Place(root="/", dynamic="/status"), "en").found


def test_what_ended_more_than_two_weeks_ago_is_in_the_history_alone() -> None:
    assert "A larger database" not in text(html(BUSY))


def test_the_page_has_the_look_that_the_plan_gives_it() -> None:
    shown = site(
        home="https://rose.example.org",
        support="mailto:help@rose.example.org",
        logo=LOGO,
        colours=Colours(light="#7a1fa2", dark="#d9a5f0"),
        language="fr",
    )
    page = html(shown)
    assert 'href="https://rose.example.org"' in page and 'href="mailto:help@rose.example.org"' in page
    logo, css = shown.file("logo.svg"), shown.file("status.css")
    assert logo is not None and logo.body.decode() == LOGO
    assert css is not None and b"--accent:light-dark(#7a1fa2,#d9a5f0)" in css.body
    assert dict(published(shown, "/status"))["index.html"].body.startswith(b'<!doctype html>\n<html lang="fr">')
    assert html(site()).count("status.css?v=") == 1
    assert re.findall(r"status\.css\?v=\w+", html(site())) != re.findall(r"status\.css\?v=\w+", page)


# ---- The badge and the notice ----


def test_the_badge_says_in_words_what_its_colour_says() -> None:
    for shown, word in ((site(), "operational"), (BUSY, "partial outage")):
        badge = shown.file("badge.svg")
        assert badge is not None
        drawn = ET.fromstring(badge.body)
        assert drawn.attrib["aria-label"] == f"Rose: {word}"
        assert word in "".join(drawn.itertext())
    german = BUSY.file("de/badge.svg")
    assert german is not None and "teilweise ausgefallen" in german.body.decode()


def test_a_badge_can_be_read_on_every_colour() -> None:
    assert all(contrast("#ffffff", fill) >= 4.5 for fill in FILLS.values())
    assert set(FILLS) == {key.removeprefix("badge_") for key in CATALOGUES["en"].texts if key.startswith("badge_")}


def told(shown: Site, name: str = "notice.json") -> dict[str, object]:
    found = shown.file(name)
    assert found is not None
    read: dict[str, object] = json.loads(found.body)
    return read


def test_the_notice_is_quiet_while_all_is_well_and_has_a_new_key_when_there_is_news() -> None:
    assert told(site())["quiet"] is True
    busy = told(BUSY)
    assert (busy["quiet"], busy["indicator"]) == (False, "major")
    assert busy["sentence"] == "Memory is partly down. Everything else works."
    further = told(site(posted(FIRST, public(Stage.IDENTIFIED, "Found.", 20))))
    assert len({told(site())["key"], busy["key"], further["key"]}) == 3
    assert told(site(posted(FIRST), posted(FIRST, LAST, name="inc_OVER")))["key"] == busy["key"]
    assert told(BUSY, "es/notice.json")["sentence"] == "Memory no funciona del todo. Todo lo demás funciona."


def test_the_notice_tells_of_maintenance_that_goes_on() -> None:
    shown = told(site(planned=(maintenance(Progress.IN_PROGRESS, 0),)))
    assert (shown["quiet"], shown["indicator"]) == (False, "maintenance")
    assert shown["maintenance"] == [{"name": "A larger database", "when": "Now, until 05:39 UTC"}]


def test_the_script_is_small_and_needs_nothing() -> None:
    script = BUSY.file("notice.js")
    assert script is not None and len(script.body) < 3000
    assert not re.search(rb"\beval\b|innerHTML|document\.write|import |\.style\b|cookie\s*=", script.body)


def test_the_rss_feed_tells_the_same_incidents_as_the_atom_feed() -> None:
    rss, atom = (ET.fromstring(file.body) for file in (FILES["history.rss"], FILES["history.atom"]))
    name = "{http://www.w3.org/2005/Atom}"
    entries = [(one.findtext(f"{name}id"), one.findtext(f"{name}title")) for one in atom.findall(f"{name}entry")]
    assert [(one.findtext("guid"), one.findtext("title")) for one in rss.iter("item")] == entries
    assert rss.findtext("channel/lastBuildDate") == "Tue, 24 Nov 2026 03:29:31 GMT"
    assert len(entries) == 2
