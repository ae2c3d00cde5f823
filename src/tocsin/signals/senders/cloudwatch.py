"""Amazon CloudWatch's alarms, and whatever else a topic of Amazon SNS carries."""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import msgspec

from tocsin.signals import formats
from tocsin.signals.model import Arrival, State
from tocsin.signals.senders.sent import Sent, Told, arrival, part, text

SOURCE = "cloudwatch"
_ADVICE = "send what Amazon SNS sends by itself, without raw message delivery"
_HOST = re.compile(r"sns\.[a-zA-Z0-9-]{3,}\.amazonaws\.com(\.cn)?")
_CONFIRMATIONS = ("SubscriptionConfirmation", "UnsubscribeConfirmation")
_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    **dict.fromkeys(_CONFIRMATIONS, ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")),
}
_HASHES = {"1": "sha1", "2": "sha256"}
_ANYTHING: "msgspec.json.Decoder[Any]" = msgspec.json.Decoder()
_ARN = re.compile(r"arn:aws:cloudwatch:([a-z0-9-]{3,30}):")
_CONSOLE = "console.aws.amazon.com/cloudwatch/home"
_STATES = {"ALARM": State.FIRING, "OK": State.RESOLVED}


@dataclass(frozen=True)
class Seal:
    """What is to be checked before a message is believed, and the address by which a subscription is confirmed."""

    certificate_url: str
    signature: bytes
    signed: bytes
    hashed: str
    confirm_url: str | None


def seal(sent: Sent) -> Seal:
    """How the message is signed. Raises `Unreadable` where that leads anywhere but to Amazon."""
    body, _ = sent.object(_ADVICE)
    kind = body.get("Type")
    if not isinstance(kind, str) or kind not in _SIGNED:
        said = "missing" if kind is None else f"{formats.shown(kind)} is not known"
        raise formats.Unreadable([f"$.Type: {said}; {_ADVICE}"])
    hashed = _HASHES.get(text(body.get("SignatureVersion")))
    if hashed is None:
        raise formats.Unreadable([f"$.SignatureVersion: {formats.shown(body.get('SignatureVersion'))} is not 1 or 2"])
    certificate_url = _of_amazon(body, "SigningCertURL")
    if not urlsplit(certificate_url).path.endswith(".pem"):
        raise formats.Unreadable(["$.SigningCertURL: this is not the address of a certificate"])
    return Seal(
        certificate_url,
        _signature(body),
        _signed(body, kind),
        hashed,
        _confirmation(body) if kind == "SubscriptionConfirmation" else None,
    )


def _of_amazon(body: dict[str, Any], name: str) -> str:
    """The https address under this name; the host must be one of Amazon's own, with no port and no user before it."""
    url = text(body.get(name))
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme != "https" or not _HOST.fullmatch(parts.netloc) or re.search(r"[\s\\]", url):
        raise formats.Unreadable([f"$.{name}: {formats.shown(body.get(name))} is no https address of Amazon SNS"])
    return url


def _confirmation(body: dict[str, Any]) -> str:
    url = _of_amazon(body, "SubscribeURL")
    if parse_qs(urlsplit(url).query).get("Action") != ["ConfirmSubscription"]:
        raise formats.Unreadable(["$.SubscribeURL: this does not confirm a subscription"])
    return url


def _signature(body: dict[str, Any]) -> bytes:
    try:
        return base64.b64decode(text(body.get("Signature")), validate=True)
    except (binascii.Error, ValueError):
        raise formats.Unreadable(["$.Signature: this is not base64"]) from None


def _signed(body: dict[str, Any], kind: str) -> bytes:
    """The text that Amazon signs: names and values by turns, each on a line."""
    lines = [f"{name}\n{body[name]}\n" for name in _SIGNED[kind] if body.get(name) is not None]
    return "".join(lines).encode("utf-8", "replace")


def read(sent: Sent) -> list[Told]:
    """An alarm's signal, known by the alarm's name in Amazon's own. Text that is no alarm is shown to people."""
    body, warnings = sent.object(_ADVICE)
    if body.get("Type") in _CONFIRMATIONS:
        return []
    alarm = _alarm(text(body.get("Message")))
    return [_of_alarm(alarm, warnings) if alarm else _of_text(body, warnings)]


def _alarm(message: str) -> dict[str, Any]:
    """The alarm that a message holds as JSON inside of text; nothing if it is no alarm."""
    try:
        alarm, _ = formats.decoded(_ANYTHING, message.encode())
    except formats.NotJson:
        return {}
    return alarm if isinstance(alarm, dict) and text(alarm.get("AlarmName")) else {}


def _of_alarm(alarm: dict[str, Any], warnings: list[str]) -> Arrival:
    name, state = text(alarm["AlarmName"]), text(alarm.get("NewStateValue"))
    trigger = part(alarm, "Trigger")
    return arrival(
        SOURCE,
        key=text(alarm.get("AlarmArn")) or f"{text(alarm.get('AWSAccountId'))}/{text(alarm.get('Region'))}/{name}",
        state=_STATES.get(state, State.FIRING),
        title=": ".join(filter(None, (name, text(alarm.get("AlarmDescription"))))),
        labels={
            **_dimensions(trigger),
            "alarm": name,
            "state": state,
            "account": text(alarm.get("AWSAccountId")),
            "region": alarm.get("Region"),
            "metric": trigger.get("MetricName"),
            "namespace": trigger.get("Namespace"),
        },
        details={"reason": alarm.get("NewStateReason"), "trigger": trigger},
        link=_console(text(alarm.get("AlarmArn")), name),
        started_at=formats.instant(alarm.get("StateChangeTime")) if state != "OK" else None,
        warnings=warnings,
    )


def _console(arn: str, name: str) -> str | None:
    """Where the alarm stands in Amazon's console; its clouds apart, such as China's, have consoles of their own."""
    found = _ARN.match(arn)
    return f"https://{found[1]}.{_CONSOLE}?region={found[1]}#alarmsV2:alarm/{quote(name, safe='')}" if found else None


def _dimensions(trigger: dict[str, Any]) -> dict[str, Any]:
    sent = trigger.get("Dimensions")
    named = [one for one in sent if isinstance(one, dict) and text(one.get("name"))] if isinstance(sent, list) else []
    return {text(one["name"]): one.get("value") for one in named}


def _of_text(body: dict[str, Any], warnings: list[str]) -> Arrival:
    """A message of somebody's own. It has no end, so each is known by itself."""
    message, topic = text(body.get("Message")), text(body.get("TopicArn"))
    title = text(body.get("Subject")) or message.partition("\n")[0]
    key = text(body.get("MessageId")) or formats.derived_key(title, {"topic": topic})
    return arrival(
        SOURCE, key=key, title=title, labels={"topic": topic}, details={"message": message}, warnings=warnings
    )
