"""The public site: every file of it by its name, rendered when it is asked for.

The same files are served to readers and published elsewhere; only the links between them differ, and those a `Place`
makes. Nothing here reads a clock, a database or a request.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property, partial
from importlib import resources

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined

from tocsin.comms import statusfeeds, statuspage, statuswire
from tocsin.comms.language import LANGUAGES, Words, clock
from tocsin.comms.statuspage import OldMonth, PublicIncident, PublicMonth, PublicPage
from tocsin.comms.uptime import DAYS
from tocsin.kit.badge import badge
from tocsin.plan.publicpage import StatusPage
from tocsin.status import views
from tocsin.status.words import CATALOGUES

HTML, JSON, SVG = "text/html; charset=utf-8", "application/json; charset=utf-8", "image/svg+xml; charset=utf-8"
CSS, SCRIPT = "text/css; charset=utf-8", "text/javascript; charset=utf-8"
ATOM, RSS = "application/atom+xml; charset=utf-8", "application/rss+xml; charset=utf-8"

HISTORY_DAYS = 90
FILLS = {
    "none": "#0a6b50",
    "minor": "#8a4f00",
    "major": "#b0112b",
    "critical": "#b0112b",
    statuspage.MAINTENANCE: "#4b4fa3",
}
"""What a badge is painted in, dark enough for white letters."""


@dataclass(frozen=True)
class File:
    """`mark` is the same for files that say the same, whenever they were made; without one, the body is that."""

    body: bytes
    kind: str
    found: bool = True
    mark: bytes = b""


class Later:
    """A file that is only made when somebody reads it; whether it is news, its mark says before."""

    found = True

    def __init__(self, kind: str, mark: bytes, make: Callable[[], File]) -> None:
        self.kind = kind
        self.mark = mark
        self._make = make

    @cached_property
    def body(self) -> bytes:
        return self._make().body


AnyFile = File | Later


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a page stands, and so how it leads to the others.

    `root` is the way to the site's root, `language` the one that its address names, `index` what a folder's page is
    called where nobody serves folders. `dynamic` leads to what only a running server has, forms; it is empty where no
    reader could get there.
    """

    root: str
    dynamic: str
    language: str = ""
    index: str = ""
    live: bool = True

    def page(self, path: str = "", language: str | None = None) -> str:
        language = self.language if language is None else language
        parts = "/".join(part for part in (language, path) if part)
        if self.index:
            return f"{self.root}{parts}/{self.index}" if parts else f"{self.root}{self.index}"
        return f"{self.root}{parts}" if parts else self.root.rstrip("/") or "/"

    def file(self, name: str) -> str:
        return f"{self.root}{name}"

    def form(self, name: str) -> str:
        """What only a running server has, in the language of this page if its address names one."""
        return f"{self.dynamic}/{name}" + (f"?lang={self.language}" if self.language else "")

    @property
    def serves_forms(self) -> bool:
        return bool(self.dynamic)


@dataclass(frozen=True)
class Frame:
    """What stands around every public page. `current` is the path of the page, the same in every language; a form has
    its own address instead, whose query names the language."""

    site: "Site"
    place: Place
    words: Words
    current: str = ""
    form: str = ""

    @property
    def title(self) -> str:
        return self.words.says("title", name=self.site.page.name)

    @property
    def look(self) -> StatusPage:
        return self.site.look

    @property
    def css(self) -> str:
        return self.place.file(f"status.css?v={self.site.css_version}")

    @property
    def icon(self) -> str:
        return self.place.file("logo.svg")

    @property
    def languages(self) -> list[tuple[str, str, str]]:
        """Code, name and link of each."""
        return [(code, one.says("name"), self._in(code)) for code, one in CATALOGUES.items()]

    def _in(self, code: str) -> str:
        if self.form:
            return f"{self.form}{'&' if '?' in self.form else '?'}lang={code}"
        is_plain = not self.place.live and code == self.look.language
        return self.place.page(self.current, "" if is_plain else code)


@dataclass(frozen=True)
class Site:
    """`asks`: whether people may say what does not work; `tells`: whether they may subscribe. `old` are the months that
    are not in the page, the last first, and `load` reads one of them.

    Two of the same parts render the same bytes."""

    page: PublicPage
    look: StatusPage
    now: datetime
    asks: bool = False
    tells: bool = False
    old: tuple[OldMonth, ...] = ()
    load: Callable[[str], PublicMonth] = field(default=lambda _: PublicMonth(), compare=False)

    @cached_property
    def fingerprint(self) -> str:
        """The same for sites that say the same, whatever the minute; a day adds its bar."""
        whole = (self.page, msgspec.to_builtins(self.look), self.asks, self.tells, self.old, self.now.date())
        return hashlib.sha256(msgspec.json.encode(whole)).hexdigest()

    # ---- What there is ----

    def pages(self) -> list[str]:
        """The paths of all pages, without a language."""
        months = [f"history/{one}" for one in self.recent]
        return ["", "history", *months, *(f"i/{one.id}" for one in self.page.incidents)]

    @cached_property
    def recent(self) -> list[str]:
        """The months that the page itself holds, the present one first."""
        if not self.old:
            return views.months(self.page, self.now)
        first = statuspage.month_of(statuspage.bounds(self.old[0].path)[1])
        return statuspage.months_between(first, statuspage.month_of(self.now))

    @cached_property
    def _months(self) -> list[str]:
        return [*self.recent, *(one.path for one in self.old)]

    def old_month(self, path: str) -> OldMonth | None:
        return next((one for one in self.old if one.path == path), None)

    def files(self) -> list[str]:
        """The names of everything that is no page; what is about a language stands in its folder."""
        json = [f"api/v2/{name}" for name in statuswire.FORMS]
        words = [name for code in LANGUAGES for name in (f"{code}/notice.json", f"{code}/badge.svg")]
        json += [f"{statuswire.MONTHS}.json", *(f"{statuswire.MONTHS}/{one}.json" for one in self.recent)]
        return [*json, "history.atom", "history.rss", "status.css", "logo.svg", *_PLAIN, "notice.js", *words]

    # ---- Files ----

    def file(self, name: str) -> File | None:
        """A file that is no page."""
        language, _, plain = name.partition("/") if name.partition("/")[0] in LANGUAGES else ("", "", name)
        words = CATALOGUES[language or self.look.language]
        if plain in _PLAIN:
            return self._notice(words) if plain == "notice.json" else File(self._badge(words).encode(), SVG)
        if language:
            return None
        if name.startswith("api/v2/") and (form := statuswire.FORMS.get(name.removeprefix("api/v2/"))):
            return File(form(self.page), JSON)
        if name.startswith(f"{statuswire.MONTHS}/"):
            return self._month_json(name.removeprefix(f"{statuswire.MONTHS}/").removesuffix(".json"))
        match name:
            case "api/v2/history.json":
                return File(statuswire.months_json(self.page, self._months), JSON)
            case "history.atom":
                return File(statusfeeds.atom(self.page), ATOM)
            case "history.rss":
                return File(statusfeeds.rss(self.page), RSS)
            case "status.css":
                return File(self.css, CSS)
            case "notice.js":
                return File(_static("notice.js"), SCRIPT)
            case "logo.svg":
                return File((self.look.logo or "").encode() or _static("mark.svg"), SVG)
            case _:
                return None

    @cached_property
    def css(self) -> bytes:
        colours = self.look.colours
        return _static("status.css") + f":root{{--accent:light-dark({colours.light},{colours.dark})}}\n".encode()

    @cached_property
    def css_version(self) -> str:
        return hashlib.sha256(self.css).hexdigest()[:10]

    def _month_json(self, month: str) -> File | None:
        if month not in self._months:
            return None
        return File(statuswire.month_json(self.page, self._ended(month).incidents), JSON)

    def _ended(self, month: str) -> PublicMonth:
        """What ended in a month."""
        if self.old_month(month):
            return self.load(month)
        over = [one for one in self.page.incidents if one.is_over]
        ended = tuple(one for one in over if statuspage.month_of(one.resolved_at or one.updated_at) == month)
        done = tuple(one for one in self.page.maintenances if one.is_over and statuspage.month_of(one.ends_at) == month)
        return PublicMonth(incidents=ended, maintenances=done)

    def _badge(self, words: Words) -> str:
        worst = statuspage.indicator(self.page)
        return badge(self.page.name, words.says(f"badge_{worst}"), FILLS[worst])

    def _notice(self, words: Words) -> File:
        """What the notice in other people's pages says. `key` changes when there is something new to say."""
        present = [one for one in self.page.incidents if not one.is_over]
        going_on = [one for one in views.planned(self.page, words, self.now) if one.goes_on]
        told = {
            "page": {"name": self.page.name, "url": self.page.url},
            "indicator": statuspage.indicator(self.page),
            "quiet": not present and not going_on,
            "sentence": views.banner(self.page, words)["sentence"],
            "key": statuspage.stable_id(
                *(f"{one.id}{one.stage}{one.impact}" for one in present), *(m.id for m in going_on)
            ),
            "incidents": [self._told_of(one, words) for one in present],
            "maintenance": [{"name": one.name, "when": one.when} for one in going_on],
            "words": {"more": words.says("notice_more"), "close": words.says("notice_close")},
            "lang": words.code,
        }
        return File(msgspec.json.encode(told), JSON)

    def _told_of(self, one: PublicIncident, words: Words) -> dict[str, str]:
        return {
            "id": one.id,
            "name": one.name,
            "stage": words.says(f"stage_{one.stage}"),
            "impact": one.impact,
            "url": statuspage.shortlink(self.page, one),
            "updated_at": statuspage.instant(one.updated_at),
        }

    # ---- Pages ----

    def html(self, path: str, place: Place, language: str) -> File:
        """A page in this language, or the one that says that there is none."""
        words = CATALOGUES[language]
        kind, _, rest = path.partition("/")
        if path == "":
            return self._page(
                "overview.html", place, words, path, self._overview(words, live=place.live, can_send=place.serves_forms)
            )
        if kind == "history" and (month := self._month(rest, words, live=place.live)):
            return self._page("history.html", place, words, path, month)
        incident = next((one for one in self.page.incidents if kind == "i" and one.id == rest), None)
        if incident is not None:
            view = views.article(self.page, incident, words, self.now, live=place.live)
            return self._page("incident.html", place, words, path, {"incident": view})
        return self._page("missing.html", place, words, "", {"days": HISTORY_DAYS}, found=False)

    def _page(
        self, template: str, place: Place, words: Words, path: str, view: Mapping[str, object], *, found: bool = True
    ) -> File:
        frame = Frame(self, place, words, path)
        at = clock(self.now) if place.live else f"{words.day(self.now)} {clock(self.now)}"
        text = _templates.get_template(template).render(view, frame=frame, place=place, says=words.says, now=at)
        dated = words.says("copy", at=at)
        mark = text.replace(dated, "").encode() if path and found and not place.live else b""
        return File(text.encode(), HTML, found, mark)

    def _overview(self, words: Words, *, live: bool, can_send: bool) -> Mapping[str, object]:
        present = [one for one in self.page.incidents if not one.is_over]
        past = [one for one in views.past(self.page, words) if self.now - one.at <= views.EARLIER]
        return {
            **views.banner(self.page, words),
            "asks": self.asks and can_send,
            "tells": self.tells and can_send,
            "incidents": [views.article(self.page, one, words, self.now, live=live) for one in present],
            "planned": views.planned(self.page, words, self.now),
            "groups": views.groups(self.page, words, self.now),
            "past": past,
            "days": views.EARLIER.days,
            "measured": DAYS,
        }

    def _month(self, wanted: str, words: Words, *, live: bool) -> Mapping[str, object] | None:
        """A month of the history; the present one if none is named. An incident of an old one has no page of its own,
        and stands there as a whole."""
        months = self._months
        path = wanted or months[0]
        if path not in months:
            return None
        at, page = months.index(path), replace(self.page, **vars(self._ended(path)))
        whole = list(page.incidents) if self.old_month(path) else []
        return {
            "month": views.month(path, words),
            "articles": [views.article(page, one, words, self.now, live=live) for one in whole],
            "past": views.past(replace(page, incidents=()) if whole else page, words),
            "newer": views.month(months[at - 1], words) if at else None,
            "older": views.month(months[at + 1], words) if at + 1 < len(months) else None,
            "days": HISTORY_DAYS,
        }


_PLAIN = ("notice.json", "badge.svg")

_templates = Environment(
    loader=PackageLoader("tocsin.status", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def _static(name: str) -> bytes:
    return (resources.files("tocsin.status") / "static" / name).read_bytes()


# ---- As files elsewhere ----------------------------------------------------------------------------------------------


def published(site: Site, dynamic: str) -> Iterator[tuple[str, AnyFile]]:
    """Every file of the site with the name under which it stands elsewhere, and links that hold wherever that is."""
    yield from _old(site, dynamic)
    for name in site.files():
        if (found := site.file(name)) is not None:
            yield name, found
    for language in ("", *(one for one in LANGUAGES if one != site.look.language)):
        for path in site.pages():
            yield _page_at(path, language), _page(site, dynamic, path, language)
    place = Place(root=site.page.url + "/", dynamic=dynamic, index="index.html", live=False)
    yield "404.html", site.html("nothing", place, site.look.language)


def _page_at(path: str, language: str) -> str:
    return "/".join(part for part in (language, path, "index.html") if part)


def _page(site: Site, dynamic: str, path: str, language: str) -> File:
    depth = _page_at(path, language).count("/")
    place = Place(root="../" * depth or "./", dynamic=dynamic, language=language, index="index.html", live=False)
    return site.html(path, place, language or site.look.language)


def _old(site: Site, dynamic: str) -> Iterator[tuple[str, Later]]:
    """The months that are not in the page: of each it is known whether it has changed before it is made."""
    components = {one.id: one.name for one in site.page.components}
    around = (site.page.name, site.page.url, msgspec.to_builtins(site.look), components, dynamic, site.css_version)
    for newer, month, older in zip(*(_shifted(site, by) for by in (-1, 0, 1)), strict=True):
        mark = hashlib.sha256(msgspec.json.encode((around, newer, month, older, site.old_month(month)))).digest()
        yield f"{statuswire.MONTHS}/{month}.json", Later(JSON, mark, partial(_month_file, site, month))
        for language in ("", *(one for one in LANGUAGES if one != site.look.language)):
            path = f"history/{month}"
            yield _page_at(path, language), Later(HTML, mark, partial(_page, site, dynamic, path, language))


def _shifted(site: Site, by: int) -> list[str]:
    """Of each old month the one that stands beside it in this direction, or nothing."""
    around = [site.recent[-1] if site.recent else "", *(one.path for one in site.old), ""]
    return around[1 + by : len(around) - 1 + by]


def _month_file(site: Site, month: str) -> File:
    return File(statuswire.month_json(site.page, site.load(month).incidents), JSON)
