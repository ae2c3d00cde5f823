"""How the plan's own senders are read, as part of the printed plan."""

from tocsin.plan.markdown import Blocks, bullets, code, heading, statement
from tocsin.plan.model import Plan
from tocsin.plan.senders import texts

_SAID = {"key": "Known by", "title": "Says", "state": "State", "severity": "Severity", "link": "Link"}
_MEANS = {"resolved": "It is over at", "acknowledged": "Somebody works on it at", "ignored": "Nothing is wrong at"}


def senders(plan: Plan) -> Blocks:
    if plan.senders:
        yield "## Senders of our own"
    for name, sender in plan.senders.items():
        path = f"senders.{name}"
        yield heading(3, code(name), path)
        yield from bullets([statement(f"Each of {code(sender.each)}", f"{path}.each")] if sender.each else [])
        yield from bullets(
            statement(f"{_SAID.get(key, code(key.removeprefix('labels.')))}: {code(text)}", f"{path}.{key}")
            for key, text in texts(sender).items()
            if text
        )
        for key, means in _MEANS.items():
            words = enumerate(getattr(sender, key), start=1)
            yield from bullets(statement(f"{means} {code(word)}", f"{path}.{key}.{place}") for place, word in words)
