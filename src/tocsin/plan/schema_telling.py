"""What the keys mean that say how people outside are told: whose word it waits for, and in which words."""

from collections.abc import Mapping

TELLING: Mapping[str, str] = {
    "Audience.plain": (
        "They are told in plain words: whoever writes to them is shown which of `plain_words` stand in it. The public "
        "always is."
    ),
    "Audience.approved_by": (
        "The role for whose word an update waits. Until its holder approves it nobody reads it and nothing is kept by "
        "it. What the holder writes is told at once."
    ),
    "Communication.plain_words": (
        "Words of the trade, and what to say instead to the public and to every audience that is told plainly. Also in "
        "the plural, and in any case."
    ),
    "Communication.networks": (
        "The networks for which a short post is drafted. A person posts it there and says so; Tocsin never does."
    ),
}
