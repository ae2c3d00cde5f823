"""What is struck out as a secret before a signal is kept, and so can't be asked for; and what would be kept of one."""

import re
from collections.abc import Iterator

from tocsin.kit import redaction
from tocsin.kit.text import listed
from tocsin.plan.linting.findings import Check, Level, Remark, check
from tocsin.plan.model import Plan, Rule
from tocsin.plan.senders import FIELD, texts

FIELDS = frozenset({"source", "trigger", "severity", "title"})  # of a signal; everything else is a label
# What may stand under the name of a secret after all: that it is one, that it is none, or how many there are.
SEEN = (redaction.MARK, "true", "false", "yes", "no", "null", "none", "0", "1", "42")


@check(
    "never-kept",
    Level.WARNING,
    "A condition, a label or a capture that is struck out as a secret before a signal is kept: it can never match.",
    mend="Ask for something else, or give the label a name that is not that of a secret.",
)
def never_kept(plan: Plan) -> Iterator[Remark]:
    yield from _rules(plan)
    for name, sender in plan.senders.items():
        for label in filter(redaction.is_secret_name, sender.labels):
            yield Remark(f"senders.{name}.labels.{label}", _struck_out(label))
    for key, service in plan.services.items():
        for name, log in service.logs.items():
            for word, pattern in log.patterns.items():
                here = f"services.{key}.logs.{name}.patterns.{word}"
                for label in filter(redaction.is_secret_name, pattern.labels):
                    yield Remark(f"{here}.labels.{label}", _struck_out(label))
                for label in filter(redaction.is_secret_name, _captures(pattern.match)):
                    yield Remark(f"{here}.match", f'what "{label}" captures is struck out, by its name a secret')


def _rules(plan: Plan) -> Iterator[Remark]:
    for number, rule in enumerate(plan.rules, start=1):
        for name, wanted in rule.when.items():
            words = (wanted,) if isinstance(wanted, str) else wanted
            lost = [word for word in words if not _can_match(name, word)]
            if lost:
                reason = f"no signal ever has {listed(lost, 'or')} here: {_why(name)} is struck out before it is kept"
                yield Remark(f"rules.{number}.when.{name}", reason)
        yield from _measured(number, rule)


def _measured(number: int, rule: Rule) -> Iterator[Remark]:
    for key in ("band_of", "slowdown_of"):
        name = getattr(rule, key)
        if name is not None and _kept(name, "5.5") != "5.5":
            yield Remark(f"rules.{number}.{key}", _struck_out(name))


def _why(name: str) -> str:
    return f'what stands under "{name}"' if redaction.is_secret_name(name) else "what looks like a secret"


def _struck_out(label: str) -> str:
    return f'"{label}" is the name of a secret, so its value is struck out before it is kept'


def _can_match(name: str, word: str) -> bool:
    """Whether some value that is kept under this name fits the word of a rule."""
    if word == "*":
        return True
    if len(word) > 2 and word.startswith("/") and word.endswith("/"):
        return not _is_secret(name) or any(_found(word[1:-1], one) for one in SEEN if _kept(name, one) == one)
    return word.lower() == redaction.MARK or _kept(name, word) == word


def _is_secret(name: str) -> bool:
    return name not in FIELDS and redaction.is_secret_name(name)


def _kept(name: str, value: str) -> str:
    """What is kept of a value under this name."""
    if name in FIELDS:
        return redaction.in_text(value)
    return str(redaction.in_object({name: value}).get(name))


def _found(expression: str, value: str) -> bool:
    try:
        return re.search(expression, value, re.IGNORECASE) is not None
    except (re.error, OverflowError, RecursionError):
        return True  # of what is no expression the check of the plan speaks


def _captures(expression: str) -> list[str]:
    try:
        return list(re.compile(expression).groupindex)
    except (re.error, OverflowError, RecursionError):
        return []


@check(
    "keeps-a-secret",
    Level.WARNING,
    "A sender's mapping takes a field whose name is that of a secret into something that is kept as it is.",
    mend="Take another field; what is once in a title, a key or a label is seen by everybody who reads signals.",
)
def keeps_a_secret(plan: Plan) -> Iterator[Remark]:
    for name, sender in plan.senders.items():
        for key, text in texts(sender).items():
            label = key.removeprefix("labels.") if key.startswith("labels.") else ""
            if redaction.is_secret_name(label):
                continue  # struck out, which the other finding says
            for field in FIELD.findall(text):
                if redaction.is_secret_name(field.rpartition(".")[2]):
                    yield Remark(f"senders.{name}.{key}", f"{{{field}}} is a secret by its name, and would be kept")


CHECKS: tuple[Check, ...] = (never_kept, keeps_a_secret)
