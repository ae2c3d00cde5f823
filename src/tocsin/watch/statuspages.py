"""What a vendor says on its own status page, whoever hosts the page: the format is recognised, never assumed.

A page is believed only if it is JSON of a shape that we know. Everything else is unread, and never good news: some
hosts answer 200 with a web page to whatever they are asked. Nothing here touches the network or a clock.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tocsin.kit import text
from tocsin.watch.outcomes import Expectation, Kind, Outcome, Reading, judge, plain

SUMMARY = "/api/v2/summary.json"  # Statuspage, and those who speak like it
INCIDENTS = "/api/v2/incidents.json"
BETTER_STACK = "/index.json"
RAILWAY = "/api/status"
INSTATUS = "/summary.json"
PATHS = (SUMMARY, BETTER_STACK, RAILWAY, INSTATUS)

_SHOWN = 3  # incidents and components told by name
_TITLE = 100
_WELL = frozenset({"operational", "none", "up", "resolved", "postmortem", "completed"})
_MAINTENANCE = ("maintenance", "under_maintenance", "undermaintenance", "maintenance_in_progress")


@dataclass(frozen=True, kw_only=True)
class Page:
    """What a page says: its own word over all, and whatever is not well. `needs_incidents`: they stand elsewhere."""

    overall: str
    parts: tuple[tuple[str, str], ...] = ()
    incidents: tuple[str, ...] = ()
    needs_incidents: bool = False


def is_page(reading: Reading) -> bool:
    return _page(reading) is not None


def leaves_incidents_out(reading: Reading) -> bool:
    page = _page(reading)
    return page is not None and page.needs_incidents


def judge_page(reading: Reading, more: Reading | None, limit: Expectation) -> Outcome:
    """Say what a vendor's page says. What can't be read is `wrong_body`; `degraded` is any trouble that it tells."""
    page = _page(reading)
    if page is None:
        return _unread(reading, limit)
    incidents = page.incidents or (_incidents(_content(more)) if more else ())
    bad = tuple(sorted(name for name, _ in page.parts))
    is_well = page.overall in _WELL and not bad and not incidents
    return Outcome(
        kind=Kind.HEALTHY if is_well else Kind.DEGRADED,
        components=bad,
        latency=reading.took,
        reason=_said(page, incidents),
        path=reading.path,
    )


def _unread(reading: Reading, limit: Expectation) -> Outcome:
    outcome = judge(reading, limit)
    if reading.failure is not None or outcome.kind in (Kind.RATE_LIMITED, Kind.HTTP_ERROR):
        return outcome
    target = next((value for key, value in reading.headers.items() if key.lower() == "location"), "")
    shown = f"it points to {plain(target, _TITLE)}" if target else "no format of a status page is recognised there"
    reason = f"{reading.status}, and {shown}"
    return Outcome(kind=Kind.WRONG_BODY, latency=reading.took, reason=reason, path="")


def _said(page: Page, incidents: tuple[str, ...]) -> str:
    is_well = page.overall in _WELL
    found = incidents or tuple(f"{name}: {state.replace('_', ' ')}" for name, state in page.parts)
    if not found:
        return "all is well" if is_well else page.overall.replace("_", " ")
    return _some(found) if is_well else f"{page.overall.replace('_', ' ')}; {_some(found)}"


def _some(said: tuple[str, ...]) -> str:
    more = len(said) - _SHOWN
    return "; ".join(said[:_SHOWN]) + (f"; and {more} more" if more > 0 else "")


# --- The formats ------------------------------------------------------------------------------------------------------


def _page(reading: Reading) -> Page | None:
    if reading.failure is not None or reading.status != 200:
        return None
    content = _content(reading)
    read = _FORMATS.get(reading.path)
    return read(content) if read and isinstance(content, dict) else None


def _content(reading: Reading) -> Any:
    try:
        return json.loads(reading.body) if reading.status == 200 else None
    except (ValueError, RecursionError):
        return None


def _statuspage(content: Mapping[str, Any]) -> Page | None:
    """Statuspage, and incident.io, which leaves out the time zone, and at times the incidents of the summary."""
    page, status, components = content.get("page"), content.get("status"), content.get("components")
    indicator = _text(status, "indicator")
    if not isinstance(page, dict) or not (indicator or isinstance(components, list)):
        return None
    parts = tuple(_parts(components, "name"))
    speaks_otherwise = "time_zone" not in page or not isinstance(content.get("incidents"), list)
    return Page(
        overall=indicator or ("none" if not parts else "some of it is not well"),
        parts=parts,
        incidents=_incidents(content),
        needs_incidents=speaks_otherwise and not _incidents(content),
    )


def _incidents(content: Any) -> tuple[str, ...]:
    return tuple(_open(content.get("incidents") if isinstance(content, dict) else None, "name"))


def _better_stack(content: Mapping[str, Any]) -> Page | None:
    data = content.get("data")
    overall = _text(data.get("attributes") if isinstance(data, dict) else None, "aggregate_state")
    if not overall:
        return None
    included = [one for one in _dicts(content.get("included")) if isinstance(one.get("attributes"), dict)]
    resources = [one["attributes"] for one in included if one.get("type") == "status_page_resource"]
    reports = [one["attributes"] for one in included if one.get("type") == "status_report"]
    running = [f"{_named(one, 'title')} ({_text(one, 'aggregate_state')})" for one in reports if not one.get("ends_at")]
    return Page(overall=overall, parts=tuple(_parts(resources, "public_name")), incidents=tuple(running))


def _railway(content: Mapping[str, Any]) -> Page | None:
    if not isinstance(content.get("activeIncidents"), list) or "maintenances" not in content:
        return None
    active = _dicts(content["activeIncidents"])
    parts: dict[str, str] = {}
    for one in active:
        parts.update(_parts(one.get("components"), "name", "impact"))
    incidents = tuple(_open(active, "title"))
    return Page(overall="incident" if incidents else "operational", parts=tuple(parts.items()), incidents=incidents)


def _instatus(content: Mapping[str, Any]) -> Page | None:
    overall = _text(content.get("page"), "status")
    if not overall:
        return None
    return Page(
        overall="something is not well" if overall == "hasissues" else overall,
        incidents=tuple(_open(content.get("activeIncidents"), "name")),
    )


_FORMATS: Mapping[str, Callable[[Mapping[str, Any]], Page | None]] = {
    SUMMARY: _statuspage,
    BETTER_STACK: _better_stack,
    RAILWAY: _railway,
    INSTATUS: _instatus,
}


def _parts(components: Any, name: str, state: str = "status") -> Iterator[tuple[str, str]]:
    """The parts that are not well. Planned work is none of it, and a word that we don't know is not good news."""
    for one in _dicts(components):
        said = _text(one, state) or "unknown"
        if said not in _WELL and said not in _MAINTENANCE and said != "not_monitored" and not one.get("group"):
            yield _named(one, name), said


def _open(incidents: Any, name: str) -> Iterator[str]:
    for one in _dicts(incidents):
        status = _text(one, "status") or "open"
        if status not in _WELL:
            yield f"{_named(one, name)} ({status})"


def _dicts(found: Any) -> list[dict[str, Any]]:
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _named(one: Mapping[str, Any], key: str) -> str:
    said = one.get(key)
    return plain(said, _TITLE) if isinstance(said, str) and said.strip() else "without a name"


def _text(found: Any, key: str) -> str:
    said = found.get(key) if isinstance(found, dict) else None
    return text.clip(plain(said, _TITLE).lower(), _TITLE) if isinstance(said, str) else ""
