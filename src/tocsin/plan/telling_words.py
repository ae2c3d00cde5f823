"""The sentences that a change of how audiences are told takes: whose word it waits for, and in which words."""

from collections.abc import Mapping

from tocsin.plan.consequences import Kind
from tocsin.plan.wording import Wording, items

TELLING: Mapping[str, Wording] = {
    "communication.audiences.*.approved_by": Wording(
        Kind.OBLIGATION,
        "An update to {name} waits for the word of the {after} instead of the {before}.",
        "An update to {name} waits for the word of the {after} before anybody reads it.",
        "An update to {name} waits for nobody's word any more: whoever writes it, sends it.",
        is_gone_large=True,
    ),
    "communication.plain_words.*": Wording(
        Kind.WORDS,
        "Instead of {2}, people outside are to be told {after}, no longer {before}.",
        "Instead of {2}, people outside are to be told {after}.",
        "Whoever writes to people outside is no longer shown the word {2}.",
    ),
    "communication.networks": items(Kind.OTHER, "For which networks a post is drafted"),
}
