"""The clauses of the written plan: what each asks for, in our words, and whether a test named after it drives it."""

DRIVEN = {
    "SEV-01": "Four levels, each defined, shown where one is chosen",
    "SEV-02": "An answer within the time of the level",
    "SEV-03": "A target for the resolution",
    "SEV-04": "Who is called at each level",
    "SEV-05": "Executives are told of P0 and P1",
    "SEV-06": "Public updates at the level's cadence",
    "SEV-07": "A post-mortem where the level wants one",
    "SEV-08": "Bands of the error rate set the level",
    "SEV-09": "Signals set the level",
    "SEV-10": "A change of level derives everything anew, visibly",
    "ROL-01": "Roles with duties and who may hold them",
    "ROL-02": "The commander's decisions are kept as decisions",
    "ROL-03": "The technical lead's work is kept",
    "ROL-04": "The communications lead's work",
    "ROL-05": "The scribe's work is captured, corrections are visible",
    "ROL-06": "Roles are due by level",
    "ROL-07": "Roles are handed over on the record",
    "DET-02": "A page is answered from any device",
    "DET-04": "Declaring sets a severity, makes a ticket, calls the commander",
    "ONC-01": "Cover around the clock by the week; a gap is found before it happens",
    "ONC-02": "Alerts are answered in time, or escalate to the commander and on",
    "ONC-05": "Overrides, swaps, layers and zones, right across a clock change",
    "GEN-01": "Scope, and questions that help decide",
    "GEN-02": "Versions; an incident keeps its own",
    "GEN-03": "Documents are linked, dead links are found",
    "GEN-04": "What is missed repeatedly becomes a proposal",
}
NOT_YET = {
    "DET-03": "nothing reads deployments or the vendors' pages, so only what the probes saw is shown",
}
GROUPS = {  # each group's tests stand in a file of this name
    "RSP": "The response",
    "FIX": "The fix",
}
LATER = {
    "REC": "The recovery: its tests are not here yet",
    "TPL": "The templates: their tests are not here yet",
    "ONC-03, ONC-04": "Being on call: there are no handoff notes yet",
    "TYP": "Types of incident: their actions are shown and ticked, and none is carried out yet",
    "COM": "Communication: there are no chat rooms and no public subscribers yet",
    "PMR": "Review: action items with owners are not built yet",
    "MET": "Numbers: computed, with tests of their own, and not yet driven by number",
    "DET-01, DET-05, DET-06": "Sources of signals: hosting dashboards, vendors' pages and logs are not read yet",
}
