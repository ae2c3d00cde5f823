"""The public page as feeds, in Atom and in RSS: one entry an incident, its updates in it."""

import re
from datetime import UTC
from email.utils import format_datetime
from html import escape
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from tocsin.comms.statuspage import PublicIncident, PublicPage, PublicUpdate, instant, shortlink

LATEST = 50  # incidents that a feed goes back
_ATOM = "http://www.w3.org/2005/Atom"
_PREFIX = "atom"  # of the one element in RSS that is Atom's
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def atom(page: PublicPage) -> bytes:
    """One entry per incident. Ids never depend on a title, so that a reader does not announce an incident twice."""
    feed = ET.Element("feed", xmlns=_ATOM)
    _element(feed, "id", f"{page.url}/history.atom")
    _element(feed, "title", f"{page.name} status")
    _element(feed, "updated", instant(page.updated_at))
    _element(feed, "link", rel="self", type="application/atom+xml", href=f"{page.url}/history.atom")
    _element(feed, "link", rel="alternate", type="text/html", href=f"{page.url}/")
    _element(ET.SubElement(feed, "author"), "name", page.name)
    for incident in page.incidents[:LATEST]:
        _entry(feed, page, incident)
    written: bytes = ET.tostring(feed, encoding="utf-8", xml_declaration=True)
    return written


def _entry(feed: ET.Element, page: PublicPage, incident: PublicIncident) -> None:
    entry = ET.SubElement(feed, "entry")
    _element(entry, "id", _name(page, incident))
    _element(entry, "title", incident.name)
    _element(entry, "published", instant(incident.created_at))
    _element(entry, "updated", instant(incident.updated_at))
    _element(entry, "link", rel="alternate", type="text/html", href=shortlink(page, incident))
    _element(entry, "content", "".join(_paragraph(update) for update in incident.updates), type="html")


def rss(page: PublicPage) -> bytes:
    """The same as RSS 2.0, for readers that know only that."""
    feed = ET.Element("rss", {"version": "2.0", f"xmlns:{_PREFIX}": _ATOM})
    channel = ET.SubElement(feed, "channel")
    _element(channel, "title", f"{page.name} status")
    _element(channel, "link", f"{page.url}/")
    _element(channel, "description", f"What happened, and what is being done about it: {page.name}")
    _element(channel, "lastBuildDate", format_datetime(page.updated_at.astimezone(UTC), usegmt=True))
    _element(channel, f"{_PREFIX}:link", rel="self", type="application/rss+xml", href=f"{page.url}/history.rss")
    for incident in page.incidents[:LATEST]:
        _item(channel, page, incident)
    written: bytes = ET.tostring(feed, encoding="utf-8", xml_declaration=True)
    return written


def _item(channel: ET.Element, page: PublicPage, incident: PublicIncident) -> None:
    item = ET.SubElement(channel, "item")
    _element(item, "title", incident.name)
    _element(item, "link", shortlink(page, incident))
    _element(item, "guid", _name(page, incident), isPermaLink="false")
    _element(item, "pubDate", format_datetime(incident.created_at.astimezone(UTC), usegmt=True))
    _element(item, "description", "".join(_paragraph(update) for update in incident.updates))


def _name(page: PublicPage, incident: PublicIncident) -> str:
    authority, year = urlsplit(page.url).hostname or "localhost", incident.created_at.astimezone(UTC).year
    return f"tag:{authority},{year}:Incident/{incident.id}"


def _paragraph(update: PublicUpdate) -> str:
    at, body = update.at.astimezone(UTC), escape(update.news).replace("\n", "<br>")
    return f"<p><small>{at:%Y-%m-%d %H:%M} UTC</small><br><strong>{update.stage.capitalize()}</strong>: {body}</p>"


def _element(parent: ET.Element, tag: str, text: str | None = None, **attributes: str) -> None:
    # XML has no way to write most control characters, not even escaped; a feed with one in it is not well-formed.
    ET.SubElement(parent, tag, attributes).text = _NOT_XML.sub("", text) if text is not None else None
