"""What subscribers read, in every way by which they are told and in their language. What was posted stays as it was
written. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from tocsin.comms.language import Words, catalogues
from tocsin.comms.subscribers.announcing import Announcement, Kind
from tocsin.comms.subscribers.model import Note

CATALOGUES: Mapping[str, Words] = catalogues("tocsin.comms.subscribers")


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
    language: str

    def says(self, key: str) -> str:
        return CATALOGUES[self.language].says(key)


def announced(one: Announcement, name: str, language: str) -> Said:
    words = CATALOGUES[language]
    stage = words.says("correction" if one.corrects else one.stage)
    what = words.says("maintenance", name=one.name) if one.kind is Kind.MAINTENANCE else one.name
    return Said(
        subject=f"[{name}] {stage}: {what}",
        text=one.text.strip(),
        stage=stage,
        affects=words.listed(one.affects),
        name=name,
        language=language,
    )


_ABOUT = {Note.CONFIRM: "confirm", Note.ALREADY: "already", Note.LISTED: "listed"}


def about_itself(kind: Note, name: str, consent: str, language: str) -> Said:
    """What is said of the subscription itself."""
    words, key = CATALOGUES[language], _ABOUT[kind]
    subject = words.says(f"{key}_subject", name=name)
    text = words.says(f"{key}_text", name=name, **({"consent": consent} if kind is Note.LISTED else {}))
    return Said(subject=subject, text=text, name=name, language=language)


def plain(said: Said, links: Links) -> str:
    """The text as a mail, a chat or a browser shows it; the link that matters most stands last."""
    return "\n\n".join([*blocks(said), *(f"{said.says(key)}:\n{link}" for key, link in _upper(links))]) + "\n"


def blocks(said: Said) -> list[str]:
    """What is told, without a link."""
    affects = f"{said.says('affects')}: {said.affects}" if said.affects else ""
    return [block for block in (said.text, affects) if block]


def buttons(said: Said, links: Links) -> tuple[tuple[str, str], ...]:
    """Every link with what it says, the one that matters most first."""
    return tuple((said.says(key), link) for key, link in (*_upper(links), *_lower(links)))


def small_print(said: Said, links: Links) -> str:
    lines = [why(said)] if links.leave else []
    lines += [f"{said.says(key)}:\n{link}" for key, link in _lower(links)]
    return "\n".join(lines)


def mail_text(said: Said, links: Links) -> str:
    below = small_print(said, links)
    return plain(said, links) + (f"\n-- \n{below}\n" if below else "")


def mail_page(said: Said, links: Links) -> str:
    """The same as HTML, which a mail reader shows in its own colours: readable on a phone, dark or light."""
    rows = [f'<h1 style="font-size:1.25em;line-height:1.3;margin:0 0 .75em">{escape(said.subject)}</h1>']
    rows += [f'<p style="margin:0 0 1em">{_lines(block)}</p>' for block in said.text.split("\n\n") if block.strip()]
    if said.affects:
        rows.append(f'<p style="margin:0 0 1em"><b>{said.says("affects")}:</b> {escape(said.affects)}</p>')
    rows += [_button(said.says(key), link) for key, link in _upper(links)]
    body = "\n".join(rows)
    return _PAGE.format(lang=said.language, subject=escape(said.subject), body=body, below=_below(said, links))


def _upper(links: Links) -> list[tuple[str, str]]:
    """The links that a reader is to open, each with what it is called."""
    return [(key, link) for key, link in (("confirm_link", links.confirm), ("read_on", links.read)) if link]


def _lower(links: Links) -> list[tuple[str, str]]:
    return [(key, link) for key, link in (("change", links.manage), ("leave", links.leave)) if link]


def why(said: Said) -> str:
    """Why they are told."""
    return CATALOGUES[said.language].says("why", name=said.name)


def _lines(block: str) -> str:
    return "<br>\n".join(escape(line) for line in block.strip().split("\n"))


def _button(words: str, link: str) -> str:
    return (
        f'<p style="margin:1.5em 0"><a href="{escape(link)}" style="display:inline-block;padding:.7em 1.2em;'
        f'border-radius:6px;background:#1f4fd8;color:#ffffff;text-decoration:none">{words}</a></p>'
    )


def _below(said: Said, links: Links) -> str:
    found = _lower(links)
    if not found:
        return ""
    offered = " · ".join(f'<a href="{escape(link)}">{said.says(key)}</a>' for key, link in found)
    return f'<p style="margin:2em 0 0;font-size:.85em">{escape(why(said))}<br>\n{offered}</p>'


_PAGE = """<!doctype html>
<html lang="{lang}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>{subject}</title></head>
<body style="margin:0;padding:16px;font:16px/1.5 system-ui,-apple-system,'Segoe UI',sans-serif">
<div style="max-width:36em;margin:0 auto">
{body}
{below}
</div>
</body></html>
"""
