"""What the rehearsal's pages say, as plain values: the templates only lay them out."""

import re
from dataclasses import dataclass
from datetime import datetime

import jinja2
from markupsafe import Markup, escape

from tocsin.kit.text import clip, listed
from tocsin.rehearsal.mailcatcher import Mail, Mailbox
from tocsin.rehearsal.rose import Component, Mode, Switches, Vendor
from tocsin.rehearsal.standin import Heard, StandIn

TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("tocsin.rehearsal"), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
)
NAMES = {
    Component.GROQ: "Groq",
    Component.QDRANT: "Qdrant",
    Component.ELEVENLABS: "ElevenLabs",
    Component.SQLITE: "SQLite",
}
PARTS = {
    Component.GROQ: "Speech to text, and the answers",
    Component.QDRANT: "Long-term memory",
    Component.ELEVENLABS: "The voice",
    Component.SQLITE: "Conversations",
}
MARKS = {
    Mode.HEALTHY: "ok",
    Mode.DOWN: "down",
    Mode.EDGE_ERROR: "down",
    Mode.HANGING: "down",
    Mode.DEGRADED: "degraded",
    Mode.VENDOR_FAILING: "partial",
    Mode.WRONG_BODY: "degraded",
    Mode.RATE_LIMITED: "degraded",
    Mode.SLOW: "degraded",
}
UNREACHABLE = {Mode.DOWN, Mode.EDGE_ERROR, Mode.HANGING}
WHOLE = (
    (Mode.DOWN, "Refuse connections", "Her port is closed; callers are refused.", "Take Rose down"),
    (Mode.EDGE_ERROR, "503 from the edge", "The host answers for her: 503, and not a word of hers.", "Answer 503"),
    (Mode.HANGING, "Hang", "She accepts every call and never answers.", "Hang Rose"),
    (Mode.WRONG_BODY, "Wrong body", "Health is 200 and says not found, as behind a built frontend.", "Swap the body"),
    (Mode.RATE_LIMITED, "Rate limit", "Every limited path answers 429. That is no outage.", "Limit callers"),
)
LINK = re.compile(r"https?://[^\s<>\"']+")
SUBJECT_LENGTH = 120


@dataclass(frozen=True)
class Row:
    """One thing that can be broken, what it says now, and the form that changes it."""

    mark: str
    word: str
    title: str
    note: str
    verb: str
    breaks: bool
    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class CallLine:
    time: str
    what: str
    status: str
    mark: str
    word: str


@dataclass(frozen=True)
class MailLine:
    id: int
    time: str
    to: str
    subject: str
    again: str


@dataclass(frozen=True)
class Bell:
    """The strip on top of every page."""

    mark: str
    headline: str
    since: str
    mails: str


def time_of_day(instant: datetime) -> str:
    return instant.strftime("%H:%M:%S")


def headline(switches: Switches) -> str:
    """What is wrong with Rose, in one sentence without a full stop."""
    match switches.mode:
        case Mode.HEALTHY:
            return "Rose is healthy"
        case Mode.DOWN:
            return "Rose refuses connections"
        case Mode.EDGE_ERROR:
            return "The edge answers 503 for Rose"
        case Mode.HANGING:
            return "Rose never answers"
        case Mode.DEGRADED:
            return f"Rose runs without {listed(NAMES[c] for c in Component if c in switches.components)}"
        case Mode.VENDOR_FAILING:
            return f"{NAMES[Component(switches.vendor or '')]} fails behind a green health check"
        case Mode.WRONG_BODY:
            return "Rose's health answers with the wrong body"
        case Mode.RATE_LIMITED:
            return "Rose turns callers away with 429"
        case Mode.SLOW:
            return f"Rose takes {switches.seconds:g} s longer"


def bell(stand_in: StandIn, mailbox: Mailbox) -> Bell:
    count = len(mailbox.newest_first())
    return Bell(
        mark=MARKS[stand_in.switches.mode],
        headline=headline(stand_in.switches),
        since=f"since {time_of_day(stand_in.since)} UTC",
        mails=f"{count} mail{'' if count == 1 else 's'}",
    )


def component_rows(switches: Switches) -> list[Row]:
    return [_component_row(switches, component) for component in Component]


def _component_row(switches: Switches, component: Component) -> Row:
    out = switches.out(component)
    after = switches.components ^ {component}
    mark, word = ("down", "Disconnected") if out else ("ok", "Connected")
    if switches.mode in UNREACHABLE:
        mark, word = "unknown", "Not known: nobody can ask"
    return Row(
        mark=mark,
        word=word,
        title=NAMES[component],
        note=PARTS[component],
        verb=f"{'Reconnect' if out else 'Disconnect'} {NAMES[component]}",
        breaks=not out,
        fields=_degraded(after) if after else _only(Mode.HEALTHY),
    )


def _degraded(components: frozenset[Component]) -> tuple[tuple[str, str], ...]:
    return (*_only(Mode.DEGRADED), *(("components", c.value) for c in Component if c in components))


def _only(mode: Mode) -> tuple[tuple[str, str], ...]:
    return (("mode", mode.value),)


def vendor_rows(switches: Switches) -> list[Row]:
    return [_vendor_row(switches, vendor) for vendor in Vendor]


def _vendor_row(switches: Switches, vendor: Vendor) -> Row:
    failing, name = switches.vendor is vendor, NAMES[Component(vendor)]
    return Row(
        mark="down" if failing else "ok",
        word="Failing" if failing else "Answers",
        title=name,
        note="Voice answers 503; health stays green.",
        verb=f"Mend {name}" if failing else f"Fail {name}",
        breaks=not failing,
        fields=_only(Mode.HEALTHY) if failing else (*_only(Mode.VENDOR_FAILING), ("vendor", vendor.value)),
    )


def whole_rows(switches: Switches) -> list[Row]:
    return [_whole_row(switches, *line) for line in WHOLE]


def _whole_row(switches: Switches, mode: Mode, title: str, note: str, verb: str) -> Row:
    on = switches.mode is mode
    return Row(
        mark=MARKS[mode] if on else "waived",
        word="On" if on else "Off",
        title=title,
        note=note,
        verb="Mend" if on else verb,
        breaks=not on,
        fields=_only(Mode.HEALTHY if on else mode),
    )


def call_line(heard: Heard) -> CallLine:
    good = heard.status is not None and heard.status < 400
    return CallLine(
        time=time_of_day(heard.at),
        what=f"{heard.method} {clip(heard.path, 80)}",
        status=str(heard.status) if heard.status else "none",
        mark="ok" if good else "missed",
        word="Answered" if good else "Refused or unanswered",
    )


def breaker_lines(stand_in: StandIn) -> list[str]:
    """A sentence for each breaker that is open: mending the vendor does not close it at once."""
    if stand_in.switches.mode in UNREACHABLE:
        return []
    open_ones = [breaker for breaker in stand_in.process.breakers.values() if breaker.opened_at]
    return [
        f"Breaker {b.name} is open; Rose tries again from {time_of_day(b.opened_at + b.RECOVERY_AFTER)} UTC."
        for b in open_ones
        if b.opened_at
    ]


def mail_line(mail: Mail) -> MailLine:
    return MailLine(
        id=mail.id,
        time=time_of_day(mail.received_at),
        to=listed(mail.recipients),
        subject=clip(mail.subject, SUBJECT_LENGTH) or "(no subject)",
        again=again(mail),
    )


def again(mail: Mail) -> str:
    """Delivery is at least once: say so when the same Message-ID came before."""
    return f"received again, ×{mail.times}" if mail.times > 1 else ""


def linked(text: str) -> Markup:
    """Text as it stands, with its web addresses made links. Nothing else in it becomes markup."""
    out, done = Markup(), 0
    for found in LINK.finditer(text):
        address = found.group().rstrip(".,;:!?)]}")
        out += escape(text[done : found.start()])
        out += Markup('<a href="{0}" rel="noreferrer noopener">{0}</a>').format(address)
        done = found.start() + len(address)
    return out + escape(text[done:])


def page(template: str, **values: object) -> str:
    return TEMPLATES.get_template(template).render(values)
