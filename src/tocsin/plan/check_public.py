"""Whether the public page can be shown as the plan wants it: colours that can be read, a logo that only draws,
addresses that lead somewhere, and headings over what there is."""

import re
from collections.abc import Iterator
from xml.etree import ElementTree as ET

from tocsin.plan.contrast import DARK, ENOUGH, LIGHT, least
from tocsin.plan.findings import Finding, empty, unknown
from tocsin.plan.model import Plan
from tocsin.plan.publicpage import Colours, StatusPage

LOGO_MOST = 8_000  # letters
SVG = "{http://www.w3.org/2000/svg}"
DRAWS = frozenset(
    (
        *("svg", "g", "defs", "title", "desc", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon"),
        *("linearGradient", "radialGradient", "stop", "clipPath", "mask", "use", "symbol", "text", "tspan"),
    )
)
"""What a logo may be made of: nothing that runs, loads or leads anywhere."""


def check(plan: Plan) -> Iterator[Finding]:
    page = plan.status_page
    if page is None:
        return
    yield from _colours(page.colours)
    yield from _logo(page.logo) if page.logo else ()
    for key, address in (("home", page.home), ("support", page.support)):
        if address is not None and not re.fullmatch(r"https?://[^/\s]\S*|mailto:[^@\s]+@[^@\s]+", address):
            yield Finding(f"status_page.{key}", f"'{address}' begins with neither https:// nor mailto:")
    yield from _groups(plan, page)


def _colours(colours: Colours) -> Iterator[Finding]:
    for key, value, grounds in (("light", colours.light, LIGHT), ("dark", colours.dark, DARK)):
        found = least(value, grounds)
        if found < ENOUGH:
            message = (
                f"{value} can hardly be read on the {key} page: its contrast is {found:.1f}, and {ENOUGH} is asked"
            )
            yield Finding(f"status_page.colours.{key}", message)


def _logo(logo: str) -> Iterator[Finding]:
    if wrong := next(_wrong_with(logo), None):
        yield Finding("status_page.logo", wrong)


def _wrong_with(logo: str) -> Iterator[str]:
    if len(logo) > LOGO_MOST:
        yield f"a logo of {len(logo)} letters; it may have {LOGO_MOST}, since every reader loads it"
    if "<!" in logo or "<?" in logo:
        yield "a logo begins with <svg, without a declaration, a comment or a document type"
        return
    try:
        root = ET.fromstring(logo)  # noqa: S314 - no document type, so no entities
    except ET.ParseError as error:
        yield f"this is not SVG: {error}"
        return
    if root.tag != f"{SVG}svg":
        yield 'a logo is an <svg xmlns="http://www.w3.org/2000/svg">'
    for element in root.iter():
        yield from _wrong_element(element)


def _wrong_element(element: ET.Element) -> Iterator[str]:
    if element.tag.removeprefix(SVG) not in DRAWS:
        yield f"<{element.tag.removeprefix(SVG)}> has no place in a logo"
    for name, value in element.attrib.items():
        attribute = name.rpartition("}")[2]
        leads_away = attribute == "href" and not value.startswith("#")
        loads = "url(" in value and not re.fullmatch(r"\s*url\(#[\w-]+\)\s*", value)
        if attribute.lower().startswith("on") or attribute == "style" or leads_away or loads:
            yield f"the attribute {attribute} has no place in a logo, or may name only a part of it"


def _groups(plan: Plan, page: StatusPage) -> Iterator[Finding]:
    known: dict[str, tuple[str, ...]] = {key: (key,) for key in plan.services}
    for key, service in plan.services.items():
        known.update({f"{key}.{part}": (f"{key}.{part}",) for part in service.components})
        if service.components:
            known[key] = tuple(f"{key}.{part}" for part in service.components)
    stands: dict[str, str] = {}
    for name, members in page.groups.items():
        path = f"status_page.groups.{name}"
        yield from empty(path, members, "nothing stands under this heading")
        for number, member in enumerate(members, start=1):
            yield from unknown(f"{path}.{number}", "service or component", member, known)
            for part in known.get(member, ()):
                if part in stands:
                    yield Finding(f"{path}.{number}", f"{part} stands under {stands[part]} already")
                stands[part] = name
