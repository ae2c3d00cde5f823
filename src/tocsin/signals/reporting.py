"""What users say does not work. Pure: a report as a signal, and what tells a person at the form from a machine."""

import hashlib
import hmac
import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta

from tocsin.kit.clock import from_millis, to_millis
from tocsin.kit.errors import Invalid
from tocsin.kit.text import clip
from tocsin.plan.model import Plan
from tocsin.signals import formats
from tocsin.signals.model import Arrival, Trigger

SOURCE = "report"
WORDS_MOST = 2000
CONTACT_MOST = 200
TITLE_MOST = 120
FEW, MANY = "few", "many"
SOONEST = timedelta(seconds=3)  # nobody reads the form and fills it in faster
LATEST = timedelta(hours=6)


class NothingSaid(Invalid):
    """Say what does not work, in a few words."""


class UnknownPart(Invalid):
    """The plan has no such service or component."""


class NotFromTheForm(Invalid):
    """Open the form again, and send it from there."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What somebody says. `about` is a component of the plan, or a service; `by` tells people apart."""

    words: str
    about: str = ""
    contact: str = ""
    by: str


def checked(plan: Plan, report: Report) -> Report:
    """The report, as it is kept. Raises NothingSaid, UnknownPart."""
    words = formats.storable(report.words).strip()
    if not words:
        raise NothingSaid(field="words")
    if report.about and report.about not in parts(plan):
        raise UnknownPart(f"The plan has no service or component called '{clip(report.about, 60)}'.", field="about")
    return Report(
        words=clip(words, WORDS_MOST),
        about=report.about,
        contact=clip(formats.storable(report.contact).strip(), CONTACT_MOST),
        by=report.by,
    )


def parts(plan: Plan) -> dict[str, tuple[str, str]]:
    """What a report may be about, as the plan spells it, with the service that it belongs to and its name."""
    services = {key: (key, one.name) for key, one in plan.services.items()}
    components = {
        part: (key, one.name) for key, service in plan.services.items() for part, one in service.components.items()
    }
    return {**services, **components}


def arrival(plan: Plan, report: Report, key: str, now: datetime, *, many: bool) -> Arrival:
    service, component = parts(plan).get(report.about, ("", ""))[0], report.about
    labels = {"reports": MANY if many else FEW, "service": service, "component": component}
    details = {"words": report.words, "contact": report.contact}
    return Arrival(
        source=SOURCE,
        key=key,
        title=f"A user reports: {clip(' '.join(report.words.split()), TITLE_MOST)}",
        trigger=Trigger.USER_REPORT,
        labels={name: value for name, value in labels.items() if value},
        details={name: value for name, value in details.items() if value},
        started_at=now,
    )


def said(report: Report) -> str:
    """The same for two reports that say the same: whoever presses the button twice has reported once."""
    return hashlib.sha256(f"{report.by}\0{report.about}\0{report.words}".encode()).hexdigest()


# ---- The form ----


def person(key: bytes, address: str) -> str:
    """A name for whoever sends from this address, which does not tell the address; one home is one person."""
    return _seal(key, f"report by {_home(address)}")[:32]


def _home(address: str) -> str:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    # Whoever has one address of version 6 has all of its network.
    return str(ipaddress.ip_network(f"{found}/64", strict=False)) if found.version == 6 else str(found)


def stamp(key: bytes, now: datetime) -> str:
    """What the form carries: when it was opened, so that nobody else can say so."""
    at = str(to_millis(now))
    return f"{at}.{_seal(key, f'report form {at}')}"


def check_stamp(key: bytes, stamped: str, now: datetime) -> None:
    """Refuse what no person sent from the form. Raises NotFromTheForm."""
    at, _, seal = stamped.partition(".")
    expected = _seal(key, f"report form {at}")
    if not (at.isascii() and at.isdigit() and hmac.compare_digest(seal.encode(), expected.encode())):
        raise NotFromTheForm
    age = now - from_millis(int(at))
    if age < SOONEST:
        raise NotFromTheForm("That was quicker than a person is. Wait a moment, and send it again.")
    if age > LATEST:
        raise NotFromTheForm("The form has grown old. Open it again, and send it from there.")


def _seal(key: bytes, text: str) -> str:
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
