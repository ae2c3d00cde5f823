"""What the keys mean that say how signals are counted, users' reports and what flaps, and how users subscribe."""

from collections.abc import Mapping

SIGNALS: Mapping[str, str] = {
    "Plan.reports": "What is made of what users say does not work.",
    "Reports": (
        "Under `reports`. What users say does not work. Each report is a signal with the source `report`, for a person "
        "to look at. Once enough people said so, the label `reports` of all of them is `many` instead of `few`, and a "
        "rule may declare an incident for it."
    ),
    "Reports.form": "Whether everybody may report, by a form beside the status page. Programs may always.",
    "Reports.enough": "Reports of how many different people are many.",
    "Reports.within": "The time within which so many count.",
    "Plan.flapping": "When a signal flaps: it fires and clears again and again, or its severity goes to and fro.",
    "Flapping": (
        "Under `flapping`. A signal that changes so often within a time flaps: that is one trouble, not many. "
        "Until it has not changed for a while, its changes reach nobody one by one, and none is taken for the end."
    ),
    "Flapping.changes": (
        "After how many changes a signal flaps: each time that it fires, that it clears, and that it goes back to a "
        "severity that it had before."
    ),
    "Flapping.within": "The time within which so many count.",
    "Flapping.calm_for": "How long it does not change before it is calm, and what it says then counts.",
}

SUBSCRIBING: Mapping[str, str] = {
    "Communication.subscribe_by": (
        "By which ways whoever subscribes to the status page is sent what is posted there. Without any, nobody is."
    ),
}
