"""What subscribers read, in every way by which they are told. All of its words stand here. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from tocsin.comms.subscribers.announcing import Announcement, Kind
from tocsin.comms.subscribers.model import Note

STAGES: Mapping[str, str] = {
    "investigating": "Investigating",
    "identified": "Identified",
    "monitoring": "Monitoring",
    "resolved": "Resolved",
    "scheduled": "Planned",
    "in_progress": "It has begun",
    "completed": "It is over",
    "called_off": "Called off",
}
MAINTENANCE = "Maintenance"
AFFECTS = "Affects"
READ_ON = "Read on at the status page"
CHANGE = "Change what you are told of"
LEAVE = "Unsubscribe"
WHY = "You are told because this address is subscribed to the status page of {name}."

CONFIRM_SUBJECT = "Confirm that you want updates from the {name} status page"
CONFIRM_TEXT = (
    "Somebody asked that updates from the {name} status page are sent here. If that was you, open the link and press "
    "the button; it is good for a day.\n\nIf it was not you, there is nothing to do: nothing more comes."
)
CONFIRM_LINK = "Confirm"

ALREADY_SUBJECT = "You are subscribed to the {name} status page already"
ALREADY_TEXT = "Somebody, probably you, asked again for updates from the {name} status page. Nothing has changed."

LISTED_SUBJECT = "You now get updates from the {name} status page"
LISTED_TEXT = (
    "We entered this address for updates from the {name} status page: {consent}\n\nIf you don't want them, one press "
    "of a button is enough."
)


@dataclass(frozen=True, kw_only=True)
class Links:
    """Where a reader can do something. Those that are empty are not offered."""

    read: str = ""
    confirm: str = ""
    manage: str = ""
    leave: str = ""


@dataclass(frozen=True, kw_only=True)
class Said:
    """A message in words: `stage` and `affects` are told of an announcement alone."""

    subject: str
    text: str
    stage: str = ""
    affects: str = ""
    name: str


def announced(one: Announcement, name: str) -> Said:
    stage = STAGES.get(one.stage, one.stage)
    what = f"{MAINTENANCE}: {one.name}" if one.kind is Kind.MAINTENANCE else one.name
    return Said(subject=f"[{name}] {stage}: {what}", text=one.text.strip(), stage=stage, affects=one.affects, name=name)


_ABOUT = {
    Note.CONFIRM: (CONFIRM_SUBJECT, CONFIRM_TEXT),
    Note.ALREADY: (ALREADY_SUBJECT, ALREADY_TEXT),
    Note.LISTED: (LISTED_SUBJECT, LISTED_TEXT),
}


def about_itself(kind: Note, name: str, consent: str = "") -> Said:
    """What is said of the subscription itself."""
    subject, text = _ABOUT[kind]
    return Said(subject=subject.format(name=name), text=text.format(name=name, consent=consent), name=name)


def plain(said: Said, links: Links) -> str:
    """The text as a mail, a chat or a browser shows it; the link that matters most stands last."""
    blocks = [said.text]
    if said.affects:
        blocks.append(f"{AFFECTS}: {said.affects}")
    if links.confirm:
        blocks.append(f"{CONFIRM_LINK}:\n{links.confirm}")
    if links.read:
        blocks.append(f"{READ_ON}:\n{links.read}")
    return "\n\n".join(block for block in blocks if block) + "\n"


def small_print(said: Said, links: Links) -> str:
    lines = [WHY.format(name=said.name)] if links.leave else []
    lines += [f"{words}:\n{link}" for words, link in ((CHANGE, links.manage), (LEAVE, links.leave)) if link]
    return "\n".join(lines)


def mail_text(said: Said, links: Links) -> str:
    below = small_print(said, links)
    return plain(said, links) + (f"\n-- \n{below}\n" if below else "")


def mail_page(said: Said, links: Links) -> str:
    """The same as HTML, which a mail reader shows in its own colours: readable on a phone, dark or light."""
    rows = [f'<h1 style="font-size:1.25em;line-height:1.3;margin:0 0 .75em">{escape(said.subject)}</h1>']
    rows += [f'<p style="margin:0 0 1em">{_lines(block)}</p>' for block in said.text.split("\n\n") if block.strip()]
    if said.affects:
        rows.append(f'<p style="margin:0 0 1em"><b>{AFFECTS}:</b> {escape(said.affects)}</p>')
    rows += [_button(words, link) for words, link in ((CONFIRM_LINK, links.confirm), (READ_ON, links.read)) if link]
    return _PAGE.format(subject=escape(said.subject), body="\n".join(rows), below=_below(said, links))


def _lines(block: str) -> str:
    return "<br>\n".join(escape(line) for line in block.strip().split("\n"))


def _button(words: str, link: str) -> str:
    return (
        f'<p style="margin:1.5em 0"><a href="{escape(link)}" style="display:inline-block;padding:.7em 1.2em;'
        f'border-radius:6px;background:#1f4fd8;color:#ffffff;text-decoration:none">{words}</a></p>'
    )


def _below(said: Said, links: Links) -> str:
    found = [(words, link) for words, link in ((CHANGE, links.manage), (LEAVE, links.leave)) if link]
    if not found:
        return ""
    offered = " · ".join(f'<a href="{escape(link)}">{words}</a>' for words, link in found)
    return f'<p style="margin:2em 0 0;font-size:.85em">{escape(WHY.format(name=said.name))}<br>\n{offered}</p>'


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>{subject}</title></head>
<body style="margin:0;padding:16px;font:16px/1.5 system-ui,-apple-system,'Segoe UI',sans-serif">
<div style="max-width:36em;margin:0 auto">
{body}
{below}
</div>
</body></html>
"""
